"""An index whose rows carry numbers of ours: ascending, never given twice, perhaps with gaps."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from amparo.index import HammingIndex
from amparo.signal.fingerprint import PDQ_BYTES

_BATCH: Final = 50_000


class Near(NamedTuple):
    """query: the place of the question; number: of what was found; distance: bits."""

    query: int
    number: int
    distance: int


class NumberedIndex:
    """The index numbers rows 0, 1, 2 ...; the caller numbers fingerprints. ``_numbers[row]`` is the caller's, ascending,
    so the way back is a binary search and no dictionary of millions is held. Any thread may search; changes wait for each
    other. Held in memory only.
    """

    def __init__(self, numbers: npt.NDArray[np.int64], index: HammingIndex) -> None:
        self._index = index
        self._numbers = numbers
        self._rows = len(numbers)
        self._changing = threading.Lock()

    @classmethod
    def build(cls, held: Iterable[tuple[int, bytes]]) -> NumberedIndex:
        """held: numbers, ascending, with their fingerprints of 32 bytes."""
        made = cls(np.empty(0, np.int64), HammingIndex.build(np.empty((0, PDQ_BYTES), np.uint8)))
        numbers: list[int] = []
        values = bytearray()
        for number, value in held:
            numbers.append(number)
            values += value
            if len(numbers) == _BATCH:
                made.add(numbers, bytes(values))
                numbers, values = [], bytearray()
        made.add(numbers, bytes(values))
        return made

    def __len__(self) -> int:
        return len(self._index)

    def add(self, numbers: Sequence[int], values: bytes) -> None:
        """values: the fingerprints one after the other. They match as soon as this returns."""
        if not numbers:
            return
        with self._changing:
            end = self._rows + len(numbers)
            if end > len(self._numbers):
                grown = np.empty(max(1024, end, len(self._numbers) * 5 // 4), np.int64)
                grown[: self._rows] = self._numbers[: self._rows]
                self._numbers = grown
            # Written before the rows can be found; readers keep the array they have, whose head is the same.
            self._numbers[self._rows : end] = numbers
            self._rows = end
            self._index.add(np.frombuffer(values, np.uint8).reshape(-1, PDQ_BYTES))

    def remove(self, numbers: Sequence[int]) -> None:
        """They match no more, from the moment this returns."""
        if not numbers:
            return
        with self._changing:
            rows = np.searchsorted(self._numbers[: self._rows], np.asarray(numbers, np.int64))
            self._index.remove(rows.astype(np.int64))

    def near(self, values: bytes, radius: int) -> list[Near]:
        """Everything at most ``radius`` bits from each of ``values``, in no order."""
        if radius < 0 or not len(self._index):
            return []
        found = self._index.search(np.frombuffer(values, np.uint8).reshape(-1, PDQ_BYTES), radius)
        if not len(found):
            return []
        numbers = self._numbers[found.row].tolist()
        return [Near(*one) for one in zip(found.query.tolist(), numbers, found.distance.tolist(), strict=True)]
