"""What a gate learns from those who ask it by HMA's API: each lookup is counted, and each upload that shows a person is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from amparo.bank import Action
from amparo.gate.checker import FEED_BANK
from amparo.gate.fetch_url import Fetched, Fetcher
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from tests.gate.feeding import AppClient, Feed, client_for, jpeg, new_gate

PHOTO = jpeg(1)
HEX = pdq.fingerprint(PHOTO).hex
FORM: dict[str, Any] = {"files": {"photo": ("a.jpg", PHOTO)}}
ASKED: dict[str, Callable[[AppClient], Any]] = {
    "photo": lambda client: client.post("/m/lookup", **FORM),
    "url": lambda client: client.get("/m/lookup", params={"url": "https://photos.test/a.jpg"}),
    "fingerprint": lambda client: client.get("/m/lookup", params={"signal": HEX, "signal_type": "pdq"}),
    "raw": lambda client: client.get("/m/raw_lookup", params={"signal": HEX, "signal_type": "pdq"}),
}


class Photos(Fetcher):
    """Has one photo at every address."""

    def fetch(self, url: str) -> Fetched:
        return Fetched(PHOTO, "image/jpeg")


@pytest.fixture
def client(gate: GateRuntime) -> AppClient:
    return client_for(gate, create_app(gate, fetcher=Photos()), "admin")


def figure(client: AppClient, name: str) -> float:
    return sum(
        float(line.rpartition(" ")[2]) for line in client.get("/metrics").text.splitlines() if line.startswith(name)
    )


@pytest.mark.parametrize("asked", ASKED)
def test_every_way_to_look_up_is_counted(client: AppClient, asked: str) -> None:
    assert ASKED[asked](client).status_code == 200
    assert figure(client, "amparo_gate_fingerprints_looked_up_total") == 1


@pytest.mark.parametrize("asked", ["photo", "url"])
def test_an_upload_that_matches_the_hub_is_a_sighting_of_something_seen_and_an_upload_in_the_report(
    gate: GateRuntime, feed: Feed, client: AppClient, asked: str
) -> None:
    (entry,) = feed.add(pdq.fingerprint(PHOTO))
    assert set(ASKED[asked](client).json()["pdq"]) == {FEED_BANK}
    (report,) = gate.replica.untold_sightings(10)
    assert (report.entry, report.action, report.distance) == (entry, Action.REVIEW, 0)
    told = client.get("/v1/report").json()
    assert (told["uploads"], told["by_action"]["block"]) == (1, 1)


@pytest.mark.parametrize("asked", ["fingerprint", "raw"])
def test_a_fingerprint_alone_is_no_sighting_and_no_upload(
    gate: GateRuntime, feed: Feed, client: AppClient, asked: str
) -> None:
    feed.add(pdq.fingerprint(PHOTO))
    ASKED[asked](client)
    assert gate.replica.count_untold() == 0
    assert client.get("/v1/report").json()["uploads"] == 0


def test_what_the_platform_was_not_told_is_no_sighting(gate: GateRuntime, feed: Feed, client: AppClient) -> None:
    gate.local.create_bank("OWN")
    gate.local.add_content("OWN", {"pdq": HEX})
    feed.add(pdq.fingerprint(PHOTO))
    assert set(client.post("/m/lookup", params={"banks": "OWN"}, **FORM).json()["pdq"]) == {"OWN"}
    client.request("PUT", f"/c/bank/{FEED_BANK}", json={"enabled_ratio": 0})
    assert set(client.post("/m/lookup", **FORM).json()["pdq"]) == {"OWN"}
    assert gate.replica.count_untold() == 0


def test_a_dry_run_counts_and_tells_nobody(tmp_path: Any) -> None:
    gate = new_gate(tmp_path, dry_run=True)
    Feed(gate).add(pdq.fingerprint(PHOTO))
    client = client_for(gate, create_app(gate), "admin")
    assert client.post("/m/lookup", **FORM).json() == {"pdq": {}}
    assert gate.replica.count_untold() == 0
    assert client.get("/v1/report").json()["uploads"] == 1
    gate.stop()
