"""The person's commands: open a case, look at it, protect more, withdraw."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, cast

from amparo.bank import Entry, EntryState
from amparo.bank import entry as entries
from amparo.case import machine
from amparo.case.code import LANGUAGES, CaseCode, code_language, draw
from amparo.case.events import CopySighted, Event
from amparo.case.machine import Case, Derivative, Photo, Picture, fold
from amparo.case.people import AgeBand, Author, Door, Relation
from amparo.core.canonical import canonical_bytes
from amparo.core.clock import from_text, to_text
from amparo.core.errors import Conflict, InvalidInput, Unavailable
from amparo.core.ids import CaseId, EntryId, random_id
from amparo.hub.commands.ending import bury, erase_case
from amparo.hub.commands.notice_story import NoticeLine, notices_of_case
from amparo.hub.commands.spoken import Spoken, Typed, heal, open_words, put_words
from amparo.hub.commands.telling import ask_to_tell
from amparo.hub.context import Hub
from amparo.hub.desk_keys import wrap_to_desk
from amparo.hub.policy import fingerprints_live
from amparo.hub.vault import CaseKey, OpenedCase, WordsKey
from amparo.signal.fingerprint import Pdq
from amparo.store import CaseRecord, EntryRecord, PartnerRecord, Transaction

_LOOK_COUNTS_AFTER: Final = timedelta(days=7)
"""The least notice that an idle case is given (``hub.policy``): whoever looks in that time keeps it."""


@dataclass(frozen=True, slots=True)
class PictureView:
    """One picture with what happened to it. confirmed, waiting: partners that do / do not yet act on its present state.

    state: of its bank entry, which can end or be held without the person's doing; expires_at: when its retention ends.
    further: sightings beyond those that a case keeps, which are only counted.
    """

    picture: Picture
    state: EntryState
    expires_at: datetime
    sightings: tuple[CopySighted, ...]
    further: int
    confirmed: tuple[str, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhotoView:
    """One ordinary photo with the uploads that seemed to be altered versions of it. The rest as above."""

    photo: Photo
    state: EntryState
    expires_at: datetime
    derivatives: tuple[Derivative, ...]
    confirmed: tuple[str, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseView:
    case: Case
    pictures: tuple[PictureView, ...]
    photos: tuple[PhotoView, ...]
    partners: tuple[str, ...]
    spoken: tuple[Spoken, ...] = ()
    notices: tuple[NoticeLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a person keeps in her open page after withdrawing: enough to watch the partners follow, and no way back."""

    sequence: int
    withdrawn_at: datetime
    confirmed: tuple[str, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a case begins: language of its code, the door somebody came through, and what they said of age and consent: who they
    are to the person in the pictures, and whether that person knows and agrees; None for what was not said."""

    language: str
    door: Door = Door.PICTURE
    age: AgeBand = AgeBand.UNSAID
    consent: tuple[Relation | None, bool | None] = (None, None)


def open_case(
    hub: Hub, request: bytes, opening: Opening | str, fingerprints: Sequence[Pdq] = (), words: Sequence[Typed] = ()
) -> CaseCode:
    """Open a case: with fingerprints of pictures, with words, or with neither. Gates act from their next page of the feed.

    request: at least 16 random bytes from the person's page. The same request opens one case only and always gets the
    same code, so an answer that was lost can be asked for again. opening: a language alone stands for its defaults. When
    this returns, the case is on disk. Raises Rejected ``quality_too_low``, InvalidInput ``pictures_many``,
    ``words_invalid``.
    """
    return begin(hub, request, opening, filled_with(hub, fingerprints, words))


Fill: TypeAlias = Callable[[Transaction, OpenedCase, WordsKey], Sequence[Event]]


def filled_with(hub: Hub, fingerprints: Sequence[Pdq], words: Sequence[Typed]) -> Fill:
    """What puts these into a new case. Raises, when it does, as ``open_case`` says."""
    now, distinct = hub.clock.now(), _distinct(fingerprints)

    def fill(transaction: Transaction, opened: OpenedCase, key: WordsKey) -> Sequence[Event]:
        noted = put_words(hub, transaction, key, words)
        events = machine.note_words(opened.state, now, Author.PERSON, noted) if noted else ()
        if not distinct:
            return events
        admitted = admit(hub, transaction, opened.key, now, distinct)
        _bank(transaction, admitted)
        return (*events, *machine.add_pictures(opened.state, now, _numbered(admitted, distinct)))

    return fill


def begin(hub: Hub, request: bytes, opening: Opening | str, fill: Fill) -> CaseCode:
    """A new case and the events that ``fill`` adds, in one transaction; for a request that opened one, its code again.

    Raises InvalidInput ``request_invalid``, Conflict ``request_spent``, and what ``fill`` raises; then there is no case.
    """
    opening = Opening(opening) if isinstance(opening, str) else opening
    now = hub.clock.now()
    seed, tag = hub.vault.code_seed(_strong(request)), hub.vault.request_tag(request)
    code = draw(seed, code_language(opening.language))
    keys = hub.keys_of(code)
    case = CaseId(random_id())
    key, wrapped = hub.vault.new_case_key(case)
    words = WordsKey.new(case)
    record = CaseRecord(case, keys.tag, tag, wrapped, words_wrap=words.wrapped_to_code(keys))
    with hub.store.write() as transaction:
        known = transaction.case_by_request(tag)
        if known is None:
            if transaction.request_spent(hub.vault.spent_tag(tag)):
                # Its case was withdrawn. A page that is sent once more, by the way back, must not open it again.
                raise Conflict("request_spent", "Please open the page again and repeat.")
            try:
                transaction.add_case(record)
            except Conflict as error:
                # Two codes alike: one chance in 2**86. The person tries again with a new page.
                raise Conflict("request_spent", "Please open the page again and repeat.") from error
            wrap_to_desk(transaction, words)
            first = list(machine.open_case(Case(case), now, opening.language, opening.door, opening.age))
            state = fold(case, first)
            first += machine.record_consent(state, now, *opening.consent)
            # What is filled in may depend on the case as it stands, so its first events are recorded first.
            OpenedCase(Case(case), key, record).append(transaction, first)
            opened = OpenedCase(fold(case, first), key, record)
            opened.append(transaction, fill(transaction, opened, words))
    if known is not None:
        return _code_again(hub, seed, known)
    hub.bell.ring()
    return code


def view_case(hub: Hub, code: CaseCode) -> CaseView:
    """What is held and what happened. A case that its person looks at is not idle: its days of retention begin anew.

    Raises NotFound ``case_unknown``, alike for every code that opens nothing.
    """
    keys = hub.keys_of(code)
    with hub.store.read() as transaction:
        opened = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        untouched = _untouched(hub, transaction, opened.state.id)
        spoken = open_words(transaction, opened, keys)
        notices = notices_of_case(hub, transaction, opened)
        newest = transaction.last_changes(opened.state.id)
        partners = _taking_part(transaction)
        banked = transaction.entries_of(opened.state.id)
        counted = transaction.count_sightings(opened.state.id)
    pictures = tuple(
        PictureView(
            picture,
            _state_now(banked[picture.entry], hub.clock.now()),
            banked[picture.entry].expires_at,
            sighted := opened.state.sighted(picture.entry),
            max(0, counted.get(picture.entry, 0) - len(sighted)),
            *_followed(partners, newest.get(picture.entry, 0)),
        )
        for picture in opened.state.pictures
    )
    photos = tuple(
        PhotoView(
            photo,
            _state_now(banked[photo.entry], hub.clock.now()),
            banked[photo.entry].expires_at,
            tuple(one for one in opened.state.derivatives if one.held.entry == photo.entry),
            *_followed(partners, newest.get(photo.entry, 0)),
        )
        for photo in opened.state.photos
    )
    heal(hub, opened, keys)
    if untouched:
        # She came to look, and sees it even where nothing can be written now.
        with suppress(Unavailable):
            _touch(hub, opened.state.id)
    return CaseView(opened.state, pictures, photos, tuple(partner.name for partner in partners), spoken, notices)


def state_age(hub: Hub, code: CaseCode, age: AgeBand) -> None:
    """Say, or correct, how old the person in the pictures is. When this returns, it is on disk.

    Raises NotFound ``case_unknown``.
    """
    tag = hub.keys_of(code).tag
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        opened.append(transaction, machine.state_age(opened.state, hub.clock.now(), age))


def take_over(hub: Hub, code: CaseCode) -> None:
    """The person in the picture goes on with the case that a witness opened. When this returns, it is on disk: the desk counts
    it among those affected, and it hears of what other witnesses report from now on. Doing it again changes nothing.

    Raises NotFound ``case_unknown``.
    """
    tag = hub.keys_of(code).tag
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        opened.append(transaction, machine.take_over(opened.state, hub.clock.now()))


def add_pictures(hub: Hub, code: CaseCode, fingerprints: Sequence[Pdq]) -> None:
    """Protect more pictures; those the case holds already are not banked twice. When this returns, they are on disk.

    Raises NotFound ``case_unknown``, Rejected ``quality_too_low``, InvalidInput ``pictures_many``, ``case_full``.
    """
    tag = hub.keys_of(code).tag
    now = hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        held = held_values(transaction, opened)
        fresh = [fingerprint for fingerprint in _distinct(fingerprints) if fingerprint.value not in held]
        if fresh:
            admitted = admit(hub, transaction, opened.key, now, fresh)
            _bank(transaction, admitted)
            opened.append(transaction, machine.add_pictures(opened.state, now, _numbered(admitted, fresh)))
            if opened.state.door is Door.WITNESS:
                ask_to_tell(hub, transaction, opened)
    hub.bell.ring()


def withdraw_picture(hub: Hub, code: CaseCode, entry: EntryId) -> None:
    """Stop protecting one picture. When this returns, its tombstone is in the feed; repeating it changes nothing."""
    tag = hub.keys_of(code).tag
    now = hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        events = machine.withdraw_picture(opened.state, now, entry)
        if events:
            bury(hub.vault, transaction, entry, now)
            opened.append(transaction, events)
    hub.bell.ring()


def withdraw_case(hub: Hub, code: CaseCode) -> bytes:
    """Withdraw every picture, destroy the case's key and forget its code. Returns a sealed receipt.

    When this returns, the tombstones are in the feed and no command can read anything of the case any more. Its bytes are
    off the disk too, unless a reader was in the way: then housekeeping scrubs again within half a minute.
    """
    tag = hub.keys_of(code).tag
    now = hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        sequence = erase_case(hub.vault, transaction, opened, now)
    hub.bell.ring()
    # The withdrawal holds whether or not this works now; an error here would tell the person the contrary.
    with suppress(Unavailable):
        hub.store.scrub()
    return hub.vault.seal_receipt(canonical_bytes({"sequence": sequence, "withdrawn_at": to_text(now)}))


def read_receipt(hub: Hub, sealed: bytes) -> Receipt:
    """Which partners have followed the withdrawal by now. Raises IntegrityViolation ``seal_broken``."""
    content = cast("dict[str, Any]", json.loads(hub.vault.open_receipt(sealed)))
    with hub.store.read() as transaction:
        partners = _taking_part(transaction)
    confirmed, waiting = _followed(partners, content["sequence"])
    return Receipt(content["sequence"], from_text(content["withdrawn_at"]), confirmed, waiting)


def _strong(request: bytes) -> bytes:
    if len(request) < 16:
        raise InvalidInput("request_invalid", "Please open the page again and repeat.")
    return request


def _distinct(fingerprints: Sequence[Pdq]) -> list[Pdq]:
    """The same picture chosen twice is one picture."""
    return list({fingerprint.value: fingerprint for fingerprint in fingerprints}.values())


def admit(
    hub: Hub, transaction: Transaction, key: CaseKey, now: datetime, fingerprints: Sequence[Pdq]
) -> list[EntryRecord]:
    """New bank entries of a case, not stored yet; of a famous picture one that waits for a caseworker.

    Raises Rejected ``quality_too_low``.
    """
    lives = fingerprints_live(hub, transaction)
    admitted: list[EntryRecord] = []
    for fingerprint in fingerprints:
        identifier = EntryId(random_id())
        entry = entries.admit(identifier, key.case, fingerprint, now, now + lives)
        if len(hub.famous.near(fingerprint)):
            entry = entries.hold(entry)
        sealed, tag = key.seal_fingerprint(identifier, fingerprint), hub.vault.value_tag(fingerprint.value)
        admitted.append(EntryRecord(entry, sealed, tag))
    return admitted


def _bank(transaction: Transaction, admitted: Sequence[EntryRecord]) -> None:
    for record in admitted:
        transaction.add_entry(record)


def _numbered(admitted: Sequence[EntryRecord], fingerprints: Sequence[Pdq]) -> list[tuple[EntryId, int]]:
    return [(record.entry.id, f.quality) for record, f in zip(admitted, fingerprints, strict=True)]


def _code_again(hub: Hub, seed: bytes, known: CaseRecord) -> CaseCode:
    for language in LANGUAGES:
        code = draw(seed, language)
        if hub.keys_of(code).tag == known.code_tag:
            return code
    raise Conflict("request_spent", "Please open the page again and repeat.")


def held_values(transaction: Transaction, opened: OpenedCase) -> dict[bytes, EntryId]:
    """The fingerprints of a case that have not ended, with their entries."""
    held: dict[bytes, EntryId] = {}
    for picture in opened.state.pictures:
        record = transaction.entry(picture.entry)
        if record is not None and record.entry.state in (EntryState.ACTIVE, EntryState.HELD):
            held[opened.key.open_fingerprint(picture.entry, record.sealed).value] = picture.entry
    return held


def _state_now(entry: Entry, now: datetime) -> EntryState:
    """Gates drop an entry at its hour by themselves; housekeeping writes it down within half a minute."""
    lives = entry.state in (EntryState.ACTIVE, EntryState.HELD)
    return EntryState.EXPIRED if lives and entry.expires_at <= now else entry.state


def _untouched(hub: Hub, transaction: Transaction, case: CaseId) -> bool:
    """Whether looking at it should count as a step; of a busy case it need not, which spares a write for each look."""
    line = transaction.queue.line(case)
    return line is not None and line.touched_at <= hub.clock.now() - _LOOK_COUNTS_AFTER


def _touch(hub: Hub, case: CaseId) -> None:
    with hub.store.write() as transaction:
        line = transaction.queue.line(case)
        # Withdrawn meanwhile: then there is nothing to keep.
        if line is not None:
            transaction.queue.show(case, line.door, line.urgency, hub.clock.now())


def _taking_part(transaction: Transaction) -> list[PartnerRecord]:
    """Partners that have ever taken the feed and still do."""
    return [p for p in transaction.partners() if p.suspended_at is None and p.last_sync_at is not None]


def _followed(partners: Sequence[PartnerRecord], sequence: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    confirmed = tuple(partner.name for partner in partners if partner.acknowledged >= sequence)
    waiting = tuple(partner.name for partner in partners if partner.acknowledged < sequence)
    return confirmed, waiting
