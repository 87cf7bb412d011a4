"""What the desk counts: clocks, sightings over time, cases opened, how urgent they are. Numbers only, and all from the database's
readable lines: no case is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from amparo.case.urgency import Urgency
from amparo.hub.commands.queue import end_of_today
from amparo.hub.context import Hub
from amparo.notice.standing import ClockStanding
from amparo.store import Transaction
from amparo.store.queue.protocol import QueueFilter

WEEKS: Final = 26
DAYS_AHEAD: Final = 14
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ByWeek:
    """One number for each of the last 26 weeks, by their Mondays, oldest first; days are those of UTC."""

    name: str
    weeks: tuple[tuple[date, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.weeks)


@dataclass(frozen=True, slots=True)
class Figures:
    """overdue: cases whose nearest clock has spoken or ended already; due: cases by the day on which their nearest clock speaks,
    today first; clocks: of notices, by how they stand; opened: cases opened each week that are still there, for of others
    nothing is kept; sightings: by partner, the most first."""

    at: datetime
    by_urgency: dict[Urgency, int]
    waiting: int
    nobodys: int
    overdue: int
    due: tuple[tuple[date, int], ...]
    clocks: dict[ClockStanding, int]
    opened: ByWeek
    sightings: tuple[ByWeek, ...]


def figures(hub: Hub) -> Figures:
    """All of it in one consistent picture."""
    now, midnight = hub.clock.now(), end_of_today(hub)
    monday = _monday(now.date())
    since = datetime.combine(monday - (WEEKS - 1) * _WEEK, time(), UTC)
    with hub.store.read() as transaction:
        names = {partner.id: partner.name for partner in transaction.partners()}
        sighted = transaction.sightings_by_day(since.date())
        opened = transaction.queue.opened_by_day(since)
        overdue, due = _due(transaction, now, midnight)
        clocks = transaction.notices.count_clocks()
        by_urgency = transaction.queue.count_by_urgency()
        waiting = transaction.queue.count(QueueFilter(waits=True))
        nobodys = transaction.queue.count(QueueFilter(waits=True, unassigned=True))
    sightings = [_weeks(names[partner], counted, monday) for partner, counted in sighted.items()]
    return Figures(
        at=now,
        by_urgency=by_urgency,
        waiting=waiting,
        nobodys=nobodys,
        overdue=overdue,
        due=due,
        clocks={standing: clocks.get(standing, 0) for standing in ClockStanding if standing is not ClockStanding.NONE},
        opened=_weeks("Cases opened", opened, monday),
        sightings=tuple(sorted(sightings, key=lambda one: (-one.total, one.name))),
    )


def _due(transaction: Transaction, now: datetime, midnight: datetime) -> tuple[int, tuple[tuple[date, int], ...]]:
    """How many clocks have spoken, and how many speak on each of the next days where the hub is."""
    before = overdue = transaction.queue.count(QueueFilter(due_before=now))
    days: list[tuple[date, int]] = []
    for ahead in range(DAYS_AHEAD):
        # Calendar days: where the clocks change, one of them is not 24 hours long.
        end = datetime.combine(midnight.date() + ahead * _DAY, time(), midnight.tzinfo)
        counted = transaction.queue.count(QueueFilter(due_before=end))
        days.append((end.date() - _DAY, counted - before))
        before = counted
    return overdue, tuple(days)


def _weeks(name: str, by_day: Mapping[date, int], monday: date) -> ByWeek:
    counted: dict[date, int] = {}
    for day, count in by_day.items():
        counted[_monday(day)] = counted.get(_monday(day), 0) + count
    mondays = (monday - back * _WEEK for back in reversed(range(WEEKS)))
    return ByWeek(name, tuple((start, counted.get(start, 0)) for start in mondays))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
