"""The hub's keys, and the cases they open.

One master key lies in a file beside the database. Each case has two keys of its own, stored wrapped: one for its history and
fingerprints, which the hub must read by itself to stop copies at night; one for people's own words, wrapped to the case code
(Argon2id) and to the desk's keys (X25519, ``core.recipient``), which the hub cannot read by itself. Destroying a case destroys
both, and what was sealed with them is noise from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.case.code import CodeKeys
from amparo.case.events import Event
from amparo.case.machine import Case, evolve, fold
from amparo.case.record import decode, encode
from amparo.case.urgency import urgency_of
from amparo.core.errors import NotFound
from amparo.core.ids import CaseId, EntryId, PartnerId, ReviewId, WordsId
from amparo.core.keys import SigningKey, derive, keyed_tag, load_or_create_key, new_key, seal, unseal, unseal_all
from amparo.core.pseudonym import Pseudonyms
from amparo.core.recipient import seal_to, unseal_with
from amparo.notice.content import NoticeId
from amparo.notice.machine import Event as NoticeEvent
from amparo.notice.record import decode as decode_notice
from amparo.notice.record import encode as encode_notice
from amparo.signal.fingerprint import PDQ_BYTES, Pdq
from amparo.signal.trace import TraceRecord, codec
from amparo.signal.trace.permutation import order_of
from amparo.store import CaseRecord, Transaction

_KEY_FILE: Final = "hub.key"


class Vault:
    """Derived keys by purpose. Lives in memory only; the file ``hub.key`` is what must be backed up and guarded."""

    def __init__(self, master: bytes) -> None:
        self.signing = SigningKey(derive(master, "amparo-hub-signing-1"))
        self.pepper = derive(master, "amparo-hub-code-pepper-1")
        self._wrapping = derive(master, "amparo-hub-case-keys-1")
        self._requests = derive(master, "amparo-hub-requests-1")
        self._pseudonyms = derive(master, "amparo-hub-pseudonyms-1")
        self._receipts = derive(master, "amparo-hub-receipts-1")
        self._values = derive(master, "amparo-hub-value-tags-1")
        self._canaries = derive(master, "amparo-hub-canaries-1")
        self._terms = derive(master, "amparo-hub-terms-1")
        self._desk_texts = derive(master, "amparo-hub-desk-texts-1")
        self._jobs = derive(master, "amparo-hub-jobs-1")
        self._trace_orders = derive(master, "amparo-hub-trace-orders-1")

    @classmethod
    def open(cls, folder: Path) -> Vault:
        """The vault of this data folder, made on first use. Raises IntegrityViolation ``key_file_invalid``."""
        return cls(load_or_create_key(folder / _KEY_FILE))

    @classmethod
    def exists(cls, folder: Path) -> bool:
        return (folder / _KEY_FILE).exists()

    def request_tag(self, request: bytes) -> bytes:
        """By which a repeated request is known again; the request's secret itself is never stored."""
        return keyed_tag(self._requests, b"tag\0" + request)

    def spent_tag(self, request_tag: bytes) -> bytes:
        """By which the request of an erased case is known; of the case's own tag nothing is left."""
        return keyed_tag(self._requests, b"spent\0" + request_tag)

    def code_seed(self, request: bytes) -> bytes:
        """From which the case code of this request is drawn."""
        return keyed_tag(self._requests, b"seed\0" + request)

    def entries_for(self, partner: PartnerId) -> Pseudonyms:
        return Pseudonyms(self._pseudonyms, partner, "entry")

    def cases_for(self, partner: PartnerId) -> Pseudonyms:
        return Pseudonyms(self._pseudonyms, partner, "case")

    def trace_order(self, partner: PartnerId) -> tuple[int, ...]:
        """In which order this partner is told the bits of descriptors: two partners' pools cannot simply be laid side by side."""
        return order_of(derive(self._trace_orders, partner))

    def value_tag(self, value: bytes) -> bytes:
        """By which entries of a fingerprint's value are found without opening any; 32 bytes."""
        return keyed_tag(self._values, value)

    def term_tag(self, term: str) -> bytes:
        """By which words that hold this term are found without opening any; 32 bytes."""
        return keyed_tag(self._terms, term.encode())

    def seal_desk_text(self, text: str, place: str) -> bytes:
        """What staff write about their own acts: reasons, titles. place: where it stands; it opens nowhere else."""
        return seal(self._desk_texts, text.encode(), f"amparo-desk-text-1 {place}")

    def open_desk_text(self, sealed: bytes, place: str) -> str:
        """Raises IntegrityViolation ``seal_broken``."""
        return unseal(self._desk_texts, sealed, f"amparo-desk-text-1 {place}").decode()

    def seal_job(self, name: str, content: bytes) -> bytes:
        return seal(self._jobs, content, f"amparo-job-1 {name}")

    def open_job(self, name: str, sealed: bytes) -> bytes:
        """Raises IntegrityViolation ``seal_broken``."""
        return unseal(self._jobs, sealed, f"amparo-job-1 {name}")

    def seal_canary(self, entry: EntryId, fingerprint: Pdq) -> bytes:
        raw = fingerprint.value + bytes([fingerprint.quality])
        return seal(self._canaries, raw, f"amparo-canary-1 {entry}")

    def open_canary(self, entry: EntryId, sealed: bytes) -> Pdq:
        """Raises IntegrityViolation ``seal_broken``."""
        raw = unseal(self._canaries, sealed, f"amparo-canary-1 {entry}")
        return Pdq(raw[:PDQ_BYTES], raw[PDQ_BYTES])

    def seal_receipt(self, content: bytes) -> bytes:
        return seal(self._receipts, content, "amparo-receipt-1")

    def open_receipt(self, sealed: bytes) -> bytes:
        """Raises IntegrityViolation ``seal_broken``."""
        return unseal(self._receipts, sealed, "amparo-receipt-1")

    def new_case_key(self, case: CaseId) -> tuple[CaseKey, bytes]:
        """A fresh key for ``case`` and the same key wrapped for the store."""
        key = new_key()
        return CaseKey(case, key), seal(self._wrapping, key, f"amparo-case-key-1 {case}")

    def case_key(self, case: CaseId, wrapped: bytes) -> CaseKey:
        """Raises IntegrityViolation ``seal_broken``."""
        return CaseKey(case, unseal(self._wrapping, wrapped, f"amparo-case-key-1 {case}"))


