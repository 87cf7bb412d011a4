"""One person's case as a pure state machine: (state, command) → events, and events fold back into the state.

Nothing here knows where events are kept. A case is OPEN until it is withdrawn, which is final: its fingerprints stop
matching, its key is destroyed, and its code opens nothing any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Final

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
from amparo.case.outcome import Outcome
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.core.errors import Conflict, InvalidInput, NotFound
from amparo.core.ids import CaseId, EntryId, ReviewId, WordsId

PICTURES_AT_ONCE: Final = 200
"""How many fingerprints one request may bring: a phone's whole album of one evening, not a flood."""
PICTURES_A_CASE: Final = 1000
"""How many pictures a case may ever hold, withdrawn ones included: each look at a case reads its whole history."""
SIGHTINGS_A_PICTURE: Final = 1000
SIGHTINGS_A_CASE: Final = 5000
"""How many sightings a case's history keeps, each with its hour and place; later ones are only counted, outside the case.

The first ones are what tells a person, a caseworker and a court where and when it began. Without an end, a platform in a loop,
or one that means harm, could make a case too long to be opened, just when its person wants to withdraw.
"""
PHOTOS_AT_ONCE: Final = 10
PHOTOS_A_CASE: Final = 200
"""How many ordinary photos a case may keep registered: each costs every gate memory and time."""
WITNESSES_A_CASE: Final = 500
"""How many reports by witnesses a case's history keeps; one person who means harm could send any number."""
WORDS_A_CASE: Final = 2000
"""How many notes and messages a case may ever hold, erased ones included: each look at a case reads its whole history."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One registered ordinary photo as the person sees it: a number, never a picture."""

    entry: EntryId
    number: int
    registered_at: datetime
    held: bool
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Derivative:
    """An upload at a partner that seemed to be an altered version of a photo. unbanked: of a confirmed one, why its copies are
    not stopped elsewhere."""

    held: DerivativeHeld
    outcome: Outcome = Outcome.WAITING
    banked: EntryId | None = None
    unbanked: Unbanked | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One protected picture as the person sees it: a number, never a picture.

    derived_from: the ordinary photo of which it is a confirmed altered version, else None.
    """

    entry: EntryId
    number: int
    protected_at: datetime
    quality: int
    withdrawn_at: datetime | None = None
    derived_from: EntryId | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """That there are words, of which kind and from whom; what they say is sealed apart."""

    words: WordsId
    kind: WordsKind
    author: Author
    noted_at: datetime
    corrected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The folded state. ``version`` counts the events, for optimistic concurrency."""

    id: CaseId
    version: int = 0
    opened_at: datetime | None = None
    language: str = "es"
    door: Door = Door.PICTURE
    age: AgeBand = AgeBand.UNSAID
    consents: tuple[ConsentRecorded, ...] = ()
    notes: tuple[Noted, ...] = ()
    notes_ever: int = 0
    witnesses: tuple[WitnessTold, ...] = ()
    pictures: tuple[Picture, ...] = ()
    sightings: tuple[CopySighted, ...] = ()
    photos: tuple[Photo, ...] = ()
    derivatives: tuple[Derivative, ...] = ()
    withdrawn_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.opened_at is not None and self.withdrawn_at is None

    def picture(self, entry: EntryId) -> Picture:
        """Raises NotFound ``picture_unknown``."""
        for picture in self.pictures:
            if picture.entry == entry:
                return picture
        raise NotFound("picture_unknown", "This case holds no such picture.")

    def photo(self, entry: EntryId) -> Photo:
        """Raises NotFound ``photo_unknown``."""
        for photo in self.photos:
            if photo.entry == entry:
                return photo
        raise NotFound("photo_unknown", "This case holds no such photo.")

    def derivative(self, review: ReviewId) -> Derivative:
        """Raises NotFound ``review_unknown``."""
        for derivative in self.derivatives:
            if derivative.held.review == review:
                return derivative
        raise NotFound("review_unknown", "There is no such upload to decide on.")

    def note(self, words: WordsId) -> Noted:
        """Raises NotFound ``words_unknown``."""
        for note in self.notes:
            if note.words == words:
                return note
        raise NotFound("words_unknown", "This case holds no such words.")

    def sighted(self, entry: EntryId) -> tuple[CopySighted, ...]:
        return tuple(sighting for sighting in self.sightings if sighting.entry == entry)


