import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from amparo.bank import Action, EntryState, TombstoneReason
from amparo.bank.entry import hold
from amparo.case.code import CaseCode, draw
from amparo.case.people import AgeBand, Door, Relation
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, Conflict, IntegrityViolation, InvalidInput, NotFound, Rejected, Unavailable
from amparo.core.ids import EntryId, SightingId, random_id
from amparo.exchange.native import Addition, SightingReport, Tombstone
from amparo.hub.commands import feedback, partners, person
from amparo.hub.commands.housekeeping import expire_entries
from amparo.hub.context import Hub
from amparo.signal.fingerprint import Pdq
from tests.hub.hubs import fingerprints, open_hub, pseudonym, told


def opened_case(hub: Hub, count: int = 2, seed: int = 0) -> CaseCode:
    return person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(count, seed))


def counts(hub: Hub) -> tuple[int, int]:
    with hub.store.read() as transaction:
        return transaction.count_cases(), transaction.head()


def test_a_case_is_opened_and_seen_with_its_code(hub: Hub, clock: SteppedClock) -> None:
    view = person.view_case(hub, opened_case(hub, 3))
    assert view.case.open
    assert [one.picture.number for one in view.pictures] == [1, 2, 3]
    assert {one.picture.protected_at for one in view.pictures} == {clock.now()}
    assert view.partners == ()


@pytest.mark.parametrize("again", ["es", "en"])
def test_the_same_request_opens_one_case_with_one_code(hub: Hub, again: str) -> None:
    request = secrets.token_bytes(16)
    code = person.open_case(hub, request, "es", fingerprints(2))
    before = counts(hub)
    assert person.open_case(hub, request, again, fingerprints(2)) == code
    assert person.open_case(hub, request, again, fingerprints(1, seed=5)) == code
    assert counts(hub) == before


def test_another_request_opens_another_case(hub: Hub) -> None:
    assert opened_case(hub) != opened_case(hub)
    assert counts(hub)[0] == 2


def test_the_same_picture_chosen_twice_is_banked_once(hub: Hub) -> None:
    shown = fingerprints(2)
    code = person.open_case(hub, secrets.token_bytes(16), "es", [*shown, shown[0]])
    person.add_pictures(hub, code, [shown[1], *fingerprints(1, seed=4), shown[1]])
    assert len(person.view_case(hub, code).pictures) == 3
    assert counts(hub)[1] == 3


def test_a_withdrawn_picture_can_be_protected_again(hub: Hub) -> None:
    shown = fingerprints(1)
    code = person.open_case(hub, secrets.token_bytes(16), "es", shown)
    person.withdraw_picture(hub, code, person.view_case(hub, code).pictures[0].picture.entry)
    person.add_pictures(hub, code, shown)
    first, second = person.view_case(hub, code).pictures
    assert first.picture.withdrawn_at is not None
    assert second.picture.withdrawn_at is None


