"""Tables for other programs: figures, and the queue. Never a fingerprint, anybody's words, a code or a case's identifier."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from amparo.core.clock import to_text
from amparo.hub.commands.figures import Figures
from amparo.hub.commands.queue import staff_names
from amparo.hub.context import Hub

QUEUE_COLUMNS: Final = (
    *("number", "urgency", "door", "opened_at", "touched_at", "unread", "next_clock_at", "given_to"),
)
_AT_ONCE: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_line(cells: Sequence[object]) -> str:
    """One line by RFC 4180. What a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection)."""
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(cell) for cell in cells])
    return line.getvalue()


def queue_csv(hub: Hub) -> Iterator[str]:
    """Every case there is, by number, in steps: no reader holds on to the database for as long as somebody downloads."""
    yield csv_line(QUEUE_COLUMNS)
    last = 0
    while True:
        with hub.store.read() as transaction:
            lines = transaction.queue.lines_after(last, _AT_ONCE)
            names = staff_names(transaction)
        for line in lines:
            next_at = "" if line.next_at is None else to_text(line.next_at)
            given = "" if line.assigned_to is None else names.get(line.assigned_to, "")
            moments = (to_text(line.opened_at), to_text(line.touched_at))
            waits = "yes" if line.waits else "no"
            yield csv_line((line.number, line.urgency.name.lower(), line.door, *moments, waits, next_at, given))
        if len(lines) < _AT_ONCE:
            return
        last = lines[-1].number


def figures_csv(counted: Figures) -> Iterator[str]:
    """One number a line: which figure, of what, when."""
    yield csv_line(("figure", "of", "when", "count"))
    now = to_text(counted.at)
    for urgency, count in counted.by_urgency.items():
        yield csv_line(("cases_by_urgency", urgency.name.lower(), now, count))
    yield csv_line(("cases_unread", "", now, counted.waiting))
    yield csv_line(("cases_unread_and_nobodys", "", now, counted.nobodys))
    yield csv_line(("clocks_overdue", "", now, counted.overdue))
    for day, count in counted.due:
        yield csv_line(("clocks_due", "", day.isoformat(), count))
    for standing, count in counted.clocks.items():
        yield csv_line(("notices_by_clock", standing, now, count))
    for week, count in counted.opened.weeks:
        yield csv_line(("cases_opened", "week", week.isoformat(), count))
    for partner in counted.sightings:
        for week, count in partner.weeks:
            yield csv_line(("sightings", partner.name, week.isoformat(), count))


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
