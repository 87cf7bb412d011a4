"""Bodies of many senders share one budget of memory."""

from __future__ import annotations

import asyncio
import threading

import pytest

from amparo.core.errors import InvalidInput, Unavailable
from amparo.gate.body_budget import BodyBudget, Share


async def take(share: Share, count: int, *, in_thread: bool) -> None:
    if in_thread:
        await asyncio.to_thread(share.take_here, count)
    else:
        await share.take(count)


@pytest.mark.parametrize("in_thread", [False, True], ids=["on a loop", "in a thread"])
def test_what_does_not_fit_is_sent_away_with_a_time_to_come_again(in_thread: bool) -> None:
    budget = BodyBudget(100, 0.05)
    with budget.share() as first, budget.share() as second:
        asyncio.run(take(first, 60, in_thread=in_thread))
        with pytest.raises(Unavailable) as refused:
            asyncio.run(take(second, 41, in_thread=in_thread))
        assert (refused.value.code, refused.value.retry_after) == ("bodies_too_many", 0.05)
        asyncio.run(take(second, 40, in_thread=in_thread))
        assert budget.taken == 100
    assert budget.taken == 0


@pytest.mark.parametrize("in_thread", [False, True], ids=["on a loop", "in a thread"])
def test_whoever_waits_goes_on_as_soon_as_another_ends(in_thread: bool) -> None:
    budget = BodyBudget(100, 60.0)
    asked, done = threading.Event(), threading.Event()

    def wait_for_room() -> None:
        with budget.share() as share:
            asked.set()
            asyncio.run(take(share, 100, in_thread=in_thread))
            assert budget.taken == 100
            done.set()

    with budget.share() as first:
        asyncio.run(first.take(1))
        waiting = threading.Thread(target=wait_for_room)
        waiting.start()
        assert asked.wait(20)
        assert not done.is_set()
    waiting.join(20)
    assert done.is_set()
    assert budget.taken == 0


def test_a_body_that_is_alone_may_be_longer_than_the_budget() -> None:
    budget = BodyBudget(100, 0.01)
    with budget.share() as share:
        asyncio.run(share.take(90))
        asyncio.run(share.take(90))
        assert budget.taken == 180


def break_off(budget: BodyBudget) -> None:
    with budget.share() as share:
        asyncio.run(share.take(90))
        raise ZeroDivisionError


def test_a_body_that_broke_off_gives_back_what_it_held() -> None:
    budget = BodyBudget(100, 0.01)
    with pytest.raises(ZeroDivisionError):
        break_off(budget)
    assert budget.taken == 0


@pytest.mark.parametrize(("total", "seconds"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_budget_of_nothing_is_refused(total: int, seconds: float) -> None:
    with pytest.raises(InvalidInput):
        BodyBudget(total, seconds)
