"""A hub with many cases, each sealed as the hub seals it: histories, words, pictures, sightings, notices, staff and partners.

Only the case codes are missing: working one out takes 50 ms by design, and nobody opens these cases by code.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from amparo.bank import entry as entries
from amparo.case.events import (
    AgeStated,
    CaseOpened,
    ConsentRecorded,
    CopySighted,
    Event,
    PictureProtected,
    WordsNoted,
)
from amparo.case.linking import terms_of
from amparo.case.machine import Case, fold
from amparo.case.people import AgeBand, Author, Door, Relation, WordsKind
from amparo.core.clock import Clock
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId, StaffId, WordsId, random_id
from amparo.hub.context import Hub, HubSettings
from amparo.hub.desk_keys import wrap_to_desk
from amparo.hub.notice_file import OpenedNotice
from amparo.hub.vault import CaseKey, OpenedCase, WordsKey
from amparo.notice import machine
from amparo.notice.content import CONFIRMED, SAID, Capacity, Contact, Notice, NoticeId, Signature, Statement
from amparo.notice.letter import render
from amparo.notice.machine import Answer, Channel, NoticeState, Origin, Proof
from amparo.notice.machine import Event as NoticeEvent
from amparo.notice.pack import Language
from amparo.signal.fingerprint import Pdq
from amparo.store import CaseRecord, EntryRecord, PartnerRecord, Transaction
from amparo.store.notices.protocol import NoticeFilter
from amparo.store.protocol import SightingRecord
from amparo.store.staff.protocol import Role, StaffRecord
from amparo.store.words.protocol import SealedWords

_One = TypeVar("_One")
NoticeStep: TypeAlias = Callable[[NoticeState], tuple[NoticeEvent, ...]]
_AT_ONCE: Final = 200
_COMMON: Final = "@everybody.knows"
_DOORS: Final = ((Door.PICTURE, 60), (Door.HELPING, 20), (Door.WITNESS, 12), (Door.THREAT, 8))
_AGES: Final = ((AgeBand.MINOR, 45), (AgeBand.ADULT, 30), (AgeBand.UNSAID, 25))
_KINDS: Final = (
    *(WordsKind.LINK, WordsKind.LINK, WordsKind.HANDLE, WordsKind.PLACE, WordsKind.SENDER),
    *(WordsKind.NOTE, WordsKind.MESSAGE, WordsKind.MESSAGE),
)


@dataclass(frozen=True, slots=True)
class Filled:
    """crowded: the case with 200 pictures, 5,000 sightings and 500 words; common: a handle that one case in fifty names."""

    staff: tuple[StaffRecord, ...]
    partners: tuple[PartnerRecord, ...]
    cases: int
    crowded: int
    common: str
    notices: tuple[NoticeId, ...]


def reopen(folder: Path, clock: Clock) -> tuple[Hub, Filled]:
    """A hub that ``fill`` has left."""
    hub = Hub.open(folder, HubSettings(canaries=0), clock)
    with hub.store.read() as transaction:
        count = transaction.count_cases()
        staff, partners = transaction.staff.everyone(), transaction.partners()
        notices = tuple(record.id for record in transaction.notices.lines(NoticeFilter(), 500))
    return hub, Filled(tuple(staff), tuple(partners), count, count, _COMMON, notices)


def fill(folder: Path, count: int, clock: Clock, seed: int = 6) -> tuple[Hub, Filled]:
    """A hub of its own in ``folder``, with cases opened over the last half year."""
    hub = Hub.open(folder, HubSettings(canaries=0), clock)
    chance = random.Random(seed)
    now = clock.now()
    staff = tuple(
        StaffRecord(StaffId(random_id()), name, role, now)
        for name, role in (
            *((f"Caseworker {number}", Role.CASEWORKER) for number in range(1, 7)),
            ("Supervisor", Role.SUPERVISOR),
            ("Auditor", Role.AUDITOR),
            ("Administrator", Role.ADMINISTRATOR),
        )
    )
    partners = tuple(
        PartnerRecord(PartnerId(random_id()), f"Platform {number}", secrets.token_bytes(32), now, last_sync_at=now)
        for number in range(1, 16)
    )
    with hub.store.write() as transaction:
        for one in staff:
            transaction.staff.add(one)
        for partner in partners:
            transaction.add_partner(partner)
    for start in range(0, count, _AT_ONCE):
        with hub.store.write() as transaction:
            for place in range(start, min(start + _AT_ONCE, count)):
                _add_case(hub, transaction, chance, now, place, staff, partners, crowded=place == count - 1)
    hub.close()
    return reopen(folder, clock)


def _add_case(
    hub: Hub,
    transaction: Transaction,
    chance: random.Random,
    now: datetime,
    place: int,
    staff: Sequence[StaffRecord],
    partners: Sequence[PartnerRecord],
    *,
    crowded: bool,
) -> None:
    case = CaseId(random_id())
    key, wrapped = hub.vault.new_case_key(case)
    words = WordsKey.new(case)
    record = CaseRecord(
        case, secrets.token_bytes(32), secrets.token_bytes(32), wrapped, words_wrap=secrets.token_bytes(60)
    )
    transaction.add_case(record)
    wrap_to_desk(transaction, words)
    at = now - timedelta(days=182 * chance.random() ** 1.5, minutes=1)
    door = _weighted(chance, _DOORS)
    first = CaseOpened(at, chance.choice(("es", "en")), door, _weighted(chance, _AGES))
    OpenedCase(Case(case), key, record).append(transaction, [first])
    opened = OpenedCase(fold(case, [first]), key, record)
    events: list[Event] = []
    if door is Door.HELPING:
        events.append(ConsentRecorded(at, chance.choice(tuple(Relation)), chance.random() < 0.7))
    if chance.random() < 0.1:
        events.append(AgeStated(at + timedelta(hours=1), AgeBand.MINOR))
    pictures = _pictures(hub, transaction, chance, opened, at, 200 if crowded else chance.choice((0, 1, 1, 2, 3, 5, 8)))
    events += [PictureProtected(at, entry, 90) for entry in pictures]
    events += _words(hub, transaction, chance, words, at, place, 500 if crowded else chance.randint(2, 12))
    seen = 5000 if crowded else int(chance.paretovariate(0.9)) - 1
    events += _sightings(
        transaction, chance, pictures, partners, at, now, min(seen, 5000) if crowded else min(seen, 200)
    )
    if events:
        opened.append(transaction, events)
    if chance.random() < 0.4:
        for _ in range(60 if crowded else chance.choice((1, 1, 2, 3))):
            _add_notice(hub, transaction, chance, opened.key, max(at, now - timedelta(days=6)), now)
    transaction.queue.set_waits(case, chance.random() < 0.2)
    if chance.random() < 0.6:
        transaction.queue.assign(case, chance.choice(staff[:6]).id)


def _weighted(chance: random.Random, weights: Sequence[tuple[_One, int]]) -> _One:
    return chance.choices([one for one, _ in weights], [weight for _, weight in weights])[0]


def _pictures(
    hub: Hub, transaction: Transaction, chance: random.Random, opened: OpenedCase, at: datetime, count: int
) -> list[EntryId]:
    made: list[EntryId] = []
    for _ in range(count):
        entry, fingerprint = EntryId(random_id()), Pdq(chance.randbytes(32), 90)
        admitted = entries.admit(entry, opened.key.case, fingerprint, at, at + hub.settings.retention)
        sealed = opened.key.seal_fingerprint(entry, fingerprint)
        transaction.add_entry(EntryRecord(admitted, sealed, hub.vault.value_tag(fingerprint.value)))
        made.append(entry)
    return made


def _words(
    hub: Hub, transaction: Transaction, chance: random.Random, key: WordsKey, at: datetime, place: int, count: int
) -> list[Event]:
    events: list[Event] = []
    sealed: list[SealedWords] = []
    # One town a school: those who go there name it, and the same few user names.
    school = chance.randrange(2000)
    for number in range(count):
        kind, words = chance.choice(_KINDS), WordsId(random_id())
        text = {
            WordsKind.LINK: f"https://platform{chance.randrange(15)}.example/post/{chance.randrange(10**6)}",
            WordsKind.HANDLE: _COMMON if place % 50 == 0 else f"@user{school}.{chance.randrange(20)}",
            WordsKind.PLACE: f"school {school}",
        }.get(kind, f"Somebody wrote these words, number {number}, and the desk cannot read them.")
        tags = tuple(hub.vault.term_tag(term) for term in terms_of(kind, text))
        sealed.append(SealedWords(words, key.seal(words, text), tags))
        author = Author.DESK if kind is WordsKind.MESSAGE and chance.random() < 0.5 else Author.PERSON
        events.append(WordsNoted(at + timedelta(minutes=number), words, kind, author))
    transaction.words.put(key.case, sealed)
    return events


def _sightings(
    transaction: Transaction,
    chance: random.Random,
    pictures: Sequence[EntryId],
    partners: Sequence[PartnerRecord],
    at: datetime,
    now: datetime,
    count: int,
) -> list[Event]:
    events: list[Event] = []
    for moment in sorted(at + (now - at) * chance.random() for _ in range(count if pictures else 0)):
        partner, sighting, entry = chance.choice(partners), SightingId(random_id()), chance.choice(pictures)
        transaction.record_sighting(SightingRecord(sighting, partner.id, entry, moment))
        place = f"https://example.org/{chance.randrange(10**6)}"
        events.append(
            CopySighted(moment, sighting, entry, partner.id, partner.name, moment, place, chance.random() < 0.8)
        )
    return events


def _add_notice(
    hub: Hub, transaction: Transaction, chance: random.Random, key: CaseKey, after: datetime, now: datetime
) -> None:
    """A notice with every element, brought by the notices' own steps as far as chance wants."""
    pack = hub.office.packs.get(chance.choice(("us-take-it-down", "us-take-it-down", "eu-dsa-16")))
    at = after + (now - after) * chance.random()
    notice = Notice(
        id=NoticeId(random_id()),
        pack=pack.id,
        language=Language.EN,
        addressee=f"Platform {chance.randrange(1, 16)}",
        urls=tuple(f"https://example.org/photo/{chance.randrange(10**6)}" for _ in range(3)),
        statements=tuple(Statement(element, f"Words about {element}.") for element in sorted(SAID)),
        confirmed=tuple(sorted(CONFIRMED)),
        signature=Signature("Somebody", Capacity.AGENT, at.date()),
        contact=Contact("Somebody", "somebody@example.org", "", ""),
        to="legal@platform.example.com",
    )
    steps: list[NoticeStep] = [
        lambda state: machine.draft(state, at, notice, pack, Origin.SIGHTING, hub.settings.time_zone),
        lambda state: machine.approve(state, at, "worker", render(notice, pack).digest, pack),
        lambda state: machine.record_sent(state, at, Channel.EMAIL, f"<{notice.id}@example.org>"),
        lambda state: machine.prove_receipt(state, at, "worker", at, Proof.ACKNOWLEDGEMENT, ""),
        lambda state: machine.tick(state, now, ()),
        lambda state: machine.record_answer(state, now, "worker", Answer.REMOVED, now, ""),
    ]
    opened = OpenedNotice(NoticeState(notice.id), key)
    for step in steps[: chance.choices((1, 2, 3, 5, 6), (3, 1, 2, 5, 4))[0]]:
        opened = opened.append(transaction, step(opened.state), hub.office.warn_at, now)
