"""Banks that follow another hub or a file, as a client of HMA sees them: listed, matched, and not changed by hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from amparo.core.errors import Conflict
from amparo.gate.checker import FEED_BANK
from amparo.gate.runtime import GateRuntime
from amparo.gate.sources import SourceKind, SourceRecord
from amparo.signal import pdq
from amparo.signal.fingerprint import Pdq
from tests.cli.test_partners_and_sources import run
from tests.gate.feeding import AppClient, jpeg

ONE = pdq.fingerprint(jpeg(1))
DOWN = "http://127.0.0.1:9"


def answer(client: AppClient, method: str, path: str, status: int = 200, **sent: Any) -> Any:
    response = client.request(method, path, **sent)
    assert response.status_code == status, response.text
    return response.json()


@pytest.fixture
def listed(gate: GateRuntime, tmp_path: Path) -> Path:
    """The file of a source that another process, the command line, has added to the running gate."""
    file = tmp_path / "listed.csv"
    file.write_text(f"{ONE.hex},100,a.jpg\n{Pdq(bytes(range(32)), 90).hex},90,b.jpg\n")
    run("source", "add", "LISTED", "--kind", "csv", "--address", file, "--data", gate.folder)
    return file


@pytest.mark.usefixtures("listed")
def test_a_source_is_an_exchange_with_a_bank_before_it_was_pulled(client: AppClient) -> None:
    assert answer(client, "GET", "/c/exchanges") == [FEED_BANK, "LISTED"]
    banks = [bank["name"] for bank in answer(client, "GET", "/c/banks")]
    assert banks == [FEED_BANK, "LISTED"]
    assert answer(client, "GET", "/c/bank/LISTED") == {"name": "LISTED", "matching_enabled_ratio": 1.0}
    assert answer(client, "GET", "/c/exchange/LISTED/status") == {
        "checkpoint_ts": None,
        "fetched_items": 0,
        "last_fetch_complete_ts": None,
        "last_fetch_succeeded": False,
        "running_fetch_start_ts": None,
        "up_to_date": False,
    }


def test_what_it_brought_matches_and_its_status_says_so(client: AppClient, gate: GateRuntime, listed: Path) -> None:
    gate.sources.start()
    end = time.monotonic() + 20
    while not answer(client, "GET", "/c/exchange/LISTED/status")["up_to_date"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    status = answer(client, "GET", "/c/exchange/LISTED/status")
    assert status["fetched_items"] == 2
    assert status["last_fetch_complete_ts"] == int(gate.clock.now().timestamp())
    config = answer(client, "GET", "/c/exchange/LISTED")
    assert config == {"name": "LISTED", "api": "csv", "enabled": True, "address": str(listed)}
    found = answer(client, "GET", f"/m/lookup?signal={ONE.hex}&signal_type=pdq")
    (match,) = found["LISTED"]
    shown = answer(client, "GET", f"/c/bank/LISTED/content/{match['bank_content_id']}?include_metadata=true")
    assert shown["metadata"]["collab"] == "LISTED"
    answer(client, "PUT", "/c/bank/LISTED", json={"enabled_ratio": 0})
    assert answer(client, "GET", f"/m/lookup?signal={ONE.hex}&signal_type=pdq") == {}


@pytest.mark.usefixtures("listed")
def test_what_only_the_source_may_change_is_refused(client: AppClient, gate: GateRuntime) -> None:
    (source,) = gate.sources.sources()
    gate.sources.pull(source)
    (found,) = answer(client, "GET", f"/m/lookup?signal={ONE.hex}&signal_type=pdq")["LISTED"]
    content = f"/c/bank/LISTED/content/{found['bank_content_id']}"
    refused: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/c/bank/LISTED/signal", {"pdq": ONE.hex}),
        ("PUT", content, {"note": "ours"}),
        ("DELETE", content, None),
        ("PUT", "/c/bank/LISTED", {"name": "MINE"}),
        ("DELETE", "/c/bank/LISTED", None),
    )
    for method, path, sent in refused:
        answer(client, method, path, 403, **({} if sent is None else {"json": sent}))
    answer(client, "PUT", "/c/exchange/LISTED", json={"enabled": True})
    answer(client, "PUT", "/c/bank/LISTED", json={"name": "LISTED", "enabled_ratio": 0.5})
    assert gate.local.count_in("LISTED") == 2


@pytest.mark.usefixtures("listed")
def test_a_content_of_it_can_be_switched_off_here_and_stays_off_when_the_source_tells_it_again(
    client: AppClient, gate: GateRuntime, listed: Path
) -> None:
    (source,) = gate.sources.sources()
    gate.sources.pull(source)
    asked = f"/m/lookup?signal={ONE.hex}&signal_type=pdq"
    (found,) = answer(client, "GET", asked)["LISTED"]
    content = f"/c/bank/LISTED/content/{found['bank_content_id']}"
    assert answer(client, "PUT", content, json={"disable_until_ts": 1})["disable_until_ts"] == 1
    assert answer(client, "GET", asked) == {}
    with listed.open("a") as file:
        file.write("\n")
    (source,) = gate.sources.sources()
    gate.sources.pull(source)
    assert answer(client, "GET", asked) == {}
    answer(client, "PUT", content, json={"disable_until_ts": 0})
    assert set(answer(client, "GET", asked)) == {"LISTED"}


def test_a_source_is_made_followed_switched_off_and_ended_as_an_exchange(client: AppClient, gate: GateRuntime) -> None:
    folder = gate.folder / "files"
    folder.mkdir()
    (folder / "list.csv").write_text(f"{ONE.hex},90,a.jpg\n")
    made = answer(
        client, "POST", "/c/exchanges", 201, json={"bank": "MORE", "api": "csv", "api_json": {"address": "list.csv"}}
    )
    assert made == {"message": "Created successfully"}
    answer(client, "POST", "/c/exchanges", 403, json={"bank": "MORE", "api": "csv", "api_json": {"address": "b.csv"}})
    assert answer(client, "GET", "/c/exchanges") == [FEED_BANK, "MORE"]
    (source,) = gate.sources.sources()
    gate.sources.pull(source)
    asked = f"/m/lookup?signal={ONE.hex}&signal_type=pdq"
    assert set(answer(client, "GET", asked)) == {"MORE"}
    assert answer(client, "PUT", "/c/exchange/MORE", json={"enabled": False})["enabled"] is False
    assert answer(client, "GET", "/c/exchange/MORE/status")["up_to_date"] is False
    assert answer(client, "GET", asked) == {}
    assert answer(client, "PUT", "/c/exchange/MORE", json={"enabled": True})["enabled"] is True
    assert set(answer(client, "GET", asked)) == {"MORE"}
    assert answer(client, "DELETE", "/c/exchange/MORE") == {"message": "Exchange deleted"}
    assert answer(client, "GET", asked) == {}
    assert answer(client, "GET", "/c/exchanges") == [FEED_BANK]
    answer(client, "GET", "/c/bank/MORE", 404)
    answer(client, "DELETE", "/c/exchange/MORE", 404)


@pytest.mark.parametrize(
    ("api", "address"),
    [
        ("csv", "/etc/passwd"),
        ("csv", "../gate.key"),
        ("local_file", ".."),
        ("local_file", "a\\b"),
        ("csv", "a\0b"),
        ("stop_ncii", "http://10.0.0.1"),
        ("ncmec", "file:///etc/passwd"),
        ("ncmec", "https://["),
        ("ncmec", "https://photos.example.org:99999999"),
        ("ncmec", ""),
        ("ncmec", 3),
    ],
)
def test_an_exchange_leads_nowhere_that_the_command_would_not_go_and_to_no_other_file(
    client: AppClient, gate: GateRuntime, api: str, address: object
) -> None:
    answer(client, "POST", "/c/exchanges", 400, json={"bank": "X", "api": api, "api_json": {"address": address}})
    configs: list[object] = [{}, None, [], {"address": "https://a.example.org", "more": 1}]
    for config in configs:
        answer(client, "POST", "/c/exchanges", 400, json={"bank": "X", "api": api, "api_json": config})
    assert gate.sources.sources() == ()
    assert [bank["name"] for bank in answer(client, "GET", "/c/banks")] == [FEED_BANK]


def test_credentials_are_taken_before_or_after_the_exchange_and_told_to_nobody(
    client: AppClient, gate: GateRuntime
) -> None:
    keys = {"user": "opensesame", "password": "sesameopen"}
    path = "/c/exchanges/api/ncmec"
    told = answer(client, "POST", path, json={"credential_json": keys})
    assert told == {"supports_authentification": True, "has_set_authentification": True}
    made = {"bank": "ONE", "api": "ncmec", "api_json": {"address": DOWN}}
    answer(client, "POST", "/c/exchanges", 201, json=made)
    answer(client, "POST", "/c/exchanges", 201, json={**made, "bank": "TWO"})
    assert [dict(source.credentials) for source in gate.sources.sources()] == [keys, {}]
    answer(client, "POST", path, json={"credential_json": {**keys, "user": "other"}})
    assert [source.credentials["user"] for source in gate.sources.sources()] == ["other", "other"]
    for wrong in ({}, {"user": "u"}, {**keys, "more": "x"}, {"user": "u", "password": ""}, "text", [1]):
        answer(client, "POST", path, 400, json={"credential_json": wrong})
    answer(client, "POST", "/c/exchanges/api/csv", 400, json={"credential_json": keys})
    for shown in (path, "/c/exchange/ONE", "/c/exchanges"):
        assert "sesame" not in client.get(shown).text


@pytest.mark.usefixtures("listed")
def test_it_is_gone_when_the_operator_removes_it(client: AppClient, gate: GateRuntime) -> None:
    (source,) = gate.sources.sources()
    gate.sources.pull(source)
    run("source", "remove", "LISTED", "--data", gate.folder)
    assert answer(client, "GET", "/c/exchanges") == [FEED_BANK]
    assert [bank["name"] for bank in answer(client, "GET", "/c/banks")] == [FEED_BANK]
    assert answer(client, "GET", f"/m/lookup?signal={ONE.hex}&signal_type=pdq") == {}
    answer(client, "GET", "/c/bank/LISTED", 404)
    answer(client, "GET", "/c/exchange/LISTED", 404)


def test_the_formats_are_apis_and_their_credentials_are_shown_to_nobody(client: AppClient, gate: GateRuntime) -> None:
    keys = {"function_key": "opensesame", "subscription_key": "sesameopen"}
    gate.sources.add(SourceRecord("ELSEWHERE", SourceKind.STOPNCII, DOWN, keys, "1760000000"))
    gate.sources.add(SourceRecord("MOMENTS", SourceKind.NCMEC, DOWN, {}, "2026-01-01T00:00:00Z"))
    for api, supports, has in (("stop_ncii", True, True), ("ncmec", True, False), ("csv", False, False)):
        told = answer(client, "GET", f"/c/exchanges/api/{api}")
        assert told == {"supports_authentification": supports, "has_set_authentification": has}
    schema = answer(client, "GET", "/c/exchanges/api/stop_ncii/schema")
    assert [field["name"] for field in schema["credentials_schema"]["fields"]] == list(keys)
    assert answer(client, "GET", "/c/exchange/ELSEWHERE/status")["checkpoint_ts"] == 1760000000
    assert answer(client, "GET", "/c/exchange/MOMENTS/status")["checkpoint_ts"] == 1767225600
    config = answer(client, "GET", "/c/exchange/ELSEWHERE")
    assert config == {"name": "ELSEWHERE", "api": "stop_ncii", "enabled": True, "address": DOWN}


def test_no_source_takes_the_name_of_the_hubs_bank(gate: GateRuntime) -> None:
    with pytest.raises(Conflict, match="bank_exists"):
        gate.sources.add(SourceRecord(FEED_BANK, SourceKind.CSV, "list.csv"))
    assert gate.sources.sources() == ()
