"""The person's commands on ordinary photos: register their traces, remove them.

An ordinary photo is no secret and nobody's fake: its fingerprint never enters the bank that blocks uploads. Anyone could
register a photo that is not theirs, so one that everybody has waits for a caseworker.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from amparo.bank import Entry, EntryState
from amparo.bank import entry as entries
from amparo.case import machine
from amparo.case.code import CaseCode
from amparo.case.events import Event
from amparo.case.machine import Case
from amparo.core.ids import EntryId, random_id
from amparo.hub.commands import person
from amparo.hub.commands.ending import bury
from amparo.hub.commands.person import Opening
from amparo.hub.context import Hub
from amparo.hub.ordinary import resemble
from amparo.hub.policy import fingerprints_live
from amparo.hub.vault import CaseKey, OpenedCase, WordsKey
from amparo.signal.fingerprint import SignalType
from amparo.signal.trace import TraceRecord
from amparo.store import EntryRecord, Transaction

MANY_CASES: Final = 3
"""A photo that so many other cases have registered is held: a class photo may be, a famous one will be."""
MANY_ALIKE: Final = 8
"""So is one of which there are so many already, whoever registered them: gates do not look at what is everywhere, so a flood of
copies would blind them to the photo."""


def register(hub: Hub, request: bytes, opening: Opening | str, records: Sequence[TraceRecord]) -> CaseCode:
    """Open a case with these ordinary photos; gates recognise altered versions from their next page of the feed.

    The same request opens one case only and always gets the same code. When this returns, the case is on disk. Raises
    InvalidInput ``photos_none`` / ``photos_many`` / ``request_invalid``, Conflict ``request_spent``.
    """
    now = hub.clock.now()

    def fill(transaction: Transaction, opened: OpenedCase, _words: WordsKey) -> Sequence[Event]:
        kept = _keep(hub, transaction, opened.key, now, records)
        return machine.register_photos(opened.state, now, kept)

    return person.begin(hub, request, opening, fill)


def register_more(hub: Hub, code: CaseCode, records: Sequence[TraceRecord]) -> None:
    """Register more ordinary photos; a photo that the case holds already is not taken twice. When this returns, they are
    on disk. Raises NotFound ``case_unknown``, InvalidInput ``photos_none`` / ``photos_many``."""
    keys, now = hub.keys_of(code), hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        held = _held_tags(transaction, opened.state)
        fresh = [record for record in records if _tag(hub, record) not in held]
        if fresh or not records:
            kept = _keep(hub, transaction, opened.key, now, fresh)
            opened.append(transaction, machine.register_photos(opened.state, now, kept))
    hub.bell.ring()


def remove(hub: Hub, code: CaseCode, entry: EntryId) -> None:
    """Stop recognising altered versions of one photo. When this returns, its tombstone is in the feed, its trace is erased,
    and nobody need decide on uploads that were held for it; repeating it changes nothing."""
    keys, now = hub.keys_of(code), hub.clock.now()
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, keys.tag, hub.vault)
        events = machine.remove_photo(opened.state, now, entry)
        if events:
            bury(hub.vault, transaction, entry, now)
            transaction.forget_reviews_of(entry)
            opened.append(transaction, events)
    hub.bell.ring()


def _keep(
    hub: Hub, transaction: Transaction, key: CaseKey, now: datetime, records: Sequence[TraceRecord]
) -> list[tuple[EntryId, bool]]:
    distinct = list({_tag(hub, record): record for record in records}.values())
    # Asked for all before any is stored.
    held = [_must_wait(hub, transaction, key, record, distinct[:at]) for at, record in enumerate(distinct)]
    kept: list[tuple[EntryId, bool]] = []
    lives = fingerprints_live(hub, transaction)
    for record, waits in zip(distinct, held, strict=True):
        identifier = EntryId(random_id())
        entry = Entry(identifier, key.case, EntryState.ACTIVE, now, now + lives)
        if waits:
            entry = entries.hold(entry)
        sealed = key.seal_trace(identifier, record)
        transaction.add_entry(EntryRecord(entry, sealed, _tag(hub, record), signal_type=SignalType.TRACE))
        kept.append((identifier, waits))
    return kept


def _must_wait(
    hub: Hub, transaction: Transaction, key: CaseKey, record: TraceRecord, before: Sequence[TraceRecord]
) -> bool:
    if len(hub.famous.near(record.pdq)):
        return True
    alike = hub.ordinary.alike(hub.vault, transaction, record)
    more = sum(resemble(record, other) for other in before)
    return len(set(alike) - {key.case}) >= MANY_CASES or alike.total() + more >= MANY_ALIKE


def _held_tags(transaction: Transaction, case: Case) -> set[bytes]:
    records = [transaction.entry(photo.entry) for photo in case.photos if photo.removed_at is None]
    return {record.tag for record in records if record is not None}


def _tag(hub: Hub, record: TraceRecord) -> bytes:
    """By which a case knows a photo again: its descriptors, which are all that gates look for. The rest may be written anew."""
    return hub.vault.value_tag(b"trace\0" + record.descriptors.tobytes())
