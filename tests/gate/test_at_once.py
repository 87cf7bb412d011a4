"""The short way to a lookup answers as the routes do, or not at all."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest

from amparo.gate.at_once import Asked
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import GateApp, create_app
from amparo.signal.fingerprint import Pdq
from tests.gate.feeding import AppClient, Feed, key_for

HELD = "0f" * 32
NEAR = "0e" + HELD[2:]
FAR = "ab" * 32


def _body(*values: str, quality: object = 90) -> bytes:
    return json.dumps({"fingerprints": [{"value": value, "quality": quality} for value in values]}).encode()


def _query(value: str) -> bytes:
    return f"/m/lookup?signal={value}&signal_type=pdq".encode()


def asked(app: GateApp, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> bytes | None:
    question = app.question_at_once(method, url, headers, body)
    return None if question is None else app.answers_at_once([question])[0]


@pytest.fixture
def held(gate: GateRuntime, feed: Feed) -> None:
    feed.add(Pdq.from_hex(HELD, 100))
    gate.local.create_bank("OWN")
    gate.local.add_content("OWN", {"pdq": NEAR})
    gate.local.create_bank("OFF", 0.0)
    gate.local.add_content("OFF", {"pdq": FAR})


@pytest.fixture
def authorization(gate: GateRuntime) -> bytes:
    return f"Bearer {key_for(gate, 'match')}".encode()


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", _query(FAR), b""),
        ("GET", _query(HELD), b""),
        ("GET", _query(HELD.upper()), b""),
        ("GET", f"/m/lookup?signal_type=pdq&signal={NEAR}".encode(), b""),
        ("POST", b"/v1/lookup", _body(FAR)),
        ("POST", b"/v1/lookup", _body(FAR, HELD, NEAR, HELD)),
        ("POST", b"/v1/lookup", _body(HELD, quality=0)),
        ("POST", b"/v1/lookup", json.dumps({"fingerprints": [{"value": HELD}], "more": 1}).encode()),
    ],
)
@pytest.mark.usefixtures("held")
def test_plain_questions_get_the_answer_of_the_routes(
    gate: GateRuntime, authorization: bytes, method: str, url: bytes, body: bytes
) -> None:
    app = create_app(gate)
    told = asked(app, method.encode(), url, {b"authorization": authorization}, body)
    client = AppClient(app, {"Authorization": authorization.decode()})
    routed = client.request(method, url.decode(), content=body)
    client.close()
    assert (routed.status_code, routed.headers["Content-Type"]) == (200, "application/json")
    assert told == routed.content


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", _query(FAR), b""),
        ("GET", _query(FAR), b"body"),
        ("GET", _query(FAR) + b"&banks=OWN", b""),
        ("GET", _query(FAR) + b"&signal_type=video_md5", b""),
        ("GET", _query(FAR) + b"#part", b""),
        ("GET", _query(FAR[:-1]), b""),
        ("GET", _query(FAR + "00"), b""),
        ("GET", _query(FAR[:-2] + "%61"), b""),
        ("GET", _query(FAR[:-2] + "  "), b""),
        ("GET", _query("é" * 32), b""),
        ("GET", f"/m/lookup?signal={FAR}".encode(), b""),
        ("GET", b"/m/lookup", b""),
        ("GET", b"/m/raw_lookup" + _query(FAR)[9:], b""),
        ("GET", b"/v1/lookup", _body(FAR)),
        ("POST", b"/v1/lookup?a=b", _body(FAR)),
        ("POST", b"/v1/lookup", b""),
        ("POST", b"/v1/lookup", b"\xff"),
        ("POST", b"/v1/lookup", b"[" * 100_000),
        ("POST", b"/v1/lookup", b"[]"),
        ("POST", b"/v1/lookup", b'{"fingerprints": []}'),
        ("POST", b"/v1/lookup", b'{"fingerprints": {}}'),
        ("POST", b"/v1/lookup", b'{"fingerprints": [1]}'),
        ("POST", b"/v1/lookup", b'{"fingerprints": [{"value": null}]}'),
        ("POST", b"/v1/lookup", _body(FAR, FAR[:-2])),
        ("POST", b"/v1/lookup", _body(FAR.upper())),
        ("POST", b"/v1/lookup", _body(FAR[:-1] + "g")),
        ("POST", b"/v1/lookup", _body(FAR, quality=101)),
        ("POST", b"/v1/lookup", _body(FAR, quality=-1)),
        ("POST", b"/v1/lookup", _body(FAR, quality=True)),
        ("POST", b"/v1/lookup", _body(FAR, quality=1.0)),
        ("POST", b"/v1/lookup", _body(*[FAR] * 1001)),
        ("POST", b"/v1/lookup", _body(FAR) + b" " * 200_000),
    ],
)
@pytest.mark.usefixtures("held")
def test_everything_else_is_left_to_the_routes_and_not_counted(
    gate: GateRuntime, authorization: bytes, method: str, url: bytes, body: bytes
) -> None:
    app = create_app(gate)
    assert asked(app, method.encode(), url, {b"authorization": authorization}, body) is None
    assert _counted(app, gate) == 0


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer wrong", b"\xff\xfe"])
def test_without_the_right_nothing_is_answered(gate: GateRuntime, header: bytes) -> None:
    app = create_app(gate)
    hasher = f"Bearer {key_for(gate, 'hash')}".encode()
    for headers in ({b"authorization": header}, {b"authorization": hasher}, {}):
        assert asked(app, b"GET", _query(FAR), headers, b"") is None
        assert asked(app, b"POST", b"/v1/lookup", headers, _body(FAR)) is None


@pytest.mark.usefixtures("held")
def test_what_curators_switch_counts_at_once(gate: GateRuntime, authorization: bytes) -> None:
    app = create_app(gate)

    def ask(value: str) -> bytes | None:
        return asked(app, b"GET", _query(value), {b"authorization": authorization}, b"")

    assert ask(FAR) == b"{}"
    gate.local.change_bank("OFF", enabled_ratio=1.0)
    assert b"OFF" in (ask(FAR) or b"")
    gate.checker.set_feed_ratio(0.0)
    assert b"AMPARO_HUB" not in (ask(HELD) or b"AMPARO_HUB")
    gate.local.set_ratio("signal pdq", 0.0)
    assert ask(HELD) is None


@pytest.mark.usefixtures("held")
def test_hmas_coin_falls_for_the_short_way_too(
    gate: GateRuntime, authorization: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(gate)
    gate.checker.set_feed_ratio(0.5)
    seen: list[bool] = []
    for coin in (0.4, 0.6):
        monkeypatch.setattr(random, "random", lambda coin=coin: coin)
        told = asked(app, b"GET", _query(HELD), {b"authorization": authorization}, b"") or b""
        seen.append(b"AMPARO_HUB" in told)
    assert seen == [True, False]


@pytest.mark.usefixtures("held")
def test_each_of_many_that_ask_together_has_a_coin_of_its_own(
    gate: GateRuntime, authorization: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(gate)
    gate.checker.set_feed_ratio(0.5)
    gate.local.change_bank("OWN", enabled_ratio=0.7)
    coins = iter([0.4, 0.6, 0.8, 0.4])
    monkeypatch.setattr(random, "random", lambda: next(coins))
    one = app.question_at_once(b"GET", _query(HELD), {b"authorization": authorization}, b"")
    assert one is not None
    told = app.answers_at_once([one] * 4)
    assert [(b"AMPARO_HUB" in answer, b"OWN" in answer) for answer in told] == [
        (True, True),
        (False, True),
        (False, False),
        (True, True),
    ]


@pytest.mark.usefixtures("held")
def test_what_is_asked_together_is_answered_as_if_it_had_been_asked_alone(
    gate: GateRuntime, authorization: bytes
) -> None:
    app = create_app(gate)
    questions = [
        app.question_at_once(method, url, {b"authorization": authorization}, body)
        for method, url, body in [
            (b"GET", _query(FAR), b""),
            (b"POST", b"/v1/lookup", _body(FAR, HELD, FAR)),
            (b"GET", _query(HELD), b""),
            (b"POST", b"/v1/lookup", _body(FAR)),
            (b"GET", _query(NEAR), b""),
            (b"POST", b"/v1/lookup", _body(NEAR, FAR, quality=0)),
            (b"POST", b"/v1/lookup", _body(FAR, FAR, NEAR)),
        ]
    ]
    known = [question for question in questions if question is not None]
    assert len(known) == len(questions)
    alone = [app.answers_at_once([question])[0] for question in known]
    assert app.answers_at_once(known) == alone
    assert len(set(alone)) == len(alone)


def test_so_many_are_answered_together_that_others_wait_no_longer_than_for_a_thousand(
    gate: GateRuntime, authorization: bytes
) -> None:
    app = create_app(gate)

    def of(count: int) -> Asked:
        question = app.question_at_once(
            b"POST", b"/v1/lookup", {b"authorization": authorization}, _body(*[FAR] * count)
        )
        assert question is not None
        return question

    assert [len(json.loads(told)["results"]) for told in app.answers_at_once([of(1000), of(24), of(1)])] == [1000, 24]
    assert len(app.answers_at_once([of(1000), of(1000)])) == 1
    assert _counted(app, gate) == 2024


def test_lookups_are_counted_and_a_dry_run_leaves_hmas_route_to_its_tally(
    gate: GateRuntime, authorization: bytes
) -> None:
    app = create_app(gate)
    headers = {b"authorization": authorization}
    asked(app, b"GET", _query(FAR), headers, b"")
    asked(app, b"POST", b"/v1/lookup", headers, _body(FAR, FAR))
    assert _counted(app, gate) == 3
    gate.checker.dry_run = True
    assert asked(app, b"GET", _query(FAR), headers, b"") is None


def _counted(app: GateApp, gate: GateRuntime) -> float:
    client = AppClient(app, {"Authorization": f"Bearer {key_for(gate, 'admin')}"})
    text = client.get("/metrics").text
    client.close()
    (line,) = [one for one in text.splitlines() if one.startswith("amparo_gate_fingerprints_looked_up_total ")]
    return float(line.split()[1])
