"""What a platform's people decide about an entry counts at their own gate, at once and after a restart, and there only."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amparo.bank import Action, Opinion, Policy
from amparo.core.clock import SteppedClock
from amparo.core.ids import EntryId, random_id
from amparo.gate.checker import FEED_BANK
from amparo.gate.entries_here import EntriesHere, Here
from amparo.gate.metrics import Metrics
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from amparo.signal.fingerprint import Pdq
from tests.gate.feeding import AppClient, Feed, client_for, jpeg, new_gate, png

PHOTO = png(1)
PRINT = pdq.fingerprint(PHOTO)


def verdict(client: AppClient) -> tuple[str, int]:
    told = client.post("/v1/check", content=jpeg(1)).json()
    return told["verdict"], len(told["matches"])


def untold(gate: GateRuntime) -> dict[EntryId, Opinion]:
    return gate.replica.opinions.untold(10)


def decide(client: AppClient, entry: str, status: int = 200, **said: Any) -> Any:
    answer = client.request("PUT", f"/v1/entries/{entry}", json=said)
    assert answer.status_code == status, answer.text
    return answer.json()


def feed_content(client: AppClient) -> str:
    (found,) = client.get("/m/lookup", params={"signal": PRINT.hex, "signal_type": "pdq"}).json()[FEED_BANK]
    return f"/c/bank/{FEED_BANK}/content/{found['bank_content_id']}"


def test_a_rejected_entry_blocks_nothing_here_any_more_until_it_is_confirmed(
    gate: GateRuntime, feed: Feed, client: AppClient
) -> None:
    (entry,) = feed.add(PRINT)
    assert verdict(client) == ("block", 1)
    client.post("/v1/opinions", json={"entry": entry, "opinion": "reject"})
    assert verdict(client) == ("review", 1)
    looked = client.post("/v1/lookup", json={"fingerprints": [{"value": PRINT.hex}]}).json()
    assert looked["results"][0]["verdict"] == "review"
    client.post("/v1/opinions", json={"entry": entry, "opinion": "ask"})
    assert verdict(client) == ("review", 1)
    assert (gate.status().entries_for_review, gate.status().entries_off) == (1, 0)
    client.post("/v1/opinions", json={"entry": entry, "opinion": "confirm"})
    assert verdict(client) == ("block", 1)
    assert gate.status().entries_for_review == 0


def test_another_entry_that_nobody_rejected_still_blocks_the_same_picture(
    gate: GateRuntime, feed: Feed, client: AppClient
) -> None:
    near = Pdq(bytes([PRINT.value[0] ^ 1]) + PRINT.value[1:], 100)
    rejected, _ = feed.add(PRINT, near)
    gate.tell_opinion(rejected, Opinion.REJECT)
    assert verdict(client) == ("block", 2)


def test_what_is_switched_off_matches_nowhere_at_this_gate_and_is_told_as_a_rejection(
    gate: GateRuntime, feed: Feed, client: AppClient
) -> None:
    (entry,) = feed.add(PRINT)
    content = feed_content(client)
    assert decide(client, entry, here="off") == {"entry": entry, "here": "off", "until": 0}
    assert verdict(client) == ("allow", 0)
    assert client.get("/m/lookup", params={"signal": PRINT.hex, "signal_type": "pdq"}).json() == {}
    assert client.get("/m/raw_lookup", params={"signal": PRINT.hex, "signal_type": "pdq"}).json() == {"matches": []}
    assert client.get(content).json()["disable_until_ts"] == 1
    assert untold(gate) == {entry: Opinion.REJECT}
    (listed,) = client.get("/v1/entries").json()["entries"]
    assert (listed["entry"], listed["here"], listed["until"]) == (entry, "off", 0)
    assert gate.status().entries_off == 1
    decide(client, entry, here="policy")
    assert verdict(client) == ("block", 1)
    assert untold(gate) == {entry: Opinion.ASK}
    assert client.get("/v1/entries").json() == {"entries": []}


def test_off_for_a_time_ends_by_itself_and_is_told_to_nobody(feed: Feed, client: AppClient, gate: GateRuntime) -> None:
    (entry,) = feed.add(PRINT)
    clock = gate.clock
    assert isinstance(clock, SteppedClock)
    until = int(clock.now().timestamp()) + 3600
    decide(client, entry, here="off", until=until)
    assert verdict(client) == ("allow", 0)
    clock.advance(timedelta(hours=1))
    assert verdict(client) == ("block", 1)
    decide(client, entry, here="policy")
    assert untold(gate) == {}


@pytest.mark.parametrize(
    "said",
    [{}, {"here": "review"}, {"here": "gone"}, {"here": "off", "until": 1}, {"here": "off", "until": -5},
     {"here": "off", "until": 10**12}, {"here": "off", "until": True}, {"here": "policy", "until": 4_000_000_000},
     {"here": ["off"]}, {"here": "off", "more": 1}, [], "off", None],
    ids=str,
)  # fmt: skip
def test_a_decision_that_makes_no_sense_changes_nothing(
    gate: GateRuntime, feed: Feed, client: AppClient, said: object
) -> None:
    (entry,) = feed.add(PRINT)
    answer = client.request("PUT", f"/v1/entries/{entry}", json=said)
    assert (answer.status_code, answer.json()["code"]) == (422, "decision_malformed")
    assert gate.entries_here.all() == ()


@pytest.mark.parametrize("entry", ["0f" * 16, "x", "A" * 32])
def test_nothing_is_decided_about_an_entry_that_is_not_here(client: AppClient, gate: GateRuntime, entry: str) -> None:
    assert decide(client, entry, 404, here="off")["code"] == "entry_unknown"
    assert gate.entries_here.all() == ()


def test_hmas_way_to_disable_a_content_works_for_the_hubs_entries(
    gate: GateRuntime, feed: Feed, client: AppClient
) -> None:
    (entry,) = feed.add(PRINT)
    content = feed_content(client)
    assert client.request("PUT", content, json={"disable_until_ts": 1}).json()["disable_until_ts"] == 1
    assert verdict(client) == ("allow", 0)
    assert untold(gate) == {entry: Opinion.REJECT}
    assert client.request("PUT", content, json={"disable_until_ts": 0}).json()["disable_until_ts"] == 0
    assert verdict(client) == ("block", 1)
    assert untold(gate) == {entry: Opinion.ASK}
    until = int(gate.clock.now().timestamp()) + 60
    assert client.request("PUT", content, json={"disable_until_ts": until}).json()["disable_until_ts"] == until
    assert verdict(client) == ("allow", 0)
    assert client.request("PUT", content, json={"note": "ours"}).status_code == 403
    assert client.request("DELETE", content).status_code == 403


def test_it_is_still_so_after_a_restart_and_when_the_entry_comes_back(tmp_path: Path) -> None:
    gate = new_gate(tmp_path)
    off, doubted = Feed(gate).add(PRINT, pdq.fingerprint(jpeg(2)))
    gate.switch_off(off)
    gate.tell_opinion(doubted, Opinion.REJECT)
    Feed(gate).withdraw(doubted)
    gate.stop()
    again = GateRuntime(gate.card, tmp_path, gate.clock)
    assert again.checker.check_picture(PHOTO).action is Action.ALLOW
    assert again.entries_here.at(doubted, again.clock.now().timestamp()) is Here.REVIEW
    again.stop()


def test_decisions_about_what_is_gone_for_a_year_are_forgotten(tmp_path: Path) -> None:
    clock = SteppedClock()
    here = EntriesHere(tmp_path)
    held, gone, over = (EntryId(random_id()) for _ in range(3))
    for entry in (held, gone):
        here.decide(entry, Here.REVIEW, clock.now())
    here.decide(over, Here.OFF, clock.now(), int(clock.now().timestamp()) + 1)
    here.forget_ended(clock.now(), lambda _entry: False)
    assert len(here.all()) == 3
    clock.advance(timedelta(days=400))
    here.forget_ended(clock.now(), lambda entry: entry == held)
    here.close()
    kept = EntriesHere(tmp_path)
    assert [one.entry for one in kept.all()] == [held]
    kept.close()


@pytest.fixture
def dry(tmp_path: Path) -> Generator[GateRuntime]:
    gate = new_gate(tmp_path / "dry", Policy(), dry_run=True)
    yield gate
    gate.stop()


def test_a_dry_run_says_review_for_what_was_rejected(dry: GateRuntime) -> None:
    (entry,) = Feed(dry).add(PRINT)
    dry.tell_opinion(entry, Opinion.REJECT)
    assert dry.checker.check_picture(PHOTO).would is Action.REVIEW


def test_both_are_counted_for_whoever_watches(gate: GateRuntime, feed: Feed) -> None:
    one, other = feed.add(PRINT, pdq.fingerprint(jpeg(2)))
    gate.switch_off(one)
    gate.tell_opinion(other, Opinion.REJECT)
    text = Metrics(gate).text().decode()
    assert 'amparo_gate_entries_decided_here{here="off"} 1.0' in text
    assert 'amparo_gate_entries_decided_here{here="review"} 1.0' in text


def test_only_curators_decide(gate: GateRuntime, feed: Feed) -> None:
    (entry,) = feed.add(PRINT)
    client = client_for(gate, create_app(gate), "match")
    assert client.get("/v1/entries").status_code == 403
    assert client.request("PUT", f"/v1/entries/{entry}", json={"here": "off"}).status_code == 403
