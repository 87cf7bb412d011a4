"""An index whose rows carry numbers of ours: ascending, never given twice, perhaps with gaps."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from amparo.core.errors import VerificationFailed
from amparo.index import HammingIndex
from amparo.signal.fingerprint import PDQ_BYTES

Arrays = Mapping[str, npt.NDArray[np.generic]]

_NUMBERS: Final = "numbers"
_INDEX: Final = "index/"


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

    def __init__(self, numbers: npt.NDArray[np.int64] | None = None, index: HammingIndex | None = None) -> None:
        self._index = HammingIndex() if index is None else index
        self._numbers = np.empty(0, np.int64) if numbers is None else numbers
        self._rows = len(self._numbers)
        self._changing = threading.Lock()

    def __len__(self) -> int:
        return len(self._index)

    def add(self, numbers: Sequence[int] | npt.NDArray[np.int64], values: bytes | bytearray) -> None:
        """values: the fingerprints one after the other. They match as soon as this returns.

        Where it raises (no memory), nothing was added.
        """
        if not len(numbers):
            return
        with self._changing:
            before, end = self._rows, self._rows + len(numbers)
            if end > len(self._numbers):
                grown = np.empty(max(1024, end, len(self._numbers) * 5 // 4), np.int64)
                grown[:before] = self._numbers[:before]
                self._numbers = grown
            # Written before the rows can be found; readers keep the array they have, whose head is the same.
            self._numbers[before:end] = numbers
            self._rows = end
            try:
                self._index.add(np.frombuffer(values, np.uint8).reshape(-1, PDQ_BYTES))
            except BaseException:
                # A number without its row would shift every later one.
                self._rows = before
                raise

    def remove(self, numbers: Iterable[int]) -> list[int]:
        """They match no more, from the moment this returns. Returns those that did until then; others are passed over."""
        wanted = np.array(sorted(set(numbers)), np.int64)
        if not len(wanted):
            return []
        with self._changing:
            held = self._numbers[: self._rows]
            rows = np.searchsorted(held, wanted).astype(np.int64)
            there = rows < self._rows
            there[there] = held[rows[there]] == wanted[there]
            there[there] = self._index.are_live(rows[there])
            self._index.remove(rows[there])
        return wanted[there].tolist()

    def near(self, values: bytes, radius: int) -> list[Near]:
        """Everything at most ``radius`` bits from each of ``values``, by question and number."""
        if radius < 0 or not len(self._index):
            return []
        found = self._index.search(np.frombuffer(values, np.uint8).reshape(-1, PDQ_BYTES), radius)
        if not len(found):
            return []
        numbers = self._numbers[found.row].tolist()
        return [Near(*one) for one in zip(found.query.tolist(), numbers, found.distance.tolist(), strict=True)]

    def tidy(self) -> None:
        """Make one part of many, and free what removed fingerprints take up: no byte of those that were removed before this
        call is in ``to_arrays`` after it. Searches go on meanwhile, and so do changes."""
        if self._index.holds_removed or self._index.parts > 1:
            self._index.compact()

    def to_arrays(self) -> tuple[int, dict[str, npt.NDArray[np.generic]]]:
        """The highest number that was ever added (0: none), and what ``from_arrays`` makes the same index of."""
        with self._changing:
            index, numbers = self._index.to_arrays(), self._numbers[: self._rows].copy()
        return int(numbers[-1]) if len(numbers) else 0, {
            _NUMBERS: numbers,
            **{_INDEX + name: array for name, array in index.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> NumberedIndex:
        """Raises VerificationFailed ``snapshot_invalid`` where the arrays contradict each other; none that passes leads a search
        out of bounds."""
        index = HammingIndex.from_arrays(
            {name.removeprefix(_INDEX): array for name, array in arrays.items() if name.startswith(_INDEX)}
        )
        numbers = arrays.get(_NUMBERS)
        if numbers is None or numbers.dtype != np.int64 or numbers.shape != (index.numbered,):
            raise _contradiction("numbers and rows are not as many")
        ascending = numbers.view(np.int64)
        if not (ascending[1:] > ascending[:-1]).all() or (len(ascending) and ascending[0] < 1):
            raise _contradiction("numbers do not ascend")
        return cls(ascending, index)


def _contradiction(detail: str) -> VerificationFailed:
    return VerificationFailed("snapshot_invalid", "The gate's snapshot is damaged.", step="content", detail=detail)