def fold(case: CaseId, events: Iterable[Event]) -> Case:
    """The state after these events, from the first."""
    state = Case(case)
    # Sightings by the thousand come in runs: one by one, each would copy all those before it.
    for sightings, run in groupby(events, lambda event: isinstance(event, CopySighted)):
        if sightings:
            seen = (*state.sightings, *(event for event in run if isinstance(event, CopySighted)))
            version = state.version + len(seen) - len(state.sightings)
            state = replace(state, version=version, sightings=seen)
        else:
            for event in run:
                state = evolve(state, event)
    return state


def evolve(case: Case, event: Event) -> Case:
    """The state after one more event. Total: an event that was recorded always folds."""
    case = replace(case, version=case.version + 1)
    match event:
        case CaseOpened():
            return replace(case, opened_at=event.at, language=event.language, door=event.door, age=event.age)
        case AgeStated():
            return replace(case, age=event.age)
        case ConsentRecorded():
            return replace(case, consents=(*case.consents, event))
        case TakenOver():
            return replace(case, door=Door.PICTURE)
        case WordsNoted():
            noted = Noted(event.words, event.kind, event.author, event.at)
            return replace(case, notes=(*case.notes, noted), notes_ever=case.notes_ever + 1)
        case WordsCorrected():
            notes = tuple(
                replace(note, corrected_at=event.at) if note.words == event.words else note for note in case.notes
            )
            return replace(case, notes=notes)
        case WordsErased():
            return replace(case, notes=tuple(note for note in case.notes if note.words != event.words))
        case WitnessTold():
            return replace(case, witnesses=(*case.witnesses, event))
        case PictureProtected():
            picture = Picture(event.entry, len(case.pictures) + 1, event.at, event.quality)
            return replace(case, pictures=(*case.pictures, picture))
        case PictureWithdrawn():
            pictures = tuple(
                replace(picture, withdrawn_at=event.at) if picture.entry == event.entry else picture
                for picture in case.pictures
            )
            return replace(case, pictures=pictures)
        case CopySighted():
            return replace(case, sightings=(*case.sightings, event))
        case PhotoRegistered():
            photo = Photo(event.entry, len(case.photos) + 1, event.at, event.held)
            return replace(case, photos=(*case.photos, photo))
        case PhotoRemoved():
            photos = tuple(
                replace(photo, removed_at=event.at) if photo.entry == event.entry else photo for photo in case.photos
            )
            derivatives = tuple(
                replace(one, outcome=Outcome.LAPSED)
                if one.held.entry == event.entry and one.outcome is Outcome.WAITING
                else one
                for one in case.derivatives
            )
            return replace(case, photos=photos, derivatives=derivatives)
        case DerivativeHeld():
            return replace(case, derivatives=(*case.derivatives, Derivative(event)))
        case DerivativeConfirmed():
            return _confirmed(case, event)
        case DerivativeDismissed():
            return _decided(case, event.review, Outcome.DISMISSED)
        case DerivativeLapsed():
            return _decided(case, event.review, Outcome.LAPSED)
        case CaseWithdrawn():
            return replace(case, withdrawn_at=event.at)


def open_case(
    case: Case, now: datetime, language: str, door: Door = Door.PICTURE, age: AgeBand = AgeBand.UNSAID
) -> tuple[Event, ...]:
    """Open an empty case: nobody needs a picture to be helped. Raises Conflict ``case_exists``."""
    if case.opened_at is not None:
        raise Conflict("case_exists", "This case is already open.")
    return (CaseOpened(now, language, door, age),)


def state_age(case: Case, now: datetime, age: AgeBand) -> tuple[Event, ...]:
    """Nothing happens where it was said before. Raises NotFound ``case_unknown``."""
    _require_open(case)
    return () if case.age is age else (AgeStated(now, age),)


def record_consent(case: Case, now: datetime, relation: Relation | None, told: bool | None) -> tuple[Event, ...]:
    """Who acts for the person, and whether the person knows; None for what was not said. Nothing happens where nothing was
    said, or the newest record says the same.

    Raises NotFound ``case_unknown``.
    """
    _require_open(case)
    newest = case.consents[-1] if case.consents else None
    known = (newest.relation, newest.told) if newest else (None, None)
    same = known == (relation, told)
    return () if same else (ConsentRecorded(now, relation, told),)


def take_over(case: Case, now: datetime) -> tuple[Event, ...]:
    """The person in the picture takes a witness's case as theirs; nothing happens in any other. Raises NotFound
    ``case_unknown``."""
    _require_open(case)
    return (TakenOver(now),) if case.door is Door.WITNESS else ()


