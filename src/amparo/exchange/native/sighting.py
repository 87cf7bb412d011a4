"""What a gate tells the hub about what it saw: ``{"sightings": [{id, entry, seen_at, distance, action, place}]}``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from amparo.bank import Action
from amparo.core.canonical import canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.errors import InvalidInput
from amparo.core.ids import EntryId, SightingId, is_id

MAXIMUM_REPORTS: Final = 500
PLACE_LENGTH: Final = 80


@dataclass(frozen=True, slots=True)
class SightingReport:
    """id: chosen by the gate, so that telling twice counts once; entry: the partner's pseudonym; place: its own words."""

    id: SightingId
    entry: EntryId
    seen_at: datetime
    distance: int
    action: Action
    place: str


def encode_reports(reports: Sequence[SightingReport]) -> bytes:
    """Canonical JSON."""
    return canonical_bytes(
        {
            "sightings": [
                {
                    "id": report.id,
                    "entry": report.entry,
                    "seen_at": to_text(report.seen_at),
                    "distance": report.distance,
                    "action": report.action.value,
                    "place": report.place,
                }
                for report in reports
            ]
        }
    )


def decode_reports(raw: bytes) -> tuple[SightingReport, ...]:
    """Inverse of ``encode_reports``. Raises InvalidInput ``sightings_malformed``."""
    try:
        contents = cast("list[dict[str, Any]]", json.loads(raw)["sightings"])
        if len(contents) > MAXIMUM_REPORTS:
            raise ValueError(f"{len(contents)} at once")
        return tuple(_report_of(content) for content in contents)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("sightings_malformed", "These sightings could not be read.", detail=str(error)) from error


def _report_of(content: dict[str, Any]) -> SightingReport:
    identifier, entry, distance, place = (content[name] for name in ("id", "entry", "distance", "place"))
    if not (is_id(identifier) and is_id(entry)):
        raise ValueError("an identifier is not one")
    if not isinstance(distance, int) or isinstance(distance, bool) or not 0 <= distance <= 256:
        raise ValueError("a distance is out of range")
    if not isinstance(place, str) or not place.isprintable() or len(place) > PLACE_LENGTH:
        raise ValueError("a place is too long or not plain text")
    return SightingReport(
        SightingId(identifier),
        EntryId(entry),
        from_text(content["seen_at"]),
        distance,
        Action(content["action"]),
        place,
    )
