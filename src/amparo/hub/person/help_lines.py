"""Which help lines a page shows first. The lines themselves are data, each with its source and the day it was checked: the
operator's own list where there is one, else the shipped one (``hub.office``). Their order is that of the list."""

from __future__ import annotations

from collections.abc import Sequence

from amparo.notice.help_lines import HelpLine


def lines_of(lines: Sequence[HelpLine], country: str) -> list[HelpLine]:
    """Those of this country; none where the list knows none."""
    return [line for line in lines if line.country == country]


def lines_by_country(lines: Sequence[HelpLine], country: str) -> list[tuple[str, list[HelpLine]]]:
    """Every line, this country's first."""
    order = dict.fromkeys((country, *(line.country for line in lines)))
    grouped = [(one, lines_of(lines, one)) for one in order]
    return [(one, found) for one, found in grouped if found]
