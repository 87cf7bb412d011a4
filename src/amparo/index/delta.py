"""Where new rows wait: chains that grow by one row in a microsecond, until there are enough of them for a
segment."""

from __future__ import annotations

from typing import Final

import numpy as np

from amparo.core.kernels import ready
from amparo.index import chains, plain
from amparo.index.protocol import Words
from amparo.index.schedule import PLACES, SMALL_BANDS, SMALL_BUCKETS
from amparo.index.view import END

CAPACITY: Final = 1 << 14
"""Rows: 4 MB of chains at most."""


class Delta:
    """Rows of consecutive numbers from ``start`` on, permuted, in 32 bands of 8 bits: a chain of nodes for each key.

    A node is 64 places, tested at once: signatures, (nodes, 64) uint16, the next two bands' bits; ids, (nodes, 64)
    uint16, the position of the row, or END where the place is free; following, (nodes,) uint16, the next node. heads:
    (32, 256) uint16, the newest node of each chain; filled: (32, 256) uint16, places taken in it. One writer at a time;
    readers may follow the chains meanwhile and pass over rows that their view does not count yet.
    """

    def __init__(self, start: int, capacity: int = CAPACITY) -> None:
        self.start = start
        self.capacity = capacity
        self.count = 0
        self.even = True
        # Full nodes, and one that is not full for every key in use.
        nodes = SMALL_BANDS * (capacity // PLACES + min(capacity, SMALL_BUCKETS))
        self.rows: Words = np.empty((capacity, 4), np.uint64)
        self.signatures = np.empty((nodes, PLACES), np.uint16)
        self.ids = np.full((nodes, PLACES), END, np.uint16)
        self.following = np.empty(nodes, np.uint16)
        self.heads = np.full((SMALL_BANDS, SMALL_BUCKETS), END, np.uint16)
        self.filled = np.full((SMALL_BANDS, SMALL_BUCKETS), PLACES, np.uint16)
        arrays = (self.rows, self.signatures, self.ids, self.following, self.heads, self.filled)
        self._words = np.array([*(array.ctypes.data for array in arrays), 0], np.int64)
        self._chained = 0

    @property
    def room(self) -> int:
        """How many more rows fit."""
        return self.capacity - self.count

    def push(self, rows: Words) -> None:
        """Take in rows as they come, no more than there is room for."""
        end = self.count + len(rows)
        if ready():
            even = chains.take_in(rows, self._words, self._chained, self.count)
            self._chained = end
        else:
            even = plain.permute_rows(rows, self.rows[self.count : end])
        self.even = self.even and even
        self.count = end

    def put_back(self, permuted: Words, *, even: bool) -> None:
        """Into an empty delta, rows that were taken out of one. even: whether all have even weight."""
        self.rows[: len(permuted)] = permuted
        self.even, self.count = even, len(permuted)
        if ready():
            self.catch_up()

    def is_chained(self, count: int) -> bool:
        """Whether the first ``count`` rows are in their chains, which only the compiled search looks for."""
        return self._chained >= count

    def catch_up(self) -> None:
        """Put into chains what was taken in before anything was compiled. By the one writer."""
        if self._chained < self.count:  # an empty delta loads no kernel
            chains.chain(self._words, self._chained, self.count)
            self._chained = self.count
