"""A notice with the key of its case: read, continued, and its readable line and the queue's kept current with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from amparo.core.errors import NotFound
from amparo.core.ids import CaseId
from amparo.hub.vault import CaseKey, Vault
from amparo.notice import machine
from amparo.notice.content import Notice, NoticeId
from amparo.notice.machine import Event, NoticeState, evolve, fold
from amparo.notice.standing import clock_standing
from amparo.store import Transaction
from amparo.store.notices.protocol import NoticeRecord


@dataclass(frozen=True, slots=True)
class OpenedNotice:
    """A notice as read in one transaction."""

    state: NoticeState
    key: CaseKey

    @property
    def case(self) -> CaseId:
        return self.key.case

    @property
    def notice(self) -> Notice:
        assert self.state.notice is not None  # the first event of every stored notice is its draft
        return self.state.notice

    @classmethod
    def read(cls, transaction: Transaction, notice: NoticeId, vault: Vault) -> OpenedNotice:
        """Raises NotFound ``notice_unknown``, also where its case is gone."""
        record = transaction.notices.record(notice)
        if record is None:
            raise NotFound("notice_unknown", "There is no such notice.")
        return cls.of_record(transaction, record, vault)

    @classmethod
    def of_record(cls, transaction: Transaction, record: NoticeRecord, vault: Vault) -> OpenedNotice:
        """The notice of a line that was read in the same transaction. Raises NotFound ``notice_unknown``."""
        case = transaction.case(record.case)
        if case is None:
            raise NotFound("notice_unknown", "There is no such notice.")
        return cls._opened(transaction, record.id, vault.case_key(case.id, case.wrapped_key))

    @classmethod
    def of_case(cls, transaction: Transaction, key: CaseKey) -> list[OpenedNotice]:
        """Every notice of a case, the oldest first."""
        return [cls._opened(transaction, record.id, key) for record in transaction.notices.of_case(key.case)]

    @classmethod
    def _opened(cls, transaction: Transaction, notice: NoticeId, key: CaseKey) -> OpenedNotice:
        return cls(fold(notice, key.open_notice(notice, transaction.notices.sealed_events(notice))), key)

    def append(
        self, transaction: Transaction, events: Sequence[Event], warn_at: Sequence[int], now: datetime
    ) -> OpenedNotice:
        """Record the events, the first of a notice too, and keep its line and the desk's line of the case current.

        Raises Conflict ``notice_exists``, ``notice_moved_on``.
        """
        if not events:
            return self
        after = self.state
        for event in events:
            after = evolve(after, event)
        sealed = self.key.seal_notice(self.state.id, self.state.version, events)
        continued = OpenedNotice(after, self.key)
        record = NoticeRecord(
            self.state.id,
            self.case,
            continued.notice.pack,
            after.phase,
            after.version,
            due_of(after, warn_at, now),
            events[-1].at,
            clock_standing(after),
        )
        if self.state.version:
            transaction.notices.append(record, sealed)
        else:
            transaction.notices.add(record, sealed)
        _touch(transaction, self.case, events[-1].at)
        keep_next(transaction, self.case)
        return continued


def due_of(state: NoticeState, warn_at: Sequence[int], now: datetime) -> datetime | None:
    """When the desk must look at a notice next.

    Where a clock that ran ahead has told the end too early, that is the real end; ``machine.tick`` says nothing twice.
    """
    due, running = machine.due_at(state, warn_at), state.running
    if due is None and running is not None and now < running.end:
        return running.end
    return due


def keep_next(transaction: Transaction, case: CaseId) -> None:
    """The queue sorts by the nearest clock of a case's notices."""
    due = [record.due_at for record in transaction.notices.of_case(case) if record.due_at is not None]
    transaction.queue.set_next(case, min(due, default=None))


def _touch(transaction: Transaction, case: CaseId, at: datetime) -> None:
    line = transaction.queue.line(case)
    if line is not None:
        transaction.queue.show(case, line.door, line.urgency, at)
