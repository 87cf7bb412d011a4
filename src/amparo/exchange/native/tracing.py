"""What a gate asks the hub about one upload that may be an altered version of a registered photo, and what it hears.

Two rounds, and the hub keeps nothing between them. First the upload's keypoints and the photos that got the most votes::

    {"query": base64url, "photos": [{"entry": 32 hex}, ...], "place": text, "hold": bool}
    → {"aligned": [{"entry", "similarity": [a, b, dx, dy], "mirrored": bool, "frame": [height, width]}, ...]}

then the same question with the upload's tiles, as they lie in the frames that were told::

    {..., "photos": [{"entry": 32 hex, "tiles": base64url}, ...]}
    → {"relation": "copy" | "altered" | "uncertain" | "unrelated", "altered_fraction": 0..1,
       "region": [[x, y], ...] | null, "entry": 32 hex | null, "review": 32 hex | null,
       "decided": "confirmed" | "dismissed" | null}

``query`` and ``tiles`` are as spec/trace.md has them; at most 16 photos. ``hold``: whether the upload is kept back, so that
there must be a review to decide on. ``altered_fraction`` and ``region`` are those of the photo ``entry``. ``decided``: what a
reviewer said of this very upload before.

A partner that has whole records finds by itself, and tells what it holds::

    {"entry": 32 hex, "relation": "altered" | "uncertain", "altered_fraction": 0..1, "value": 64 hex, "quality": 0..100,
     "place": text}
    → the answer above

A reviewer's decision is ``{"decision": "confirm" | "dismiss"}``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from amparo.case.outcome import Outcome
from amparo.core.canonical import canonical_bytes
from amparo.core.errors import AmparoError, InvalidInput, Unavailable
from amparo.core.ids import EntryId, ReviewId, is_id
from amparo.exchange.native.base64url import from_base64url, to_base64url
from amparo.exchange.native.sighting import PLACE_LENGTH
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import QueryRecord, Relation, codec
from amparo.signal.trace.match import Similarity
from amparo.signal.trace.tiles import Tiles

MAXIMUM_PHOTOS: Final = 16


@dataclass(frozen=True, slots=True)
class Question:
    """photos: the partner's pseudonyms, with the upload's tiles in the second round."""

    query: QueryRecord
    photos: tuple[tuple[EntryId, Tiles | None], ...]
    place: str
    hold: bool


@dataclass(frozen=True, slots=True)
class Aligned:
    """In what frame the upload's tiles are asked for."""

    entry: EntryId
    similarity: Similarity
    frame: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TraceAnswer:
    """entry: the photo that decided, by the partner's pseudonym; review: what a reviewer's decision names, where one is
    needed."""

    relation: Relation
    altered_fraction: float = 0.0
    region: tuple[tuple[float, float], ...] | None = None
    entry: EntryId | None = None
    review: ReviewId | None = None
    decided: Outcome | None = None


@dataclass(frozen=True, slots=True)
class OwnFinding:
    """An upload that a partner with whole records holds. fingerprint: of the upload."""

    entry: EntryId
    relation: Relation
    altered_fraction: float
    fingerprint: Pdq
    place: str


def encode_question(question: Question) -> bytes:
    """Canonical JSON."""
    photos = [
        {"entry": entry} if tiles is None else {"entry": entry, "tiles": to_base64url(codec.encode_tiles(tiles))}
        for entry, tiles in question.photos
    ]
    query = to_base64url(codec.encode_query(question.query))
    return canonical_bytes({"query": query, "photos": photos, "place": question.place, "hold": question.hold})


