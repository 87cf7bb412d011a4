"""What of the platform's own banks is matched: every PDQ but those near a famous picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from amparo.bank.famous import Fingerprints
from amparo.core.errors import VerificationFailed
from amparo.gate.database import Database
from amparo.gate.kept_index import KeptIndex
from amparo.gate.numbered import Arrays, Near
from amparo.gate.snapshot_register import SnapshotRegister
from amparo.index import HammingIndex
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS

FILE: Final = "banks.sealed"
_FAMOUS: Final = "famous"
_LEFT_OUT: Final = "left-out"
_ASKED_AT_ONCE: Final = 1000
_READ_AT_ONCE: Final = 10_000


class OwnIndex:
    """Over the PDQ signals of ``database``, with a sealed snapshot in ``folder``. Any thread may search; who adds holds the
    database's lock from the write until the index knows: numbers reach it ascending, and only those that are on disk.

    The snapshot is believed only where it was made beside the same list of famous pictures: with another one, everything is
    looked through again.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        database: Database,
        unseal: Callable[[Sequence[bytes]], list[bytes]],
        famous: Fingerprints | None,
    ) -> None:
        """unseal: fingerprints as the database has them, to their 32 bytes. Raises what it raises, and as ``database``."""
        listed = [] if famous is None else sorted({value.tobytes() for value in famous.values})
        self._famous = HammingIndex()
        if listed:  # else no kernel is loaded for nothing, which a start would wait for
            self._famous.add(np.frombuffer(b"".join(listed), np.uint8).reshape(-1, PDQ_BYTES))
        listing = hashlib.sha256(b"%d " % PDQ_MATCH_RADIUS + b"".join(listed)).digest()
        self._database = database
        self._unseal = unseal
        self.snapshots = SnapshotRegister(database)
        self._beside = _LeftOut(listing, self.snapshots)
        self.kept = KeptIndex(folder / FILE, key, self.snapshots, self._held, self._beside)

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def left_out(self) -> int:
        """How many contents do not match because they lie near a famous picture."""
        return len(self._beside.numbers)

    def near(self, values: bytes, radius: int) -> list[Near]:
        """See ``NumberedIndex.near``; numbers are those of contents."""
        return self.kept.near(values, radius)

    def add(self, numbers: Sequence[int], values: Sequence[bytes]) -> None:
        """What is near a famous picture is noted and not matched."""
        matched = list(self._matched(zip(numbers, values, strict=True)))
        self.kept.add([number for number, _ in matched], b"".join(value for _, value in matched))

    def remove(self, numbers: Sequence[int]) -> None:
        """Numbers that are not matched are passed over."""
        with self._database.lock:
            # In this order: a snapshot taken in between may count one too few that is going, never one that has gone.
            self._beside.numbers.difference_update(numbers)
            self.kept.remove(numbers)

    def are_famous(self, values: Sequence[bytes]) -> list[bool]:
        """Which of these fingerprints lie near a famous picture."""
        if not len(self._famous):
            return [False] * len(values)
        near = self._famous.search(np.frombuffer(b"".join(values), np.uint8).reshape(-1, PDQ_BYTES), PDQ_MATCH_RADIUS)
        found = set(near.query.tolist())
        return [place in found for place in range(len(values))]

    def _held(self, above: int) -> Iterator[tuple[int, bytes]]:
        if not above:
            # Everything is looked through: what a snapshot said that is not believed does not count.
            self._beside.numbers.clear()
        return self._matched(self._signals(above))

    def _signals(self, above: int) -> Iterator[tuple[int, bytes]]:
        query = "SELECT content, sealed FROM signal WHERE type = 'pdq' AND content > ? ORDER BY content LIMIT ?"
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query, (above, _READ_AT_ONCE)).fetchall()
            if not rows:
                return
            yield from zip([number for number, _ in rows], self._unseal([sealed for _, sealed in rows]), strict=True)
            above = rows[-1][0]

    def _matched(self, held: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        """Without those that lie near a famous picture, which are noted."""
        left = iter(held)
        while part := list(islice(left, _ASKED_AT_ONCE)):
            famous = self.are_famous([value for _, value in part])
            self._beside.numbers.update(number for (number, _), one in zip(part, famous, strict=True) if one)
            yield from (pair for pair, one in zip(part, famous, strict=True) if not one)


class _LeftOut:
    """In the snapshot: which list of famous pictures it was made beside, and what was left out for its sake."""

    def __init__(self, listing: bytes, register: SnapshotRegister) -> None:
        self.numbers: set[int] = set()
        self._listing = np.frombuffer(listing, np.uint8)
        self._register = register

    def write(self) -> Arrays:
        with self._register.lock:
            numbers = sorted(self.numbers)
        return {_FAMOUS: self._listing, _LEFT_OUT: np.array(numbers, np.int64)}

    def read(self, arrays: Arrays) -> None:
        listing, numbers = arrays.get(_FAMOUS), arrays.get(_LEFT_OUT)
        if listing is None or numbers is None or not np.array_equal(listing, self._listing):
            raise VerificationFailed(
                "snapshot_invalid",
                "The list of famous pictures has changed since the snapshot was made.",
                step="famous",
            )
        self.numbers.update(numbers.tolist())
        self.numbers.difference_update(self._register.removed())
