"""Fingerprints of active entries in memory, kept current by the feed's sequence: built from the store when first asked, so
another process's changes are seen too, and nothing of it is ever written down.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.ids import CaseId, EntryId
from amparo.hub.vault import Vault
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS, Pdq
from amparo.store import Change, Transaction

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class NearEntry:
    """An active entry that looks like what was asked for. distance: in bits."""

    case: CaseId
    entry: EntryId
    distance: int


class Followed(ABC):
    """What both kinds of entries have in common. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._held: dict[EntryId, tuple[CaseId, bytes]] = {}
        self._rows: NDArray[np.uint8] | None = None

    def near(
        self, vault: Vault, transaction: Transaction, fingerprint: Pdq, radius: int = PDQ_MATCH_RADIUS
    ) -> tuple[NearEntry, ...]:
        """Active entries within ``radius`` bits, oldest first. Exact.

        To be asked before ``transaction`` writes any entry itself: what it writes may still be undone.
        """
        with self._lock:
            self._follow(vault, transaction)
            if self._rows is None:
                values = b"".join(value for _, value in self._held.values())
                self._rows = np.frombuffer(values, np.uint8).reshape(-1, PDQ_BYTES)
            apart = np.bitwise_count(self._rows ^ np.frombuffer(fingerprint.value, np.uint8)).sum(axis=1)
            rows = np.flatnonzero(apart <= radius)
            if not len(rows):
                return ()
            held = list(self._held.items())
            return tuple(NearEntry(held[row][1][0], held[row][0], int(apart[row])) for row in rows)

    def held(self, vault: Vault, transaction: Transaction) -> tuple[int, dict[EntryId, tuple[CaseId, bytes]]]:
        """All of them, with their cases and fingerprints, and a number that is another one whenever they are others."""
        with self._lock:
            self._follow(vault, transaction)
            return self._seen, dict(self._held)

    def _follow(self, vault: Vault, transaction: Transaction) -> None:
        while changes := self._changes(transaction, self._seen, _AT_ONCE):
            for change in changes:
                self._drop(change.entry)
                # Of an addition whose entry has ended since, the feed carries no fingerprint any more.
                if change.reason is None and change.sealed:
                    value = self._value(vault, change)
                    if value is not None:
                        self._held[change.entry] = (change.case, value.value)
                self._seen = change.sequence
            self._rows = None

    def _drop(self, entry: EntryId) -> None:
        """Forget an entry that may be held."""
        self._held.pop(entry, None)

    @abstractmethod
    def _changes(self, transaction: Transaction, after: int, limit: int) -> list[Change]: ...

    @abstractmethod
    def _value(self, vault: Vault, change: Change) -> Pdq | None:
        """The fingerprint of an addition; None for what is not to be followed."""
