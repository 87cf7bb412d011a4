"""Opinions on their way from a platform's people to a real hub behind a real server, and back as a hold."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from amparo.bank import Action, Opinion
from amparo.core.clock import SteppedClock
from amparo.core.errors import InvalidInput, Rejected, Unavailable
from amparo.core.ids import EntryId, random_id
from amparo.gate.client import Gate
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.hub.app import public_app
from amparo.hub.commands import feedback, partners, person
from amparo.hub.context import Hub, HubSettings
from tests.gate.feeding import AppClient, Feed, client_for, key_for
from tests.gate.listening import serving
from tests.gate.serving import served
from tests.gate.waiting import wait_until
from tests.hub.hubs import fingerprints, open_hub, pseudonym
from tests.walk.running import free_ports

ENTRY = EntryId("0" * 31 + "1")


@pytest.fixture
def joined(tmp_path: Path) -> Generator[tuple[Hub, SteppedClock, int]]:
    (port,) = free_ports(1)
    hub, clock = open_hub(tmp_path / "hub", HubSettings(url=f"http://127.0.0.1:{port}", canaries=0))
    yield hub, clock, port
    hub.close()


def test_an_entry_that_two_partners_reject_is_held_everywhere_until_the_desk_releases_it(
    joined: tuple[Hub, SteppedClock, int], tmp_path: Path
) -> None:
    hub, clock, port = joined
    (shown,) = fingerprints(1)
    person.open_case(hub, secrets.token_bytes(16), "en", [shown])
    cards = [partners.add_partner(hub, name) for name in ("P", "Q", "R")]
    gates = [GateRuntime(card, tmp_path / card.name, clock) for card in cards]

    def verdicts() -> list[Action]:
        return [Gate.embedded(gate).look_up([shown])[0].action for gate in gates]

    with served(public_app(hub), port, hub.bell.close), ExitStack() as stack:
        # One over HTTP, the others inside the process: the two ways in which a platform runs a gate.
        url = stack.enter_context(serving(create_app(gates[0])))
        for gate in gates[1:]:
            stack.callback(gate.stop)
            gate.start()
        wait_until(lambda: verdicts() == [Action.BLOCK] * 3)
        over_http = stack.enter_context(Gate.from_url(url, key_for(gates[0], "match", "curate")))
        expected = [Action.BLOCK] * 3
        for asked, gate in ((over_http, gates[0]), (Gate.embedded(gates[1]), gates[1])):
            assert verdicts() == expected
            (entry,) = asked.look_up([shown])[0].entries
            assert asked.tell_opinion(entry, "reject")
            wait_until(lambda gate=gate: gate.status().untold_opinions == 0)
            # Where it was given a rejection counts at once; elsewhere one is not enough.
            expected[gates.index(gate)] = Action.REVIEW
        wait_until(lambda: verdicts() == [Action.ALLOW] * 3)
        with hub.store.read() as transaction:
            (held,) = transaction.entries_held(10)
            assert [one.opinion for one in transaction.opinions(held.entry.id)] == [Opinion.REJECT] * 2
        # A partner whose reviewer was slower confirms what it holds no more; the desk sees it.
        third = pseudonym(hub, cards[2].partner, held.entry.id)
        wait_until(lambda: not gates[2].replica.holds(third))
        assert not Gate.embedded(gates[2]).tell_opinion(third, Opinion.CONFIRM)
        wait_until(lambda: gates[2].status().untold_opinions == 0)
        with hub.store.read() as transaction:
            assert len(transaction.opinions(held.entry.id)) == 3
        feedback.release(hub, held.entry.id)
        wait_until(lambda: verdicts() == [Action.REVIEW, Action.REVIEW, Action.BLOCK])


def test_an_opinion_waits_for_the_hub_and_for_the_gates_own_restart(
    joined: tuple[Hub, SteppedClock, int], tmp_path: Path
) -> None:
    hub, clock, port = joined
    person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(1))
    card = partners.add_partner(hub, "P")
    with hub.store.read() as transaction:
        original = transaction.changes(0, 1)[0].entry
    entry = pseudonym(hub, card.partner, original)
    gate = GateRuntime(card, tmp_path / "gate", clock)
    gate.tell_opinion(entry, Opinion.ASK)
    with pytest.raises(Unavailable):
        gate.follower.tell_opinions_once()
    gate.stop()
    again = GateRuntime(card, tmp_path / "gate", clock)
    try:
        assert again.replica.opinions.untold(10) == {entry: Opinion.ASK}
        with served(public_app(hub), port, hub.bell.close):
            assert again.follower.tell_opinions_once() == 1
            assert again.follower.tell_opinions_once() == 0
        with hub.store.read() as transaction:
            assert transaction.opinions_of(card.partner, [original]) == {original: Opinion.ASK}
    finally:
        again.stop()


def test_a_mind_that_is_changed_while_the_hub_is_told_is_told_again(gate: GateRuntime) -> None:
    outbox = gate.replica.opinions
    outbox.note(ENTRY, Opinion.ASK)
    underway = outbox.untold(10)
    outbox.note(ENTRY, Opinion.REJECT)
    outbox.forget(underway)
    assert outbox.untold(10) == {ENTRY: Opinion.REJECT}
    outbox.forget(outbox.untold(10))
    assert len(outbox) == 0


def test_opinions_wait_oldest_first_and_the_newest_on_an_entry_counts(gate: GateRuntime) -> None:
    entries = [EntryId(random_id()) for _ in range(3)]
    for entry in (*entries, entries[0]):
        gate.replica.opinions.note(entry, Opinion.CONFIRM)
    assert list(gate.replica.opinions.untold(2)) == entries[1:]
    assert len(gate.replica.opinions) == 3


def test_the_route_says_whether_the_entry_matches_here(gate: GateRuntime, feed: Feed, client: AppClient) -> None:
    (entry,) = feed.add(*fingerprints(1))
    told = client.post("/v1/opinions", json={"entry": entry, "opinion": "confirm"})
    assert (told.status_code, told.json()) == (200, {"known": True})
    feed.withdraw(entry)
    assert client.post("/v1/opinions", json={"entry": entry, "opinion": "reject"}).json() == {"known": False}
    assert gate.replica.opinions.untold(10) == {entry: Opinion.REJECT}
    assert client.get("/v1/status").json()["untold_opinions"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 900,
        b'{"entry": "%s"}' % ENTRY.encode(),
        b'{"entry": "%s", "opinion": "maybe"}' % ENTRY.encode(),
        b'{"entry": "%s", "opinion": "ask"}' % ENTRY.upper().encode()[:-1],
        b'{"entry": 3, "opinion": "ask"}',
        b'{"entry": "%s", "opinion": ["ask"]}' % ENTRY.encode(),
        b'{"entry": "%s", "opinion": "ask", "place": ""}' % ENTRY.encode(),
    ],
    ids=repr,
)
def test_an_opinion_that_is_none_is_refused_and_not_kept(gate: GateRuntime, client: AppClient, content: bytes) -> None:
    answer = client.post("/v1/opinions", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "opinions_malformed")
    assert len(gate.replica.opinions) == 0


@pytest.mark.parametrize("role", ["match", "hash"])
def test_an_opinion_needs_the_right_of_people_who_look(gate: GateRuntime, role: str) -> None:
    client = client_for(gate, create_app(gate), role)
    answer = client.post("/v1/opinions", json={"entry": ENTRY, "opinion": "confirm"})
    client.close()
    assert (answer.status_code, answer.json()["code"]) == (403, "gate_role_missing")
    assert len(gate.replica.opinions) == 0


@pytest.mark.parametrize(("entry", "opinion"), [("x", "ask"), (ENTRY, "no"), (ENTRY.replace("0", "A"), "ask")])
def test_the_sdk_refuses_nonsense_before_it_asks(gate: GateRuntime, entry: str, opinion: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Gate.embedded(gate).tell_opinion(entry, opinion)  # pyright: ignore[reportArgumentType]  # what untyped code does
    assert caught.value.code == "opinions_malformed"


def test_the_sdk_names_a_key_without_the_right(gate: GateRuntime) -> None:
    with (
        serving(create_app(gate)) as url,
        Gate.from_url(url, key_for(gate, "match")) as asked,
        pytest.raises(Rejected) as caught,
    ):
        asked.tell_opinion(ENTRY, "confirm")
    assert caught.value.code == "gate_role_missing"
