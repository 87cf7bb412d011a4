"""What can happen to a case, as frozen values: the only things that are ever recorded of it.

A person's own words never stand in an event. An event says that there are some, of what kind, from whom and since when; the
words themselves are sealed apart, with a key that only the case code and the desk's keys open (``hub.vault``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.core.ids import EntryId, PartnerId, ReviewId, SightingId, WordsId


@dataclass(frozen=True, slots=True)
class CaseOpened:
    at: datetime
    language: str
    door: Door = Door.PICTURE
    age: AgeBand = AgeBand.UNSAID


@dataclass(frozen=True, slots=True)
class PictureProtected:
    at: datetime
    entry: EntryId
    quality: int


@dataclass(frozen=True, slots=True)
class PictureWithdrawn:
    at: datetime
    entry: EntryId


@dataclass(frozen=True, slots=True)
class CopySighted:
    """at: when the hub heard of it; seen_at: when the partner saw it; place: where at the partner, in its own words."""

    at: datetime
    sighting: SightingId
    entry: EntryId
    partner: PartnerId
    partner_name: str
    seen_at: datetime
    place: str
    stopped: bool


@dataclass(frozen=True, slots=True)
class PhotoRegistered:
    """An ordinary photo, by its trace. held: a caseworker must look before it is recognised anywhere."""

    at: datetime
    entry: EntryId
    held: bool


@dataclass(frozen=True, slots=True)
class PhotoRemoved:
    at: datetime
    entry: EntryId


@dataclass(frozen=True, slots=True)
class DerivativeHeld:
    """A partner holds an upload that seems to be the photo ``entry`` with ``percent`` of its area replaced."""

    at: datetime
    review: ReviewId
    entry: EntryId
    partner: PartnerId
    partner_name: str
    seen_at: datetime
    place: str
    percent: int


class Unbanked(StrEnum):
    """Why copies of a confirmed altered version are stopped at that partner only. plain: it shows too little to be told from
    other pictures; famous: many people have a picture like it; ordinary: it is so like somebody's ordinary photo that its
    fingerprint would stop that photo too."""

    PLAIN = "plain"
    FAMOUS = "famous"
    ORDINARY = "ordinary"


@dataclass(frozen=True, slots=True)
class DerivativeConfirmed:
    """The partner's reviewer agrees. banked: the entry under which its copies are stopped from now on; None where they
    cannot be, and ``unbanked`` says why."""

    at: datetime
    review: ReviewId
    banked: EntryId | None
    quality: int
    unbanked: Unbanked | None = None


@dataclass(frozen=True, slots=True)
class DerivativeDismissed:
    """The partner's reviewer saw something harmless."""

    at: datetime
    review: ReviewId


@dataclass(frozen=True, slots=True)
class DerivativeLapsed:
    """Nobody at the partner has decided in time, and nobody can any more."""

    at: datetime
    review: ReviewId


@dataclass(frozen=True, slots=True)
class ConsentRecorded:
    """Somebody else acts for the person in the pictures. told: whether that person knows of it and agreed; where not, a parent
    or guardian decides for a child who cannot yet, or an adult could not be asked. None: the question was skipped."""

    at: datetime
    relation: Relation | None
    told: bool | None


@dataclass(frozen=True, slots=True)
class AgeStated:
    """Said later, or corrected."""

    at: datetime
    age: AgeBand


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A witness has passed the case's code on, and the person in the picture says that it is theirs."""

    at: datetime


@dataclass(frozen=True, slots=True)
class WordsNoted:
    at: datetime
    words: WordsId
    kind: WordsKind
    author: Author


@dataclass(frozen=True, slots=True)
class WordsCorrected:
    """Other words stand in their place; the earlier ones are gone."""

    at: datetime
    words: WordsId


@dataclass(frozen=True, slots=True)
class WordsErased:
    at: datetime
    words: WordsId


@dataclass(frozen=True, slots=True)
class WitnessTold:
    """Somebody who was sent a copy has reported it; nothing of them is kept here, and they are not told whose it is."""

    at: datetime
    entry: EntryId


@dataclass(frozen=True, slots=True)
class CaseWithdrawn:
    at: datetime


Event = (
    CaseOpened
    | AgeStated
    | ConsentRecorded
    | TakenOver
    | WordsNoted
    | WordsCorrected
    | WordsErased
    | WitnessTold
    | PictureProtected
    | PictureWithdrawn
    | CopySighted
    | PhotoRegistered
    | PhotoRemoved
    | DerivativeHeld
    | DerivativeConfirmed
    | DerivativeDismissed
    | DerivativeLapsed
    | CaseWithdrawn
)
