"""Clocks of notices over restarts, wrong clocks, nights when the hour changes, and two hubs at once: each speaks once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.clock import SteppedClock
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.commands.notice_view import notice_page
from amparo.hub.context import Hub, HubSettings
from amparo.hub.jobs.worker import Worker
from amparo.notice.content import NoticeId
from amparo.notice.machine import Answer, ClockRanOut, ClockWarned, Event, Phase
from amparo.notice.next_step import StepKind
from tests.hub.hubs import open_hub
from tests.hub.noticing import Town, all_notices, received, state_of, town

HOUR = timedelta(hours=1)
MADRID = ZoneInfo("Europe/Madrid")


def events_of(hub: Hub, notice: NoticeId) -> list[Event]:
    opened = state_of(hub, notice)
    with hub.store.read() as transaction:
        return opened.key.open_notice(notice, transaction.notices.sealed_events(notice))


def told(hub: Hub, notice: NoticeId) -> list[str]:
    """What the clock has said, in order."""
    return [
        "over" if isinstance(event, ClockRanOut) else f"{event.share}"
        for event in events_of(hub, notice)
        if isinstance(event, ClockRanOut | ClockWarned)
    ]


def next_at(place: Town) -> datetime | None:
    with place.hub.store.read() as transaction:
        line = transaction.queue.line(place.case)
    assert line is not None
    return line.next_at


def test_it_warns_twice_and_ends_once_and_the_queue_follows(hub: Hub, clock: SteppedClock) -> None:
    place = town(hub)
    notice = received(place)
    start = clock.now()
    assert next_at(place) == start + 24 * HOUR
    for at, said in ((23, []), (24, ["50"]), (30, ["50"]), (44, ["50", "90"]), (48, ["50", "90", "over"])):
        clock.advance(start + at * HOUR - clock.now())
        look_at_clocks(hub)
        look_at_clocks(hub)
        assert told(hub, notice) == said
    assert next_at(place) is None
    assert all_notices(hub)[0].phase is Phase.EXPIRED
    with hub.store.read() as transaction:
        line = transaction.queue.line(place.case)
    assert line is not None
    assert line.waits


def test_after_a_restart_the_end_that_came_meanwhile_is_told_alone(tmp_path: Path) -> None:
    hub, clock = open_hub(tmp_path)
    notice = received(town(hub))
    hub.close()
    clock.advance(timedelta(days=9))
    again = Hub.open(tmp_path, HubSettings(canaries=0), clock)
    assert look_at_clocks(again) == 1
    assert told(again, notice) == ["over"]
    again.close()


def test_a_clock_set_back_says_nothing_twice_and_nothing_early(hub: Hub, clock: SteppedClock) -> None:
    notice = received(town(hub))
    clock.advance(25 * HOUR)
    look_at_clocks(hub)
    clock.advance(-25 * HOUR)
    look_at_clocks(hub)
    clock.advance(25 * HOUR)
    look_at_clocks(hub)
    assert told(hub, notice) == ["50"]
    clock.advance(23 * HOUR)
    look_at_clocks(hub)
    assert told(hub, notice) == ["50", "over"]


def test_a_clock_that_ran_ahead_for_a_while_leaves_no_false_end_standing(hub: Hub, clock: SteppedClock) -> None:
    place = town(hub)
    notice = received(place)
    start = clock.now()
    clock.advance(timedelta(days=365))
    look_at_clocks(hub)
    assert told(hub, notice) == ["over"]
    clock.advance(-timedelta(days=365))
    page = notice_page(hub, place.by, notice)
    assert page.phase is Phase.RECEIVED
    assert page.period is not None
    assert not page.period.over
    assert page.steps == ()
    # Whatever is recorded next puts the right hour back into the queue, and the end is then found again at its moment.
    from amparo.hub.commands import notices

    notices.record_answer(hub, place.by, notice, Answer.ANSWERED, clock.now(), "We look at it.")
    assert next_at(place) == start + 48 * HOUR
    clock.advance(48 * HOUR)
    look_at_clocks(hub)
    assert next_at(place) is None
    assert told(hub, notice) == ["over"]
    page = notice_page(hub, place.by, notice)
    assert page.period is not None
    assert page.period.over
    assert StepKind.ASK_AGAIN in {one.step.kind for one in page.steps}


def test_two_hubs_on_one_database_tell_each_moment_once(tmp_path: Path) -> None:
    hub, clock = open_hub(tmp_path)
    notice_ids = [received(town(hub)) for _ in range(3)]
    other = Hub.open(tmp_path, HubSettings(canaries=0), clock)
    for _ in range(3):
        clock.advance(24 * HOUR)
        threads = [threading.Thread(target=look_at_clocks, args=(one,)) for one in (hub, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for notice in notice_ids:
        assert told(hub, notice) == ["50", "over"]
    other.close()
    hub.close()


def test_forty_eight_hours_are_elapsed_hours_and_a_month_ends_with_its_day_where_the_hub_is(tmp_path: Path) -> None:
    """Received on the last Saturday of October; the night after it has 25 hours in Madrid."""
    hub, clock = open_hub(tmp_path)
    clock.advance(datetime(2026, 10, 24, 20, tzinfo=MADRID) - clock.now())
    place = town(hub)
    hours, month = received(place), received(place, "eu-gdpr-17")
    ends = [whole.end for one in (hours, month) if (whole := state_of(hub, one).state.span)]
    assert ends == [datetime(2026, 10, 26, 19, tzinfo=MADRID), datetime(2026, 11, 25, 0, tzinfo=MADRID)]
    clock.advance(datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC) - clock.now())
    look_at_clocks(hub)
    assert told(hub, month)[-1] != "over"
    clock.advance(timedelta(seconds=1))
    look_at_clocks(hub)
    assert told(hub, month)[-1] == "over"
    hub.close()


def test_the_zone_stays_that_of_the_draft(tmp_path: Path) -> None:
    hub, clock = open_hub(tmp_path)
    notice = received(town(hub), "eu-gdpr-17")
    before = state_of(hub, notice).state.span
    hub.close()
    moved = Hub.open(tmp_path, HubSettings(canaries=0, time_zone="Asia/Tokyo"), clock)
    assert state_of(moved, notice).state.span == before
    moved.close()


def test_a_notice_that_cannot_be_read_does_not_silence_the_others(hub: Hub, clock: SteppedClock) -> None:
    first, second = received(town(hub)), received(town(hub))
    engine = hub.store._engine  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType,reportUnknownVariableType]  # damage
    with engine.begin() as connection:  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        connection.exec_driver_sql(  # pyright: ignore[reportUnknownMemberType]
            "UPDATE notice_event SET sealed = x'00' WHERE notice_id = ? AND version = 1", (first,)
        )
    clock.advance(48 * HOUR)
    assert look_at_clocks(hub) == 1
    assert told(hub, second) == ["over"]


def test_the_worker_looks_at_once_when_it_starts(hub: Hub, clock: SteppedClock) -> None:
    notice = received(town(hub))
    clock.advance(48 * HOUR)
    worker = Worker(hub)
    worker.start()
    end = threading.Event()
    for _ in range(200):
        if told(hub, notice):
            break
        end.wait(0.05)
    assert worker.stop()
    assert told(hub, notice) == ["over"]


@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.integers(min_value=-60, max_value=90), min_size=1, max_size=12))
def test_however_the_hands_are_moved_each_moment_is_told_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    hub, clock = open_hub(tmp_path_factory.mktemp("hub"))
    place = town(hub)
    notice = received(place)
    start, furthest = clock.now(), clock.now()
    for hours in steps:
        clock.advance(hours * HOUR)
        furthest = max(furthest, clock.now())
        look_at_clocks(hub)
        look_at_clocks(hub)
    said = told(hub, notice)
    assert len(said) == len(set(said))
    assert ("over" in said) == (furthest >= start + 48 * HOUR)
    page = notice_page(hub, place.by, notice)
    assert (page.phase is Phase.EXPIRED) == (clock.now() >= start + 48 * HOUR and "over" in said)
    hub.close()
