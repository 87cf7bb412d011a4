"""The desk's queue: what is burning, what waits for whom, which clock speaks today. No case is opened for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from amparo.case.people import Door
from amparo.case.urgency import Urgency
from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected
from amparo.core.ids import StaffId
from amparo.hub.context import Hub
from amparo.hub.desk.access import CASES
from amparo.notice.standing import ClockStanding
from amparo.store import Transaction
from amparo.store.queue.protocol import QueueFilter, QueueLine
from amparo.store.staff.protocol import Role, StaffRecord

ROWS: Final = 50
"""How many lines a page shows."""
_SOON: Final = timedelta(days=3)


class Whose(StrEnum):
    ANYBODY = "anybody"
    MINE = "mine"
    NOBODY = "nobody"


class Due(StrEnum):
    """TODAY: a clock speaks before midnight where the hub is, or has spoken. SOON: within three days from now."""

    ANY = "any"
    TODAY = "today"
    SOON = "soon"


@dataclass(frozen=True, slots=True)
class QueueAsk:
    """What somebody wants to see. page: from 1."""

    urgency: Urgency | None = None
    door: Door | None = None
    waits: bool = False
    whose: Whose = Whose.ANYBODY
    due: Due = Due.ANY
    page: int = 1


@dataclass(frozen=True, slots=True)
class QueueRow:
    """late: its nearest clock's hour is over; assignee: a name, or nothing."""

    line: QueueLine
    assignee: str
    mine: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Tallies:
    """What somebody at the desk looks for first. yours: given to who asks, and something from the person is unread; nobodys:
    waiting, and given to nobody; today: cases in which a clock speaks before midnight, or has; ran_out: notices whose time is
    over and that nobody has answered."""

    burning: int
    yours: int
    nobodys: int
    today: int
    ran_out: int
    by_urgency: dict[Urgency, int]

    @property
    def total(self) -> int:
        return sum(self.by_urgency.values())


@dataclass(frozen=True, slots=True)
class QueuePage:
    """asked: with the number of the page that is shown; total: lines that fit, on all pages."""

    asked: QueueAsk
    rows: tuple[QueueRow, ...]
    total: int
    pages: int
    tallies: Tallies


def queue_page(hub: Hub, by: StaffRecord, asked: QueueAsk) -> QueuePage:
    """One page of the queue; past the end, the last one. Raises Rejected ``role_missing``."""
    check_works_on_cases(by)
    now, midnight = hub.clock.now(), end_of_today(hub)
    wanted = _filter(by, asked, now, midnight)
    with hub.store.read() as transaction:
        total = transaction.queue.count(wanted)
        pages = max(1, -(-total // ROWS))
        page = min(max(1, asked.page), pages)
        lines = transaction.queue.lines(wanted, ROWS, (page - 1) * ROWS)
        names = staff_names(transaction)
        tallies = _tallies(transaction, by, midnight)
    rows = tuple(row_of(line, by, names, now) for line in lines)
    shown = QueueAsk(asked.urgency, asked.door, asked.waits, asked.whose, asked.due, page)
    return QueuePage(shown, rows, total, pages, tallies)


def assign(hub: Hub, by: StaffRecord, number: int, to: StaffId | None, seen: StaffId | None) -> None:
    """Give a case to somebody, or to nobody. When this returns, it is on disk.

    seen: to whom the case was given when ``by`` looked. A caseworker takes what is nobody's and gives back what is theirs; a
    supervisor gives any case to anybody who works on cases. Raises Rejected ``role_missing``, ``case_of_another``,
    NotFound ``case_unknown``, Conflict ``case_taken`` where somebody was faster, InvalidInput ``staff_unknown``.
    """
    check_works_on_cases(by)
    with hub.store.write() as transaction:
        line = line_numbered(transaction, number)
        if line.assigned_to != seen:
            raise Conflict("case_taken", "Somebody else has taken or given this case just now. Look again.")
        if by.role is not Role.SUPERVISOR and ({line.assigned_to, to} - {None, by.id}):
            raise Rejected("case_of_another", "Only a supervisor gives a case to somebody else.")
        if to is not None:
            record = transaction.staff.one(to)
            if record is None or record.disabled_at is not None or record.role not in CASES:
                raise InvalidInput("staff_unknown", "Choose somebody who works on cases.")
        transaction.queue.assign(line.case, to)


def mark_read(hub: Hub, by: StaffRecord, number: int, seen: int) -> None:
    """Somebody has read what came in. Nothing more waits, unless it came in since.

    seen: ``QueueLine.arrived`` as ``by`` looked at it: a wish, a signed letter, a clock that ran out and a draft for a sighting
    are news, too, and change no version of the case. Raises Rejected ``role_missing``, NotFound ``case_unknown``,
    Conflict ``case_moved_on``.
    """
    check_works_on_cases(by)
    with hub.store.write() as transaction:
        line = line_numbered(transaction, number)
        if line.arrived != seen:
            raise Conflict("case_moved_on", "Something came in since you opened this page. Look again.")
        transaction.queue.set_waits(line.case, False)


def check_works_on_cases(by: StaffRecord) -> None:
    """Raises Rejected ``role_missing``."""
    if by.role not in CASES:
        raise Rejected("role_missing", "Your role at this desk opens no cases.")


def line_numbered(transaction: Transaction, number: int) -> QueueLine:
    """Raises NotFound ``case_unknown``."""
    # SQLite's integers end there, and so does every number that a case can have.
    line = transaction.queue.numbered(number) if 0 < number < 2**63 else None
    if line is None:
        raise NotFound("case_unknown", "There is no case with this number. It may have been withdrawn.")
    return line


def staff_names(transaction: Transaction) -> dict[StaffId, str]:
    return {one.id: one.name for one in transaction.staff.everyone()}


def case_staff(transaction: Transaction) -> tuple[StaffRecord, ...]:
    """To whom a case can be given, by name."""
    return tuple(one for one in transaction.staff.everyone() if one.disabled_at is None and one.role in CASES)


def row_of(line: QueueLine, by: StaffRecord, names: dict[StaffId, str], now: datetime) -> QueueRow:
    assignee = names.get(line.assigned_to, "") if line.assigned_to is not None else ""
    return QueueRow(line, assignee, line.assigned_to == by.id, line.next_at is not None and line.next_at <= now)


def end_of_today(hub: Hub) -> datetime:
    """The next midnight where the hub is."""
    zone = ZoneInfo(hub.settings.time_zone)
    tomorrow = hub.clock.now().astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone)


def _filter(by: StaffRecord, asked: QueueAsk, now: datetime, midnight: datetime) -> QueueFilter:
    due = {Due.ANY: None, Due.TODAY: midnight, Due.SOON: now + _SOON}[asked.due]
    return QueueFilter(
        urgency=asked.urgency,
        waits=True if asked.waits else None,
        door=asked.door,
        assigned_to=by.id if asked.whose is Whose.MINE else None,
        unassigned=asked.whose is Whose.NOBODY,
        due_before=due,
    )


def _tallies(transaction: Transaction, by: StaffRecord, midnight: datetime) -> Tallies:
    queue = transaction.queue
    by_urgency = queue.count_by_urgency()
    return Tallies(
        burning=by_urgency[Urgency.NOW],
        yours=queue.count(QueueFilter(waits=True, assigned_to=by.id)),
        nobodys=queue.count(QueueFilter(waits=True, unassigned=True)),
        today=queue.count(QueueFilter(due_before=midnight)),
        ran_out=transaction.notices.count_clocks().get(ClockStanding.OVER, 0),
        by_urgency=by_urgency,
    )
