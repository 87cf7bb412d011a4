"""How a notice's clock stands, in one word."""

from __future__ import annotations

from datetime import timedelta

from amparo.notice import machine
from amparo.notice.machine import Answer, NoticeState, Proof
from amparo.notice.standing import ClockStanding, clock_standing
from tests.notice.lives import HOUR, apply, drafted, sent
from tests.notice.samples import START


def received() -> NoticeState:
    state = sent()
    return apply(state, machine.prove_receipt(state, START + HOUR, "worker", START + HOUR, Proof.ACKNOWLEDGEMENT, ""))


def removed(state: NoticeState, after: timedelta) -> NoticeState:
    at = START + after
    return apply(state, machine.record_answer(state, at, "worker", Answer.REMOVED, at, ""))


def test_a_clock_that_has_not_started_stands_nowhere() -> None:
    assert clock_standing(drafted()) is ClockStanding.NONE
    assert clock_standing(sent()) is ClockStanding.NONE


def test_it_runs_from_proof_of_receipt_until_it_is_met() -> None:
    assert clock_standing(received()) is ClockStanding.RUNNING
    assert clock_standing(removed(received(), 2 * HOUR)) is ClockStanding.MET


def test_it_is_over_once_it_ran_out_and_met_late_when_something_comes_then() -> None:
    over = apply(received(), machine.tick(received(), START + 50 * HOUR, ()))
    assert clock_standing(over) is ClockStanding.OVER
    assert clock_standing(removed(over, 60 * HOUR)) is ClockStanding.LATE


def test_what_was_given_up_counts_nowhere() -> None:
    state = received()
    assert clock_standing(apply(state, machine.abandon(state, START + HOUR, "worker", ""))) is ClockStanding.NONE
