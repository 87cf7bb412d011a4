"""Which ordinary photos are registered by how many cases."""

from __future__ import annotations

from collections import Counter

from amparo.core.ids import CaseId, EntryId
from amparo.hub.followed import Followed
from amparo.hub.likeness import IN_COMMON, Likeness, in_common
from amparo.hub.vault import Vault
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, Pdq
from amparo.signal.trace import TraceRecord
from amparo.store import Change, Transaction


def resemble(one: TraceRecord, other: TraceRecord) -> bool:
    """Whether two records are of photos that count as the same: by PDQ, 31 bits, or by the descriptors themselves."""
    return one.pdq.distance(other.pdq) <= PDQ_MATCH_RADIUS or in_common(one.descriptors, other.descriptors) >= IN_COMMON


class OrdinaryPhotos(Followed):
    """The fingerprints and descriptors of all ordinary photos that are recognised now."""

    def __init__(self) -> None:
        super().__init__()
        self._likeness = Likeness()

    def alike(self, vault: Vault, transaction: Transaction, record: TraceRecord) -> Counter[CaseId]:
        """How many photos each case has registered that count as this one.

        The PDQ in a record is what a device wrote: alone it would let a forger register one photo any number of times.
        """
        alike = {found.entry: found.case for found in self.near(vault, transaction, record.pdq)}
        with self._lock:
            for entry in self._likeness.like(record.descriptors):
                alike[entry] = self._held[entry][0]
        return Counter(alike.values())

    def _changes(self, transaction: Transaction, after: int, limit: int) -> list[Change]:
        return transaction.trace_changes(after, limit)

    def _value(self, vault: Vault, change: Change) -> Pdq | None:
        key = vault.case_key(change.case, change.wrapped_key)
        fingerprint, descriptors = key.open_trace_likeness(change.entry, change.sealed)
        self._likeness.add(change.entry, descriptors)
        return fingerprint

    def _drop(self, entry: EntryId) -> None:
        super()._drop(entry)
        self._likeness.remove(entry)
