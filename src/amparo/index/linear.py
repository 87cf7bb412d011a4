"""The oracle: every fingerprint compared with every other, in plain numpy. Slow, short, plainly right."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.index.protocol import Matches, Numbers, Rows, Words
from amparo.index.rows import as_words, checked_numbers, checked_radius, unknown_row

_TILE: Final = 1 << 15  # rows: 1 MB, so that a tile and its differences stay in the second-level cache


def within(query: Rows, rows: Rows, radius: int) -> Numbers:
    """Row numbers of every fingerprint at most ``radius`` bits from ``query``.

    query: one fingerprint, (4,) uint64 or (32,) uint8; rows: (N, 4) uint64 or (N, 32) uint8, C-contiguous;
    radius in bits, 0..256. Returns ascending (K,) int64. Raises InvalidInput ``rows_invalid`` or
    ``radius_out_of_range``.
    """
    return search(as_words(query)[:1], rows, radius).row


def search(queries: Rows, rows: Rows, radius: int) -> Matches:
    """The same for a batch of queries: all pairs at most ``radius`` bits apart, ``row`` being the position
    in ``rows``.

    Radius in bits, 0..256. Memory beyond the result: a few tiles, whatever the sizes. Raises as ``within``.
    """
    query_words, row_words = as_words(queries), as_words(rows)
    radius = checked_radius(radius, 256)
    found: list[tuple[Numbers, Numbers, Numbers]] = []
    for position, query in enumerate(query_words):
        for start in range(0, len(row_words), _TILE):
            distance = np.bitwise_count(row_words[start : start + _TILE] ^ query).sum(axis=1, dtype=np.int64)
            near = np.flatnonzero(distance <= radius)
            if near.size:
                found.append((np.full(near.size, position, np.int64), near + start, distance[near]))
    if not found:
        return NOTHING
    query, row, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Matches(query, row, distance)


def _no_numbers() -> Numbers:
    empty = np.empty(0, np.int64)
    empty.flags.writeable = False
    return empty


NOTHING: Final = Matches(_no_numbers(), _no_numbers(), _no_numbers())
"""No match at all: one shared value, because it is what nearly every search returns."""


class LinearIndex:
    """``FingerprintIndex`` by comparing with every row. One thread at a time. Held in memory only."""

    def __init__(self) -> None:
        self._rows: Words = np.empty((0, 4), np.uint64)
        self._live: npt.NDArray[np.bool_] = np.empty(0, np.bool_)

    @classmethod
    def build(cls, rows: Rows) -> LinearIndex:
        """An index of ``rows``, numbered from 0. Raises InvalidInput ``rows_invalid``."""
        index = cls()
        index.add(rows)
        return index

    def search(self, queries: Rows, radius: int) -> Matches:
        """See ``FingerprintIndex.search``."""
        found = search(queries, self._rows, checked_radius(radius))
        live = self._live[found.row]
        return Matches(found.query[live], found.row[live], found.distance[live])

    def add(self, rows: Rows) -> Numbers:
        """See ``FingerprintIndex.add``."""
        words = as_words(rows)
        start = len(self._rows)
        self._rows = np.concatenate([self._rows, words])
        self._live = np.concatenate([self._live, np.ones(len(words), np.bool_)])
        return np.arange(start, start + len(words), dtype=np.int64)

    def remove(self, numbers: Numbers | list[int]) -> None:
        """See ``FingerprintIndex.remove``."""
        known = checked_numbers(numbers)
        if known.size and (int(known.max()) >= len(self._rows) or not self._live[known].all()):
            raise unknown_row()
        self._live[known] = False

    def numbers(self) -> Numbers:
        """The numbers of all live rows, ascending."""
        return np.flatnonzero(self._live)

    def copy(self) -> LinearIndex:
        """Another index with the same rows under the same numbers."""
        other = LinearIndex()
        other._rows, other._live = self._rows, self._live.copy()
        return other

    def __len__(self) -> int:
        return int(np.count_nonzero(self._live))
