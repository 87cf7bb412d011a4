"""``IncidentLedger`` over a SQLAlchemy Core connection."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from amparo.core.clock import from_text, to_text
from amparo.core.ids import CaseId, IncidentId, StaffId
from amparo.store.incidents.protocol import ApartRecord, CasesMark, IncidentLine, IncidentRecord, LinkRecord
from amparo.store.incidents.tables import apart_table, incident_case_table, incident_table
from amparo.store.queue.tables import queue_table
from amparo.store.tables import case_table


class SqlIncidents:
    """See ``IncidentLedger`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, record: IncidentRecord) -> None:
        self._connection.execute(
            insert(incident_table).values(
                id=record.id,
                sealed_title=record.sealed_title,
                opened_at=to_text(record.opened_at),
                opened_by=record.opened_by,
            )
        )

    def incident(self, incident: IncidentId) -> IncidentRecord | None:
        query = select(incident_table).where(incident_table.c.id == incident)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _incident_of(row)

    def retitle(self, incident: IncidentId, sealed_title: bytes) -> None:
        place = incident_table.c.id == incident
        self._connection.execute(update(incident_table).where(place).values(sealed_title=sealed_title))

    def lines(self, limit: int, offset: int = 0) -> list[IncidentLine]:
        newest = func.max(incident_case_table.c.linked_at)
        query = (
            select(incident_table, func.count().label("cases"), newest.label("linked_at"))
            .join(incident_case_table, incident_case_table.c.incident_id == incident_table.c.id)
            .group_by(incident_table.c.id)
            .order_by(newest.desc(), incident_table.c.id)
            .limit(limit)
            .offset(offset)
        )
        return [
            IncidentLine(_incident_of(row), row.cases, from_text(row.linked_at))
            for row in self._connection.execute(query)
        ]

    def count(self) -> int:
        query = select(func.count(incident_case_table.c.incident_id.distinct()))
        return self._connection.execute(query).scalar_one()

    def link(self, record: LinkRecord) -> None:
        known = self.link_of(record.case)
        if known is not None and known.incident == record.incident:
            return
        self._connection.execute(delete(incident_case_table).where(incident_case_table.c.case_id == record.case))
        values = {
            "case_id": record.case,
            "incident_id": record.incident,
            "linked_by": record.linked_by,
            "linked_at": to_text(record.linked_at),
        }
        self._connection.execute(insert(incident_case_table).values(values))
        if known is not None:
            self._drop_if_empty(known.incident)

    def unlink(self, case: CaseId) -> IncidentId | None:
        known = self.link_of(case)
        if known is None:
            return None
        self._connection.execute(delete(incident_case_table).where(incident_case_table.c.case_id == case))
        self._drop_if_empty(known.incident)
        return known.incident

    def link_of(self, case: CaseId) -> LinkRecord | None:
        query = select(incident_case_table).where(incident_case_table.c.case_id == case)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _link_of(row)

    def cases(self, incident: IncidentId) -> list[LinkRecord]:
        query = (
            select(incident_case_table)
            .where(incident_case_table.c.incident_id == incident)
            .order_by(incident_case_table.c.linked_at, incident_case_table.c.case_id)
        )
        return [_link_of(row) for row in self._connection.execute(query)]

    def links(self) -> dict[CaseId, IncidentId]:
        query = select(incident_case_table.c.case_id, incident_case_table.c.incident_id)
        return {CaseId(case): IncidentId(incident) for case, incident in self._connection.execute(query)}

    def say_apart(self, record: ApartRecord) -> None:
        first, second = sorted((record.first, record.second))
        known = select(apart_table.c.said_at).where(_pair(first, second))
        if self._connection.execute(known).one_or_none() is None:
            values = {
                "first_case": first,
                "second_case": second,
                "said_by": record.said_by,
                "said_at": to_text(record.said_at),
            }
            self._connection.execute(insert(apart_table).values(values))

    def unsay_apart(self, first: CaseId, second: CaseId) -> None:
        self._connection.execute(delete(apart_table).where(_pair(*sorted((first, second)))))

    def apart(self) -> list[ApartRecord]:
        query = select(apart_table).order_by(
            apart_table.c.said_at.desc(), apart_table.c.first_case, apart_table.c.second_case
        )
        return [
            ApartRecord(CaseId(row.first_case), CaseId(row.second_case), StaffId(row.said_by), from_text(row.said_at))
            for row in self._connection.execute(query)
        ]

    def mark(self) -> CasesMark:
        # Numbers are never given out twice and versions only grow, so no two different states have one mark.
        newest = select(func.coalesce(func.max(queue_table.c.number), 0)).scalar_subquery()
        query = select(newest, func.count(), func.coalesce(func.sum(case_table.c.version), 0)).select_from(case_table)
        return CasesMark(*self._connection.execute(query).one())

    def drop_empty(self) -> None:
        there = select(incident_case_table.c.incident_id)
        self._connection.execute(delete(incident_table).where(incident_table.c.id.not_in(there)))

    def _drop_if_empty(self, incident: IncidentId) -> None:
        there = select(incident_case_table.c.incident_id)
        empty = and_(incident_table.c.id == incident, incident_table.c.id.not_in(there))
        self._connection.execute(delete(incident_table).where(empty))


def _pair(first: str, second: str) -> Any:
    return and_(apart_table.c.first_case == first, apart_table.c.second_case == second)


def _incident_of(row: Row[Any]) -> IncidentRecord:
    return IncidentRecord(IncidentId(row.id), row.sealed_title, from_text(row.opened_at), StaffId(row.opened_by))


def _link_of(row: Row[Any]) -> LinkRecord:
    return LinkRecord(
        CaseId(row.case_id), IncidentId(row.incident_id), StaffId(row.linked_by), from_text(row.linked_at)
    )
