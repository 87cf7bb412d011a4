import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from amparo.bank import Action
from amparo.case import machine
from amparo.core.clock import SteppedClock
from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected, Unauthenticated, Unavailable
from amparo.core.ids import EntryId, PartnerId, SightingId, random_id
from amparo.core.keys import VerifyKey
from amparo.exchange.native import Addition, Expectation, SightingReport, Tombstone, verify_page
from amparo.exchange.native.page import TraceAddition
from amparo.gate.card import PartnerCard
from amparo.hub.commands import partners, person
from amparo.hub.commands.overview import overview
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase, Vault
from amparo.store import CaseRecord, Transaction
from tests.hub.hubs import NONCE, fingerprints, pseudonym, told


def opened(hub: Hub, count: int, seed: int = 0) -> list[EntryId]:
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(count, seed))
    return [one.picture.entry for one in person.view_case(hub, code).pictures]


def received(hub: Hub, partner: PartnerId) -> int:
    with hub.store.read() as transaction:
        return transaction.exported(partner)


# Keys


def test_a_card_lets_its_partner_in_and_verifies_what_it_gets(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    assert partners.authenticate(hub, card.key).id == card.partner
    opened(hub, 2)
    page = verify_page(
        partners.feed_page(hub, card.partner, 0, 10, NONCE),
        Expectation(card.verify_key, card.partner, 0, NONCE, now=hub.clock.now()),
    )
    assert len(page.changes) == 2
    assert PartnerCard.from_json(card.to_json()) == card


@pytest.mark.parametrize("spoil", ["", "x", "{id}", "{id}.", "{key}x", "{other}", "é", "{id}.{id}"])
def test_a_wrong_key_opens_nothing(hub: Hub, spoil: str) -> None:
    card = partners.add_partner(hub, "Demo")
    secret = spoil.format(id=card.partner, key=card.key, other=random_id() + card.key[32:])
    with pytest.raises(Unauthenticated) as caught:
        partners.authenticate(hub, secret)
    assert caught.value.code == "partner_key_wrong"


def test_a_key_expires_at_its_hour(hub: Hub, clock: SteppedClock) -> None:
    card = partners.add_partner(hub, "Demo", timedelta(days=1))
    clock.advance(timedelta(days=1) - timedelta(microseconds=1))
    partners.authenticate(hub, card.key)
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(Unauthenticated) as caught:
        partners.authenticate(hub, card.key)
    assert caught.value.code == "partner_key_expired"
    assert overview(hub).partners[0].state == "key expired"


def test_an_expired_key_is_told_only_to_its_owner(hub: Hub, clock: SteppedClock) -> None:
    card = partners.add_partner(hub, "Demo", timedelta(days=1))
    clock.advance(timedelta(days=2))
    with pytest.raises(Unauthenticated) as caught:
        partners.authenticate(hub, card.key + "x")
    assert caught.value.code == "partner_key_wrong"


def test_a_suspended_partner_is_refused_as_such(hub: Hub, clock: SteppedClock) -> None:
    card = partners.add_partner(hub, "Demo")
    with hub.store.write() as transaction:
        record = transaction.partner(card.partner)
        assert record is not None
        transaction.update_partner(replace(record, suspended_at=clock.now()))
    with pytest.raises(Rejected) as caught:
        partners.authenticate(hub, card.key)
    assert caught.value.code == "partner_suspended"
    assert overview(hub).partners[0].state == "suspended"


def test_a_renewed_key_replaces_the_old_one(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    renewed = partners.renew_key(hub, "Demo")
    assert renewed.partner == card.partner
    partners.authenticate(hub, renewed.key)
    with pytest.raises(Unauthenticated):
        partners.authenticate(hub, card.key)
    with pytest.raises(NotFound):
        partners.renew_key(hub, "Nobody")


def test_a_renewed_key_has_an_end_where_it_is_given_one_and_loses_none_unasked(hub: Hub, clock: SteppedClock) -> None:
    partners.add_partner(hub, "Demo", timedelta(days=1))
    with pytest.raises(InvalidInput) as caught:
        partners.renew_key(hub, "Demo")
    assert caught.value.code == "validity_missing"
    renewed = partners.renew_key(hub, "Demo", timedelta(days=2))
    clock.advance(timedelta(days=2) - timedelta(microseconds=1))
    partners.authenticate(hub, renewed.key)
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(Unauthenticated) as refused:
        partners.authenticate(hub, renewed.key)
    assert refused.value.code == "partner_key_expired"
    unlimited = partners.renew_key(hub, "Demo", unlimited=True)
    clock.advance(timedelta(days=36525))
    partners.authenticate(hub, unlimited.key)


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 61, "\x1b[2J"])
def test_a_name_that_a_page_could_not_show_is_refused(hub: Hub, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        partners.add_partner(hub, name)
    assert caught.value.code == "partner_name_invalid"


def test_two_partners_of_one_name_cannot_be(hub: Hub) -> None:
    partners.add_partner(hub, "Demo")
    with pytest.raises(Conflict) as caught:
        partners.add_partner(hub, " Demo ")
    assert caught.value.code == "partner_exists"


def test_no_secret_is_stored(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    with hub.store.read() as transaction:
        (record,) = transaction.partners()
    assert card.key.encode() not in record.key_digest
    assert card.key.partition(".")[2] not in repr(record)


# The feed


def test_partners_who_compare_notes_cannot_link_what_they_hold(hub: Hub) -> None:
    first, second = partners.add_partner(hub, "First"), partners.add_partner(hub, "Second")
    entries = opened(hub, 5)
    shown = [[c for c in told(hub, card.partner) if isinstance(c, Addition)] for card in (first, second)]
    names = [{c.entry for c in page} | {c.case for c in page} for page in shown]
    assert not names[0] & names[1]
    assert not (names[0] | names[1]) & set(entries)
    assert all(len({c.case for c in page}) == 1 for page in shown), "one person's pictures belong together at a partner"


def test_pages_follow_each_other_to_the_head(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    opened(hub, 7)
    after = 0
    seen: list[Addition | TraceAddition | Tombstone] = []
    while True:
        page = verify_page(
            partners.feed_page(hub, card.partner, after, 3, NONCE),
            Expectation(VerifyKey.from_hex(card.hub_key), card.partner, after, NONCE, now=hub.clock.now()),
        )
        seen += page.changes
        after = page.cursor
        if not page.more:
            break
    assert len({change.entry for change in seen}) == 7
    assert after == partners.feed_head(hub) == page.head


def test_everything_that_was_sent_is_on_record(hub: Hub) -> None:
    card, other = partners.add_partner(hub, "Demo"), partners.add_partner(hub, "Other")
    opened(hub, 4)
    head = partners.feed_head(hub)
    told(hub, card.partner, head - 1)
    assert received(hub, card.partner) == 1
    told(hub, card.partner, 0)
    assert received(hub, card.partner) == 5, "asking for all again after the last step must not go unnoticed"
    told(hub, card.partner, 0)
    assert received(hub, card.partner) == 5
    assert received(hub, other.partner) == 0
    lines = {line.name: line.received for line in overview(hub).partners}
    assert lines == {"Demo": 5, "Other": 0}


@pytest.mark.parametrize(
    ("after", "limit", "nonce"), [(-1, 10, NONCE), (0, 0, NONCE), (0, 5001, NONCE), (0, 10, ""), (0, 10, "A" * 32)]
)
def test_a_question_that_is_not_as_the_format_says_is_refused(hub: Hub, after: int, limit: int, nonce: str) -> None:
    card = partners.add_partner(hub, "Demo")
    with pytest.raises(InvalidInput) as caught:
        partners.feed_page(hub, card.partner, after, limit, nonce)
    assert caught.value.code == "feed_question_invalid"


def test_a_partner_that_has_seen_more_than_there_is_is_told(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    opened(hub, 1)
    head = partners.feed_head(hub)
    partners.acknowledge(hub, card.partner, head)
    with pytest.raises(Conflict) as caught:
        partners.acknowledge(hub, card.partner, head + 1)
    assert caught.value.code == "cursor_ahead"
    assert overview(hub).partners[0].behind == 0


def test_a_gate_restored_from_a_backup_counts_as_having_followed_no_further_than_it_asks(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    restored = partners.feed_head(hub)
    person.withdraw_picture(hub, code, person.view_case(hub, code).pictures[0].picture.entry)
    head = partners.feed_head(hub)

    def followed_after_asking_behind(after: int) -> tuple[str, ...]:
        partners.acknowledge(hub, card.partner, after)
        assert overview(hub).partners[0].behind == head - after
        return person.view_case(hub, code).pictures[0].confirmed

    assert followed_after_asking_behind(head) == ("Demo",)
    assert followed_after_asking_behind(restored) == ()
    assert followed_after_asking_behind(head) == ("Demo",)


def test_unknown_partners_have_no_feed(hub: Hub) -> None:
    with pytest.raises(NotFound):
        partners.acknowledge(hub, PartnerId(random_id()), 0)


# Sightings


def report(entry: EntryId, hub: Hub, **changed: object) -> SightingReport:
    made = SightingReport(SightingId(random_id()), entry, hub.clock.now(), 4, Action.BLOCK, "upload")
    return replace(made, **changed)  # pyright: ignore[reportArgumentType]


def test_a_sighting_told_twice_counts_once(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    known = partners.authenticate(hub, card.key)
    (entry,) = opened(hub, 1)
    seen = report(pseudonym(hub, card.partner, entry), hub)
    for _ in range(2):
        answer = partners.tell_sightings(hub, known, [seen, seen])
        assert answer.accepted == (seen.id, seen.id)
    assert len(overview(hub).sightings) == 1


def test_two_partners_may_choose_the_same_id(hub: Hub) -> None:
    cards = [partners.add_partner(hub, name) for name in ("First", "Second")]
    (entry,) = opened(hub, 1)
    identifier = SightingId(random_id())
    for card in cards:
        seen = report(pseudonym(hub, card.partner, entry), hub, id=identifier)
        assert partners.tell_sightings(hub, partners.authenticate(hub, card.key), [seen]).accepted == (identifier,)
    assert len(overview(hub).sightings) == 2


def test_entries_that_are_none_or_anothers_or_ended_are_unknown(hub: Hub) -> None:
    card, other = partners.add_partner(hub, "Demo"), partners.add_partner(hub, "Other")
    known = partners.authenticate(hub, card.key)
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    entry = person.view_case(hub, code).pictures[0].picture.entry
    strange = [
        report(EntryId(random_id()), hub),
        report(pseudonym(hub, other.partner, entry), hub),
        report(entry, hub),
    ]
    assert partners.tell_sightings(hub, known, strange).unknown == tuple(one.id for one in strange)
    person.withdraw_case(hub, code)
    late = report(pseudonym(hub, card.partner, entry), hub)
    assert partners.tell_sightings(hub, known, [late]).unknown == (late.id,)
    assert overview(hub).sightings == ()


def test_a_copy_seen_in_the_future_was_seen_now(hub: Hub, clock: SteppedClock) -> None:
    card = partners.add_partner(hub, "Demo")
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
    entry = person.view_case(hub, code).pictures[0].picture.entry
    named = pseudonym(hub, card.partner, entry)
    known = partners.authenticate(hub, card.key)
    before = clock.now() - timedelta(days=3)
    partners.tell_sightings(hub, known, [report(named, hub, seen_at=clock.now() + timedelta(days=1))])
    partners.tell_sightings(hub, known, [report(named, hub, seen_at=before, action=Action.REVIEW)])
    first, second = person.view_case(hub, code).pictures[0].sightings
    assert (first.seen_at, first.stopped) == (clock.now(), True)
    assert (second.seen_at, second.stopped) == (before, False)


@pytest.mark.parametrize("count", [1, 30])
def test_the_overview_never_holds_a_fingerprint_or_a_place(hub: Hub, count: int) -> None:
    card = partners.add_partner(hub, "Demo")
    entries = opened(hub, count)
    known = partners.authenticate(hub, card.key)
    partners.tell_sightings(hub, known, [report(pseudonym(hub, card.partner, entry), hub) for entry in entries])
    view = overview(hub)
    assert (view.cases, view.entries["active"], len(view.sightings)) == (1, count, count)
    assert "upload" not in repr(view)
    assert not any(fingerprint.hex in repr(view) for fingerprint in fingerprints(count))


def test_a_request_reads_and_writes_each_case_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    card = partners.add_partner(hub, "Demo")
    known = partners.authenticate(hub, card.key)
    mine, others = opened(hub, 3), opened(hub, 2, seed=1)
    read: list[object] = []
    original = partners.OpenedCase.read

    def noted(transaction: Transaction, record: CaseRecord, vault: Vault) -> OpenedCase:
        read.append(record.id)
        return original(transaction, record, vault)

    monkeypatch.setattr(partners.OpenedCase, "read", noted)
    seen = [report(pseudonym(hub, card.partner, entry), hub) for entry in (*mine, *others, *mine)]
    assert partners.tell_sightings(hub, known, seen).accepted == tuple(one.id for one in seen)
    assert len(read) == len(set(read)) == 2
    assert len(overview(hub).sightings) == 8


def test_a_request_that_fails_leaves_none_of_its_sightings(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    card = partners.add_partner(hub, "Demo")
    known = partners.authenticate(hub, card.key)
    seen = [report(pseudonym(hub, card.partner, entry), hub) for entry in opened(hub, 2)]

    def full(*_: object) -> object:
        raise Unavailable("store_full", "Full.")

    with monkeypatch.context() as patched:
        patched.setattr(partners.machine, "record_sightings", full)
        with pytest.raises(Unavailable):
            partners.tell_sightings(hub, known, seen)
    assert overview(hub).sightings == ()
    assert partners.tell_sightings(hub, known, seen).accepted == tuple(one.id for one in seen)
    assert len(overview(hub).sightings) == 2


def test_sightings_beyond_what_a_case_keeps_are_counted(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SIGHTINGS_A_PICTURE", 2)
    card = partners.add_partner(hub, "Demo")
    known = partners.authenticate(hub, card.key)
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(2))
    seen, unseen = (one.picture.entry for one in person.view_case(hub, code).pictures)
    told = [report(pseudonym(hub, card.partner, seen), hub) for _ in range(5)]
    for _ in range(2):
        assert partners.tell_sightings(hub, known, told).accepted == tuple(one.id for one in told)
    first, second = person.view_case(hub, code).pictures
    assert ([one.sighting for one in first.sightings], first.further) == ([told[0].id, told[1].id], 3)
    assert (second.picture.entry, second.sightings, second.further) == (unseen, (), 0)
