"""The part of ``Transaction`` that tells of one partner what it was sent, holds and said, and what the desk decided."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, func, insert, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from amparo.bank import EntryState, Opinion
from amparo.core.clock import from_text, to_text
from amparo.core.ids import EntryId, PartnerId
from amparo.signal.fingerprint import SignalType
from amparo.store.protocol import DeskAct, ExportRecord
from amparo.store.tables import (
    change_table,
    desk_act_table,
    entry_table,
    export_table,
    opinion_table,
    sighting_day_table,
    sighting_table,
)

_DAY: Final = len("2026-03-01")


class AccountTransaction:
    """See ``amparo.store.protocol.Transaction`` for what each call promises."""

    _connection: Connection

    def record_act(self, act: DeskAct) -> None:
        values = {"act": act.act, "entry_id": act.entry, "by": act.by, "at": to_text(act.at)}
        self._connection.execute(insert(desk_act_table).values(values))

    def acts(self, limit: int) -> list[DeskAct]:
        query = select(desk_act_table).order_by(desk_act_table.c.id.desc()).limit(limit)
        return [
            DeskAct(row.act, EntryId(row.entry_id), row.by, from_text(row.at))
            for row in self._connection.execute(query)
        ]

    def sightings_since(self, partner: PartnerId, at: datetime) -> int:
        query = select(func.count()).where(sighting_table.c.partner_id == partner, sighting_table.c.at >= to_text(at))
        return self._connection.execute(query).scalar_one()

    def _count_sighting(self, partner: PartnerId, at: datetime) -> None:
        row = upsert(sighting_day_table).values(partner_id=partner, day=to_text(at)[:_DAY], count=1)
        one_more = {"count": sighting_day_table.c["count"] + 1}
        self._connection.execute(row.on_conflict_do_update(index_elements=["partner_id", "day"], set_=one_more))

    def sightings_by_day(self, since: date) -> dict[PartnerId, dict[date, int]]:
        days = sighting_day_table.c
        query = select(days.partner_id, days.day, days["count"]).where(days.day >= since.isoformat())
        counted: dict[PartnerId, dict[date, int]] = {}
        for partner, day, count in self._connection.execute(query):
            counted.setdefault(PartnerId(partner), {})[date.fromisoformat(day)] = int(count)
        return counted

    def exports(self, partner: PartnerId, limit: int) -> list[ExportRecord]:
        query = select(export_table).where(export_table.c.partner_id == partner)
        query = query.order_by(export_table.c.at.desc(), export_table.c.cursor.desc()).limit(limit)
        return [
            ExportRecord(row.after, row.cursor, row.additions, from_text(row.at))
            for row in self._connection.execute(query)
        ]

    def count_received(self, partner: PartnerId) -> dict[SignalType, int]:
        sent = select(func.min(export_table.c.after), func.max(export_table.c.cursor))
        first, last = self._connection.execute(sent.where(export_table.c.partner_id == partner)).one()
        if last is None:
            return {}
        newest = (
            select(func.max(change_table.c.sequence))
            .where(change_table.c.entry_id == entry_table.c.id, change_table.c.reason.is_(None))
            .scalar_subquery()
        )
        query = (
            select(entry_table.c.signal_type, func.count())
            .where(
                entry_table.c.state == EntryState.ACTIVE,
                or_(entry_table.c.canary_of.is_(None), entry_table.c.canary_of == partner),
                newest > first,
                newest <= last,
            )
            .group_by(entry_table.c.signal_type)
        )
        return {SignalType(kind): int(count) for kind, count in self._connection.execute(query)}

    def count_opinions_of(self, partner: PartnerId) -> dict[SignalType, dict[Opinion, int]]:
        query = (
            select(entry_table.c.signal_type, opinion_table.c.opinion, func.count())
            .join(entry_table, entry_table.c.id == opinion_table.c.entry_id)
            .where(opinion_table.c.partner_id == partner)
            .group_by(entry_table.c.signal_type, opinion_table.c.opinion)
        )
        counted: dict[SignalType, dict[Opinion, int]] = {}
        for kind, opinion, count in self._connection.execute(query):
            counted.setdefault(SignalType(kind), {})[Opinion(opinion)] = int(count)
        return counted
