"""The part of ``Transaction`` that holds what partners say: opinions, recalls, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from amparo.bank import Opinion
from amparo.core.clock import from_text, to_text
from amparo.core.ids import EntryId, PartnerId
from amparo.store.protocol import Alert, AlertKind, OpinionRecord, RecallRecord
from amparo.store.tables import alert_table, opinion_table, recall_table


class ReportTransaction:
    """See ``amparo.store.protocol.Transaction`` for what each call promises."""

    _connection: Connection

    def record_opinion(self, record: OpinionRecord) -> None:
        values = {
            "partner_id": record.partner,
            "entry_id": record.entry,
            "opinion": record.opinion,
            "at": to_text(record.at),
            "settled": int(record.settled),
        }
        newest = {name: values[name] for name in ("opinion", "at", "settled")}
        row = upsert(opinion_table).values(values)
        self._connection.execute(row.on_conflict_do_update(index_elements=["partner_id", "entry_id"], set_=newest))

    def opinions(self, entry: EntryId) -> list[OpinionRecord]:
        query = select(opinion_table).where(opinion_table.c.entry_id == entry).order_by(opinion_table.c.at)
        return [_opinion_of(row) for row in self._connection.execute(query)]

    def opinions_of(self, partner: PartnerId, entries: Sequence[EntryId]) -> dict[EntryId, Opinion]:
        query = select(opinion_table).where(
            opinion_table.c.partner_id == partner, opinion_table.c.entry_id.in_(list(entries))
        )
        return {EntryId(row.entry_id): Opinion(row.opinion) for row in self._connection.execute(query)}

    def count_opinions(self) -> dict[PartnerId, dict[Opinion, int]]:
        query = select(opinion_table.c.partner_id, opinion_table.c.opinion, func.count()).group_by(
            opinion_table.c.partner_id, opinion_table.c.opinion
        )
        counted: dict[PartnerId, dict[Opinion, int]] = {}
        for partner, opinion, count in self._connection.execute(query):
            counted.setdefault(PartnerId(partner), {})[Opinion(opinion)] = int(count)
        return counted

    def opinions_since(self, partner: PartnerId, at: datetime) -> int:
        query = select(func.count()).where(opinion_table.c.partner_id == partner, opinion_table.c.at >= to_text(at))
        return self._connection.execute(query).scalar_one()

    def settle_opinions(self, entry: EntryId) -> None:
        self._connection.execute(update(opinion_table).where(opinion_table.c.entry_id == entry).values(settled=1))

    def add_recall(self, record: RecallRecord) -> None:
        values = {
            "partner_id": record.partner,
            "entry_id": record.entry,
            "sequence": record.sequence,
            "sealed": record.sealed,
            "at": to_text(record.at),
        }
        newest = {name: values[name] for name in ("sequence", "sealed", "at")}
        row = upsert(recall_table).values(values)
        self._connection.execute(row.on_conflict_do_update(index_elements=["partner_id", "entry_id"], set_=newest))

    def recalls(self, partner: PartnerId, entries: Sequence[EntryId]) -> dict[EntryId, RecallRecord]:
        query = select(recall_table).where(
            recall_table.c.partner_id == partner, recall_table.c.entry_id.in_(list(entries))
        )
        return {EntryId(row.entry_id): _recall_of(row) for row in self._connection.execute(query)}

    def first_recall(self, partner: PartnerId) -> int | None:
        query = select(func.min(recall_table.c.sequence)).where(recall_table.c.partner_id == partner)
        return self._connection.execute(query).scalar_one()

    def blank_recalls(self, partner: PartnerId, up_to: int) -> None:
        mine = and_(recall_table.c.partner_id == partner, recall_table.c.sequence <= up_to)
        self._connection.execute(update(recall_table).where(mine).values(sealed=b""))

    def drop_recalls(self, partner: PartnerId, up_to: int) -> None:
        self._connection.execute(
            delete(recall_table).where(recall_table.c.partner_id == partner, recall_table.c.sequence <= up_to)
        )

    def forget_recalls_of(self, entry: EntryId) -> None:
        self._connection.execute(delete(recall_table).where(recall_table.c.entry_id == entry))

    def blank_old_recalls(self, before: datetime) -> None:
        self._connection.execute(update(recall_table).where(recall_table.c.at < to_text(before)).values(sealed=b""))

    def oldest_recall(self) -> datetime | None:
        oldest = select(func.min(recall_table.c.at)).where(recall_table.c.sealed != b"")
        at = self._connection.execute(oldest).scalar_one()
        return None if at is None else from_text(at)

    def raise_alert(self, alert: Alert) -> None:
        self._connection.execute(
            insert(alert_table).values(
                kind=alert.kind, partner_id=alert.partner, told_by=alert.told_by, at=to_text(alert.at)
            )
        )

    def alerts(self, limit: int) -> list[Alert]:
        query = select(alert_table).order_by(alert_table.c.id.desc()).limit(limit)
        return [
            Alert(AlertKind(row.kind), PartnerId(row.partner_id), PartnerId(row.told_by), from_text(row.at))
            for row in self._connection.execute(query)
        ]


def _opinion_of(row: Row[Any]) -> OpinionRecord:
    return OpinionRecord(
        PartnerId(row.partner_id), EntryId(row.entry_id), Opinion(row.opinion), from_text(row.at), bool(row.settled)
    )


def _recall_of(row: Row[Any]) -> RecallRecord:
    return RecallRecord(PartnerId(row.partner_id), EntryId(row.entry_id), row.sequence, row.sealed, from_text(row.at))