@dataclass(frozen=True, slots=True, repr=False)
class CaseKey:
    """The key of one case; every seal is bound to its case and place."""

    case: CaseId
    key: bytes

    def seal_fingerprint(self, entry: EntryId, fingerprint: Pdq) -> bytes:
        return seal(self.key, fingerprint.value + bytes([fingerprint.quality]), f"amparo-entry-1 {self.case} {entry}")

    def open_fingerprint(self, entry: EntryId, sealed: bytes) -> Pdq:
        raw = unseal(self.key, sealed, f"amparo-entry-1 {self.case} {entry}")
        return Pdq(raw[:PDQ_BYTES], raw[PDQ_BYTES])

    def seal_trace(self, entry: EntryId, record: TraceRecord) -> bytes:
        # The fingerprint in front, so that it can be had without reading the record.
        raw = record.pdq.value + bytes([record.pdq.quality]) + codec.encode(record)
        return seal(self.key, raw, f"amparo-trace-1 {self.case} {entry}")

    def open_trace(self, entry: EntryId, sealed: bytes) -> TraceRecord:
        return codec.decode(self._opened_trace(entry, sealed)[PDQ_BYTES + 1 :])

    def open_trace_pdq(self, entry: EntryId, sealed: bytes) -> Pdq:
        """The fingerprint of the photo as it is; it never enters the bank."""
        raw = self._opened_trace(entry, sealed)
        return Pdq(raw[:PDQ_BYTES], raw[PDQ_BYTES])

    def open_trace_likeness(self, entry: EntryId, sealed: bytes) -> tuple[Pdq, NDArray[np.uint8]]:
        """The same, and the photo's descriptors (N, 16): by what photos are told to be alike."""
        raw = self._opened_trace(entry, sealed)
        return Pdq(raw[:PDQ_BYTES], raw[PDQ_BYTES]), codec.descriptors_of(raw[PDQ_BYTES + 1 :])

    def _opened_trace(self, entry: EntryId, sealed: bytes) -> bytes:
        return unseal(self.key, sealed, f"amparo-trace-1 {self.case} {entry}")

    def seal_review(self, review: ReviewId, fingerprint: Pdq) -> bytes:
        raw = fingerprint.value + bytes([fingerprint.quality])
        return seal(self.key, raw, f"amparo-review-1 {self.case} {review}")

    def open_review(self, review: ReviewId, sealed: bytes) -> Pdq:
        raw = unseal(self.key, sealed, f"amparo-review-1 {self.case} {review}")
        return Pdq(raw[:PDQ_BYTES], raw[PDQ_BYTES])

    def seal_events(self, version: int, events: Sequence[Event]) -> list[bytes]:
        """Events to be appended after ``version`` others."""
        return [
            seal(self.key, encode(event), self._event_context(number))
            for number, event in enumerate(events, start=version + 1)
        ]

    def open_events(self, sealed: Sequence[bytes]) -> list[Event]:
        numbered = ((raw, self._event_context(number)) for number, raw in enumerate(sealed, start=1))
        return [decode(raw) for raw in unseal_all(self.key, numbered)]

    def seal_notice(self, notice: NoticeId, version: int, events: Sequence[NoticeEvent]) -> list[bytes]:
        """Events of a notice of this case, to be appended after ``version`` others."""
        return [
            seal(self.key, encode_notice(event), self._notice_context(notice, number))
            for number, event in enumerate(events, start=version + 1)
        ]

    def open_notice(self, notice: NoticeId, sealed: Sequence[bytes]) -> list[NoticeEvent]:
        """Raises IntegrityViolation ``seal_broken``, ``notice_event_unreadable``."""
        return [
            decode_notice(unseal(self.key, raw, self._notice_context(notice, number)))
            for number, raw in enumerate(sealed, start=1)
        ]

    def _event_context(self, number: int) -> str:
        return f"amparo-event-1 {self.case} {number}"

    def _notice_context(self, notice: NoticeId, number: int) -> str:
        return f"amparo-notice-1 {self.case} {notice} {number}"


