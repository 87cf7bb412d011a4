"""What a store promises for the desk's queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from amparo.case.people import Door
from amparo.case.urgency import Urgency
from amparo.core.ids import CaseId, StaffId


@dataclass(frozen=True, slots=True)
class QueueLine:
    """number: by which the desk calls the case. waits: something is unread. next_at: when the nearest clock of its notices
    warns or ends; touched_at: when anything last happened. arrived: how often something came in that has to be read."""

    case: CaseId
    number: int
    door: Door
    urgency: Urgency
    opened_at: datetime
    touched_at: datetime
    waits: bool = False
    next_at: datetime | None = None
    assigned_to: StaffId | None = None
    arrived: int = 1


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which lines; None asks nothing. unassigned: nobody's only; due_before: those whose ``next_at`` is earlier."""

    urgency: Urgency | None = None
    waits: bool | None = None
    door: Door | None = None
    assigned_to: StaffId | None = None
    unassigned: bool = False
    due_before: datetime | None = None


class QueueLedger(Protocol):
    """Part of a transaction. Lines come with their case (``show``) and go with it."""

    def show(self, case: CaseId, door: Door, urgency: Urgency, at: datetime) -> None:
        """Keep the line of a case current; a new one gets the next number and waits for the desk."""
        ...

    def line(self, case: CaseId) -> QueueLine | None: ...

    def numbered(self, number: int) -> QueueLine | None: ...

    def lines(self, wanted: QueueFilter, limit: int, offset: int = 0) -> list[QueueLine]:
        """Most urgent first, then the nearest clock, then what has waited longest."""
        ...

    def count(self, wanted: QueueFilter) -> int: ...

    def lines_of(self, cases: Sequence[CaseId], limit: int, offset: int = 0) -> list[QueueLine]:
        """The lines of the first 20,000 of these cases, in the order of ``lines``; a case without one is left out."""
        ...

    def lines_after(self, number: int, limit: int) -> list[QueueLine]:
        """Lines with a higher number, by number: to read all of them in steps."""
        ...

    def count_by_urgency(self) -> dict[Urgency, int]:
        """How many lines there are of each; every urgency is there."""
        ...

    def opened_by_day(self, since: datetime) -> dict[date, int]:
        """How many of the lines there are were opened, by the day in UTC; days without any are left out."""
        ...

    def set_waits(self, case: CaseId, waits: bool) -> None:
        """True counts one more that ``arrived``, also where something waits already."""
        ...

    def set_next(self, case: CaseId, next_at: datetime | None) -> None: ...

    def assign(self, case: CaseId, to: StaffId | None) -> None: ...

    def idle_since(self, before: datetime, limit: int) -> list[QueueLine]:
        """Cases in which nothing has happened since, that no clock runs for, and that protect nothing any more (every entry
        has ended), the longest untouched first: what retention looks at."""
        ...
