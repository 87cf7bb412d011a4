"""What a store promises, whatever database stands behind it. ``amparo.testing.store`` checks it.

All of a person's words and fingerprints reach a store sealed; what it can read are ids, times, states and counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from amparo.bank import Entry, Opinion, TombstoneReason
from amparo.core.ids import CaseId, EntryId, PartnerId, ReviewId, SightingId
from amparo.signal.fingerprint import SignalType
from amparo.store.incidents.protocol import IncidentLedger
from amparo.store.jobs.protocol import JobLedger
from amparo.store.notices.protocol import NoticeLedger
from amparo.store.queue.protocol import QueueLedger
from amparo.store.staff.protocol import StaffLedger
from amparo.store.words.protocol import WordsLedger


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """code_tag, request_tag: 32 bytes each, see ``case.code.keys_of``; wrapped_key: the case's key, sealed by the hub.

    words_wrap: the key of the person's own words, sealed by the case code; the hub alone cannot open it.
    """

    id: CaseId
    code_tag: bytes
    request_tag: bytes
    wrapped_key: bytes
    version: int = 0
    words_wrap: bytes = b""


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """A bank entry with its sealed fingerprint.

    tag: keyed digest of the value, by which a partner's feedback on a value finds its entries. canary_of: the one partner
    that is shown this entry, where it is a canary. Seal and tag are empty once the entry has ended. signal_type: what is
    sealed: a PDQ fingerprint, or the trace of an ordinary photo, which never blocks anything.
    """

    entry: Entry
    sealed: bytes
    tag: bytes = b""
    canary_of: PartnerId | None = None
    signal_type: SignalType = SignalType.PDQ


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the feed, in order. ``reason`` is None for an addition.

    For an addition, ``sealed`` and ``wrapped_key`` carry what a page needs; both are empty where the entry is not active
    any more, so that an old addition never brings back what was withdrawn since.
    """

    sequence: int
    entry: EntryId
    case: CaseId
    reason: TombstoneReason | None
    at: datetime
    expires_at: datetime
    sealed: bytes
    wrapped_key: bytes
    canary_of: PartnerId | None = None
    signal_type: SignalType = SignalType.PDQ


class Interface(StrEnum):
    """Through which door a partner takes the feed."""

    NATIVE = "native"
    STOPNCII = "stopncii"
    NCMEC = "ncmec"


@dataclass(frozen=True, slots=True)
class PartnerRecord:
    """acknowledged: the last sequence whose effect the partner has confirmed, by asking for what comes after it; by the
    native format it goes down with a gate that was restored from a backup.

    interface: the one it fetched by last. full_fetch: by StopNCII's format, the feed's head when its last complete fetch
    from the very beginning set out; by NCMEC's, the last sequence of what it was told completely. recall_key: what recalls
    to it are sealed to, see ``hub.commands.ending``. daily_opinions, daily_sightings, fetches_a_minute: its quotas.
    whole_records: the operator trusts it with traces as they are, positions and tiles included.
    """

    id: PartnerId
    name: str
    key_digest: bytes
    created_at: datetime
    key_expires_at: datetime | None = None
    suspended_at: datetime | None = None
    last_sync_at: datetime | None = None
    acknowledged: int = 0
    interface: Interface = Interface.NATIVE
    full_fetch: int = 0
    recall_key: bytes = b""
    daily_opinions: int = 10_000
    whole_records: bool = False
    daily_sightings: int = 100_000
    fetches_a_minute: int = 600


@dataclass(frozen=True, slots=True)
class OpinionRecord:
    """The newest opinion of one partner on one entry. settled: the desk has decided since; it holds nothing any more."""

    partner: PartnerId
    entry: EntryId
    opinion: Opinion
    at: datetime
    settled: bool = False


@dataclass(frozen=True, slots=True)
class RecallRecord:
    """The value of an ended entry, sealed so that only this partner's key opens it; sequence: of its tombstone."""

    partner: PartnerId
    entry: EntryId
    sequence: int
    sealed: bytes
    at: datetime


