"""Legal clocks as arithmetic on stored instants. Nothing ticks: what a clock says follows from when it started and from now,
so it survives restarts, and a machine's clock that was wrong for a while does no harm once it is right again.

Hours are elapsed hours: 48 hours stay 48 hours over a night when the clocks change.

Months are calendar months in the operator's time zone, counted from the day on which the clock started: the period ends
with the last moment of the day of the same number, or of the month's last day where that month has no such day (31 January
and one month: 28 or 29 February). That is our reading, made so that we never call a period over too early; it knows no
public holidays, and the operator's lawyers may count otherwise.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from amparo.core.errors import InvalidInput
from amparo.notice.pack import ClockRule, Unit

WARN_AT: Final = (50, 90)
"""Percent of a period after which the desk is warned, unless the operator says otherwise."""


@dataclass(frozen=True, slots=True)
class Span:
    """From the start of a clock to its end, both UTC. At ``end`` itself the time has run out."""

    start: datetime
    end: datetime

    def point(self, percent: int) -> datetime:
        """The moment when this share of the span has passed."""
        return self.start + (self.end - self.start) * percent / 100

    def left(self, now: datetime) -> timedelta:
        """What remains; negative once it ran out."""
        return self.end - now


def span(start: datetime, rule: ClockRule, zone: ZoneInfo) -> Span:
    """The span of a clock that starts at ``start`` (aware). Raises InvalidInput ``clock_out_of_range`` beyond year 9999."""
    start = start.astimezone(UTC)
    try:
        match rule.unit:
            case Unit.HOURS:
                end = start + timedelta(hours=rule.count)
            case Unit.MONTHS:
                last = months_later(start.astimezone(zone).date(), rule.count)
                # Where that midnight is skipped, fold 0 means the offset before: the moment at which the clocks change.
                end = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise InvalidInput("clock_out_of_range", "This clock would run beyond the calendar.") from error
    return Span(start, end)


def months_later(day: date, months: int) -> date:
    """The day of the same number so many months later, or that month's last day where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def zone_named(name: str) -> ZoneInfo:
    """A time zone of the IANA database, for example ``Europe/Madrid``. Raises InvalidInput ``time_zone_unknown``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput("time_zone_unknown", "There is no such time zone.", detail=name) from error


def warning_due(span: Span, now: datetime, warn_at: Sequence[int], warned: int) -> int | None:
    """The largest share (percent) that has passed and was not warned of yet; None where there is none.

    warned: the largest share already warned of, 0 for none. Raises InvalidInput ``clock_shares_invalid``.
    """
    passed = [share for share in checked_shares(warn_at) if share > warned and span.point(share) <= now]
    return max(passed, default=None)


def next_moment(span: Span, warn_at: Sequence[int], warned: int) -> datetime:
    """When the desk must look next: at the first warning not yet given, else at the end."""
    return min((span.point(share) for share in checked_shares(warn_at) if share > warned), default=span.end)


def checked_shares(warn_at: Sequence[int]) -> Sequence[int]:
    """The shares as they are. Raises InvalidInput ``clock_shares_invalid`` for one outside 1..99."""
    if any(not 1 <= share <= 99 for share in warn_at):
        raise InvalidInput("clock_shares_invalid", "Warnings come after 1 to 99 percent of the time.")
    return warn_at
