"""A notice's life beside a plain model, and when its clock starts, warns, stops and runs out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError
from amparo.notice import machine
from amparo.notice.clock import WARN_AT
from amparo.notice.content import NoticeIncomplete
from amparo.notice.letter import render
from amparo.notice.machine import (
    Answer,
    Channel,
    ClockRanOut,
    ClockWarned,
    Event,
    NoticeState,
    Origin,
    Phase,
    Proof,
    evolve,
    fold,
)
from amparo.notice.record import decode, encode
from tests.notice.lives import HOUR, MADRID, MAIL, answered, apply, drafted, received, sent
from tests.notice.samples import ID, PACKS, START, complete, pack, without_sender


class NoticeLife(RuleBasedStateMachine):
    """Any commands in any order, on a clock that may be set back. The model keeps only a few plain facts."""

    def __init__(self) -> None:
        super().__init__()
        self.hands = SteppedClock(START)
        self.events: list[Event] = []
        self.state = NoticeState(ID)
        self.name = ""
        self.approved_by_a_person = False
        self.words = 0

    def do(self, command: Callable[[], tuple[Event, ...]]) -> tuple[Event, ...]:
        """Refused or done: what was refused changed nothing, what was done survives being stored and read back."""
        try:
            events = command()
        except AmparoError:
            return ()
        for event in events:
            stored = decode(encode(event))
            assert stored == event
            self.events.append(stored)
            self.state = evolve(self.state, stored)
        return events

    @initialize(name=st.sampled_from(["us-take-it-down", "eu-dsa-16", "eu-gdpr-17", "eu-dsa-20"]), whole=st.booleans())
    def starts(self, name: str, whole: bool) -> None:
        self.name = name
        notice = complete(name) if whole else replace(without_sender(complete(name)), urls=(), confirmed=())
        self.do(lambda: machine.draft(self.state, self.hands.now(), notice, pack(name), Origin.SIGHTING, MADRID))
        assert self.state.phase is Phase.DRAFTED

    @rule(step=st.timedeltas(timedelta(days=-3), timedelta(days=40)))
    def time_passes_or_is_set_back(self, step: timedelta) -> None:
        self.hands.advance(step)

    @rule(addressee=st.sampled_from(["Example Platform", "Another Platform"]))
    def revise(self, addressee: str) -> None:
        notice = replace(complete(self.name), addressee=addressee)
        if self.do(lambda: machine.revise(self.state, self.hands.now(), "worker", notice)):
            self.approved_by_a_person = False
            assert self.state.phase is Phase.DRAFTED

    @rule(by=st.sampled_from(["worker", " "]), fresh=st.booleans())
    def approve(self, by: str, fresh: bool) -> None:
        assert self.state.notice is not None
        try:
            digest = render(self.state.notice, pack(self.name)).digest if fresh else "0" * 64
        except NoticeIncomplete:
            digest = "1" * 64
        if self.do(lambda: machine.approve(self.state, self.hands.now(), by, digest, pack(self.name))):
            assert by.strip()
            assert fresh
            self.approved_by_a_person = True

    @rule(reference=st.sampled_from([MAIL, "form 7"]))
    def send(self, reference: str) -> None:
        before = self.state
        events = self.do(lambda: machine.record_sent(self.state, self.hands.now(), Channel.EMAIL, reference))
        assert not events or (self.approved_by_a_person and before.phase is Phase.APPROVED)

    @rule(reference=st.sampled_from([MAIL, "form 7"]))
    def come_back(self, reference: str) -> None:
        if self.do(lambda: machine.record_failure(self.state, self.hands.now(), reference, "no such mailbox")):
            assert self.state.phase is Phase.APPROVED

    @rule(ago=st.timedeltas(timedelta(hours=-3), timedelta(days=60)))
    def receive(self, ago: timedelta) -> None:
        now = self.hands.now()
        when = now - ago
        events = self.do(
            lambda: machine.prove_receipt(self.state, now, "worker", when, Proof.DELIVERY_REPORT, f"{self.words}")
        )
        if events:
            assert self.state.sent is not None
            assert self.state.sent.at - HOUR <= when <= max(now, self.state.sent.at) + HOUR

    @rule(ago=st.timedeltas(timedelta(hours=-3), timedelta(days=60)), answer=st.sampled_from(Answer))
    def answer(self, ago: timedelta, answer: Answer) -> None:
        self.words += 1
        now = self.hands.now()
        before = self.state.phase
        if self.do(lambda: machine.record_answer(self.state, now, "worker", answer, now - ago, f"{self.words}")):
            assert before is not Phase.REMOVED
            assert self.state.phase == answer.value

    @rule()
    def tick(self) -> None:
        now, before = self.hands.now(), self.state
        events = self.do(lambda: machine.tick(self.state, now, WARN_AT))
        assert len(events) <= 1
        for event in events:
            assert isinstance(event, ClockWarned | ClockRanOut)
            assert before.running is not None
            assert before.running.start < event.due_at <= now
            assert event.due_at <= before.running.end
        assert not machine.tick(self.state, now, WARN_AT), "asked again, the clock says nothing new"

    @precondition(lambda self: len(self.events) > 8)
    @rule()
    def abandon(self) -> None:
        self.do(lambda: machine.abandon(self.state, self.hands.now(), "worker", "asked by the person"))

    @invariant()
    def the_state_is_the_fold_of_its_events(self) -> None:
        assert fold(ID, self.events) == self.state
        assert self.state.version == len(self.events)

    @invariant()
    def nothing_is_sent_without_a_persons_decision_on_that_very_text(self) -> None:
        if self.state.sent is not None:
            assert self.approved_by_a_person
            assert self.state.approved is not None
            assert self.state.approved.by == "worker"
            assert self.state.notice is not None
            assert self.state.approved.rendered == render(self.state.notice, pack(self.name))

    @invariant()
    def a_clock_of_the_addressee_runs_from_proved_receipt_and_never_without(self) -> None:
        rule_of_clock = pack(self.name).clock if self.name else None
        if rule_of_clock is None:
            assert self.state.span is None
        elif self.name == "eu-dsa-20":
            assert self.state.span is None or self.state.span.start == START
        else:
            assert (self.state.span is None) == (self.state.receipt is None)
            if self.state.span is not None and self.state.receipt is not None and self.state.sent is not None:
                assert self.state.span.start == max(self.state.receipt.received_at, self.state.sent.at)

    @invariant()
    def it_has_expired_only_when_its_end_was_reached(self) -> None:
        if self.state.phase is Phase.EXPIRED:
            assert self.state.ran_out_at is not None
            assert self.state.span is not None
            assert self.state.ran_out_at == self.state.span.end

    @invariant()
    def the_job_is_told_a_moment_at_which_there_is_something_to_say(self) -> None:
        due = machine.due_at(self.state, WARN_AT)
        if due is not None:
            assert machine.tick(self.state, due, WARN_AT)
            assert not machine.tick(self.state, due - timedelta(microseconds=1), WARN_AT)
        else:
            assert not machine.tick(self.state, datetime(2080, 1, 1, tzinfo=UTC), WARN_AT)


TestNoticeLife = NoticeLife.TestCase
TestNoticeLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_sending_starts_no_clock() -> None:
    state = sent()
    assert state.span is None
    assert machine.due_at(state, WARN_AT) is None
    assert machine.tick(state, START + timedelta(days=400), WARN_AT) == ()


def test_48_hours_run_from_proved_receipt_and_warn_before_they_run_out() -> None:
    got_it = START + timedelta(hours=5)
    state = received(at=got_it)
    assert state.running is not None
    assert state.running.end == got_it + timedelta(hours=48)
    assert machine.due_at(state, WARN_AT) == got_it + timedelta(hours=24)
    assert machine.tick(state, got_it + timedelta(hours=23), WARN_AT) == ()
    half = machine.tick(state, got_it + timedelta(hours=24), WARN_AT)
    assert half == (ClockWarned(got_it + timedelta(hours=24), got_it + timedelta(hours=24), 50),)
    state = apply(state, half)
    assert machine.due_at(state, WARN_AT) == got_it + timedelta(hours=43, minutes=12)
    state = apply(state, machine.tick(state, got_it + timedelta(hours=47), WARN_AT))
    assert (state.warned, machine.due_at(state, WARN_AT)) == (90, got_it + timedelta(hours=48))
    assert machine.tick(state, got_it + timedelta(hours=48) - timedelta(microseconds=1), WARN_AT) == ()
    state = apply(state, machine.tick(state, got_it + timedelta(hours=48), WARN_AT))
    assert state.phase is Phase.EXPIRED
    assert state.ran_out_at == got_it + timedelta(hours=48)
    assert machine.due_at(state, WARN_AT) is None


def test_after_a_long_sleep_one_warning_stands_for_those_missed() -> None:
    state = received()
    (event,) = machine.tick(state, START + timedelta(hours=47), (25, 50, 75))
    assert isinstance(event, ClockWarned)
    assert event.share == 75
    assert machine.tick(apply(state, (event,)), START + timedelta(hours=47), (25, 50, 75)) == ()


def test_a_clock_set_back_neither_repeats_nor_undoes_what_was_said() -> None:
    state = apply(received(), machine.tick(received(), START + timedelta(hours=30), WARN_AT))
    assert machine.tick(state, START + timedelta(hours=1), WARN_AT) == ()
    state = apply(state, machine.tick(state, START + timedelta(hours=49), WARN_AT))
    assert machine.tick(state, START + timedelta(hours=1), WARN_AT) == ()
    assert state.phase is Phase.EXPIRED


def test_an_acknowledgement_does_not_stop_a_clock_that_waits_for_removal() -> None:
    state = answered(received(), Answer.ANSWERED, START + HOUR)
    assert state.phase is Phase.ANSWERED
    assert state.running is not None
    state = apply(state, machine.tick(state, START + timedelta(hours=49), WARN_AT))
    assert state.phase is Phase.EXPIRED


@pytest.mark.parametrize("name", ["us-take-it-down", "eu-gdpr-17"])
def test_a_reply_that_decides_nothing_stops_no_clock(name: str) -> None:
    state = answered(received(name), Answer.ANSWERED, START + HOUR)
    assert state.running == state.span
    assert state.span is not None
    (event,) = machine.tick(state, START + timedelta(days=90), WARN_AT)
    assert event == machine.ClockRanOut(START + timedelta(days=90), state.span.end)
    late = answered(apply(state, (event,)), Answer.REFUSED, START + timedelta(days=91))
    assert late.running is None
    assert late.met_late


@pytest.mark.parametrize("answer", [Answer.REMOVED, Answer.REFUSED])
def test_a_decision_stops_every_clock(answer: Answer) -> None:
    for name in ("us-take-it-down", "eu-gdpr-17"):
        state = answered(received(name), answer, START + HOUR)
        assert state.running is None
        assert state.phase == answer.value
        assert not state.met_late


def test_late_is_told_by_the_moments_and_not_by_who_wrote_first() -> None:
    """The desk heard of the end before it heard of a removal that had been in time."""
    expired = apply(received(), machine.tick(received(), START + timedelta(hours=50), WARN_AT))
    at, now = START + timedelta(hours=47), START + timedelta(hours=60)
    in_time = apply(expired, machine.record_answer(expired, now, "worker", Answer.REMOVED, at, ""))
    assert not in_time.met_late
    late = apply(expired, machine.record_answer(expired, now, "worker", Answer.REMOVED, at + HOUR, ""))
    assert late.met_late, "at the end itself the time has run out"
    assert not expired.met_late


def test_a_corrected_proof_of_receipt_moves_the_clock() -> None:
    warned = apply(received(), machine.tick(received(), START + timedelta(hours=45), WARN_AT))
    assert warned.warned == 90
    expired = apply(warned, machine.tick(warned, START + timedelta(hours=50), WARN_AT))
    now = START + timedelta(hours=51)
    events = machine.prove_receipt(expired, now, "worker", START + timedelta(hours=40), Proof.REGISTERED_POST, "slip")
    state = apply(expired, events)
    assert state.phase is Phase.RECEIVED
    assert state.running is not None
    assert state.running.end == START + timedelta(hours=88)
    assert machine.tick(state, now, WARN_AT) == ()
    assert machine.due_at(state, WARN_AT) == START + timedelta(hours=64), "warnings start anew"
    (again,) = machine.tick(state, START + timedelta(hours=88), WARN_AT)
    assert isinstance(again, ClockRanOut)
    assert again.due_at == START + timedelta(hours=88)
    told_twice = machine.prove_receipt(
        state, now + HOUR, "other", START + timedelta(hours=40), Proof.REGISTERED_POST, "slip"
    )
    assert told_twice == ()


def test_a_corrected_proof_keeps_what_the_addressee_has_answered() -> None:
    state = answered(received(), Answer.ANSWERED, START + HOUR)
    state = apply(state, machine.tick(state, START + timedelta(hours=50), WARN_AT))
    now, later = START + timedelta(hours=51), START + timedelta(hours=40)
    state = apply(state, machine.prove_receipt(state, now, "worker", later, Proof.REGISTERED_POST, "slip"))
    assert state.phase is Phase.ANSWERED
    assert state.ran_out_at is None


def test_a_receipt_before_our_sending_counts_from_the_sending() -> None:
    state = sent()
    early = machine.prove_receipt(state, START, "worker", START - timedelta(minutes=20), Proof.FORM_CONFIRMATION, "7")
    span = apply(state, early).span
    assert span is not None
    assert span.start == START


def test_a_window_to_complain_runs_from_being_informed_until_the_complaint_is_sent() -> None:
    state = drafted("eu-dsa-20")
    assert state.running is not None
    assert state.running.start == START
    assert state.running.end == datetime(2026, 9, 1, 22, tzinfo=UTC), "the end of 1 September in Madrid"
    closed = apply(state, machine.tick(state, datetime(2026, 9, 2, tzinfo=UTC), WARN_AT))
    assert closed.phase is Phase.DRAFTED, "at least six months: it may be sent all the same"
    assert closed.ran_out_at is not None
    assert sent("eu-dsa-20").running is None
    assert not sent("eu-dsa-20").met_late


def test_a_rule_without_a_clock_waits_without_a_deadline() -> None:
    state = received("eu-dsa-16")
    assert state.span is None
    assert state.waiting_since == START
    assert machine.tick(state, START + timedelta(days=900), WARN_AT) == ()
    assert answered(state, Answer.REMOVED, START + HOUR).waiting_since is None
    assert PACKS.get("eu-dsa-16").clock is None


def test_an_end_told_by_a_clock_that_ran_ahead_counts_only_when_it_is_really_there() -> None:
    state = received()
    early = apply(state, machine.tick(state, START + 400 * HOUR, WARN_AT))
    assert early.phase is Phase.EXPIRED
    assert machine.standing(early, START + 47 * HOUR) is Phase.RECEIVED
    assert machine.standing(early, START + 48 * HOUR) is Phase.EXPIRED
    wrote = answered(early, Answer.ANSWERED, START + 2 * HOUR)
    assert machine.standing(wrote, START + 3 * HOUR) is Phase.ANSWERED
