"""One budget of memory for all bodies that a process is reading or still has in hand, however many senders there are.

Without it, thirty uploads that are never finished hold thirty times the longest body. Bytes are counted as they arrive, not
as they are announced: to announce costs a stranger nothing. Whoever finds the budget spent waits a little for others to
end, and is asked to come again after that: a busy evening is slowed, nobody is locked out.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from amparo.core.clock import monotonic
from amparo.core.errors import InvalidInput, Unavailable

TOTAL_BYTES: Final = 256_000_000
"""Five bodies of the longest kind, or thousands of usual ones."""
WAIT_SECONDS: Final = 5.0
_LOOK_AGAIN: Final = 0.02


class BodyBudget:
    """Any thread and any event loop may share one. total: bytes; seconds: how long whoever finds it spent waits.

    Raises InvalidInput ``body_budget_invalid`` for a total or a time that is not above zero.
    """

    def __init__(self, total: int = TOTAL_BYTES, seconds: float = WAIT_SECONDS) -> None:
        if not total > 0 or not seconds > 0:
            raise InvalidInput("body_budget_invalid", "A budget for bodies needs bytes and a time above zero.")
        self._total = total
        self._seconds = seconds
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Bytes that are held at this moment."""
        return self._taken

    @contextmanager
    def share(self) -> Generator[Share]:
        """One body's part. Hold it for as long as its bytes are in memory; when the block ends, they are free again."""
        share = Share(self, self._seconds)
        try:
            yield share
        finally:
            with self._lock:
                self._taken -= share.held

    def grant(self, share: Share, count: int) -> bool:
        """Whether ``count`` more bytes are the share's now. Whoever is alone with the budget always gets them."""
        with self._lock:
            if self._taken > share.held and self._taken + count > self._total:
                return False
            self._taken += count
            share.held += count
            return True


class Share:
    """What one body has taken of a budget; see ``BodyBudget.share``."""

    def __init__(self, budget: BodyBudget, seconds: float) -> None:
        self.held = 0
        self._budget = budget
        self._seconds = seconds

    async def take(self, count: int) -> None:
        """Before ``count`` more bytes are kept. Raises Unavailable ``bodies_too_many`` where none become free in time."""
        end = monotonic() + self._seconds
        while not self._budget.grant(self, count):
            if monotonic() >= end:
                raise _spent(self._seconds)
            await asyncio.sleep(_LOOK_AGAIN)

    def take_here(self, count: int) -> None:
        """The same for a thread that may wait."""
        end = monotonic() + self._seconds
        while not self._budget.grant(self, count):
            if monotonic() >= end:
                raise _spent(self._seconds)
            time.sleep(_LOOK_AGAIN)


def _spent(seconds: float) -> Unavailable:
    return Unavailable("bodies_too_many", "As many uploads arrive here as can be held. Try again.", retry_after=seconds)