def decode_question(raw: bytes) -> Question:
    """Inverse of ``encode_question``. Raises InvalidInput ``trace_question_malformed``."""
    try:
        content = cast("dict[str, Any]", json.loads(raw))
        if set(content) != {"query", "photos", "place", "hold"} or not isinstance(content["hold"], bool):
            raise ValueError("missing or unknown members")
        photos = tuple(_photo_of(photo) for photo in cast("list[dict[str, Any]]", content["photos"]))
        rounds = {tiles is None for _, tiles in photos}
        if not 1 <= len(photos) <= MAXIMUM_PHOTOS or len(rounds) != 1 or len({e for e, _ in photos}) != len(photos):
            raise ValueError("no photos, too many, or one twice")
        query = codec.decode_query(from_base64url(content["query"]))
        return Question(query, photos, place_of(content["place"]), content["hold"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _malformed(str(error)) from error
    except AmparoError as error:
        raise _malformed(error.code) from error


def encode_aligned(aligned: Sequence[Aligned]) -> bytes:
    """Canonical JSON."""
    told = [
        {
            "entry": one.entry,
            "similarity": [one.similarity.a, one.similarity.b, one.similarity.dx, one.similarity.dy],
            "mirrored": one.similarity.mirrored,
            "frame": list(one.frame),
        }
        for one in aligned
    ]
    return canonical_bytes({"aligned": told})


def decode_aligned(raw: bytes) -> tuple[Aligned, ...]:
    """Inverse of ``encode_aligned``. Raises Unavailable ``hub_answer_malformed``."""
    try:
        return tuple(
            Aligned(
                EntryId(one["entry"]),
                Similarity(*(float(number) for number in one["similarity"]), mirrored=bool(one["mirrored"])),
                (int(one["frame"][0]), int(one["frame"][1])),
            )
            for one in cast("list[dict[str, Any]]", json.loads(raw)["aligned"])
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Unavailable("hub_answer_malformed", "The hub's answer could not be read.") from error


def encode_answer(answer: TraceAnswer) -> bytes:
    """Canonical JSON."""
    return canonical_bytes(
        {
            "relation": answer.relation.value,
            "altered_fraction": answer.altered_fraction,
            "region": None if answer.region is None else [list(point) for point in answer.region],
            "entry": answer.entry,
            "review": answer.review,
            "decided": None if answer.decided is None else answer.decided.value,
        }
    )


def decode_answer(raw: bytes) -> TraceAnswer:
    """Inverse of ``encode_answer``. Raises Unavailable ``hub_answer_malformed``."""
    try:
        told = cast("dict[str, Any]", json.loads(raw))
        region = told["region"]
        return TraceAnswer(
            Relation(told["relation"]),
            float(told["altered_fraction"]),
            None if region is None else tuple((float(x), float(y)) for x, y in region),
            None if told["entry"] is None else EntryId(told["entry"]),
            None if told["review"] is None else ReviewId(told["review"]),
            None if told["decided"] is None else Outcome(told["decided"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable("hub_answer_malformed", "The hub's answer could not be read.") from error


def encode_finding(finding: OwnFinding) -> bytes:
    """Canonical JSON."""
    return canonical_bytes(
        {
            "entry": finding.entry,
            "relation": finding.relation.value,
            "altered_fraction": finding.altered_fraction,
            "value": finding.fingerprint.hex,
            "quality": finding.fingerprint.quality,
            "place": finding.place,
        }
    )


def decode_finding(raw: bytes) -> OwnFinding:
    """Inverse of ``encode_finding``. Raises InvalidInput ``trace_question_malformed``."""
    try:
        content = cast("dict[str, Any]", json.loads(raw))
        entry, relation, fraction = content["entry"], Relation(content["relation"]), content["altered_fraction"]
        if set(content) != {"entry", "relation", "altered_fraction", "value", "quality", "place"}:
            raise ValueError("missing or unknown members")
        if relation not in (Relation.ALTERED, Relation.UNCERTAIN) or not isinstance(entry, str) or not is_id(entry):
            raise ValueError("nothing to hold")
        if type(fraction) not in (int, float) or not 0 <= fraction <= 1 or type(content["quality"]) is not int:
            raise ValueError("a number is out of range")
        fingerprint = Pdq.from_hex(content["value"], content["quality"])
        return OwnFinding(EntryId(entry), relation, float(fraction), fingerprint, place_of(content["place"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _malformed(str(error)) from error
    except AmparoError as error:
        raise _malformed(error.code) from error


def encode_decision(*, confirmed: bool) -> bytes:
    """Canonical JSON."""
    return canonical_bytes({"decision": "confirm" if confirmed else "dismiss"})


def decode_decision(raw: bytes) -> bool:
    """Whether it is a confirmation. Raises InvalidInput ``decision_malformed``."""
    try:
        content = cast("dict[str, Any]", json.loads(raw))
        decision = content["decision"]
        if set(content) == {"decision"} and decision in ("confirm", "dismiss"):
            return decision == "confirm"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _undecided() from error
    raise _undecided()


def _undecided() -> InvalidInput:
    return InvalidInput("decision_malformed", "A decision is either confirm or dismiss.")


def place_of(value: object) -> str:
    """Raises ValueError for what is no short plain text."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > PLACE_LENGTH:
        raise ValueError("a place is too long or not plain text")
    return value


def _photo_of(content: dict[str, Any]) -> tuple[EntryId, Tiles | None]:
    entry = content["entry"]
    if not isinstance(entry, str) or not is_id(entry) or not set(content) <= {"entry", "tiles"}:
        raise ValueError("a photo is not one")
    tiles = codec.decode_tiles(from_base64url(content["tiles"])) if "tiles" in content else None
    return EntryId(entry), tiles


def _malformed(detail: str) -> InvalidInput:
    return InvalidInput("trace_question_malformed", "This question could not be read.", detail=detail)
