"""What people do with notices: who decides what, two at once, the person's own word, and the store beside the pure machine."""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amparo.case.people import AgeBand
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected
from amparo.core.ids import random_id
from amparo.hub.commands import notices, person
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.commands.notice_drafts import Wanted
from amparo.hub.commands.notice_story import NoticeLine, Told, notices_of_case
from amparo.hub.context import Hub
from amparo.hub.mail import write_mail_settings
from amparo.hub.notice_file import due_of
from amparo.hub.office import Office
from amparo.hub.vault import OpenedCase
from amparo.notice import machine
from amparo.notice.address_book import Platform
from amparo.notice.award import Award
from amparo.notice.content import Earlier, NoticeId, NoticeIncomplete, check
from amparo.notice.letter import render
from amparo.notice.machine import Answer, Channel, NoticeState, Origin, Phase, Proof, evolve
from amparo.notice.pack import Element, Language
from amparo.store.staff.protocol import Role
from tests.hub.desks import employ
from tests.hub.hubs import fingerprints, open_hub
from tests.hub.noticing import (
    TO,
    Town,
    all_notices,
    approved,
    digest_of,
    drafted,
    filled,
    received,
    sent,
    state_of,
    town,
    with_words,
)
from tests.hub.posting import Post
from tests.notice.samples import complete

MADRID = ZoneInfo("Europe/Madrid")
HOUR = timedelta(hours=1)


@pytest.fixture
def place(hub: Hub) -> Town:
    return town(hub)


def story(place: Town) -> tuple[NoticeLine, ...]:
    with place.hub.store.read() as transaction:
        record = transaction.case(place.case)
        assert record is not None
        return notices_of_case(place.hub, transaction, OpenedCase.read(transaction, record, place.hub.vault))


# Drafts


def test_the_same_draft_asked_for_twice_is_one_draft(place: Town) -> None:
    notice = NoticeId(random_id())
    wanted = Wanted(place.hub.office.packs.get("eu-dsa-16"), Language.ES, "Example")
    for _ in range(2):
        notices.draft(place.hub, place.by, place.number, notice, wanted)
    assert [one.id for one in all_notices(place.hub)] == [notice]


@pytest.mark.parametrize("pack", ["es-cp-173-bis", "gb-osa-10-3a", "us-dmca-512", "au-esafety-referral", "es-lopivi"])
def test_no_notice_begins_under_guidance_bills_and_what_is_off(place: Town, pack: str) -> None:
    wanted = Wanted(place.hub.office.packs.get(pack), Language.EN, "Example")
    with pytest.raises(Rejected) as caught:
        notices.draft(place.hub, place.by, place.number, NoticeId(random_id()), wanted)
    assert caught.value.code == "rule_pack_without_letter"
    assert all_notices(place.hub) == []


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_works_on_no_cases_does_nothing_with_notices(place: Town, role: Role) -> None:
    hub, by, notice = place.hub, employ(place.hub, role), approved(place)
    before = state_of(hub, notice).state.version
    for act in (
        lambda: notices.draft(
            hub, by, place.number, notice, Wanted(hub.office.packs.get("eu-dsa-16"), Language.EN, "X")
        ),
        lambda: notices.open_words(hub, by, notice, "A reason that is long enough"),
        lambda: notices.approve(hub, by, notice, "0" * 64),
        lambda: notices.record_sent(hub, by, notice, Channel.FORM, "7"),
        lambda: notices.abandon(hub, by, notice, ""),
    ):
        with pytest.raises(Rejected) as caught:
            act()
        assert caught.value.code == "role_missing"
    assert state_of(hub, notice).state.version == before


def test_a_case_holds_so_many_notices_and_no_more(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "NOTICES_A_CASE", 2)
    drafted(place)
    drafted(place)
    with pytest.raises(InvalidInput) as caught:
        drafted(place)
    assert caught.value.code == "notices_many"


def test_a_refusal_is_followed_by_a_complaint_that_nobody_has_signed_or_confirmed(place: Town) -> None:
    hub, first = place.hub, sent(place, "eu-dsa-16")
    notices.record_answer(hub, place.by, first, Answer.REFUSED, hub.clock.now(), "No.")
    complaint = NoticeId(random_id())
    notices.follow(hub, place.by, first, complaint, hub.office.packs.get("eu-dsa-20"))
    notice = state_of(hub, complaint).notice
    assert (notice.addressee, notice.urls) == ("Example Platform", complete("eu-dsa-16").urls)
    assert notice.informed_at == hub.clock.now()
    assert notice.signature is None
    assert notice.confirmed == ()
    assert notice.follows == Earlier(first, "Example Platform", hub.clock.now().astimezone(MADRID).date(), "form 7")
    record = next(one for one in all_notices(hub) if one.id == complaint)
    assert record.due_at is not None, "the window to complain runs from the refusal"


