"""The matcher engine: fingerprints in, near entries of the feed out, while the feed comes in beside it."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.errors import NotFound, VerificationFailed
from amparo.gate.numbered import Near
from amparo.gate.replica import Applied, Held, Replica
from amparo.gate.sealed_snapshot import Snapshot
from amparo.index import HammingIndex
from amparo.signal.fingerprint import PDQ_BYTES

_BATCH: Final = 50_000
_NUMBERS: Final = "numbers"
_INDEX: Final = "index/"


class Engine:
    """Searches the replica's entries. Any thread may ask; one thread at a time applies changes.

    The index numbers rows 0, 1, 2 ...; the replica numbers entries. ``_numbers[row]`` is the entry's number, ascending,
    so the way back is a binary search and no dictionary of millions is held.
    """

    def __init__(self, replica: Replica, index: HammingIndex, numbers: npt.NDArray[np.int64]) -> None:
        self._replica = replica
        self._index = index
        self._numbers = numbers
        self._row_count = len(numbers)
        self._changing = threading.Lock()
        self._removed: list[int] = []
        self._due: deque[Callable[[], None]] = deque()
        self._unsaved = 0

    @classmethod
    def load(cls, replica: Replica, snapshot: Snapshot | None = None) -> Engine:
        """An engine over everything the replica holds now; what ``snapshot`` covers is not read again.

        Raises VerificationFailed ``snapshot_invalid`` for a snapshot that contradicts itself, or that the replica does not know.
        """
        if snapshot is not None and not replica.knows_snapshot(snapshot.id):
            raise VerificationFailed(
                "snapshot_invalid", "The gate's snapshot belongs to another state of its database.", step="database"
            )
        if snapshot is None:
            engine = cls(replica, HammingIndex(), np.empty(0, np.int64))
        else:
            arrays = {name.removeprefix(_INDEX): a for name, a in snapshot.arrays.items() if name.startswith(_INDEX)}
            numbers = snapshot.arrays[_NUMBERS].astype(np.int64, copy=False)
            engine = cls(replica, HammingIndex.from_arrays(arrays), numbers)
            engine._forget_removed()
        engine._catch_up(0 if snapshot is None else snapshot.covered)
        return engine

    def __len__(self) -> int:
        return len(self._index)

    def apply(self, change: Callable[[], Applied]) -> Applied:
        """Make a change of the replica, match by it, and return it. It is on disk before it is matched: a crash loses nothing.

        The change runs under the engine's lock, so that entries reach the index in the order of their numbers. What the
        index cannot take in, for want of memory, it takes in with the next change.
        """
        with self._changing:
            applied = change()
            if applied.added:
                self._due.append(partial(self._add, applied.added))
            if applied.removed:
                self._due.append(partial(self._remove, applied.removed))
            while self._due:
                self._due[0]()
                self._due.popleft()
        return applied

    @property
    def unsaved(self) -> int:
        """How many changes a snapshot taken now would hold that the last one does not."""
        return self._unsaved

    def save(self, write: Callable[[Snapshot], None]) -> None:
        """Hand a snapshot of this moment to ``write``; when that returns, the replica need not repeat what it covers."""
        with self._changing:
            index, numbers = self._index.to_arrays(), self._numbers[: self._row_count].copy()
            removed, unsaved = list(self._removed), self._unsaved
        covered, identifier = int(numbers[-1]) if len(numbers) else 0, secrets.token_hex(16)
        arrays = {_NUMBERS: numbers, **{_INDEX + name: array for name, array in index.items()}}
        self._replica.announce_snapshot(identifier)
        write(Snapshot(identifier, covered, arrays))
        self._replica.settle_snapshot(identifier, removed)
        with self._changing:
            del self._removed[: len(removed)]
            self._unsaved -= unsaved

    def _catch_up(self, covered: int) -> None:
        numbers: list[npt.NDArray[np.int64]] = []
        values: list[npt.NDArray[np.uint8]] = []
        for batch in _batches(self._replica.held(covered)):
            number, value = _arrays(batch)
            numbers.append(number)
            values.append(value)
        if numbers:
            self._extend(np.concatenate(numbers))
            self._index.add(np.concatenate(values))
            self._unsaved += sum(map(len, numbers))

    def _forget_removed(self) -> None:
        """Take out what was removed after the snapshot was made; some of it may have been out already."""
        for number in self._replica.removed_since_snapshot():
            at = int(np.searchsorted(self._numbers, number))
            if at < self._row_count and self._numbers[at] == number:
                with suppress(NotFound):
                    self._index.remove([at])
            self._removed.append(number)
            self._unsaved += 1

    def _add(self, added: Sequence[Held]) -> None:
        number, value = _arrays(added)
        before = self._row_count
        self._extend(number)
        try:
            self._index.add(value)
        except BaseException:
            # A number without its row would shift every later one.
            self._row_count = before
            raise
        self._unsaved += len(added)

    def _remove(self, removed: Sequence[int]) -> None:
        self._index.remove(self._rows_of(np.array(removed, np.int64)))
        self._removed += removed
        self._unsaved += len(removed)

    def near(self, values: bytes, radius: int) -> list[Near]:
        """Entries at most ``radius`` bits from each of ``values`` (fingerprints one after the other), by number."""
        if radius < 0:
            return []
        found = self._index.search(np.frombuffer(values, np.uint8).reshape(-1, PDQ_BYTES), radius)
        if not len(found):
            return []
        numbers = self._numbers[found.row].tolist()
        return [Near(*one) for one in zip(found.query.tolist(), numbers, found.distance.tolist(), strict=True)]

    def _extend(self, number: npt.NDArray[np.int64]) -> None:
        # Written before the rows can be found; readers keep the array they have, whose head is the same.
        end = self._row_count + len(number)
        if end > len(self._numbers):
            grown = np.empty(max(1024, end, len(self._numbers) * 5 // 4), np.int64)
            grown[: self._row_count] = self._numbers[: self._row_count]
            self._numbers = grown
        self._numbers[self._row_count : end] = number
        self._row_count = end

    def _rows_of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.searchsorted(self._numbers[: self._row_count], numbers).astype(np.int64)


def _batches(entries: Iterator[Held]) -> Iterator[Sequence[Held]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch


def _arrays(held: Sequence[Held]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    numbers = np.fromiter((entry.number for entry in held), np.int64, len(held))
    values = np.frombuffer(b"".join(entry.fingerprint for entry in held), np.uint8).reshape(-1, PDQ_BYTES)
    return numbers, values
