"""Opinions on the native interface: their bytes, and how they arrive."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.bank import Action, EntryState, Opinion
from amparo.core.errors import InvalidInput
from amparo.core.ids import EntryId, SightingId, random_id
from amparo.exchange.native import Addition, SightingReport, Tombstone, decode_opinions, encode_opinions
from amparo.hub.commands import feedback, overview, partners, person
from tests.hub.formats.serving import Served, serving
from tests.hub.hubs import fingerprints, pseudonym, told

ids = st.binary(min_size=16, max_size=16).map(lambda raw: EntryId(raw.hex()))


@pytest.fixture
def served(tmp_path: Path) -> Generator[Served]:
    with serving(tmp_path / "hub") as running:
        yield running


@given(st.dictionaries(ids, st.sampled_from(list(Opinion)), max_size=6))
def test_opinions_come_back_as_they_were(opinions: dict[EntryId, Opinion]) -> None:
    assert decode_opinions(encode_opinions(opinions)) == opinions


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"opinions": 3}',
        b'{"opinions": [{"entry": "x", "opinion": "reject"}]}',
        b'{"opinions": [{"entry": "%s", "opinion": "maybe"}]}' % (b"0" * 32),
        b'{"opinions": [{"entry": "%s", "opinion": "ask", "why": ""}]}' % (b"0" * 32),
        b'{"opinions": [%s]}' % b",".join([b'{"entry": "%s", "opinion": "ask"}' % (b"0" * 32)] * 501),
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match="opinions_malformed"):
        decode_opinions(raw)


def test_opinions_arrive_and_those_of_two_partners_hold_until_the_desk_releases(served: Served) -> None:
    (value,) = fingerprints(1)
    code = served.protect([value])
    entry = served.entry(value).entry.id
    cards = [served.join(name) for name in ("P", "Q")]
    for card in cards:
        known = pseudonym(served.hub, card.partner, entry)
        answer = httpx.post(
            f"{served.url}/partner/v1/opinions",
            content=encode_opinions({known: Opinion.REJECT, EntryId(random_id()): Opinion.REJECT}),
            headers={"Authorization": f"Bearer {card.key}", "Content-Type": "application/json"},
        )
        assert answer.status_code == 200
        assert answer.json()["accepted"] == [known]
        assert len(answer.json()["unknown"]) == 1
    assert served.entry(value).entry.state is EntryState.HELD
    last = told(served.hub, cards[0].partner)[-1]
    assert isinstance(last, Tombstone)
    assert last.reason == "held"
    feedback.release(served.hub, entry)
    assert isinstance(told(served.hub, cards[0].partner)[-1], Addition)
    # Opinions that the desk has settled hold no more; it takes new ones.
    feedback.judge_entries(
        served.hub, partner(served, "P"), {pseudonym(served.hub, cards[0].partner, entry): Opinion.REJECT}
    )
    assert served.entry(value).entry.state is EntryState.ACTIVE
    person.withdraw_case(served.hub, code)


def partner(served: Served, name: str) -> partners.PartnerRecord:
    with served.hub.store.read() as transaction:
        return next(one for one in transaction.partners() if one.name == name)


def test_a_partner_that_rejects_everything_cannot_hold_with_one_other(served: Served) -> None:
    values = fingerprints(60)
    served.protect(values)
    entries = [served.entry(value).entry.id for value in values]
    hostile, honest = served.join("Hostile"), served.join("Honest")
    everything = {pseudonym(served.hub, hostile.partner, entry): Opinion.REJECT for entry in entries}
    feedback.judge_entries(served.hub, partner(served, "Hostile"), everything)
    one = {pseudonym(served.hub, honest.partner, entries[0]): Opinion.REJECT}
    feedback.judge_entries(served.hub, partner(served, "Honest"), one)
    assert served.entry(values[0]).entry.state is EntryState.ACTIVE


def test_a_flood_of_opinions_ends_at_the_quota_and_nothing_of_it_is_kept(served: Served) -> None:
    values = fingerprints(5)
    served.protect(values)
    card = served.join("P")
    bounded = replace(partner(served, "P"), daily_opinions=4)
    with served.hub.store.write() as transaction:
        transaction.update_partner(bounded)
    known = [pseudonym(served.hub, card.partner, served.entry(value).entry.id) for value in values]
    answer = httpx.post(
        f"{served.url}/partner/v1/opinions",
        content=encode_opinions(dict.fromkeys(known, Opinion.ASK)),
        headers={"Authorization": f"Bearer {card.key}", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "partner_quota")
    assert answer.headers["retry-after"] == "3600"
    with served.hub.store.read() as transaction:
        assert transaction.opinions_since(card.partner, served.hub.clock.now() - timedelta(days=1)) == 0
    feedback.judge_entries(served.hub, bounded, dict.fromkeys(known[:4], Opinion.ASK))


def test_canaries_are_shown_to_their_partner_only_and_a_sighting_of_one_is_an_alert(tmp_path: Path) -> None:
    with serving(tmp_path / "hub", canaries=3) as served:
        cards = [served.join(name) for name in ("P", "Q")]
        seen = [told(served.hub, card.partner) for card in cards]
        values = [{a.fingerprint.value for a in each if isinstance(a, Addition)} for each in seen]
        assert [len(each) for each in values] == [3, 3]
        assert not values[0] & values[1]
        assert {int.from_bytes(value).bit_count() for value in values[0] | values[1]} == {128}
        assert overview.overview(served.hub).entries["active"] == 0
        report = SightingReport(
            SightingId(random_id()), seen[0][0].entry, served.hub.clock.now(), 0, Action.BLOCK, "upload"
        )
        for _ in range(2):
            partners.tell_sightings(served.hub, partner(served, "P"), [report])
        (alert,) = overview.overview(served.hub).alerts
        assert (alert.kind, alert.partner, alert.told_by) == ("canary-sighted", "P", "P")
