"""``Transaction`` over a SQLAlchemy Core connection: the only place where the hub's SQL is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError

from amparo.bank import Entry, EntryState, TombstoneReason
from amparo.core.clock import from_text, to_text
from amparo.core.errors import Conflict
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId
from amparo.signal.fingerprint import SignalType
from amparo.store.accounts import AccountTransaction
from amparo.store.incidents.sql import SqlIncidents
from amparo.store.jobs.sql import SqlJobs
from amparo.store.notices.sql import SqlNotices
from amparo.store.protocol import CaseRecord, Change, EntryRecord, Interface, PartnerRecord, SightingRecord
from amparo.store.queue.sql import SqlQueue
from amparo.store.reports import ReportTransaction
from amparo.store.reviews import ReviewTransaction
from amparo.store.staff.sql import SqlStaff
from amparo.store.tables import (
    case_table,
    change_table,
    entry_table,
    event_table,
    export_table,
    partner_table,
    sighting_table,
    spent_request_table,
)
from amparo.store.words.sql import SqlWords

_ENDED = (EntryState.WITHDRAWN, EntryState.EXPIRED)


class SqlTransaction(ReportTransaction, ReviewTransaction, AccountTransaction):
    """See ``amparo.store.protocol.Transaction`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.words = SqlWords(connection)
        self.queue = SqlQueue(connection)
        self.staff = SqlStaff(connection)
        self.notices = SqlNotices(connection)
        self.jobs = SqlJobs(connection)
        self.incidents = SqlIncidents(connection)

    # Cases

    def add_case(self, record: CaseRecord) -> None:
        values = {
            "id": record.id,
            "code_tag": record.code_tag,
            "request_tag": record.request_tag,
            "wrapped_key": record.wrapped_key,
            "version": record.version,
            "words_wrap": record.words_wrap,
        }
        try:
            self._connection.execute(insert(case_table).values(values))
        except IntegrityError as error:
            raise Conflict("case_exists", "This request has been received already.") from error

    def case(self, case: CaseId) -> CaseRecord | None:
        return self._case_where(case_table.c.id == case)

    def case_by_code(self, code_tag: bytes) -> CaseRecord | None:
        return self._case_where(case_table.c.code_tag == code_tag)

    def case_by_request(self, request_tag: bytes) -> CaseRecord | None:
        return self._case_where(case_table.c.request_tag == request_tag)

    def spend_request(self, spent_tag: bytes) -> None:
        self._connection.execute(sqlite_insert(spent_request_table).values(tag=spent_tag).on_conflict_do_nothing())

    def request_spent(self, spent_tag: bytes) -> bool:
        query = select(func.count()).select_from(spent_request_table).where(spent_request_table.c.tag == spent_tag)
        return self._connection.execute(query).scalar_one() > 0

    def _case_where(self, condition: Any) -> CaseRecord | None:
        row = self._connection.execute(select(case_table).where(condition)).one_or_none()
        return None if row is None else _case_of(row)

    def sealed_events(self, case: CaseId) -> list[bytes]:
        query = select(event_table.c.sealed).where(event_table.c.case_id == case).order_by(event_table.c.version)
        return list(self._connection.execute(query).scalars())

    def append_events(self, case: CaseId, version: int, sealed: Sequence[bytes]) -> None:
        moved = self._connection.execute(
            update(case_table)
            .where(and_(case_table.c.id == case, case_table.c.version == version))
            .values(version=version + len(sealed))
        )
        if moved.rowcount != 1:
            raise Conflict("case_moved_on", "Somebody else changed this case just now. Look again and repeat.")
        if sealed:
            rows = [{"case_id": case, "version": version + 1 + at, "sealed": raw} for at, raw in enumerate(sealed)]
            self._connection.execute(insert(event_table), rows)

    def destroy_case(self, case: CaseId) -> None:
        self._connection.execute(delete(event_table).where(event_table.c.case_id == case))
        self._connection.execute(
            update(entry_table).where(entry_table.c.case_id == case).values(sealed=b"", value_tag=b"")
        )
        self._connection.execute(delete(case_table).where(case_table.c.id == case))
        self.incidents.drop_empty()

    def count_cases(self) -> int:
        return self._connection.execute(select(func.count()).select_from(case_table)).scalar_one()

    # Bank and feed

    def add_entry(self, record: EntryRecord) -> int:
        entry = record.entry
        self._connection.execute(
            insert(entry_table).values(
                id=entry.id,
                case_id=entry.case,
                state=entry.state,
                added_at=to_text(entry.added_at),
                expires_at=to_text(entry.expires_at),
                sealed=record.sealed,
                value_tag=record.tag,
                canary_of=record.canary_of,
                signal_type=record.signal_type,
            )
        )
        return self._append_change(entry.id, entry.added_at, None)

    def entry(self, entry: EntryId) -> EntryRecord | None:
        row = self._connection.execute(select(entry_table).where(entry_table.c.id == entry)).one_or_none()
        return None if row is None else _entry_of(row)

    def change_entry(self, entry: Entry, at: datetime, reason: TombstoneReason | None) -> int:
        values: dict[str, Any] = {"state": entry.state}
        if entry.state in _ENDED:
            values["sealed"] = values["value_tag"] = b""
        self._connection.execute(update(entry_table).where(entry_table.c.id == entry.id).values(values))
        return self._append_change(entry.id, at, reason)

    def entries_of(self, case: CaseId) -> dict[EntryId, Entry]:
        query = select(entry_table).where(entry_table.c.case_id == case)
        return {EntryId(row.id): _entry_of(row).entry for row in self._connection.execute(query)}

    def entries_due(self, now: datetime, limit: int) -> list[EntryRecord]:
        query = (
            select(entry_table)
            .where(entry_table.c.state.not_in(_ENDED), entry_table.c.expires_at <= to_text(now))
            .order_by(entry_table.c.expires_at)
            .limit(limit)
        )
        return [_entry_of(row) for row in self._connection.execute(query)]

    def entries_tagged(self, tags: Sequence[bytes]) -> list[EntryRecord]:
        query = select(entry_table).where(
            entry_table.c.value_tag.in_([tag for tag in tags if tag]), entry_table.c.state.not_in(_ENDED)
        )
        return [_entry_of(row) for row in self._connection.execute(query)]

    def entries_held(self, limit: int) -> list[EntryRecord]:
        held = entry_table.c.state == EntryState.HELD
        query = select(entry_table).where(held).order_by(entry_table.c.added_at).limit(limit)
        return [_entry_of(row) for row in self._connection.execute(query)]

    def count_entries(self) -> dict[str, int]:
        ours = entry_table.c.canary_of.is_(None)
        query = select(entry_table.c.state, func.count()).where(ours).group_by(entry_table.c.state)
        counted = {str(state): int(count) for state, count in self._connection.execute(query)}
        return {state.value: counted.get(state.value, 0) for state in EntryState}

    def changes(self, after: int, limit: int) -> list[Change]:
        return self._changes_where(change_table.c.sequence > after, limit)

    def trace_changes(self, after: int, limit: int) -> list[Change]:
        of_traces = entry_table.c.signal_type == SignalType.TRACE
        return self._changes_where(and_(change_table.c.sequence > after, of_traces), limit)

    def _changes_where(self, condition: Any, limit: int) -> list[Change]:
        query = (
            select(
                change_table,
                entry_table.c.case_id,
                entry_table.c.state,
                entry_table.c.expires_at,
                entry_table.c.sealed,
                entry_table.c.canary_of,
                entry_table.c.signal_type,
                case_table.c.wrapped_key,
            )
            .join(entry_table, entry_table.c.id == change_table.c.entry_id)
            .outerjoin(case_table, case_table.c.id == entry_table.c.case_id)
            .where(condition)
            .order_by(change_table.c.sequence)
            .limit(limit)
        )
        return [_change_of(row) for row in self._connection.execute(query)]

    def last_changes(self, case: CaseId) -> dict[EntryId, int]:
        query = (
            select(change_table.c.entry_id, func.max(change_table.c.sequence))
            .join(entry_table, entry_table.c.id == change_table.c.entry_id)
            .where(entry_table.c.case_id == case)
            .group_by(change_table.c.entry_id)
        )
        return {EntryId(entry): int(sequence) for entry, sequence in self._connection.execute(query)}

    def head(self) -> int:
        return self._connection.execute(select(func.coalesce(func.max(change_table.c.sequence), 0))).scalar_one()

    def last_addition(self, entry: EntryId) -> int:
        query = select(func.coalesce(func.max(change_table.c.sequence), 0)).where(
            change_table.c.entry_id == entry, change_table.c.reason.is_(None)
        )
        return self._connection.execute(query).scalar_one()

    def first_change_since(self, at: datetime) -> int:
        query = select(func.min(change_table.c.sequence)).where(change_table.c.at >= to_text(at))
        first = self._connection.execute(query).scalar_one()
        return self.head() + 1 if first is None else int(first)

    def _append_change(self, entry: EntryId, at: datetime, reason: TombstoneReason | None) -> int:
        row = (
            insert(change_table)
            .values(entry_id=entry, reason=reason, at=to_text(at))
            .returning(change_table.c.sequence)
        )
        return self._connection.execute(row).scalar_one()

    # Partners

    def add_partner(self, record: PartnerRecord) -> None:
        try:
            self._connection.execute(insert(partner_table).values(_partner_values(record)))
        except IntegrityError as error:
            raise Conflict("partner_exists", f"There is a partner named {record.name} already.") from error

    def partner(self, partner: PartnerId) -> PartnerRecord | None:
        row = self._connection.execute(select(partner_table).where(partner_table.c.id == partner)).one_or_none()
        return None if row is None else _partner_of(row)

    def partners(self) -> list[PartnerRecord]:
        return [
            _partner_of(row) for row in self._connection.execute(select(partner_table).order_by(partner_table.c.name))
        ]

    def update_partner(self, record: PartnerRecord) -> None:
        values = _partner_values(record)
        self._connection.execute(update(partner_table).where(partner_table.c.id == record.id).values(values))

    def record_export(self, partner: PartnerId, after: int, cursor: int, additions: int, at: datetime) -> None:
        known = select(export_table.c.cursor).where(
            export_table.c.partner_id == partner, export_table.c.after == after, export_table.c.cursor == cursor
        )
        if self._connection.execute(known).one_or_none() is None:
            values = {
                "partner_id": partner,
                "after": after,
                "cursor": cursor,
                "additions": additions,
                "at": to_text(at),
            }
            self._connection.execute(insert(export_table).values(values))

    def exported(self, partner: PartnerId) -> int:
        query = select(func.coalesce(func.sum(export_table.c.additions), 0)).where(export_table.c.partner_id == partner)
        return int(self._connection.execute(query).scalar_one())

    def exported_up_to(self, partner: PartnerId) -> int:
        query = select(func.coalesce(func.max(export_table.c.cursor), 0)).where(export_table.c.partner_id == partner)
        return int(self._connection.execute(query).scalar_one())

    def record_sighting(self, sighting: SightingRecord) -> bool:
        known = select(sighting_table.c.id).where(
            sighting_table.c.partner_id == sighting.partner, sighting_table.c.id == sighting.id
        )
        if self._connection.execute(known).one_or_none() is not None:
            return False
        self._connection.execute(
            insert(sighting_table).values(
                id=sighting.id, partner_id=sighting.partner, entry_id=sighting.entry, at=to_text(sighting.at)
            )
        )
        self._count_sighting(sighting.partner, sighting.at)
        return True

    def sightings(self, limit: int) -> list[SightingRecord]:
        query = select(sighting_table).order_by(sighting_table.c.at.desc()).limit(limit)
        return [
            SightingRecord(SightingId(row.id), PartnerId(row.partner_id), EntryId(row.entry_id), from_text(row.at))
            for row in self._connection.execute(query)
        ]

    def count_sightings(self, case: CaseId) -> dict[EntryId, int]:
        query = (
            select(sighting_table.c.entry_id, func.count())
            .join(entry_table, entry_table.c.id == sighting_table.c.entry_id)
            .where(entry_table.c.case_id == case)
            .group_by(sighting_table.c.entry_id)
        )
        return {EntryId(entry): int(count) for entry, count in self._connection.execute(query)}


def _case_of(row: Row[Any]) -> CaseRecord:
    return CaseRecord(CaseId(row.id), row.code_tag, row.request_tag, row.wrapped_key, row.version, row.words_wrap)


def _entry_of(row: Row[Any]) -> EntryRecord:
    entry = Entry(
        EntryId(row.id), CaseId(row.case_id), EntryState(row.state), from_text(row.added_at), from_text(row.expires_at)
    )
    kind = SignalType(row.signal_type)
    return EntryRecord(entry, row.sealed, row.value_tag, _partner_id(row.canary_of), kind)


def _change_of(row: Row[Any]) -> Change:
    opens = row.wrapped_key is not None or row.canary_of is not None
    live = row.reason is None and row.state == EntryState.ACTIVE and opens
    return Change(
        sequence=row.sequence,
        entry=EntryId(row.entry_id),
        case=CaseId(row.case_id),
        reason=None if row.reason is None else TombstoneReason(row.reason),
        at=from_text(row.at),
        expires_at=from_text(row.expires_at),
        sealed=row.sealed if live else b"",
        wrapped_key=(row.wrapped_key or b"") if live else b"",
        canary_of=_partner_id(row.canary_of),
        signal_type=SignalType(row.signal_type),
    )


def _partner_of(row: Row[Any]) -> PartnerRecord:
    return PartnerRecord(
        id=PartnerId(row.id),
        name=row.name,
        key_digest=row.key_digest,
        created_at=from_text(row.created_at),
        key_expires_at=_moment(row.key_expires_at),
        suspended_at=_moment(row.suspended_at),
        last_sync_at=_moment(row.last_sync_at),
        acknowledged=row.acknowledged,
        interface=Interface(row.interface),
        full_fetch=row.full_fetch,
        recall_key=row.recall_key,
        daily_opinions=row.daily_opinions,
        whole_records=bool(row.whole_records),
        daily_sightings=row.daily_sightings,
        fetches_a_minute=row.fetches_a_minute,
    )


def _partner_values(record: PartnerRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "key_digest": record.key_digest,
        "created_at": to_text(record.created_at),
        "key_expires_at": _text(record.key_expires_at),
        "suspended_at": _text(record.suspended_at),
        "last_sync_at": _text(record.last_sync_at),
        "acknowledged": record.acknowledged,
        "interface": record.interface,
        "full_fetch": record.full_fetch,
        "recall_key": record.recall_key,
        "daily_opinions": record.daily_opinions,
        "whole_records": int(record.whole_records),
        "daily_sightings": record.daily_sightings,
        "fetches_a_minute": record.fetches_a_minute,
    }


def _partner_id(text: str | None) -> PartnerId | None:
    return None if text is None else PartnerId(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
