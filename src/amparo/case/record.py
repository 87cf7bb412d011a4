"""Events as canonical JSON bytes, before they are sealed and stored. Strict both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, cast

from amparo.case.events import (
    AgeStated,
    CaseOpened,
    CaseWithdrawn,
    ConsentRecorded,
    CopySighted,
    DerivativeConfirmed,
    DerivativeDismissed,
    DerivativeHeld,
    DerivativeLapsed,
    Event,
    PhotoRegistered,
    PhotoRemoved,
    PictureProtected,
    PictureWithdrawn,
    TakenOver,
    Unbanked,
    WitnessTold,
    WordsCorrected,
    WordsErased,
    WordsNoted,
)
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.core.canonical import canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.errors import IntegrityViolation

_KINDS: Final[dict[str, type[Any]]] = {
    "case-opened": CaseOpened,
    "age-stated": AgeStated,
    "consent-recorded": ConsentRecorded,
    "taken-over": TakenOver,
    "words-noted": WordsNoted,
    "words-corrected": WordsCorrected,
    "words-erased": WordsErased,
    "witness-told": WitnessTold,
    "picture-protected": PictureProtected,
    "picture-withdrawn": PictureWithdrawn,
    "copy-sighted": CopySighted,
    "photo-registered": PhotoRegistered,
    "photo-removed": PhotoRemoved,
    "derivative-held": DerivativeHeld,
    "derivative-confirmed": DerivativeConfirmed,
    "derivative-dismissed": DerivativeDismissed,
    "derivative-lapsed": DerivativeLapsed,
    "case-withdrawn": CaseWithdrawn,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_READ: Final[dict[str, Callable[[str], object]]] = {
    "at": from_text,
    "seen_at": from_text,
    "door": Door,
    "age": AgeBand,
    "relation": Relation,
    "author": Author,
    "unbanked": lambda why: Unbanked(why) if why else None,
}
_MEMBERS: Final = {kind: tuple((field.name, _READ.get(field.name)) for field in fields(kind)) for kind in _NAMES}
"""In the order in which each kind takes them, and how each is read; None: as it is."""
_JSON: Final = json.JSONDecoder()
_KIND_OF: Final = "of"
"""Under which name the kind of some words is written: ``kind`` is the event's own."""


def encode(event: Event) -> bytes:
    """Canonical JSON with the event's kind and every field."""
    content: dict[str, str | int | bool | None] = {"kind": _NAMES[type(event)]}
    for field in fields(event):
        value = getattr(event, field.name)
        name = _KIND_OF if field.name == "kind" else field.name
        content[name] = to_text(value) if isinstance(value, datetime) else value
    return canonical_bytes(content)


def decode(raw: bytes) -> Event:
    """Inverse of ``encode``. Raises IntegrityViolation ``event_unreadable``: what we wrote ourselves must be readable."""
    try:
        text = raw.decode()
        content, end = cast("tuple[dict[str, Any], int]", _JSON.raw_decode(text))
        kind = _KINDS[content.pop("kind")]
        if _KIND_OF in content:
            content["kind"] = WordsKind(content.pop(_KIND_OF))
        if end != len(text) or len(content) != len(_MEMBERS[kind]):
            raise ValueError("members differ")
        # A busy case has thousands of events, and each of its pages reads them all: one pass, in the order of the fields.
        members = [(content[name], read) for name, read in _MEMBERS[kind]]
        return cast("Event", kind(*[v if read is None or v is None else read(v) for v, read in members]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityViolation("event_unreadable", "A stored event of a case could not be read.") from error
