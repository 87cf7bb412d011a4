"""``NoticeLedger`` over a SQLAlchemy Core connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from amparo.core.clock import from_text, to_text
from amparo.core.errors import Conflict
from amparo.core.ids import CaseId
from amparo.notice.content import NoticeId
from amparo.notice.machine import Phase
from amparo.notice.standing import ClockStanding
from amparo.store.notices.protocol import NoticeFilter, NoticeRecord
from amparo.store.notices.tables import notice_event_table, notice_table


class SqlNotices:
    """See ``NoticeLedger`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: NoticeRecord, sealed: Sequence[bytes]) -> None:
        if self.record(record.id) is not None:
            raise _exists()
        try:
            self._connection.execute(insert(notice_table).values(id=record.id, case_id=record.case, **_line(record)))
        except IntegrityError as error:
            # The case was withdrawn since it was read, or another writer of a shared database was as fast.
            raise _exists() from error
        self._add_events(record.id, record.version - len(sealed), sealed)

    def append(self, record: NoticeRecord, sealed: Sequence[bytes]) -> None:
        seen = record.version - len(sealed)
        moved = self._connection.execute(
            update(notice_table)
            .where(and_(notice_table.c.id == record.id, notice_table.c.version == seen))
            .values(**_line(record))
        )
        if moved.rowcount != 1:
            raise Conflict("notice_moved_on", "Somebody else changed this notice just now. Look again and repeat.")
        self._add_events(record.id, seen, sealed)

    def set_due(self, notice: NoticeId, due_at: datetime | None) -> None:
        self._connection.execute(
            update(notice_table).where(notice_table.c.id == notice).values(due_at=_text(due_at)),
        )

    def record(self, notice: NoticeId) -> NoticeRecord | None:
        row = self._connection.execute(select(notice_table).where(notice_table.c.id == notice)).one_or_none()
        return None if row is None else _record_of(row)

    def sealed_events(self, notice: NoticeId) -> list[bytes]:
        query = (
            select(notice_event_table.c.sealed)
            .where(notice_event_table.c.notice_id == notice)
            .order_by(notice_event_table.c.version)
        )
        return list(self._connection.execute(query).scalars())

    def of_case(self, case: CaseId) -> list[NoticeRecord]:
        # The row's own number tells which came first, whatever the clock said.
        query = select(notice_table).where(notice_table.c.case_id == case).order_by(notice_table.c.number)
        return [_record_of(row) for row in self._connection.execute(query)]

    def due(self, before: datetime, limit: int) -> list[NoticeRecord]:
        query = (
            select(notice_table)
            .where(notice_table.c.due_at <= to_text(before))
            .order_by(notice_table.c.due_at, notice_table.c.number)
            .limit(limit)
        )
        return [_record_of(row) for row in self._connection.execute(query)]

    def lines(self, wanted: NoticeFilter, limit: int, offset: int = 0) -> list[NoticeRecord]:
        query = (
            select(notice_table)
            .where(_condition(wanted))
            .order_by(
                notice_table.c.due_at.is_(None),
                notice_table.c.due_at,
                notice_table.c.changed_at.desc(),
                notice_table.c.number,
            )
            .limit(limit)
            .offset(offset)
        )
        return [_record_of(row) for row in self._connection.execute(query)]

    def count(self, wanted: NoticeFilter) -> int:
        query = select(func.count()).select_from(notice_table).where(_condition(wanted))
        return self._connection.execute(query).scalar_one()

    def count_clocks(self) -> dict[ClockStanding, int]:
        query = select(notice_table.c.clock, func.count()).group_by(notice_table.c.clock)
        return {ClockStanding(clock): int(count) for clock, count in self._connection.execute(query)}

    def count_phases(self) -> dict[Phase, int]:
        query = select(notice_table.c.phase, func.count()).group_by(notice_table.c.phase)
        return {Phase(phase): int(count) for phase, count in self._connection.execute(query)}

    def _add_events(self, notice: NoticeId, after: int, sealed: Sequence[bytes]) -> None:
        rows = [{"notice_id": notice, "version": after + at, "sealed": raw} for at, raw in enumerate(sealed, start=1)]
        if rows:
            self._connection.execute(insert(notice_event_table), rows)


def _exists() -> Conflict:
    return Conflict("notice_exists", "This notice has been drafted already.")


def _line(record: NoticeRecord) -> dict[str, Any]:
    return {
        "pack": record.pack,
        "phase": record.phase,
        "version": record.version,
        "due_at": _text(record.due_at),
        "changed_at": to_text(record.changed_at),
        "clock": record.clock,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def _condition(wanted: NoticeFilter) -> ColumnElement[bool]:
    asked: list[ColumnElement[bool]] = [true()]
    if wanted.phases is not None:
        asked.append(notice_table.c.phase.in_(list(wanted.phases)))
    if wanted.case is not None:
        asked.append(notice_table.c.case_id == wanted.case)
    if wanted.clocked is not None:
        asked.append(notice_table.c.due_at.is_not(None) if wanted.clocked else notice_table.c.due_at.is_(None))
    return and_(*asked)


def _record_of(row: Row[Any]) -> NoticeRecord:
    return NoticeRecord(
        NoticeId(row.id),
        CaseId(row.case_id),
        row.pack,
        Phase(row.phase),
        row.version,
        from_text(row.due_at) if row.due_at else None,
        from_text(row.changed_at),
        ClockStanding(row.clock),
    )