def test_what_follows_an_anonymous_notice_has_the_desks_own_mailbox(hub: Hub) -> None:
    write_mail_settings(hub.mail_file, Post(2525).settings())
    place = town(hub, AgeBand.MINOR)
    first = drafted(place, "eu-dsa-16")
    assert state_of(hub, first).notice.contact is None
    complaint = NoticeId(random_id())
    notices.follow(hub, place.by, first, complaint, hub.office.packs.get("eu-dsa-20"))
    notice = state_of(hub, complaint).notice
    assert notice.contact is not None
    assert notice.shows_minor
    assert not notice.anonymous
    assert not notice.offence_against_minor
    assert Element.SIGNATURE in check(notice, hub.office.packs.get("eu-dsa-20"))


def test_a_trusted_flaggers_draft_for_a_minor_is_not_anonymous(hub: Hub) -> None:
    write_mail_settings(hub.mail_file, Post(2525).settings())
    hub = replace(hub, office=replace(hub.office, awards=(Award("Fundación X", "Coordinator", date(2026, 1, 1)),)))
    notice = state_of(hub, drafted(town(hub, AgeBand.MINOR), "eu-dsa-16")).notice
    assert notice.shows_minor
    assert not notice.anonymous
    assert notice.contact is not None


@pytest.mark.parametrize(
    ("country", "platform", "rule"),
    [
        ("ES", "", "eu-dsa-16"),
        ("FR", "", "eu-dsa-16"),
        ("US", "", "us-take-it-down"),
        ("GB", "", None),
        ("AU", "", None),
        ("GB", "IE", "eu-dsa-16"),
        ("ES", "US", "us-take-it-down"),
        ("ES", "AU", None),
    ],
)
def test_the_usual_rule_is_one_of_where_the_platform_answers(country: str, platform: str, rule: str | None) -> None:
    known = Platform("p", "Plaza", "", (), platform) if platform else None
    found = Office().for_platform(known, country)
    assert (None if found is None else found[0].id) == rule


# Two at once


