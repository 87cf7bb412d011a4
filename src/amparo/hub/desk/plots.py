"""Plots as numbers for a template to draw: marks in an SVG that is stretched, and words in HTML beside it.

No text stands inside an SVG: it would shrink with the window. No style either: the page's policy forbids it, and classes follow
dark mode and print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_COLUMN: Final = 10
_GAP: Final = 2
_HEIGHT: Final = 100
_FEWEST_DAYS: Final = 14
_DAYS: Final = 60
"""Over how many days a plot has a column a day; over more, it has one a week."""


@dataclass(frozen=True, slots=True)
class Bar:
    """share: of the longest bar, in percent."""

    label: str
    count: int
    share: float
    href: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    count: int
    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Upright bars from left to right. width, height: of the drawing, in its own units."""

    title: str
    columns: tuple[Column, ...]
    width: int
    height: int
    most: int
    total: int


def bars(counted: Sequence[tuple[str, int] | tuple[str, int, str]]) -> tuple[Bar, ...]:
    """Lying bars: (label, count) or (label, count, where it leads)."""
    most = max((one[1] for one in counted), default=0)
    return tuple(
        Bar(one[0], one[1], round(100 * one[1] / most, 1) if most else 0.0, one[2] if len(one) > 2 else "")
        for one in counted
    )


def columns(title: str, counted: Sequence[tuple[str, int]], most: int | None = None) -> Columns:
    """most: what a full column stands for, where several plots are to be compared; the greatest count otherwise."""
    greatest = max((count for _, count in counted), default=0)
    full = max(most or greatest, 1)
    drawn: list[Column] = []
    for place, (label, count) in enumerate(counted):
        height = round(_HEIGHT * count / full, 1)
        drawn.append(Column(label, count, place * _COLUMN + _GAP // 2, _HEIGHT - height, _COLUMN - _GAP, height))
    total = sum(count for _, count in counted)
    return Columns(title, tuple(drawn), max(1, len(drawn)) * _COLUMN, _HEIGHT, greatest, total)


def over_time(title: str, by_day: Mapping[date, int]) -> tuple[Columns, str]:
    """Counts by day: a column for every day from the first to the last, two weeks at least, or for every week where that is
    long; and which of both."""
    if not by_day:
        return columns(title, []), "day"
    first, last = min(by_day), max(by_day)
    if (last - first).days < _DAYS:
        count = max((last - first).days + 1, _FEWEST_DAYS)
        days = [last - timedelta(days=back) for back in reversed(range(count))]
        return columns(title, [(day.strftime("%d %b %Y"), by_day.get(day, 0)) for day in days]), "day"
    weeks: dict[date, int] = {}
    start = first - timedelta(days=first.weekday())
    for ahead in range(0, (last - start).days + 1, 7):
        weeks[start + timedelta(days=ahead)] = 0
    for day, count in by_day.items():
        weeks[day - timedelta(days=day.weekday())] += count
    return columns(title, [(day.strftime("%d %b %Y"), count) for day, count in weeks.items()]), "week"
