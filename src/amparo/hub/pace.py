"""How often a partner may ask for what costs the hub time: so many at once, and then so many a minute, or a day."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

from amparo.core.clock import monotonic
from amparo.core.errors import Unavailable
from amparo.core.ids import PartnerId

_DAY: Final = timedelta(days=1)


class Pace:
    """A bucket for each partner, filled at ``a_minute`` and as large as that. In memory; safe to use from several threads."""

    def __init__(self, a_minute: int, code: str = "partner_too_fast") -> None:
        self._a_minute = a_minute
        self._code = code
        self._lock = threading.Lock()
        self._left: dict[PartnerId, tuple[float, float]] = {}

    def take(self, partner: PartnerId, a_minute: int | None = None) -> None:
        """a_minute: this partner's own pace. Raises Unavailable with the code of the pace, saying when to ask again."""
        now = monotonic()
        full = float(a_minute or self._a_minute)
        with self._lock:
            left, since = self._left.get(partner, (full, now))
            left = min(full, left + (now - since) * full / 60)
            if left < 1:
                self._left[partner] = (left, now)
                raise Unavailable(
                    self._code,
                    "This partner asks more than it may.",
                    retry_after=(1 - left) * 60 / full,
                )
            self._left[partner] = (left - 1, now)


class Allowance:
    """What partners may still send of each kind: a bucket as large as a day's share, filled evenly through the day.

    In memory; safe to use from several threads. A clock that is set back fills nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[tuple[PartnerId, str], tuple[float, datetime]] = {}

    def take(self, partner: PartnerId, kind: str, count: int, a_day: int, now: datetime) -> bool:
        """Whether so many could be taken; else none is."""
        with self._lock:
            left, since = self._left.get((partner, kind), (float(a_day), now))
            left = min(float(a_day), left + max(0.0, (now - since) / _DAY) * a_day)
            enough = left >= count
            self._left[partner, kind] = (left - count if enough else left, max(now, since))
            return enough

    def give_back(self, partner: PartnerId, kind: str, count: int) -> None:
        """What was taken and then not used after all."""
        with self._lock:
            left, since = self._left[partner, kind]
            self._left[partner, kind] = (left + count, since)
