"""What may be done to a notice, by whom, and in which order, one promise by one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected
from amparo.notice import machine
from amparo.notice.content import NoticeId, NoticeIncomplete
from amparo.notice.letter import render
from amparo.notice.machine import (
    Answer,
    Channel,
    NoticeState,
    Origin,
    Phase,
    Proof,
)
from tests.notice.lives import HOUR, MADRID, MAIL, answered, apply, approved, drafted, received, sent
from tests.notice.samples import ID, START, complete, pack, without_sender


def test_an_answer_is_taken_down_while_our_clock_is_set_back_before_the_sending() -> None:
    state = sent()
    now = START - timedelta(days=1)
    assert machine.record_answer(state, now, "worker", Answer.REMOVED, START + timedelta(minutes=5), "")
    assert machine.prove_receipt(state, now, "worker", START, Proof.IN_PERSON, "")


@pytest.mark.parametrize("off", [timedelta(hours=-2), timedelta(hours=2)])
def test_moments_that_cannot_be_are_refused(off: timedelta) -> None:
    state = sent()
    for command in (
        lambda: machine.prove_receipt(state, START, "worker", START + off, Proof.IN_PERSON, ""),
        lambda: machine.record_answer(state, START, "worker", Answer.REMOVED, START + off, ""),
        lambda: machine.prove_receipt(state, START, "worker", START.replace(tzinfo=None), Proof.IN_PERSON, ""),
    ):
        with pytest.raises(InvalidInput) as caught:
            command()
        assert caught.value.code == "moment_impossible"


def test_what_is_approved_is_kept_as_it_was_read() -> None:
    state = sent()
    assert state.approved is not None
    assert state.approved.rendered == render(complete("us-take-it-down"), pack("us-take-it-down"))


def test_two_caseworkers_the_slower_one_reads_again() -> None:
    state = drafted()
    read = render(complete("us-take-it-down"), pack("us-take-it-down")).digest
    changed = replace(complete("us-take-it-down"), addressee="Another Platform")
    state = apply(state, machine.revise(state, START, "first", changed))
    with pytest.raises(Conflict) as caught:
        machine.approve(state, START, "second", read, pack("us-take-it-down"))
    assert caught.value.code == "notice_changed"


@pytest.mark.parametrize("changes", [{"addressee": "Another Platform"}, {"to": "other@platform.example.com"}])
def test_a_changed_notice_needs_a_new_approval_and_gets_it(changes: dict[str, str]) -> None:
    notice = replace(complete("us-take-it-down"), **changes)
    state = apply(approved(), machine.revise(approved(), START, "worker", notice))
    with pytest.raises(Rejected) as caught:
        machine.record_sent(state, START, Channel.EMAIL, MAIL)
    assert caught.value.code == "notice_not_approved"
    digest = render(notice, pack("us-take-it-down")).digest
    state = apply(state, machine.approve(state, START, "worker", digest, pack("us-take-it-down")))
    assert state.phase is Phase.APPROVED
    assert machine.record_sent(state, START, Channel.EMAIL, MAIL)


def test_what_came_back_is_sent_again_to_another_address_after_a_new_approval() -> None:
    state = apply(sent(), machine.record_failure(sent(), START, MAIL, "no such mailbox"))
    assert machine.record_sent(state, START, Channel.FORM, "7"), "the same text may go again"
    notice = replace(complete("us-take-it-down"), to="other@platform.example.com")
    state = apply(state, machine.revise(state, START, "worker", notice))
    assert state.phase is Phase.DRAFTED
    assert len(state.failures) == 1


def test_commands_repeated_change_nothing() -> None:
    state = received()
    digest = state.approved.rendered.digest if state.approved else ""
    assert machine.approve(approved(), START + HOUR, "other", digest, pack("us-take-it-down")) == ()
    assert machine.revise(approved(), START + HOUR, "other", complete("us-take-it-down")) == ()
    assert machine.record_sent(state, START + HOUR, Channel.EMAIL, MAIL) == ()
    failed = apply(sent(), machine.record_failure(sent(), START, MAIL, "full"))
    assert machine.record_failure(failed, START, MAIL, "full") == ()
    removed = answered(state, Answer.REMOVED, START + HOUR)
    assert machine.record_answer(removed, START + 2 * HOUR, "other", Answer.REMOVED, START + HOUR, "words") == ()
    gone = apply(state, machine.abandon(state, START, "worker", "x"))
    assert machine.abandon(gone, START, "worker", "y") == ()


@pytest.mark.parametrize("by", ["", "  "])
def test_nothing_is_decided_by_nobody(by: str) -> None:
    digest = render(complete("us-take-it-down"), pack("us-take-it-down")).digest
    for command in (
        lambda: machine.revise(drafted(), START, by, complete("us-take-it-down")),
        lambda: machine.approve(drafted(), START, by, digest, pack("us-take-it-down")),
        lambda: machine.prove_receipt(sent(), START, by, START, Proof.IN_PERSON, ""),
        lambda: machine.record_answer(sent(), START, by, Answer.REMOVED, START, ""),
        lambda: machine.abandon(sent(), START, by, ""),
    ):
        with pytest.raises(Rejected) as caught:
            command()
        assert caught.value.code == "decision_needed"


def test_an_incomplete_notice_cannot_be_approved() -> None:
    state = drafted()
    state = apply(state, machine.revise(state, START, "worker", without_sender(complete("us-take-it-down"))))
    with pytest.raises(NoticeIncomplete) as caught:
        machine.approve(state, START, "worker", "0" * 64, pack("us-take-it-down"))
    assert caught.value.missing == ("signature", "contact")


def test_a_rule_switched_off_meanwhile_cannot_be_approved() -> None:
    with pytest.raises(Rejected) as caught:
        machine.approve(drafted(), START, "worker", "0" * 64, replace(pack("us-take-it-down"), enabled=False))
    assert caught.value.code == "rule_pack_off"


def test_steps_out_of_order_are_refused_by_name() -> None:
    removed = answered(received(), Answer.REMOVED, START + HOUR)
    refused = answered(received(), Answer.REFUSED, START + HOUR)
    other = complete("eu-dsa-16")
    cases: list[tuple[Callable[[], object], type[AmparoError], str]] = [
        (
            lambda: machine.draft(drafted(), START, other, pack("eu-dsa-16"), Origin.PERSON, MADRID),
            Conflict,
            "notice_exists",
        ),
        (lambda: machine.revise(sent(), START, "w", other), Conflict, "notice_sent"),
        (lambda: machine.revise(drafted(), START, "w", other), InvalidInput, "notice_of_other_pack"),
        (lambda: machine.approve(sent(), START, "w", "0", pack("eu-dsa-16")), Conflict, "notice_sent"),
        (lambda: machine.record_sent(drafted(), START, Channel.FORM, "7"), Rejected, "notice_not_approved"),
        (lambda: machine.record_sent(sent(), START, Channel.FORM, "7"), Conflict, "notice_sent"),
        (lambda: machine.record_sent(approved(), START, Channel.FORM, " "), InvalidInput, "reference_missing"),
        (lambda: machine.record_failure(approved(), START, "7", ""), InvalidInput, "reference_unknown"),
        (lambda: machine.record_failure(received(), START, MAIL, ""), Conflict, "notice_received"),
        (
            lambda: machine.prove_receipt(approved(), START, "w", START, Proof.IN_PERSON, ""),
            Conflict,
            "notice_not_sent",
        ),
        (lambda: machine.record_answer(removed, START, "w", Answer.REFUSED, START, ""), Conflict, "notice_closed"),
        (lambda: machine.record_answer(refused, START, "w", Answer.ANSWERED, START, ""), Conflict, "notice_refused"),
        (lambda: machine.abandon(removed, START, "w", ""), Conflict, "notice_closed"),
    ]
    for command, kind, code in cases:
        with pytest.raises(kind) as caught:
            command()
        assert caught.value.code == code


def test_a_notice_that_never_was_is_not_found() -> None:
    nothing = NoticeState(ID)
    for command in (
        lambda: machine.revise(nothing, START, "w", complete("eu-dsa-16")),
        lambda: machine.approve(nothing, START, "w", "0", pack("eu-dsa-16")),
        lambda: machine.record_sent(nothing, START, Channel.FORM, "7"),
        lambda: machine.record_failure(nothing, START, "7", ""),
        lambda: machine.prove_receipt(nothing, START, "w", START, Proof.IN_PERSON, ""),
        lambda: machine.record_answer(nothing, START, "w", Answer.REMOVED, START, ""),
        lambda: machine.abandon(nothing, START, "w", ""),
    ):
        with pytest.raises(NotFound) as caught:
            command()
        assert caught.value.code == "notice_unknown"


def test_a_draft_carries_its_own_identifier_and_a_known_zone() -> None:
    notice, rule_pack = complete("eu-dsa-16"), pack("eu-dsa-16")
    for state, zone, code in (
        (NoticeState(NoticeId("a" * 32)), MADRID, "notice_id_invalid"),
        (NoticeState(ID), "Mars/Olympus", "time_zone_unknown"),
    ):
        with pytest.raises(InvalidInput) as caught:
            machine.draft(state, START, notice, rule_pack, Origin.PERSON, zone)
        assert caught.value.code == code


def test_a_refusal_may_still_turn_into_a_removal() -> None:
    state = answered(answered(received(), Answer.REFUSED, START + HOUR), Answer.REMOVED, START + 2 * HOUR)
    assert state.phase is Phase.REMOVED


def test_each_approval_is_told_from_the_one_before_even_of_the_same_text() -> None:
    first = approved()
    assert first.approved_version == first.version
    assert first.notice is not None
    changed = apply(
        first, machine.revise(first, START, "worker", replace(complete("us-take-it-down"), addressee="Another"))
    )
    back = apply(changed, machine.revise(changed, START, "worker", first.notice))
    digest = render(first.notice, pack("us-take-it-down")).digest
    again = apply(back, machine.approve(back, START, "worker", digest, pack("us-take-it-down")))
    assert again.approved_version > first.approved_version