@pytest.mark.parametrize(
    ("request_bytes", "shown", "kind", "code"),
    [
        (bytes(15), fingerprints(1), InvalidInput, "request_invalid"),
        (bytes(16), fingerprints(201), InvalidInput, "pictures_many"),
        (bytes(16), [Pdq(bytes(32), 49)], Rejected, "quality_too_low"),
        (bytes(16), [*fingerprints(1), Pdq(bytes(32), 49)], Rejected, "quality_too_low"),
    ],
    ids=["weak request", "too many", "little detail", "one of two with little detail"],
)
def test_a_refused_request_leaves_nothing(
    hub: Hub, request_bytes: bytes, shown: list[Pdq], kind: type[AmparoError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        person.open_case(hub, request_bytes, "es", shown)
    assert caught.value.code == code
    assert counts(hub) == (0, 0)


def test_a_case_opens_without_any_picture(hub: Hub) -> None:
    opening = person.Opening("es", Door.THREAT, AgeBand.MINOR, (Relation.PARENT, True))
    code = person.open_case(hub, secrets.token_bytes(16), opening)
    view = person.view_case(hub, code)
    assert (view.pictures, view.case.door, view.case.age) == ((), Door.THREAT, AgeBand.MINOR)
    assert (view.case.consents[0].relation, view.case.consents[0].told) == (Relation.PARENT, True)


def test_unknown_wrong_and_withdrawn_codes_answer_alike(hub: Hub) -> None:
    withdrawn = opened_case(hub)
    person.withdraw_case(hub, withdrawn)
    kept = opened_case(hub)
    wrong = CaseCode(kept.language, (*kept.words[:7], "zumo" if kept.words[7] != "zumo" else "zorro"))
    unknown = draw(secrets.token_bytes(32), "es")
    answers: set[tuple[str, ...]] = set()
    for code in (withdrawn, wrong, unknown):
        commands: tuple[Callable[[CaseCode], object], ...] = (
            lambda code: person.view_case(hub, code),
            lambda code: person.add_pictures(hub, code, fingerprints(1, 3)),
            lambda code: person.withdraw_picture(hub, code, EntryId(random_id())),
            lambda code: person.withdraw_case(hub, code),
        )
        for command in commands:
            with pytest.raises(NotFound) as caught:
                command(code)
            answers.add((caught.value.code, caught.value.public, caught.value.detail, str(caught.value.status)))
    assert len(answers) == 1
    assert person.view_case(hub, kept).case.open


def test_a_picture_of_another_case_cannot_be_withdrawn(hub: Hub) -> None:
    mine, other = opened_case(hub), opened_case(hub, seed=7)
    entry = person.view_case(hub, other).pictures[0].picture.entry
    with pytest.raises(NotFound) as caught:
        person.withdraw_picture(hub, mine, entry)
    assert caught.value.code == "picture_unknown"
    assert person.view_case(hub, other).pictures[0].picture.withdrawn_at is None


def test_withdrawing_leaves_one_tombstone_however_often(hub: Hub) -> None:
    card = partners.add_partner(hub, "Demo")
    code = opened_case(hub)
    entry = person.view_case(hub, code).pictures[0].picture.entry
    for _ in range(3):
        person.withdraw_picture(hub, code, entry)
    tombstones = [change for change in told(hub, card.partner) if isinstance(change, Tombstone)]
    assert [change.entry for change in tombstones] == [pseudonym(hub, card.partner, entry)]


def test_what_was_withdrawn_is_never_sent_again_to_anyone(hub: Hub) -> None:
    early = partners.add_partner(hub, "Early")
    shown = fingerprints(3)
    code = person.open_case(hub, secrets.token_bytes(16), "es", shown)
    assert {c.fingerprint for c in told(hub, early.partner) if isinstance(c, Addition)} == set(shown)
    person.withdraw_picture(hub, code, person.view_case(hub, code).pictures[1].picture.entry)
    late = partners.add_partner(hub, "Late")
    for card in (early, late):
        values = {c.fingerprint for c in told(hub, card.partner) if isinstance(c, Addition)}
        assert values == {shown[0], shown[2]}
    person.withdraw_case(hub, code)
    for card in (early, late, partners.add_partner(hub, "Later")):
        changes = told(hub, card.partner)
        assert not [c for c in changes if isinstance(c, Addition)]
        assert len(changes) == 3


def test_a_receipt_tells_who_has_followed_and_opens_nothing(hub: Hub) -> None:
    early, slow, gone = (partners.add_partner(hub, name) for name in ("Early", "Slow", "Gone"))
    code = opened_case(hub, 2)
    for card in (early, slow, gone):
        partners.acknowledge(hub, card.partner, partners.feed_head(hub))
    with hub.store.write() as transaction:
        record = transaction.partner(gone.partner)
        assert record is not None
        transaction.update_partner(replace(record, suspended_at=hub.clock.now()))
    sealed = person.withdraw_case(hub, code)
    assert person.read_receipt(hub, sealed).waiting == ("Early", "Slow")
    partners.acknowledge(hub, early.partner, partners.feed_head(hub))
    receipt = person.read_receipt(hub, sealed)
    assert (receipt.confirmed, receipt.waiting) == (("Early",), ("Slow",))
    assert receipt.withdrawn_at == hub.clock.now()
    for wrong in (b"", sealed[:-1], sealed[:11], bytes(60)):
        with pytest.raises(IntegrityViolation):
            person.read_receipt(hub, wrong)


def test_the_page_tells_which_partners_act_and_which_are_still_to_hear(hub: Hub) -> None:
    acts, waits, never = (partners.add_partner(hub, name) for name in ("Acts", "Waits", "Never"))
    for card in (acts, waits):
        partners.acknowledge(hub, card.partner, partners.feed_head(hub))
    code = opened_case(hub, 1)
    partners.acknowledge(hub, acts.partner, partners.feed_head(hub))
    view = person.view_case(hub, code)
    assert (view.pictures[0].confirmed, view.pictures[0].waiting) == (("Acts",), ("Waits",))
    assert view.partners == ("Acts", "Waits")
    assert never.name not in view.partners


def test_entries_expire_at_the_end_of_retention_and_the_feed_says_so(hub: Hub, clock: SteppedClock) -> None:
    card = partners.add_partner(hub, "Demo")
    code = opened_case(hub, 2)
    clock.advance(hub.settings.retention - timedelta(seconds=1))
    assert expire_entries(hub) == 0
    clock.advance(timedelta(seconds=1))
    assert expire_entries(hub) == 2
    assert expire_entries(hub) == 0
    changes = told(hub, card.partner)
    assert [change.reason for change in changes if isinstance(change, Tombstone)] == ["expired", "expired"]
    assert len(changes) == 2
    person.withdraw_case(hub, code)
    assert told(hub, card.partner) == changes, "what has expired needs no second tombstone"


def test_a_withdrawal_holds_though_the_disk_cannot_be_scrubbed_now(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    code = opened_case(hub)

    def busy(_store: object) -> None:
        raise Unavailable("store_busy", "Busy.")

    monkeypatch.setattr(type(hub.store), "scrub", busy)
    sealed = person.withdraw_case(hub, code)
    assert person.read_receipt(hub, sealed).sequence == partners.feed_head(hub)
    with pytest.raises(NotFound):
        person.view_case(hub, code)


def test_sightings_are_shown_with_their_picture(hub: Hub, clock: SteppedClock) -> None:
    card = partners.add_partner(hub, "Demo")
    code = opened_case(hub)
    entry = person.view_case(hub, code).pictures[1].picture.entry
    report = SightingReport(
        SightingId(random_id()), pseudonym(hub, card.partner, entry), clock.now(), 4, Action.BLOCK, "photo upload"
    )
    partners.tell_sightings(hub, partners.authenticate(hub, card.key), [report])
    first, second = person.view_case(hub, code).pictures
    assert first.sightings == ()
    (sighting,) = second.sightings
    assert (sighting.partner_name, sighting.place, sighting.stopped) == ("Demo", "photo upload", True)


def test_the_hub_is_the_same_after_a_restart(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path)
    code, identity = opened_case(hub), hub.vault.signing.public.hub_id
    hub.close()
    again, _ = open_hub(tmp_path)
    assert again.vault.signing.public.hub_id == identity
    assert len(person.view_case(again, code).pictures) == 2
    again.close()


def test_a_database_without_its_key_is_refused_and_no_key_is_made(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path)
    code = opened_case(hub)
    hub.close()
    key = (tmp_path / "hub.key").read_bytes()
    (tmp_path / "hub.key").unlink()
    with pytest.raises(IntegrityViolation) as caught:
        open_hub(tmp_path)
    assert caught.value.code == "key_file_missing"
    assert not (tmp_path / "hub.key").exists()
    (tmp_path / "hub.key").write_bytes(key)
    again, _ = open_hub(tmp_path)
    assert person.view_case(again, code).case.open
    again.close()


def test_a_start_cut_off_after_its_key_carries_on(tmp_path: Path) -> None:
    (tmp_path / "hub.key").write_bytes(bytes(range(32)))
    hub, _ = open_hub(tmp_path)
    assert person.view_case(hub, opened_case(hub)).case.open
    hub.close()


def test_the_person_is_told_when_a_protection_has_ended(hub: Hub, clock: SteppedClock) -> None:
    code = opened_case(hub, 2)
    clock.advance(hub.settings.retention)
    view = person.view_case(hub, code)
    assert [one.state for one in view.pictures] == [EntryState.EXPIRED] * 2, "also before housekeeping has come round"
    assert view.pictures[0].expires_at == clock.now()
    expire_entries(hub)
    assert person.view_case(hub, code).pictures == view.pictures


def test_the_person_is_told_while_a_protection_is_held_and_when_it_is_not_any_more(hub: Hub) -> None:
    code = opened_case(hub, 2)
    entry = person.view_case(hub, code).pictures[0].picture.entry
    with hub.store.write() as transaction:
        record = transaction.entry(entry)
        assert record is not None
        transaction.change_entry(hold(record.entry), hub.clock.now(), TombstoneReason.HELD)

    def states() -> list[EntryState]:
        return [one.state for one in person.view_case(hub, code).pictures]

    assert states() == [EntryState.HELD, EntryState.ACTIVE]
    feedback.release(hub, entry)
    assert states() == [EntryState.ACTIVE, EntryState.ACTIVE]
    person.withdraw_picture(hub, code, entry)
    assert states() == [EntryState.WITHDRAWN, EntryState.ACTIVE]


def test_a_page_sent_again_after_its_case_was_withdrawn_brings_nothing_back(hub: Hub) -> None:
    request = secrets.token_bytes(16)
    code = person.open_case(hub, request, "es", fingerprints(1))
    person.withdraw_case(hub, code)
    with pytest.raises(Conflict) as caught:
        person.open_case(hub, request, "es", fingerprints(1))
    assert caught.value.code == "request_spent"
    with pytest.raises(NotFound):
        person.view_case(hub, code)
    person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(1))
