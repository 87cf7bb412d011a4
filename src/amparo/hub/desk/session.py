"""Who is in at the desk: sessions by cookie, in memory only. Restarting the desk ends them all.

A session holds for one generation of an account (``StaffRecord``), which the store keeps: a new invitation ends it even where
the invitation was made by another process, such as the command line's.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from amparo.core.clock import Clock
from amparo.core.errors import Unauthenticated
from amparo.core.ids import StaffId
from amparo.core.keys import bearer_digest
from amparo.store.staff.protocol import StaffRecord

COOKIE: Final = "amparo_desk"
SESSION_LIVES: Final = timedelta(hours=8)
IDLE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Open:
    staff: StaffId
    generation: int
    until: datetime
    seen: datetime


class Sessions:
    """Safe to use from several threads. A session ends after eight hours, or after one in which nothing was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[bytes, _Open] = {}

    def open(self, staff: StaffRecord) -> str:
        """A new session's cookie value."""
        cookie, now = secrets.token_urlsafe(32), self._clock.now()
        with self._lock:
            self._open = {key: one for key, one in self._open.items() if self._lives(one, now)}
            self._open[bearer_digest(cookie)] = _Open(staff.id, staff.generation, now + SESSION_LIVES, now)
        return cookie

    def who(self, cookie: str) -> tuple[StaffId, int]:
        """Whose it is, and of which generation of the account. Raises Unauthenticated ``desk_session_over`` unless it is open."""
        key, now = bearer_digest(cookie), self._clock.now()
        with self._lock:
            found = self._open.get(key)
            if found is None or not self._lives(found, now):
                raise Unauthenticated("desk_session_over", "Sign in to go on.")
            self._open[key] = replace(found, seen=now)
        return found.staff, found.generation

    def leave(self, cookie: str) -> None:
        with self._lock:
            self._open.pop(bearer_digest(cookie), None)

    def _lives(self, one: _Open, now: datetime) -> bool:
        return now < one.until and now - one.seen < IDLE
