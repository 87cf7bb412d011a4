"""Injected time. Nothing below the command line asks the operating system for the hour by itself."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class Clock(Protocol):
    """Where code that needs the hour gets it."""

    def now(self) -> datetime:
        """The present moment, timezone-aware UTC, with microseconds."""
        ...


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SteppedClock:
    """A clock that stands still until it is moved: for tests and for replaying a story."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, step: timedelta) -> None:
        """Move the hands; a negative step stands for a clock that was set back."""
        self._now += step


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and ``Z``: sorts as text, and one moment has one spelling."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """Inverse of ``to_text``. Raises ValueError on any other spelling."""
    # strptime would take one-digit months and short fractions: two spellings of one moment in what is signed.
    if _MOMENT.fullmatch(text) is None:
        raise ValueError("not a moment in UTC with microseconds")
    return datetime.fromisoformat(text)


def monotonic() -> float:
    """Seconds that never go back, for durations only."""
    return time.monotonic()
