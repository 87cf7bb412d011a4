"""The part of ``Transaction`` that holds uploads which partners keep back until a person has looked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from amparo.core.clock import from_text, to_text
from amparo.core.ids import CaseId, EntryId, PartnerId, ReviewId
from amparo.store.protocol import ReviewRecord, ReviewState
from amparo.store.tables import review_table


class ReviewTransaction:
    """See ``amparo.store.protocol.Transaction`` for what each call promises."""

    _connection: Connection

    def add_review(self, record: ReviewRecord) -> None:
        values = {
            "id": record.id,
            "case_id": record.case,
            "entry_id": record.entry,
            "partner_id": record.partner,
            "state": record.state,
            "value_tag": record.tag,
            "sealed": record.sealed,
            "at": to_text(record.at),
        }
        self._connection.execute(insert(review_table).values(values))

    def review(self, review: ReviewId) -> ReviewRecord | None:
        row = self._connection.execute(select(review_table).where(review_table.c.id == review)).one_or_none()
        return None if row is None else _review_of(row)

    def review_of(self, entry: EntryId, partner: PartnerId, tag: bytes) -> ReviewRecord | None:
        query = (
            select(review_table)
            .where(
                review_table.c.entry_id == entry, review_table.c.partner_id == partner, review_table.c.value_tag == tag
            )
            .order_by(review_table.c.at.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _review_of(row)

    def count_reviews(self, entry: EntryId, partner: PartnerId, state: ReviewState) -> int:
        query = (
            select(func.count())
            .select_from(review_table)
            .where(
                review_table.c.entry_id == entry,
                review_table.c.partner_id == partner,
                review_table.c.state == state,
            )
        )
        return self._connection.execute(query).scalar_one()

    def pending_reviews(self, before: datetime, limit: int) -> list[ReviewRecord]:
        query = (
            select(review_table)
            .where(review_table.c.state == ReviewState.PENDING, review_table.c.at < to_text(before))
            .order_by(review_table.c.at)
            .limit(limit)
        )
        return [_review_of(row) for row in self._connection.execute(query)]

    def forget_review(self, review: ReviewId) -> None:
        self._connection.execute(delete(review_table).where(review_table.c.id == review))

    def decide_review(self, review: ReviewId, state: ReviewState) -> None:
        self._connection.execute(
            update(review_table).where(review_table.c.id == review).values(state=state, sealed=b"")
        )

    def forget_reviews_of(self, entry: EntryId) -> None:
        self._connection.execute(delete(review_table).where(review_table.c.entry_id == entry))

    def forget_old_reviews(self, before: datetime) -> int:
        return self._connection.execute(delete(review_table).where(review_table.c.at < to_text(before))).rowcount

    def oldest_review(self) -> datetime | None:
        at = self._connection.execute(select(func.min(review_table.c.at))).scalar_one()
        return None if at is None else from_text(at)


def _review_of(row: Row[Any]) -> ReviewRecord:
    return ReviewRecord(
        ReviewId(row.id),
        CaseId(row.case_id),
        EntryId(row.entry_id),
        PartnerId(row.partner_id),
        ReviewState(row.state),
        row.value_tag,
        row.sealed,
        from_text(row.at),
    )
