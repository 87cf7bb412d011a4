"""Word to the cases whose picture a witness has reported.

A witness learns nothing by it. Whom a picture concerns is looked up later, by housekeeping: what is done while the witness
waits is the same for every picture, so not even the time of the answer tells whether it is known here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from amparo.bank import EntryState
from amparo.case import machine
from amparo.case.people import Door
from amparo.core.ids import CaseId, EntryId, random_id
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase
from amparo.signal.fingerprint import Pdq
from amparo.store import Transaction
from amparo.store.jobs.protocol import NewJob

JOB: Final = "witness"
_LEASE: Final = timedelta(minutes=5)


def ask_to_tell(hub: Hub, transaction: Transaction, opened: OpenedCase) -> None:
    """Have the pictures that come into this witness's case after those of ``opened`` looked up, once it is on disk."""
    name = f"{JOB} {random_id()}"
    content = f"{opened.state.id} {len(opened.state.pictures)}"
    job = NewJob(JOB, name, hub.vault.seal_job(name, content.encode()), opened.state.id)
    transaction.jobs.enqueue(job, hub.clock.now())


def tell_cases(hub: Hub) -> int:
    """Do what was asked for; returns how many copies were told of. When this returns, each is on disk, once."""
    told = 0
    while True:
        with hub.store.read() as transaction:
            if not transaction.jobs.ready((JOB,), hub.clock.now()):
                return told
        # Claimed, done and finished in one transaction: all of it happened, or nothing, and no other process does it as well.
        with hub.store.write() as transaction:
            job = transaction.jobs.claim((JOB,), JOB, hub.clock.now(), _LEASE)
            if job is None:
                return told
            case, _, before = hub.vault.open_job(job.name, job.sealed).decode().partition(" ")
            told += _tell(hub, transaction, CaseId(case), int(before))
            transaction.jobs.finish(job.id, JOB)


def _tell(hub: Hub, transaction: Transaction, witness: CaseId, before: int) -> int:
    record = transaction.case(witness)
    if record is None:
        return 0
    reported = OpenedCase.read(transaction, record, hub.vault)
    told = 0
    for picture in reported.state.pictures[before:]:
        fingerprint = _fingerprint(transaction, reported, picture.entry)
        if fingerprint is not None:
            told += sum(_hear(hub, transaction, *found) for found in _concerned(hub, transaction, witness, fingerprint))
    return told


def _concerned(hub: Hub, transaction: Transaction, witness: CaseId, fingerprint: Pdq) -> list[tuple[CaseId, EntryId]]:
    """Other cases that protect such a picture, each with the likest of its own."""
    near = sorted(hub.banked.near(hub.vault, transaction, fingerprint), key=lambda found: -found.distance)
    return list({found.case: found.entry for found in near if found.case != witness}.items())


def _hear(hub: Hub, transaction: Transaction, case: CaseId, entry: EntryId) -> bool:
    record = transaction.case(case)
    if record is None:
        return False
    opened = OpenedCase.read(transaction, record, hub.vault)
    # Nor does one witness hear of another.
    if opened.state.door is Door.WITNESS:
        return False
    events = machine.hear_witness(opened.state, hub.clock.now(), entry)
    opened.append(transaction, events)
    return bool(events)


def _fingerprint(transaction: Transaction, opened: OpenedCase, entry: EntryId) -> Pdq | None:
    """None for what was withdrawn meanwhile."""
    record = transaction.entry(entry)
    if record is None or record.entry.state not in (EntryState.ACTIVE, EntryState.HELD):
        return None
    return opened.key.open_fingerprint(entry, record.sealed)
