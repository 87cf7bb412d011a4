"""The gate's own API: what it answers to strangers, to damaged uploads, and to questions that make no sense."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from amparo.signal.limits import DEFAULT
from tests.gate.feeding import AppClient, Feed, client_for, jpeg, png

VALUE = "ab" * 32


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/check"), ("POST", "/v1/lookup"), ("GET", "/v1/status")])
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic abc"])
def test_without_a_key_nothing_is_told(gate: GateRuntime, method: str, path: str, header: str) -> None:
    client = client_for(gate, create_app(gate))
    answer = client.request(method, path, content=jpeg(1), headers={"Authorization": header} if header else {})
    client.close()
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.json()) <= {"type", "title", "status", "detail", "code"}


def test_a_copy_is_blocked_another_picture_passes_and_a_sighting_is_kept(
    gate: GateRuntime, feed: Feed, client: AppClient
) -> None:
    (entry,) = feed.add(pdq.fingerprint(png(1)))
    stopped = client.post("/v1/check", params={"place": "wall\n\x1b[31m"}, content=jpeg(1, side=200, quality=60))
    assert stopped.status_code == 200
    assert stopped.json()["verdict"] == "block"
    assert client.post("/v1/check", content=jpeg(2)).json()["verdict"] == "allow"
    (report,) = gate.replica.untold_sightings(10)
    assert report.entry == entry
    assert report.place.isprintable()
    feed.withdraw(entry)
    assert client.post("/v1/check", content=png(1)).json()["verdict"] == "allow"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "picture_empty"),
        (b"dear reader", "picture_unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_unsupported"),
        (jpeg(1)[:-200], "picture_truncated"),
        (png(1)[:300], "picture_truncated"),
    ],
    ids=["nothing", "a letter", "svg", "a cut jpeg", "a cut png"],
)
def test_what_is_no_whole_picture_is_named(client: AppClient, gate: GateRuntime, content: bytes, code: str) -> None:
    answer = client.post("/v1/check", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert gate.replica.count_untold() == 0


def test_an_upload_over_the_limit_is_refused_announced_or_in_chunks(client: AppClient) -> None:
    announced = client.post("/v1/check", headers={"Content-Length": str(DEFAULT.max_bytes + 1)}, content=b"x")
    assert (announced.status_code, announced.json()["code"]) == (422, "body_too_long")
    nonsense = client.post("/v1/check", headers={"Content-Length": "-1"}, content=b"x")
    assert nonsense.json()["code"] == "body_too_long"


def lookups() -> Iterator[object]:
    yield from ([], {}, None, 3, "text", {"fingerprints": []}, {"fingerprints": {}}, {"fingerprints": [3]})
    yield from ({"fingerprints": [{"value": 3}]}, {"fingerprints": [{"value": VALUE, "quality": "high"}]})
    yield from ({"fingerprints": [{"value": VALUE[:-1]}]}, {"fingerprints": [{"value": VALUE.upper()}]})
    yield from ({"fingerprints": [{"value": VALUE, "quality": 101}]}, {"fingerprints": [{"quality": 50}]})
    yield {"fingerprints": [{"value": VALUE}] * 1001}


@pytest.mark.parametrize("question", list(lookups()), ids=lambda question: json.dumps(question)[:40])
def test_a_lookup_that_makes_no_sense_is_refused(client: AppClient, question: object) -> None:
    answer = client.post("/v1/lookup", content=json.dumps(question))
    assert answer.status_code == 422
    assert answer.json()["code"] in ("lookup_malformed", "fingerprint_invalid", "body_too_long")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 50_000, b"{"], ids=["nothing", "bytes", "deep", "open"])
def test_a_lookup_that_is_no_json_is_refused(client: AppClient, body: bytes) -> None:
    answer = client.post("/v1/lookup", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "lookup_malformed")


def test_lookups_answer_in_order_and_leave_no_sighting(gate: GateRuntime, feed: Feed, client: AppClient) -> None:
    known = pdq.fingerprint(png(1))
    feed.add(known)
    question = [
        {"value": VALUE, "quality": 90},
        {"value": known.hex, "quality": 90},
        {"value": known.hex, "quality": 40},
    ]
    answer = client.post("/v1/lookup", json={"fingerprints": question})
    assert [one["verdict"] for one in answer.json()["results"]] == ["allow", "block", "allow"]
    assert gate.replica.count_untold() == 0


def test_the_status_never_holds_a_fingerprint_or_the_hubs_key(gate: GateRuntime, feed: Feed, client: AppClient) -> None:
    known = pdq.fingerprint(png(1))
    feed.add(known)
    answer = client.get("/v1/status")
    assert answer.json()["entries"] == 1
    assert known.hex not in answer.text
    assert gate.card.key not in answer.text
