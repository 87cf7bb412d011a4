"""The matcher engine: fingerprints in, near entries of the feed out, while the feed comes in beside it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from amparo.gate.kept_index import KeptIndex
from amparo.gate.numbered import Near
from amparo.gate.replica import Applied, Held, Replica

FILE: Final = "index.sealed"


class Engine:
    """Searches the replica's entries, with a sealed snapshot in ``folder``. Any thread may ask; one thread at a time applies
    changes."""

    def __init__(self, replica: Replica, folder: Path) -> None:
        """Over everything the replica holds now. Raises as ``Replica.held`` does."""

        def held(above: int) -> Iterator[tuple[int, bytes]]:
            return ((entry.number, entry.fingerprint) for entry in replica.held(above))

        self.kept = KeptIndex(folder / FILE, replica.sealing_key, replica.snapshots, held)
        self._applying = threading.Lock()
        self._due: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self.kept)

    def apply(self, change: Callable[[], Applied]) -> Applied:
        """Make a change of the replica, match by it, and return it. It is on disk before it is matched: a crash loses nothing.

        The change runs under the engine's lock, so that entries reach the index in the order of their numbers. What the
        index cannot take in, for want of memory, it takes in with the next change.
        """
        with self._applying:
            applied = change()
            if applied.added:
                self._due.append(partial(self._add, applied.added))
            if applied.removed:
                self._due.append(partial(self.kept.remove, applied.removed))
            while self._due:
                self._due[0]()
                self._due.popleft()
        return applied

    def near(self, values: bytes, radius: int) -> list[Near]:
        """Entries at most ``radius`` bits from each of ``values`` (fingerprints one after the other), by question and number."""
        return self.kept.near(values, radius)

    def _add(self, added: Sequence[Held]) -> None:
        self.kept.add([entry.number for entry in added], b"".join(entry.fingerprint for entry in added))