def note_words(
    case: Case, now: datetime, author: Author, noted: Sequence[tuple[WordsId, WordsKind]]
) -> tuple[Event, ...]:
    """Raises NotFound ``case_unknown``, InvalidInput ``words_many`` where the case would hold more than it may."""
    _require_open(case)
    if case.notes_ever + len(noted) > WORDS_A_CASE:
        raise InvalidInput("words_many", f"A case keeps at most {WORDS_A_CASE:,} notes and messages.")
    return tuple(WordsNoted(now, words, kind, author) for words, kind in noted)


def correct_words(case: Case, now: datetime, author: Author, words: WordsId) -> tuple[Event, ...]:
    """Raises NotFound ``case_unknown``, ``words_unknown`` (also for words of the other author)."""
    _require_author(case, author, words)
    return (WordsCorrected(now, words),)


def erase_words(case: Case, now: datetime, author: Author, words: WordsId) -> tuple[Event, ...]:
    """Raises as ``correct_words`` does."""
    _require_author(case, author, words)
    return (WordsErased(now, words),)


def hear_witness(case: Case, now: datetime, entry: EntryId) -> tuple[Event, ...]:
    """Somebody reported a copy of this picture; nothing happens where the case keeps as many reports as it may.

    Raises NotFound ``case_unknown``, ``picture_unknown``.
    """
    _require_open(case)
    case.picture(entry)
    return (WitnessTold(now, entry),) if len(case.witnesses) < WITNESSES_A_CASE else ()


def add_pictures(case: Case, now: datetime, pictures: Sequence[tuple[EntryId, int]]) -> tuple[Event, ...]:
    """Protect more pictures.

    Raises NotFound ``case_unknown``, InvalidInput ``pictures_none`` / ``pictures_many``, or ``case_full`` where the case
    would hold more than it may.
    """
    _require_open(case)
    return _protect(case, now, pictures)


def withdraw_picture(case: Case, now: datetime, entry: EntryId) -> tuple[Event, ...]:
    """Stop protecting one picture; nothing happens the second time. Raises NotFound ``case_unknown``, ``picture_unknown``."""
    _require_open(case)
    return () if case.picture(entry).withdrawn_at else (PictureWithdrawn(now, entry),)


def withdraw_case(case: Case, now: datetime) -> tuple[Event, ...]:
    """Revoke everything and end. Raises NotFound ``case_unknown``."""
    _require_open(case)
    held = (picture for picture in case.pictures if picture.withdrawn_at is None)
    kept = (photo for photo in case.photos if photo.removed_at is None)
    return (
        *(PictureWithdrawn(now, picture.entry) for picture in held),
        *(PhotoRemoved(now, photo.entry) for photo in kept),
        CaseWithdrawn(now),
    )


def record_sightings(case: Case, sightings: Iterable[CopySighted]) -> tuple[Event, ...]:
    """Write down what partners saw; a sighting told twice is written once, and one beyond what a case keeps is not.

    Raises NotFound ``case_unknown``, ``picture_unknown``.
    """
    _require_open(case)
    known = {(sighting.partner, sighting.sighting) for sighting in case.sightings}
    kept = Counter(sighting.entry for sighting in case.sightings)
    fresh: list[CopySighted] = []
    for sighting in sightings:
        case.picture(sighting.entry)
        told = (sighting.partner, sighting.sighting)
        full = kept[sighting.entry] >= SIGHTINGS_A_PICTURE or len(known) >= SIGHTINGS_A_CASE
        if told not in known and not full:
            known.add(told)
            kept[sighting.entry] += 1
            fresh.append(sighting)
    return tuple(fresh)


def register_photos(case: Case, now: datetime, photos: Sequence[tuple[EntryId, bool]]) -> tuple[Event, ...]:
    """Register more ordinary photos. Raises NotFound ``case_unknown``, InvalidInput ``photos_none`` / ``photos_many``."""
    _require_open(case)
    return _register(case, now, photos)


def remove_photo(case: Case, now: datetime, entry: EntryId) -> tuple[Event, ...]:
    """Stop recognising one photo; nothing happens the second time. Raises NotFound ``case_unknown``, ``photo_unknown``."""
    _require_open(case)
    return () if case.photo(entry).removed_at else (PhotoRemoved(now, entry),)


