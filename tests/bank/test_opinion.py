"""Which opinions of whom put a hold on an entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.bank.opinion import Opinion, Standing, must_hold, weight
from amparo.core.ids import PartnerId

C, R, A = Opinion.CONFIRM, Opinion.REJECT, Opinion.ASK


def told(*opinions: Opinion) -> dict[PartnerId, Opinion]:
    return {PartnerId(str(number)): opinion for number, opinion in enumerate(opinions)}


@pytest.mark.parametrize(
    ("opinions", "held"),
    [
        ((), False),
        ((R,), False),
        ((R, R), True),
        ((R, A, A, A), False),
        ((R, R, A), True),
        ((R, R, C), True),
        ((R, R, C, C), False),
        ((R, R, R, C, C), True),
        ((C, C, C), False),
    ],
)
def test_several_partners_must_reject_and_outweigh_those_who_confirm(opinions: tuple[Opinion, ...], held: bool) -> None:
    assert must_hold(told(*opinions), {}) is held


def test_a_partner_that_rejects_everything_loses_its_weight() -> None:
    assert weight(Standing()) == 1
    assert weight(Standing(3, 3)) == 1
    assert weight(Standing(100, 50)) == 1
    assert weight(Standing(50, 50)) < 0.12
    assert weight(Standing(1000, 1000)) < 0.01


def test_a_rejecter_of_everything_holds_nothing_with_one_honest_partner_but_two_honest_ones_do() -> None:
    everything = {PartnerId("0"): Standing(500, 500)}
    assert not must_hold(told(R, R), everything)
    assert must_hold(told(R, R, R), everything)


def test_a_crowd_of_rejecters_of_everything_holds_nothing() -> None:
    opinions = told(*[R] * 10)
    assert not must_hold(opinions, dict.fromkeys(opinions, Standing(500, 500)))


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_weight_lies_between_nothing_and_one_and_falls_with_every_rejection(kept: int, rejections: int) -> None:
    now = weight(Standing(kept + rejections, rejections))
    assert 0 < now <= 1
    assert weight(Standing(kept + rejections + 1, rejections + 1)) <= now
    assert weight(Standing(kept + rejections + 1, rejections)) >= now


@given(st.lists(st.sampled_from(list(Opinion)), max_size=8), st.data())
def test_a_confirmation_never_helps_a_hold_and_a_rejection_never_ends_one(
    opinions: list[Opinion], data: st.DataObject
) -> None:
    partners = [PartnerId(str(number)) for number in range(len(opinions) + 1)]
    histories = st.integers(0, 100).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
    standings = {partner: Standing(*data.draw(histories)) for partner in partners}
    before = must_hold(told(*opinions), standings)
    assert before or not must_hold(told(*opinions, C), standings)
    assert must_hold(told(*opinions, A), standings) is before
    assert not before or must_hold(told(*opinions, R), standings)
