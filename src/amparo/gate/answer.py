"""What a gate answers: a verdict, and for each match where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from amparo.bank import Action
from amparo.case.outcome import Outcome
from amparo.core.errors import InvalidInput
from amparo.core.ids import ReviewId
from amparo.signal.trace import Relation


@dataclass(frozen=True, slots=True)
class Found:
    """One match with its provenance.

    bank: its name, as in the HMA routes; content: its id there; entry: the hub's pseudonym, or None for a bank of the
    platform's own; hub: the hub whose feed brought it, or None; since: RFC 3339, when the hub told it or it was added
    here; distance in bits.
    """

    bank: str
    content: int
    distance: int
    since: str
    entry: str | None = None
    hub: str | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """What an upload is to a registered ordinary photo. altered_fraction: of the photo's area; region: its outline in 0..1
    of the photo's width and height; review: what a reviewer's decision names; decided: what one said of this very upload
    before."""

    relation: Relation
    altered_fraction: float
    region: tuple[tuple[float, float], ...] | None = None
    review: ReviewId | None = None
    decided: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """action: what to do; matches: nearest first; quality: of the picture's fingerprint, 0..100.

    would: in a dry run, where every upload is let pass, what would have been done; else None. trace: what the upload is to a
    registered ordinary photo, where it is something.
    """

    action: Action
    matches: tuple[Found, ...] = ()
    quality: int = 100
    would: Action | None = None
    trace: Traced | None = None

    @property
    def allowed(self) -> bool:
        return self.action is Action.ALLOW

    @property
    def entries(self) -> tuple[str, ...]:
        """The hub's pseudonyms of what matched, nearest first."""
        return tuple(found.entry for found in self.matches if found.entry is not None)

    @property
    def judged(self) -> Action:
        """What policy says, dry run or not."""
        return self.would or self.action


def nearest_of_each(found: Iterable[Found]) -> list[Found]:
    """Each content once, by its nearest match; nearest first."""
    nearest: dict[tuple[str, int], Found] = {}
    for one in found:
        known = nearest.setdefault((one.bank, one.content), one)
        if one.distance < known.distance:
            nearest[one.bank, one.content] = one
    return sorted(nearest.values(), key=lambda one: (one.distance, one.content))


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer as the API tells it."""
    told: dict[str, Any] = {"verdict": answer.action.value, "quality": answer.quality}
    if answer.would is not None:
        told["would"] = answer.would.value
    told["matches"] = [
        {
            "bank": found.bank,
            "content": found.content,
            "entry": found.entry,
            "hub": found.hub,
            "since": found.since,
            "distance": found.distance,
        }
        for found in answer.matches
    ]
    if answer.trace is not None:
        told["trace"] = _trace_json(answer.trace)
    return told


def answer_of(content: object) -> Answer:
    """Inverse of ``answer_json``. Raises InvalidInput ``answer_malformed``."""
    try:
        told = cast("dict[str, Any]", content)
        matches = tuple(Found(**match) for match in told["matches"])
        would, traced = told.get("would"), told.get("trace")
        return Answer(
            Action(told["verdict"]),
            matches,
            int(told["quality"]),
            None if would is None else Action(would),
            None if traced is None else _traced_of(traced),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("answer_malformed", "This is not a gate's answer.") from error


def _trace_json(traced: Traced) -> dict[str, Any]:
    return {
        "relation": traced.relation.value,
        "altered_fraction": traced.altered_fraction,
        "region": None if traced.region is None else [list(point) for point in traced.region],
        "review": traced.review,
        "decided": None if traced.decided is None else traced.decided.value,
    }


def _traced_of(told: dict[str, Any]) -> Traced:
    region, review, decided = told["region"], told["review"], told["decided"]
    return Traced(
        Relation(told["relation"]),
        float(told["altered_fraction"]),
        None if region is None else tuple((float(x), float(y)) for x, y in region),
        None if review is None else ReviewId(review),
        None if decided is None else Outcome(decided),
    )