def hold_derivative(case: Case, held: DerivativeHeld) -> tuple[Event, ...]:
    """A partner holds an upload. Raises NotFound ``case_unknown``, ``photo_unknown`` (also for one that was removed)."""
    _require_open(case)
    if case.photo(held.entry).removed_at is not None:
        raise NotFound("photo_unknown", "This case holds no such photo.")
    return (held,)


def confirm_derivative(
    case: Case, now: datetime, review: ReviewId, banked: EntryId | Unbanked, quality: int
) -> tuple[Event, ...]:
    """The reviewer agrees. banked: the entry that stops its copies, or why there is none.

    Raises NotFound ``case_unknown``, ``review_unknown``, Conflict ``review_decided``.
    """
    _require_waiting(case, review)
    if isinstance(banked, Unbanked):
        return (DerivativeConfirmed(now, review, None, quality, banked),)
    return (DerivativeConfirmed(now, review, banked, quality),)


def dismiss_derivative(case: Case, now: datetime, review: ReviewId) -> tuple[Event, ...]:
    """The reviewer disagrees. Raises as ``confirm_derivative`` does."""
    _require_waiting(case, review)
    return (DerivativeDismissed(now, review),)


def lapse_derivative(case: Case, now: datetime, review: ReviewId) -> tuple[Event, ...]:
    """Nobody has decided in time; nothing happens where somebody has, or the photo was removed. Raises NotFound
    ``case_unknown``, ``review_unknown``."""
    _require_open(case)
    return (DerivativeLapsed(now, review),) if case.derivative(review).outcome is Outcome.WAITING else ()


def _confirmed(case: Case, event: DerivativeConfirmed) -> Case:
    case = _decided(case, event.review, Outcome.CONFIRMED, event.banked, event.unbanked)
    known = any(picture.entry == event.banked for picture in case.pictures)
    if event.banked is None or known:
        return case
    photo = case.derivative(event.review).held.entry
    picture = Picture(event.banked, len(case.pictures) + 1, event.at, event.quality, derived_from=photo)
    return replace(case, pictures=(*case.pictures, picture))


def _decided(
    case: Case, review: ReviewId, outcome: Outcome, banked: EntryId | None = None, unbanked: Unbanked | None = None
) -> Case:
    derivatives = tuple(
        replace(one, outcome=outcome, banked=banked, unbanked=unbanked) if one.held.review == review else one
        for one in case.derivatives
    )
    return replace(case, derivatives=derivatives)


def _require_waiting(case: Case, review: ReviewId) -> None:
    _require_open(case)
    if case.derivative(review).outcome is not Outcome.WAITING:
        raise Conflict("review_decided", "Somebody has decided on this upload already.")


def _register(case: Case, now: datetime, photos: Sequence[tuple[EntryId, bool]]) -> tuple[Event, ...]:
    if not photos:
        raise InvalidInput("photos_none", "Choose at least one photo.")
    kept = sum(photo.removed_at is None for photo in case.photos)
    if len(photos) > PHOTOS_AT_ONCE or kept + len(photos) > PHOTOS_A_CASE:
        raise InvalidInput("photos_many", f"At most {PHOTOS_AT_ONCE} photos at a time, and {PHOTOS_A_CASE} in all.")
    return tuple(PhotoRegistered(now, entry, held) for entry, held in photos)


def _protect(case: Case, now: datetime, pictures: Sequence[tuple[EntryId, int]]) -> tuple[Event, ...]:
    if not pictures:
        raise InvalidInput("pictures_none", "Choose at least one picture.")
    if len(pictures) > PICTURES_AT_ONCE:
        raise InvalidInput("pictures_many", f"At most {PICTURES_AT_ONCE} pictures at a time.")
    if len(case.pictures) + len(pictures) > PICTURES_A_CASE:
        raise InvalidInput(
            "case_full", f"A case holds at most {PICTURES_A_CASE:,} pictures. Open another one for more."
        )
    return tuple(PictureProtected(now, entry, quality) for entry, quality in pictures)


def _require_author(case: Case, author: Author, words: WordsId) -> None:
    _require_open(case)
    if case.note(words).author is not author:
        raise NotFound("words_unknown", "This case holds no such words.")


def _require_open(case: Case) -> None:
    # One answer for a case that never was, was withdrawn or was erased: SAFETY.md, never 6.
    if not case.open:
        raise NotFound("case_unknown", "There is no case with this code.")