@dataclass(frozen=True, slots=True, repr=False)
class WordsKey:
    """The key of one case's words. The hub has none of these by itself: the case code opens one, or a key of the desk's."""

    case: CaseId
    key: bytes

    @classmethod
    def new(cls, case: CaseId) -> WordsKey:
        return cls(case, new_key())

    @classmethod
    def by_code(cls, case: CaseId, keys: CodeKeys, wrap: bytes) -> WordsKey:
        """Raises IntegrityViolation ``seal_broken``."""
        return cls(case, unseal(keys.wrapping, wrap, f"amparo-words-key-1 {case}"))

    @classmethod
    def by_desk(cls, case: CaseId, secret: str, wrap: bytes) -> WordsKey:
        """secret: the private half of a desk's key. Raises IntegrityViolation ``seal_broken``."""
        return cls(case, unseal_with(secret, wrap, f"amparo-desk-wrap-1 {case}"))

    def wrapped_to_code(self, keys: CodeKeys) -> bytes:
        return seal(keys.wrapping, self.key, f"amparo-words-key-1 {self.case}")

    def wrapped_to_desk(self, public: bytes) -> bytes:
        return seal_to(public, self.key, f"amparo-desk-wrap-1 {self.case}")

    def seal(self, words: WordsId, text: str) -> bytes:
        return seal(self.key, text.encode(), f"amparo-words-1 {self.case} {words}")

    def open(self, words: WordsId, sealed: bytes) -> str:
        """Raises IntegrityViolation ``seal_broken``."""
        return unseal(self.key, sealed, f"amparo-words-1 {self.case} {words}").decode()


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case with the key that opens its history, as read in one transaction."""

    state: Case
    key: CaseKey
    record: CaseRecord

    @classmethod
    def read(cls, transaction: Transaction, record: CaseRecord, vault: Vault) -> OpenedCase:
        key = vault.case_key(record.id, record.wrapped_key)
        return cls(fold(record.id, key.open_events(transaction.sealed_events(record.id))), key, record)

    @classmethod
    def by_tag(cls, transaction: Transaction, tag: bytes, vault: Vault) -> OpenedCase:
        """The case whose code has this tag. Raises NotFound ``case_unknown``, alike for every code that opens nothing."""
        record = transaction.case_by_code(tag)
        if record is None:
            raise NotFound("case_unknown", "There is no case with this code.")
        return cls.read(transaction, record, vault)

    def append(self, transaction: Transaction, events: Sequence[Event]) -> None:
        """Record the events, and keep the desk's line of the case current.

        Raises Conflict ``case_moved_on`` where somebody else was faster.
        """
        transaction.append_events(self.state.id, self.state.version, self.key.seal_events(self.state.version, events))
        if events:
            after = self.state
            for event in events:
                after = evolve(after, event)
            transaction.queue.show(self.state.id, after.door, urgency_of(after), events[-1].at)
