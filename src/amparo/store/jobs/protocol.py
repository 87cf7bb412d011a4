"""What a store promises for jobs: work written down in the transaction that asks for it, and done outside of it.

A job is claimed for a time (its lease), so that of several workers one does it, and another one does it again where the first
never said how it ended. Whoever does a job must therefore be able to do it twice. Where a clock was wrong and is right again,
a moment may lie further ahead than any that is ever set: it then counts as come, so that no job waits for a year.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from amparo.core.ids import CaseId

LONGEST_WAIT: Final = timedelta(hours=6)
"""No job is put off, and none is claimed, for longer than this."""


class JobState(StrEnum):
    """WAITING: to be done as soon as it is due. CLAIMED: somebody is at it. FAILED: given up, a person must look. DROPPED: not
    wanted any more."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class NewJob:
    """name: the same name stands for the same work. sealed: what it needs, unreadable for the store. case: with which it goes."""

    kind: str
    name: str
    sealed: bytes
    case: CaseId | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """attempts: how often it was claimed. problem: the code of the newest failure, "" without one. asked_at: when it was
    enqueued."""

    id: int
    kind: str
    name: str
    case: CaseId | None
    sealed: bytes
    asked_at: datetime
    due_at: datetime
    state: JobState
    attempts: int
    claimed_by: str
    claimed_until: datetime | None
    ended_at: datetime | None
    problem: str


class JobLedger(Protocol):
    """Part of a transaction. Jobs of a case go with the case."""

    def enqueue(self, job: NewJob, now: datetime) -> bool:
        """False where work of this name was asked for before, whatever became of it."""
        ...

    def ready(self, kinds: Collection[str], now: datetime) -> bool:
        """Whether ``claim`` would find something. Reads only."""
        ...

    def claim(self, kinds: Collection[str], by: str, now: datetime, lease: timedelta) -> JobRecord | None:
        """The job that is due longest, for this worker alone until ``now + lease``; None while there is none."""
        ...

    def complete(self, job: int, by: str, now: datetime) -> bool:
        """It is done. False where the claim was lost meanwhile; then nothing happens, here and in the next three."""
        ...

    def finish(self, job: int, by: str) -> bool:
        """It is done, and its name may be used again: the line is gone."""
        ...

    def put_off(self, job: int, by: str, now: datetime, wait: timedelta, problem: str) -> bool:
        """It could not be done; another try after ``wait``, at most ``LONGEST_WAIT``."""
        ...

    def give_up(self, job: int, by: str, now: datetime, problem: str) -> bool:
        """It cannot be done; a person must look."""
        ...

    def drop(self, name: str, now: datetime) -> bool:
        """Nobody wants it any more: never asked for, waiting and failed ones are settled now. False while it is claimed."""
        ...

    def again(self, job: int, now: datetime) -> bool:
        """A person wants a waiting or failed job tried now. False for one in another state."""
        ...

    def job(self, job: int) -> JobRecord | None: ...

    def named(self, name: str) -> JobRecord | None: ...

    def lines(
        self, kinds: Collection[str], states: Collection[JobState], limit: int, offset: int = 0
    ) -> list[JobRecord]:
        """The newest first."""
        ...

    def count(self, kinds: Collection[str]) -> dict[JobState, int]:
        """How many there are in each state; states without any are left out."""
        ...

    def oldest_settled(self) -> datetime | None:
        """When the first of the done and dropped ones that are still kept ended."""
        ...

    def forget(self, before: datetime) -> int:
        """Remove done and dropped ones that ended before; returns how many."""
        ...