def came_of(act: Callable[[], object]) -> str:
    """What became of it: "done", or an error's code."""
    try:
        act()
    except AmparoError as error:
        return error.code
    return "done"


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What became of each, in no order."""
    outcomes: list[str] = []
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        outcomes.append(came_of(act))

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_of_two_who_revise_at_once_one_is_told_to_look_again(place: Town) -> None:
    hub, notice = place.hub, filled(place)
    opened = state_of(hub, notice)
    seen = opened.state.version
    outcomes = at_once(
        lambda: notices.revise(hub, place.by, with_words(opened.notice, "One"), seen),
        lambda: notices.revise(hub, place.by, with_words(opened.notice, "Two"), seen),
    )
    assert outcomes == ["done", "notice_changed"]
    assert state_of(hub, notice).state.version == seen + 1


def test_of_two_who_approve_the_same_text_at_once_both_are_content_and_it_is_approved_once(place: Town) -> None:
    hub, notice = place.hub, filled(place)
    digest, version = digest_of(hub, notice), state_of(hub, notice).state.version
    assert at_once(*[lambda: notices.approve(hub, place.by, notice, digest)] * 2) == ["done", "done"]
    assert state_of(hub, notice).state.version == version + 1


def test_who_approves_while_another_revises_approves_no_other_text_than_was_read(place: Town) -> None:
    hub, notice = place.hub, filled(place)
    opened, digest = state_of(hub, notice), digest_of(hub, notice)
    outcomes = at_once(
        lambda: notices.approve(hub, place.by, notice, digest),
        lambda: notices.revise(hub, place.by, with_words(opened.notice, "Other"), opened.state.version),
    )
    assert outcomes == ["done", "notice_changed"]
    state = state_of(hub, notice).state
    assert state.approved is None or state.approved.rendered.digest == digest


# The person


def test_the_person_approves_what_carries_her_name_and_nobody_else_can(place: Town) -> None:
    hub, notice = place.hub, filled(place, by_person=True)
    with pytest.raises(Rejected) as caught:
        notices.approve(hub, place.by, notice, digest_of(hub, notice))
    assert caught.value.code == "signature_of_person"
    assert [one.told for one in story(place)] == [Told.YOURS_TO_SIGN]
    (letter,) = notices.letters_to_sign(hub, place.code)
    assert letter.id == notice
    for _ in range(2):
        notices.sign(hub, place.code, notice, letter.rendered.digest)
    state = state_of(hub, notice).state
    assert state.approved is not None
    assert state.approved.by == notices.THE_PERSON
    assert notices.letters_to_sign(hub, place.code) == ()
    assert [one.told for one in story(place)] == [Told.DECIDED]


def test_nobody_signs_for_another_case_or_a_text_that_has_changed(place: Town) -> None:
    hub, notice = place.hub, filled(place, by_person=True)
    stranger = person.open_case(hub, secrets.token_bytes(16), "en", fingerprints(1, seed=4))
    digest = digest_of(hub, notice)
    with pytest.raises(NotFound):
        notices.sign(hub, stranger, notice, digest)
    opened = state_of(hub, notice)
    notices.revise(hub, place.by, with_words(opened.notice, "Another"), opened.state.version)
    with pytest.raises(Conflict) as caught:
        notices.sign(hub, place.code, notice, digest)
    assert caught.value.code == "notice_changed"
    agents = filled(place)
    with pytest.raises(Rejected):
        notices.sign(hub, place.code, agents, digest_of(hub, agents))


def test_a_person_wishes_a_notice_and_the_desk_sees_it(place: Town) -> None:
    hub, notice = place.hub, NoticeId(random_id())
    with hub.store.write() as transaction:
        transaction.queue.set_waits(place.case, False)
    for _ in range(2):
        notices.wish(hub, place.code, notice, " Example   Platform ", ("https://example.org/1",))
    opened = state_of(hub, notice)
    assert opened.state.drafted is not None
    assert opened.state.drafted.origin is Origin.PERSON
    assert (opened.notice.addressee, opened.notice.urls) == ("Example Platform", ("https://example.org/1",))
    with hub.store.read() as transaction:
        line = transaction.queue.line(place.case)
    assert line is not None
    assert line.waits


def test_the_person_reads_what_happened_and_nothing_to_count_down_to(place: Town, clock: SteppedClock) -> None:
    hub, notice = place.hub, received(place)
    said = [story(place)[0].told]
    clock.advance(60 * HOUR)
    look_at_clocks(hub)
    said.append(story(place)[0].told)
    notices.open_words(hub, place.by, notice, "They have answered at last")
    notices.record_answer(hub, place.by, notice, Answer.REMOVED, clock.now(), "Gone.")
    (line,) = story(place)
    assert [*said, line.told] == [Told.RECEIVED, Told.PURSUED, Told.REMOVED]
    assert line.late
    assert line.addressee == "Example Platform"
    for moment in (getattr(line, field.name) for field in dataclasses.fields(line)):
        assert not isinstance(moment, datetime) or moment <= clock.now()


def test_no_line_of_the_person_ever_holds_a_moment_to_come(place: Town, clock: SteppedClock) -> None:
    for make in (drafted, filled, approved, sent, received):
        make(place)
    for line in story(place):
        for field in dataclasses.fields(line):
            value = getattr(line, field.name)
            assert not isinstance(value, datetime) or value <= clock.now(), field.name


def test_a_withdrawn_case_leaves_nothing_of_its_notices(place: Town) -> None:
    notice = received(place)
    with place.hub.store.read() as transaction:
        sealed = transaction.notices.sealed_events(notice)
    person.withdraw_case(place.hub, place.code)
    assert all_notices(place.hub) == []
    with pytest.raises(NotFound):
        state_of(place.hub, notice)
    database = b"".join(path.read_bytes() for path in place.hub.mail_file.parent.glob("hub.sqlite*"))
    assert not any(raw[:40] in database for raw in sealed)


def test_events_of_one_notice_open_in_no_other(place: Town) -> None:
    first, second = drafted(place), drafted(place)
    opened = state_of(place.hub, first)
    with place.hub.store.read() as transaction:
        sealed = transaction.notices.sealed_events(second)
    with pytest.raises(AmparoError) as caught:
        opened.key.open_notice(first, sealed)
    assert caught.value.code == "seal_broken"


def test_a_minor_needs_no_name(hub: Hub) -> None:
    place = town(hub, AgeBand.MINOR)
    notice = drafted(place, "eu-dsa-16")
    opened = state_of(hub, notice)
    whole = replace(complete("eu-dsa-16"), id=notice, to=TO, contact=None, signature=None)
    anonymous = replace(whole, shows_minor=True, anonymous=True)
    notices.revise(hub, place.by, anonymous, opened.state.version)
    with pytest.raises(NoticeIncomplete):
        digest_of(hub, notice)
    stated = replace(anonymous, offence_against_minor=True)
    notices.revise(hub, place.by, stated, state_of(hub, notice).state.version)
    notices.approve(hub, place.by, notice, digest_of(hub, notice))
    state = state_of(hub, notice).state
    assert state.approved is not None
    assert "Ana" not in state.approved.rendered.text


# The store beside the pure machine


class StoredNotice(RuleBasedStateMachine):
    """Any commands in any order on a clock that goes both ways: what is stored is what the pure machine says."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.hub, self.clock = open_hub(Path(self.folder.name))
        self.place = town(self.hub, pictures=0)
        self.id = drafted(self.place)
        self.model = state_of(self.hub, self.id).state
        self.pack = self.hub.office.packs.get("us-take-it-down")

    def teardown(self) -> None:
        self.hub.close()
        self.folder.cleanup()

    def both(self, pure: Callable[[NoticeState], tuple[machine.Event, ...]], stored: Callable[[], object]) -> None:
        """Both do it, or both refuse it with one code."""
        notices.open_words(self.hub, self.place.by, self.id, "Working on this notice")
        refused = came_of(lambda: self.follow(pure(self.model)))
        assert came_of(stored) == refused

    def follow(self, events: tuple[machine.Event, ...]) -> None:
        for event in events:
            self.model = evolve(self.model, event)

    @rule(step=st.timedeltas(timedelta(days=-2), timedelta(days=3)))
    def time_passes_or_is_set_back(self, step: timedelta) -> None:
        self.clock.advance(step)

    @rule()
    def the_clocks_are_looked_at(self) -> None:
        for _ in range(2):
            look_at_clocks(self.hub)
        now, warn_at = self.clock.now(), self.hub.office.warn_at
        due = due_of(self.model, warn_at, now)
        if due is not None and due <= now:
            for event in machine.tick(self.model, now, warn_at):
                self.model = evolve(self.model, event)
        again = machine.tick(self.model, now, warn_at)
        assert not again

    @rule(addressee=st.sampled_from(["Example Platform", "Another"]))
    def revise(self, addressee: str) -> None:
        notice = replace(complete("us-take-it-down"), id=self.id, to=TO, addressee=addressee)
        notice = replace(notice, signature=None, contact=notice.contact, confirmed=notice.confirmed)
        from amparo.notice.content import Capacity, Signature

        notice = replace(notice, signature=Signature("Casey", Capacity.AGENT, date(2026, 1, 1)))
        self.both(
            lambda state: machine.revise(state, self.clock.now(), self.place.by.id, notice),
            lambda: notices.revise(self.hub, self.place.by, notice, self.model_version()),
        )

    def model_version(self) -> int:
        return state_of(self.hub, self.id).state.version

    @rule(read=st.booleans())
    def approve(self, read: bool) -> None:
        assert self.model.notice is not None
        try:
            digest = render(self.model.notice, self.pack).digest if read else "0" * 64
        except AmparoError:
            digest = "1" * 64
        self.both(
            lambda state: machine.approve(state, self.clock.now(), self.place.by.id, digest, self.pack),
            lambda: notices.approve(self.hub, self.place.by, self.id, digest),
        )

    @rule(reference=st.sampled_from(["7", "8"]))
    def send(self, reference: str) -> None:
        self.both(
            lambda state: machine.record_sent(state, self.clock.now(), Channel.FORM, reference),
            lambda: notices.record_sent(self.hub, self.place.by, self.id, Channel.FORM, reference),
        )

    @rule()
    def comes_back(self) -> None:
        self.both(
            lambda state: machine.record_failure(
                state, self.clock.now(), state.sent.reference if state.sent else "", "unknown"
            ),
            lambda: notices.record_failure(self.hub, self.place.by, self.id, "unknown"),
        )

    @rule(ago=st.timedeltas(timedelta(), timedelta(days=2)))
    def receipt(self, ago: timedelta) -> None:
        at, proof = self.clock.now() - ago, Proof.ACKNOWLEDGEMENT
        self.both(
            lambda state: machine.prove_receipt(state, self.clock.now(), self.place.by.id, at, proof, ""),
            lambda: notices.prove_receipt(self.hub, self.place.by, self.id, at, proof, ""),
        )

    @rule(answer=st.sampled_from(Answer))
    def answer(self, answer: Answer) -> None:
        now = self.clock.now()
        self.both(
            lambda state: machine.record_answer(state, now, self.place.by.id, answer, now, ""),
            lambda: notices.record_answer(self.hub, self.place.by, self.id, answer, now, ""),
        )

    @rule()
    def abandon(self) -> None:
        self.both(
            lambda state: machine.abandon(state, self.clock.now(), self.place.by.id, "no"),
            lambda: notices.abandon(self.hub, self.place.by, self.id, "no"),
        )

    @invariant()
    def what_is_stored_is_what_the_machine_says(self) -> None:
        stored = state_of(self.hub, self.id).state
        assert stored == self.model
        with self.hub.store.read() as transaction:
            record = transaction.notices.record(self.id)
            line = transaction.queue.line(self.place.case)
        assert record is not None
        assert line is not None
        assert (record.phase, record.version) == (stored.phase, stored.version)
        assert line.next_at == record.due_at
        if stored.phase in (Phase.DRAFTED, Phase.APPROVED, Phase.SENT, Phase.REMOVED, Phase.ABANDONED):
            assert record.due_at is None


TestStoredNotice = StoredNotice.TestCase
TestStoredNotice.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)
