"""Records that the contracts put into a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from amparo.bank import entry as entries
from amparo.core.ids import CaseId, EntryId, PartnerId, ReviewId, random_id
from amparo.signal.fingerprint import Pdq
from amparo.store.protocol import CaseRecord, EntryRecord, PartnerRecord, ReviewRecord, ReviewState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


def some_case(seed: int = 0) -> CaseRecord:
    return CaseRecord(CaseId(random_id()), bytes([seed]) * 32, bytes([seed + 100]) * 32, b"wrapped key %d" % seed)


def some_entry(case: CaseId, expires_at: datetime = LATER) -> EntryRecord:
    entry = entries.admit(EntryId(random_id()), case, Pdq(bytes(32), 100), NOW, expires_at)
    return EntryRecord(entry, b"sealed fingerprint")


def some_partner(name: str) -> PartnerRecord:
    return PartnerRecord(PartnerId(random_id()), name, b"\x01" * 32, NOW)


def some_review(case: CaseId, entry: EntryId, partner: PartnerId, tag: bytes) -> ReviewRecord:
    return ReviewRecord(
        ReviewId(random_id()), case, entry, partner, ReviewState.PENDING, tag, b"sealed fingerprint", NOW
    )