class ReviewState(StrEnum):
    """PENDING: a reviewer of the partner has not decided yet."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """An upload that a partner holds because it seems to be an altered derivative of the photo ``entry``.

    sealed: its fingerprint, sealed with the case's key; empty once decided. tag: keyed digest of the fingerprint's value, by
    which the same upload is known again.
    """

    id: ReviewId
    case: CaseId
    entry: EntryId
    partner: PartnerId
    state: ReviewState
    tag: bytes
    sealed: bytes
    at: datetime


class AlertKind(StrEnum):
    """What the desk must look at."""

    CANARY_SIGHTED = "canary-sighted"
    CANARY_TOLD = "canary-told"


@dataclass(frozen=True, slots=True)
class Alert:
    """partner: whose canary it was, that is, where the leak may be; told_by: through whom the hub heard of it."""

    kind: AlertKind
    partner: PartnerId
    told_by: PartnerId
    at: datetime


@dataclass(frozen=True, slots=True)
class SightingRecord:
    """What the hub keeps of a sighting outside the sealed case, to tell it apart and to count."""

    id: SightingId
    partner: PartnerId
    entry: EntryId
    at: datetime


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """So many additions in (after, cursor] went to a partner."""

    after: int
    cursor: int
    additions: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DeskAct:
    """What somebody decided about an entry. by: the id of a member of staff, or «command line»."""

    act: str
    entry: EntryId
    by: str
    at: datetime


class Transaction(Protocol):
    """One unit of work. Reads see what this transaction wrote.

    Newer rooms have a ledger each, with its own file of promises; what they write belongs to the same unit of work.
    """

    @property
    def words(self) -> WordsLedger: ...

    @property
    def queue(self) -> QueueLedger: ...

    @property
    def staff(self) -> StaffLedger: ...

    @property
    def notices(self) -> NoticeLedger: ...

    @property
    def jobs(self) -> JobLedger: ...

    @property
    def incidents(self) -> IncidentLedger: ...

    # Cases

    def add_case(self, record: CaseRecord) -> None:
        """Raises Conflict ``case_exists`` where the code or the request is known already."""
        ...

    def case(self, case: CaseId) -> CaseRecord | None: ...

    def case_by_code(self, code_tag: bytes) -> CaseRecord | None: ...

    def case_by_request(self, request_tag: bytes) -> CaseRecord | None: ...

    def spend_request(self, spent_tag: bytes) -> None:
        """Remember that the case of this request is gone; nothing else of it. Doing so again changes nothing."""
        ...

    def request_spent(self, spent_tag: bytes) -> bool: ...

    def sealed_events(self, case: CaseId) -> list[bytes]:
        """All events of a case, oldest first."""
        ...

    def append_events(self, case: CaseId, version: int, sealed: Sequence[bytes]) -> None:
        """Append after the ``version`` events the caller saw. Raises Conflict ``case_moved_on`` where there are more."""
        ...

    def destroy_case(self, case: CaseId) -> None:
        """Forget the case's key, code, events and sealed fingerprints for good. Its ended entries keep id and state."""
        ...

    def count_cases(self) -> int: ...

    # Bank and feed

    def add_entry(self, record: EntryRecord) -> int:
        """Store a new active entry and put its addition into the feed; returns the sequence."""
        ...

    def entry(self, entry: EntryId) -> EntryRecord | None: ...

    def change_entry(self, entry: Entry, at: datetime, reason: TombstoneReason | None) -> int:
        """Store the entry's new state and put the step into the feed; returns the sequence. An end drops the seal."""
        ...

    def entries_of(self, case: CaseId) -> dict[EntryId, Entry]:
        """Every entry of a case, ended ones too."""
        ...

    def entries_due(self, now: datetime, limit: int) -> list[EntryRecord]:
        """Active and held entries whose retention has ended, oldest first."""
        ...

    def entries_tagged(self, tags: Sequence[bytes]) -> list[EntryRecord]:
        """Active and held entries, canaries too, whose value has one of these tags."""
        ...

    def entries_held(self, limit: int) -> list[EntryRecord]:
        """Entries that wait for the desk, oldest first."""
        ...

    def count_entries(self) -> dict[str, int]:
        """How many entries there are in each state, without canaries."""
        ...

    def changes(self, after: int, limit: int) -> list[Change]:
        """The feed's steps with a sequence above ``after``, ascending."""
        ...

    def last_changes(self, case: CaseId) -> dict[EntryId, int]:
        """For each entry of a case the sequence of its newest step in the feed."""
        ...

    def trace_changes(self, after: int, limit: int) -> list[Change]:
        """As ``changes``, but steps of traces only."""
        ...

    def head(self) -> int:
        """The feed's last sequence; 0 while it is empty. Never decreases."""
        ...

    def last_addition(self, entry: EntryId) -> int:
        """The sequence of the entry's newest addition; 0 for an unknown entry."""
        ...

    def first_change_since(self, at: datetime) -> int:
        """The lowest sequence of a step made at ``at`` or later; head + 1 where there is none.

        Steps before it are all older, even where the clock was set back meanwhile.
        """
        ...

    # Partners

    def add_partner(self, record: PartnerRecord) -> None:
        """Raises Conflict ``partner_exists`` where the name is taken."""
        ...

    def partner(self, partner: PartnerId) -> PartnerRecord | None: ...

    def partners(self) -> list[PartnerRecord]:
        """All partners by name."""
        ...

    def update_partner(self, record: PartnerRecord) -> None: ...

    def record_export(self, partner: PartnerId, after: int, cursor: int, additions: int, at: datetime) -> None:
        """Write down who received what: additions in (after, cursor] went to ``partner``; one line a range.

        A range that overlaps others has a line of its own: whoever asks for everything again is on record for it.
        """
        ...

    def exported(self, partner: PartnerId) -> int:
        """How many additions the partner was sent; those in ranges that overlap count once for each."""
        ...

    def exported_up_to(self, partner: PartnerId) -> int:
        """The end of the highest range that went to the partner; 0 before the first."""
        ...

    def record_sighting(self, sighting: SightingRecord) -> bool:
        """False where this partner has told this sighting before."""
        ...

    def sightings(self, limit: int) -> list[SightingRecord]:
        """The newest first."""
        ...

    def count_sightings(self, case: CaseId) -> dict[EntryId, int]:
        """How many sightings of each of a case's entries were ever told; entries without any are left out."""
        ...

    # The desk

    def record_act(self, act: DeskAct) -> None:
        """Never changed or removed again."""
        ...

    def acts(self, limit: int) -> list[DeskAct]:
        """The newest first."""
        ...

    # One partner's account

    def sightings_since(self, partner: PartnerId, at: datetime) -> int:
        """How many sightings of this partner are as young as that."""
        ...

    def sightings_by_day(self, since: date) -> dict[PartnerId, dict[date, int]]:
        """How many sightings each partner told, by the day in UTC; days and partners without any are left out."""
        ...

    def exports(self, partner: PartnerId, limit: int) -> list[ExportRecord]:
        """The newest first."""
        ...

    def count_received(self, partner: PartnerId) -> dict[SignalType, int]:
        """Active entries, its canaries too, whose newest addition lies between the first and the last step it was sent."""
        ...

    def count_opinions_of(self, partner: PartnerId) -> dict[SignalType, dict[Opinion, int]]:
        """Its newest opinions, of each kind, by what the entries are of."""
        ...

    # Uploads that partners hold

    def add_review(self, record: ReviewRecord) -> None: ...

    def review(self, review: ReviewId) -> ReviewRecord | None: ...

    def review_of(self, entry: EntryId, partner: PartnerId, tag: bytes) -> ReviewRecord | None:
        """The newest of this very upload at this partner, in whatever state."""
        ...

    def count_reviews(self, entry: EntryId, partner: PartnerId, state: ReviewState) -> int: ...

    def pending_reviews(self, before: datetime, limit: int) -> list[ReviewRecord]:
        """Those made before ``before`` on which nobody has decided, oldest first."""
        ...

    def forget_review(self, review: ReviewId) -> None: ...

    def decide_review(self, review: ReviewId, state: ReviewState) -> None:
        """Store the decision and drop the seal."""
        ...

    def forget_reviews_of(self, entry: EntryId) -> None:
        """The photo is not recognised any more, so nobody need decide."""
        ...

    def forget_old_reviews(self, before: datetime) -> int:
        """Drop those made before ``before``, decided or not; returns how many."""
        ...

    def oldest_review(self) -> datetime | None: ...

    # What partners say

    def record_opinion(self, record: OpinionRecord) -> None:
        """In place of this partner's earlier opinion on this entry."""
        ...

    def opinions(self, entry: EntryId) -> list[OpinionRecord]:
        """The newest of each partner, oldest first."""
        ...

    def opinions_of(self, partner: PartnerId, entries: Sequence[EntryId]) -> dict[EntryId, Opinion]: ...

    def count_opinions(self) -> dict[PartnerId, dict[Opinion, int]]:
        """For each partner that ever gave one, how many of each kind."""
        ...

    def opinions_since(self, partner: PartnerId, at: datetime) -> int:
        """How many opinions of this partner are as young as that."""
        ...

    def settle_opinions(self, entry: EntryId) -> None:
        """The desk has decided on this entry; opinions given so far hold it no more."""
        ...

    def add_recall(self, record: RecallRecord) -> None:
        """In place of an earlier recall of this entry from this partner."""
        ...

    def recalls(self, partner: PartnerId, entries: Sequence[EntryId]) -> dict[EntryId, RecallRecord]: ...

    def first_recall(self, partner: PartnerId) -> int | None:
        """The lowest sequence of the recalls, read or not, that the partner has not been seen to follow."""
        ...

    def blank_recalls(self, partner: PartnerId, up_to: int) -> None:
        """Forget the values of recalls up to this sequence; that they were made stays on record."""
        ...

    def drop_recalls(self, partner: PartnerId, up_to: int) -> None:
        """The partner holds nothing any more of what was recalled up to this sequence."""
        ...

    def forget_recalls_of(self, entry: EntryId) -> None:
        """The entry matches again."""
        ...

    def blank_old_recalls(self, before: datetime) -> None:
        """Forget the values of recalls made before ``before``."""
        ...

    def oldest_recall(self) -> datetime | None:
        """Of those whose value is still kept."""
        ...

    def raise_alert(self, alert: Alert) -> None: ...

    def alerts(self, limit: int) -> list[Alert]:
        """The newest first."""
        ...


class Store(Protocol):
    """Where transactions come from. Safe to use from several threads."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A serialised writing transaction. When the block ends without an error, it is on disk; otherwise nothing is.

        Raises Unavailable ``store_busy`` where another writer holds on for too long, ``store_full`` where the disk is full.
        """
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """One consistent picture of the state; never waits for a writer."""
        ...

    def scrub(self) -> None:
        """Remove what was deleted from every file of the store. When this returns, it cannot be read off the disk.

        Raises Unavailable ``store_busy`` where a reader still holds on to it; another try later does it.
        """
        ...

    def close(self) -> None: ...
