"""Awards of the trusted flagger's status, as the operator configures them (DSA Art. 22).

Without an award of the operator's own, no text of ours ever claims the status. An award of a help line only lets the next
step name that line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from amparo.notice.reading import Reader


@dataclass(frozen=True, slots=True)
class Award:
    """entity: who holds the status. authority: who awarded it. line: a help line's id, "" for the operator's own award."""

    entity: str
    authority: str
    awarded_on: date
    line: str = ""


def read_award(raw: bytes, place: str) -> Award:
    """From ``{"entity", "authority", "awarded_on", "line"?}``. Raises InvalidInput ``award_invalid``."""
    reader = Reader.of_bytes(raw, place, "award_invalid")
    award = Award(
        reader.text("entity"), reader.text("authority"), reader.day("awarded_on"), reader.text_or_blank("line")
    )
    reader.done()
    return award
