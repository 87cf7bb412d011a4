"""``QueueLedger`` over a SQLAlchemy Core connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, true, update

from amparo.bank import EntryState
from amparo.case.people import Door
from amparo.case.urgency import Urgency
from amparo.core.clock import from_text, to_text
from amparo.core.ids import CaseId, StaffId
from amparo.store.queue.protocol import QueueFilter, QueueLine
from amparo.store.queue.tables import queue_table
from amparo.store.tables import entry_table

_ORDER: Final = (
    queue_table.c.urgency.desc(),
    queue_table.c.next_at.is_(None),
    queue_table.c.next_at,
    queue_table.c.waits.desc(),
    queue_table.c.touched_at,
    queue_table.c.number,
)
_VARIABLES: Final = 20_000
"""How many values one statement may name; SQLite's limit is 32,766."""


class SqlQueue:
    """See ``QueueLedger`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(self, case: CaseId, door: Door, urgency: Urgency, at: datetime) -> None:
        kept = self._connection.execute(
            update(queue_table)
            .where(queue_table.c.case_id == case)
            .values(door=door, urgency=int(urgency), touched_at=to_text(at))
        )
        if kept.rowcount == 0:
            self._connection.execute(
                insert(queue_table).values(
                    case_id=case,
                    door=door,
                    urgency=int(urgency),
                    opened_at=to_text(at),
                    touched_at=to_text(at),
                    waits=1,
                    arrived=1,
                )
            )

    def line(self, case: CaseId) -> QueueLine | None:
        return self._one(queue_table.c.case_id == case)

    def numbered(self, number: int) -> QueueLine | None:
        return self._one(queue_table.c.number == number)

    def lines(self, wanted: QueueFilter, limit: int, offset: int = 0) -> list[QueueLine]:
        query = select(queue_table).where(_condition(wanted)).order_by(*_ORDER).limit(limit).offset(offset)
        return [_line_of(row) for row in self._connection.execute(query)]

    def count(self, wanted: QueueFilter) -> int:
        query = select(func.count()).select_from(queue_table).where(_condition(wanted))
        return self._connection.execute(query).scalar_one()

    def lines_of(self, cases: Sequence[CaseId], limit: int, offset: int = 0) -> list[QueueLine]:
        query = select(queue_table).where(queue_table.c.case_id.in_(list(cases[:_VARIABLES])))
        rows = self._connection.execute(query.order_by(*_ORDER).limit(limit).offset(offset))
        return [_line_of(row) for row in rows]

    def lines_after(self, number: int, limit: int) -> list[QueueLine]:
        query = select(queue_table).where(queue_table.c.number > number).order_by(queue_table.c.number).limit(limit)
        return [_line_of(row) for row in self._connection.execute(query)]

    def count_by_urgency(self) -> dict[Urgency, int]:
        query = select(queue_table.c.urgency, func.count()).group_by(queue_table.c.urgency)
        counted = {int(urgency): int(count) for urgency, count in self._connection.execute(query)}
        return {urgency: counted.get(int(urgency), 0) for urgency in Urgency}

    def opened_by_day(self, since: datetime) -> dict[date, int]:
        day = func.substr(queue_table.c.opened_at, 1, 10)
        query = select(day, func.count()).where(queue_table.c.opened_at >= to_text(since)).group_by(day)
        return {date.fromisoformat(text): int(count) for text, count in self._connection.execute(query)}

    def set_waits(self, case: CaseId, waits: bool) -> None:
        self._change(case, waits=int(waits), arrived=queue_table.c.arrived + int(waits))

    def set_next(self, case: CaseId, next_at: datetime | None) -> None:
        self._change(case, next_at=None if next_at is None else to_text(next_at))

    def assign(self, case: CaseId, to: StaffId | None) -> None:
        self._change(case, assigned_to=to)

    def idle_since(self, before: datetime, limit: int) -> list[QueueLine]:
        protects = select(entry_table.c.id).where(
            entry_table.c.case_id == queue_table.c.case_id,
            entry_table.c.state.in_((EntryState.ACTIVE, EntryState.HELD)),
        )
        query = (
            select(queue_table)
            .where(queue_table.c.touched_at < to_text(before), queue_table.c.next_at.is_(None))
            .where(~protects.exists())
            .order_by(queue_table.c.touched_at)
            .limit(limit)
        )
        return [_line_of(row) for row in self._connection.execute(query)]

    def _one(self, condition: ColumnElement[bool]) -> QueueLine | None:
        row = self._connection.execute(select(queue_table).where(condition)).one_or_none()
        return None if row is None else _line_of(row)

    def _change(self, case: CaseId, **values: Any) -> None:
        self._connection.execute(update(queue_table).where(queue_table.c.case_id == case).values(values))


def _condition(wanted: QueueFilter) -> ColumnElement[bool]:
    asked: list[ColumnElement[bool]] = [true()]
    if wanted.urgency is not None:
        asked.append(queue_table.c.urgency == int(wanted.urgency))
    if wanted.waits is not None:
        asked.append(queue_table.c.waits == int(wanted.waits))
    if wanted.door is not None:
        asked.append(queue_table.c.door == wanted.door)
    if wanted.assigned_to is not None:
        asked.append(queue_table.c.assigned_to == wanted.assigned_to)
    if wanted.unassigned:
        asked.append(queue_table.c.assigned_to.is_(None))
    if wanted.due_before is not None:
        asked.append(queue_table.c.next_at < to_text(wanted.due_before))
    return and_(*asked)


def _line_of(row: Row[Any]) -> QueueLine:
    return QueueLine(
        CaseId(row.case_id),
        row.number,
        Door(row.door),
        Urgency(row.urgency),
        from_text(row.opened_at),
        from_text(row.touched_at),
        bool(row.waits),
        from_text(row.next_at) if row.next_at else None,
        StaffId(row.assigned_to) if row.assigned_to else None,
        row.arrived,
    )
