"""What a store promises for notices. It reads their ids, rule, phase and clock; everything that they say comes sealed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from amparo.core.ids import CaseId
from amparo.notice.content import NoticeId
from amparo.notice.machine import Phase
from amparo.notice.standing import ClockStanding


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """The readable line of a notice. version: how many events it has. due_at: when its clock has something to say next, None
    while no clock runs. changed_at: of its newest event. clock: how it stands, to be counted."""

    id: NoticeId
    case: CaseId
    pack: str
    phase: Phase
    version: int
    due_at: datetime | None
    changed_at: datetime
    clock: ClockStanding = ClockStanding.NONE


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices; None asks nothing. clocked: those with a clock that runs, or without."""

    phases: Collection[Phase] | None = None
    case: CaseId | None = None
    clocked: bool | None = None


class NoticeLedger(Protocol):
    """Part of a transaction. Notices go with their case."""

    def add(self, record: NoticeRecord, sealed: Sequence[bytes]) -> None:
        """A new notice with its first events, as many as ``record.version`` says. Raises Conflict ``notice_exists``."""
        ...

    def append(self, record: NoticeRecord, sealed: Sequence[bytes]) -> None:
        """Events after the ``record.version - len(sealed)`` that the caller saw, and the line as it is then.

        Raises Conflict ``notice_moved_on`` where there are more, or where the notice is gone.
        """
        ...

    def set_due(self, notice: NoticeId, due_at: datetime | None) -> None:
        """Of a line whose clock has nothing to say now; its events stay as they are."""
        ...

    def record(self, notice: NoticeId) -> NoticeRecord | None: ...

    def sealed_events(self, notice: NoticeId) -> list[bytes]:
        """All events of a notice, oldest first."""
        ...

    def of_case(self, case: CaseId) -> list[NoticeRecord]:
        """The oldest first."""
        ...

    def due(self, before: datetime, limit: int) -> list[NoticeRecord]:
        """Those whose clock has something to say at ``before`` or earlier; the earliest first."""
        ...

    def lines(self, wanted: NoticeFilter, limit: int, offset: int = 0) -> list[NoticeRecord]:
        """The nearest clock first, then, without a clock, what changed last."""
        ...

    def count(self, wanted: NoticeFilter) -> int: ...

    def count_clocks(self) -> dict[ClockStanding, int]:
        """How many notices have a clock that stands like this; standings without any are left out."""
        ...

    def count_phases(self) -> dict[Phase, int]:
        """How many notices are in each phase; phases without any are left out."""
        ...
