"""Canaries: entries that match no picture and that one partner alone is shown. Seen elsewhere, they tell who leaks."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from amparo.bank import Entry, EntryState
from amparo.core.ids import CaseId, EntryId, PartnerId, random_id
from amparo.hub.vault import Vault
from amparo.signal.fingerprint import PDQ_BITS, PDQ_MINIMUM_QUALITY, Pdq
from amparo.store import Alert, AlertKind, EntryRecord, Transaction

_QUALITIES: Final = range(PDQ_MINIMUM_QUALITY + 20, 101)


def new_canary() -> Pdq:
    """A random fingerprint with 128 of 256 bits set, as PDQ's median rule gives real ones."""
    bits = np.zeros(PDQ_BITS, np.uint8)
    places = list(range(PDQ_BITS))
    secrets.SystemRandom().shuffle(places)
    bits[places[: PDQ_BITS // 2]] = 1
    return Pdq(np.packbits(bits).tobytes(), secrets.choice(_QUALITIES))


def place_canaries(
    vault: Vault, transaction: Transaction, partner: PartnerId, count: int, now: datetime, lives: timedelta
) -> None:
    """Put ``count`` canaries of ``partner`` into the feed. Nobody else's page shows them."""
    for _ in range(count):
        fingerprint = new_canary()
        entry = Entry(EntryId(random_id()), CaseId(random_id()), EntryState.ACTIVE, now, now + lives)
        sealed = vault.seal_canary(entry.id, fingerprint)
        transaction.add_entry(EntryRecord(entry, sealed, vault.value_tag(fingerprint.value), partner))


def notice_sighting(transaction: Transaction, record: EntryRecord, told_by: PartnerId, now: datetime) -> None:
    """No picture looks like a canary: whoever uploads one has the list."""
    if record.canary_of is not None:
        transaction.raise_alert(Alert(AlertKind.CANARY_SIGHTED, record.canary_of, told_by, now))


def notice_told(transaction: Transaction, record: EntryRecord, told_by: PartnerId, now: datetime) -> None:
    """A partner that speaks of another's canary has got it from there."""
    if record.canary_of is not None and record.canary_of != told_by:
        transaction.raise_alert(Alert(AlertKind.CANARY_TOLD, record.canary_of, told_by, now))
