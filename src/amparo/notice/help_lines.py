"""Help lines by country, each with its source and the day on which somebody last checked it. Numbers are text to be read:
nothing here or on any page dials them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

from amparo.notice.pack import Language, Quality
from amparo.notice.reading import Reader

INVALID: Final = "help_lines_invalid"
WARN_AFTER_DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class Way:
    """One more way to reach a line: its name in both languages and what to type."""

    name: Mapping[Language, str]
    value: str


@dataclass(frozen=True, slots=True)
class HelpLine:
    """country: ISO 3166-1. phone: "" where the line is known by name only. notes: hours, for whom, what to know first.

    source: P, an official text was read; S, a secondary source only. verified_on: None where no day was recorded.
    """

    id: str
    country: str
    name: str
    phone: str
    ways: tuple[Way, ...]
    notes: Mapping[Language, tuple[str, ...]]
    source: Quality
    verified_on: date | None

    def stale(self, today: date, days: int = WARN_AFTER_DAYS) -> bool:
        """Whether pages must warn: checked more than ``days`` days ago, on a day to come, or on no recorded day."""
        return self.verified_on is None or not 0 <= (today - self.verified_on).days <= days


@cache
def help_lines() -> tuple[HelpLine, ...]:
    """The shipped lines. Raises InvalidInput ``help_lines_invalid`` for a damaged installation."""
    return read_help_lines((resources.files("amparo.notice") / "help_lines.json").read_bytes(), "help_lines.json")


def read_help_lines(raw: bytes, place: str) -> tuple[HelpLine, ...]:
    """Lines from a file in the same format: an operator's own, verified list. Raises InvalidInput ``help_lines_invalid``."""
    reader = Reader.of_bytes(raw, place, INVALID)
    lines = tuple(_line(line) for line in reader.objects("lines"))
    reader.done()
    if len({line.id for line in lines}) != len(lines):
        raise reader.refused("lines", "an id is listed twice")
    return lines


def _line(reader: Reader) -> HelpLine:
    ways: list[Way] = []
    for way in reader.objects("ways"):
        ways.append(Way({language: way.text(language) for language in Language}, way.text("value")))
        way.done()
    notes = reader.object("notes")
    line = HelpLine(
        reader.text("id"),
        reader.text("country"),
        reader.text("name"),
        reader.text_or_blank("phone"),
        tuple(ways),
        {language: notes.texts(language) for language in Language},
        reader.choice("source", Quality),
        reader.day_or_none("verified_on"),
    )
    notes.done()
    reader.done()
    return line
