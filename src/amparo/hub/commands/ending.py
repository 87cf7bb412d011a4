"""How an entry stops matching: its tombstone, and its recall for partners whose format names fingerprints by value.

StopNCII's format has no ids: to take a fingerprint back, the hub would have to say its value, which it erases in the same
moment. So, before it forgets the value, it seals it to each partner that may hold it from that format. Only that partner's
own key opens it, and the hub does not have this key: it opens the recall while the partner asks with it, and keeps
nothing. What a recall tells is what that partner has already. The value goes as soon as the partner has fetched it, and
after 30 days, when pytx discards a feed it has not fetched (StopNCIICheckpoint.is_stale) and begins again anyway.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from amparo.bank import Entry, EntryState, TombstoneReason
from amparo.bank import entry as entries
from amparo.case import machine
from amparo.core.errors import NotFound
from amparo.core.ids import EntryId, PartnerId
from amparo.core.recipient import seal_to, unseal_with
from amparo.hub.vault import OpenedCase, Vault
from amparo.signal.fingerprint import Pdq, SignalType
from amparo.store import EntryRecord, Interface, PartnerRecord, RecallRecord, Transaction

RECALL_LIVES: Final = timedelta(days=30)


def stop_matching(
    vault: Vault, transaction: Transaction, record: EntryRecord, ended: Entry, now: datetime, reason: TombstoneReason
) -> int:
    """Store the entry's new state with its tombstone; returns the tombstone's sequence."""
    by_value = record.canary_of is None and record.signal_type is SignalType.PDQ
    concerned = _holders_by_value(transaction, ended.id) if by_value else []
    value = open_entry(vault, transaction, record).value if concerned else b""
    sequence = transaction.change_entry(ended, now, reason)
    for partner in concerned:
        sealed = seal_to(partner.recall_key, value, _context(partner.id, ended.id))
        transaction.add_recall(RecallRecord(partner.id, ended.id, sequence, sealed, now))
    return sequence


def bury(vault: Vault, transaction: Transaction, entry: EntryId, now: datetime) -> None:
    """Put the entry's tombstone into the feed; nothing happens where there is one already."""
    record = transaction.entry(entry)
    # An entry that expired meanwhile has its tombstone already.
    if record is not None and record.entry.state in (EntryState.ACTIVE, EntryState.HELD):
        stop_matching(vault, transaction, record, entries.withdraw(record.entry), now, TombstoneReason.WITHDRAWN)


def erase_case(vault: Vault, transaction: Transaction, opened: OpenedCase, now: datetime) -> int:
    """Withdraw everything of a case and destroy it with its keys; returns the feed's head after the last tombstone. What is
    left is that its request was made, so that the same page, sent again, does not bring it back.

    Whoever calls rings the bell, and scrubs the store, once the transaction is on disk. Raises NotFound ``case_unknown``.
    """
    machine.withdraw_case(opened.state, now)
    for picture in opened.state.pictures:
        if picture.withdrawn_at is None:
            bury(vault, transaction, picture.entry, now)
    for photo in opened.state.photos:
        if photo.removed_at is None:
            bury(vault, transaction, photo.entry, now)
    transaction.spend_request(vault.spent_tag(opened.record.request_tag))
    transaction.destroy_case(opened.state.id)
    return transaction.head()


def open_recall(recall: RecallRecord, secret: str) -> bytes:
    """The recalled value, 32 bytes. Raises IntegrityViolation ``seal_broken``."""
    return unseal_with(secret, recall.sealed, _context(recall.partner, recall.entry))


def open_entry(vault: Vault, transaction: Transaction, record: EntryRecord) -> Pdq:
    """The fingerprint of an entry that has not ended. Raises NotFound ``entry_unknown`` where its case is gone."""
    entry = record.entry
    if record.canary_of is not None:
        return vault.open_canary(entry.id, record.sealed)
    case = transaction.case(entry.case)
    if case is None or entry.state not in (EntryState.ACTIVE, EntryState.HELD):
        raise NotFound("entry_unknown", "There is no such entry.")
    return vault.case_key(case.id, case.wrapped_key).open_fingerprint(entry.id, record.sealed)


def _holders_by_value(transaction: Transaction, entry: EntryId) -> list[PartnerRecord]:
    """Only those who were told of it: who hears of a value for the first time by its recall would learn it."""
    added = transaction.last_addition(entry)
    return [
        partner
        for partner in transaction.partners()
        if partner.interface is Interface.STOPNCII and transaction.exported_up_to(partner.id) >= added
    ]


def _context(partner: PartnerId, entry: EntryId) -> str:
    return f"amparo-recall-1 {partner} {entry}"
