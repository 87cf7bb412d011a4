"""One case as the desk sees it: everything the hub can read by itself, and of the person's words only that there are some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from amparo.bank import EntryState
from amparo.case.events import CopySighted, Event
from amparo.case.machine import Case, Derivative, Noted, Photo, Picture, fold
from amparo.case.people import Author, WordsKind
from amparo.core.errors import NotFound, Unavailable
from amparo.core.ids import EntryId
from amparo.hub.commands.queue import QueueRow, case_staff, check_works_on_cases, line_numbered, row_of, staff_names
from amparo.hub.context import Hub
from amparo.store import Transaction
from amparo.store.queue.protocol import QueueLine
from amparo.store.staff.protocol import StaffRecord

_STEPS: Final = 100
_SIGHTINGS: Final = 20


@dataclass(frozen=True, slots=True)
class SealedKind:
    """Words of one kind, newest first, none of them opened."""

    kind: WordsKind
    notes: tuple[Noted, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened ``count`` times at one moment; ``event`` is the last of them."""

    event: Event
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class PictureLine:
    """state: of its bank entry; sightings: all that were ever told, those too that the history does not keep."""

    picture: Picture
    state: EntryState
    expires_at: datetime
    sightings: int


@dataclass(frozen=True, slots=True)
class PhotoLine:
    photo: Photo
    state: EntryState
    derivatives: tuple[Derivative, ...]


@dataclass(frozen=True, slots=True)
class SeenAt:
    """What one partner saw of the case."""

    partner: str
    count: int
    stopped: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DeskCase:
    """row: its line of the queue; steps: the newest 100; earlier_steps: how many events there are before them; sightings: the
    newest 20; locked: why words cannot be opened now, or nothing; staff: to whom the case can be given."""

    row: QueueRow
    case: Case
    pictures: tuple[PictureLine, ...]
    photos: tuple[PhotoLine, ...]
    seen: tuple[SeenAt, ...]
    seen_by_day: dict[date, int]
    sightings: tuple[CopySighted, ...]
    sealed: tuple[SealedKind, ...]
    from_person: int
    from_desk: int
    steps: tuple[Step, ...]
    earlier_steps: int
    locked: str
    staff: tuple[StaffRecord, ...]

    @property
    def number(self) -> int:
        return self.row.line.number


def case_view(hub: Hub, by: StaffRecord, number: int) -> DeskCase:
    """The case with this number, in one consistent picture. No words are opened.

    Raises Rejected ``role_missing``, NotFound ``case_unknown``.
    """
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        line = line_numbered(transaction, number)
        events = _events(hub, transaction, line)
        state = fold(line.case, events)
        entries = transaction.entries_of(line.case)
        told = transaction.count_sightings(line.case)
        locked = _locked(hub, transaction, line)
        row = row_of(line, by, staff_names(transaction), hub.clock.now())
        staff = case_staff(transaction)
    pictures = tuple(
        PictureLine(one, entries[one.entry].state, entries[one.entry].expires_at, told.get(one.entry, 0))
        for one in state.pictures
    )
    photos = tuple(
        PhotoLine(
            one,
            entries[one.entry].state,
            tuple(held for held in state.derivatives if held.held.entry == one.entry),
        )
        for one in state.photos
    )
    steps, earlier = _steps(events)
    newest = sorted(state.sightings, key=lambda one: one.seen_at, reverse=True)
    return DeskCase(
        row=row,
        case=state,
        pictures=pictures,
        photos=photos,
        seen=_seen(state.sightings),
        seen_by_day=dict(Counter(one.seen_at.date() for one in state.sightings)),
        sightings=tuple(newest[:_SIGHTINGS]),
        sealed=sealed_kinds(state),
        from_person=_messages(state, Author.PERSON),
        from_desk=_messages(state, Author.DESK),
        steps=steps,
        earlier_steps=earlier,
        locked=locked,
        staff=staff,
    )


def sealed_kinds(state: Case) -> tuple[SealedKind, ...]:
    """What the case holds of each kind, in the order of ``WordsKind``."""
    kinds: list[SealedKind] = []
    for kind in WordsKind:
        notes = tuple(note for note in reversed(state.notes) if note.kind is kind)
        if notes:
            kinds.append(SealedKind(kind, notes))
    return tuple(kinds)


def picture_numbers(state: Case) -> dict[EntryId, str]:
    """What the desk calls each picture and photo."""
    named = {one.entry: f"picture {one.number}" for one in state.pictures}
    return named | {one.entry: f"photo {one.number}" for one in state.photos}


def _events(hub: Hub, transaction: Transaction, line: QueueLine) -> list[Event]:
    record = transaction.case(line.case)
    if record is None:
        raise NotFound("case_unknown", "There is no case with this number. It may have been withdrawn.")
    return hub.vault.case_key(record.id, record.wrapped_key).open_events(transaction.sealed_events(record.id))


def _locked(hub: Hub, transaction: Transaction, line: QueueLine) -> str:
    try:
        hub.desk.open(transaction, line.case)
    except Unavailable as error:
        return error.public
    return ""


def _messages(state: Case, author: Author) -> int:
    return sum(note.kind is WordsKind.MESSAGE and note.author is author for note in state.notes)


def _steps(events: Sequence[Event]) -> tuple[tuple[Step, ...], int]:
    """The newest first, and how many events there are before them. What happened to several pictures at one moment is one
    step. Read from the end: of a busy case's thousands of events, no more than what is shown."""
    steps: list[Step] = []
    for earlier in range(len(events), 0, -1):
        event = events[earlier - 1]
        last = steps[-1] if steps else None
        if last is not None and _like(last.event) == _like(event):
            steps[-1] = Step(last.event, last.kind, last.count + 1)
        elif len(steps) == _STEPS:
            return tuple(steps), earlier
        else:
            steps.append(Step(event, type(event).__name__, 1))
    return tuple(steps), 0


def _like(event: Event) -> tuple[object, ...]:
    """What two events have in common that make one step."""
    of = getattr(event, "partner", None) or getattr(event, "author", None)
    return (type(event), event.at, of)


def _seen(sightings: Sequence[CopySighted]) -> tuple[SeenAt, ...]:
    """By partner, the most sightings first."""
    by_partner: dict[str, list[CopySighted]] = {}
    for one in sightings:
        by_partner.setdefault(one.partner_name, []).append(one)
    seen = [
        SeenAt(
            name, len(told), sum(s.stopped for s in told), min(s.seen_at for s in told), max(s.seen_at for s in told)
        )
        for name, told in by_partner.items()
    ]
    return tuple(sorted(seen, key=lambda one: (-one.count, one.partner)))
