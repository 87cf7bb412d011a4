"""The index of one database's fingerprints, and its sealed snapshot: the next start opens that instead of building anew.

The database comes first in everything: a change is on disk there before it is matched, and the snapshot is a cache that may be
missing, damaged or another's. What was removed is not matched from that moment, and is kept no longer than needed: no snapshot
that is written holds it, and the file on disk that still does is replaced, or deleted where no other can be written, within
``REMOVED_WITHIN`` seconds; at a stop too.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from amparo.core.errors import AmparoError, VerificationFailed
from amparo.core.logs import get_logger
from amparo.core.memory import give_back_memory
from amparo.gate.numbered import Arrays, Near, NumberedIndex
from amparo.gate.sealed_snapshot import Snapshot, read, write
from amparo.gate.snapshot_register import SnapshotRegister

log: Final = get_logger("amparo.gate")

LOOK_EVERY: Final = 20.0
REMOVED_WITHIN: Final = 600.0
"""Seconds. At a million rows this is 130 MB written six times an hour, and only while fingerprints are removed."""
_FEWEST_CHANGES: Final = 2000
"""Below so many additions, reading them from the database at the next start takes no time worth a write of everything."""
_BATCH: Final = 50_000

Held = Callable[[int], Iterable[tuple[int, bytes]]]
"""What the database holds with numbers above the one given: numbers, ascending, each with its fingerprint."""


class Beside(Protocol):
    """What else is in the snapshot of an index."""

    def write(self) -> Arrays:
        """Asked after the arrays of the index were taken."""
        ...

    def read(self, arrays: Arrays) -> None:
        """Raises VerificationFailed ``snapshot_invalid`` where the snapshot was made under other circumstances: then everything
        is read from the database."""
        ...


class KeptIndex:
    """Any thread may search and change; one at a time saves."""

    def __init__(
        self, path: Path, key: bytes, register: SnapshotRegister, held: Held, beside: Beside | None = None
    ) -> None:
        """Everything the database holds now, from the snapshot ``path`` and what came and went since.

        Raises what ``register`` and ``held`` raise.
        """
        self._path = path
        self._key = key
        self._register = register
        self._beside = beside
        self._changing = threading.Lock()
        self._removed: dict[int, float] = {}
        """Since when; minus infinity: before this process; infinity: no file holds it, and the database may forget it."""
        self._unsaved = 0
        self._on_disk = 0
        """The file may hold numbers up to here."""
        self._strange = False
        """Whether a file is there of which we know nothing."""
        self._index, covered = self._opened()
        self._take_removals(-math.inf)
        for numbers, values in _batches(held(covered)):
            self._index.add(numbers, values)
            self._unsaved += len(numbers)
        if not covered:
            self._index.tidy()

    def __len__(self) -> int:
        return len(self._index)

    def near(self, values: bytes, radius: int) -> list[Near]:
        """See ``NumberedIndex.near``."""
        return self._index.near(values, radius)

    def add(self, numbers: Sequence[int], values: bytes) -> None:
        """See ``NumberedIndex.add``; they are in the database."""
        self._index.add(numbers, values)
        with self._changing:
            self._unsaved += len(numbers)

    def remove(self, numbers: Iterable[int]) -> None:
        """They match no more, from the moment this returns; those that did not are passed over. The database has noted them."""
        self._remove(numbers, time.monotonic())

    def save_if_due(self, *, stopping: bool = False) -> None:
        """Write where so much has changed that the next start would notice, or where the file holds what was removed some time
        ago; ``stopping``: or ever. A full disk is logged: nothing is lost."""
        overdue = False
        try:
            self._take_removals(time.monotonic())
            waited = self._removal_waits()
            overdue = waited > REMOVED_WITHIN - 2 * LOOK_EVERY or (stopping and waited >= 0)
            if overdue or self._unsaved >= max(_FEWEST_CHANGES, len(self) // 50):
                self.save()
        except AmparoError as error:
            log.warning("snapshot_not_written", code=error.code, detail=error.detail)
            if overdue:
                self._give_up()

    def save(self) -> None:
        """When this returns, a snapshot is on disk that holds everything up to now, and nothing that was removed before.

        Raises Unavailable ``snapshot_not_written``, and as the database; then nothing is lost, and the one before may stand.
        """
        with self._changing:
            removed = list(self._removed)
        self._index.tidy()
        with self._changing:
            (covered, arrays), unsaved = self._index.to_arrays(), self._unsaved
            self._on_disk = max(self._on_disk, covered)
        if self._beside is not None:
            arrays.update(self._beside.write())
        identifier = secrets.token_hex(16)
        write(self._path, self._key, self._register.announce(identifier), Snapshot(identifier, covered, arrays))
        del arrays
        # Merging and sealing took twice the index for a moment; glibc would keep it.
        give_back_memory()
        self._register.settle(identifier, removed)
        with self._changing:
            for number in removed:
                self._removed.pop(number, None)
            self._unsaved -= unsaved
            self._on_disk = covered
            self._strange = False

    def _opened(self) -> tuple[NumberedIndex, int]:
        """What the snapshot holds, and the number up to which it does; nothing, up to 0, where there is none to believe."""
        try:
            snapshot = read(self._path, self._key, self._register.secret_of)
            if snapshot is None:
                return NumberedIndex(), 0
            index = NumberedIndex.from_arrays(snapshot.arrays)
            if self._beside is not None:
                self._beside.read(snapshot.arrays)
        except VerificationFailed as error:
            log.warning(
                "snapshot_rebuilt", path=self._path.name, code=error.code, reason=error.step, detail=error.detail
            )
            self._strange = True
            return NumberedIndex(), 0
        self._on_disk = snapshot.covered
        return index, snapshot.covered

    def _remove(self, numbers: Iterable[int], since: float) -> None:
        with self._changing:
            gone = self._index.remove(numbers)
            self._removed.update(dict.fromkeys(gone, since))
            self._unsaved += len(gone)

    def _take_removals(self, since: float) -> None:
        """What the database has lost, by whatever process."""
        # With the lock under which the own banks tell us of what they add: else something could be noted as gone that came after.
        with self._register.lock:
            gone = self._register.removed()
            with self._changing:
                fresh = [number for number in gone if number not in self._removed]
            self._remove(fresh, since)
        with self._changing:
            for number in fresh:
                # Of what was not in the index now, a file of an earlier process may hold the bytes.
                self._removed.setdefault(number, since if since < 0 else math.inf)

    def _removal_waits(self) -> float:
        """For how many seconds the file on disk has held what is removed; below 0 where it holds nothing of it."""
        if self._strange:
            return math.inf
        with self._changing:
            since = min((at for number, at in self._removed.items() if number <= self._on_disk), default=math.inf)
        return time.monotonic() - since

    def _give_up(self) -> None:
        """The next start builds anew: better than a file that goes on holding what people have withdrawn."""
        try:
            self._path.unlink(missing_ok=True)
            self._register.forget()
        except (OSError, AmparoError) as error:
            log.error("snapshot_not_deleted", code="snapshot_outdated", detail=str(error))
            return
        with self._changing:
            self._on_disk, self._strange = 0, False


def _batches(held: Iterable[tuple[int, bytes]]) -> Iterator[tuple[list[int], bytes]]:
    left = iter(held)
    while part := list(islice(left, _BATCH)):
        yield [number for number, _ in part], b"".join(value for _, value in part)
