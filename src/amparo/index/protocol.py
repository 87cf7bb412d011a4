"""What an index promises, whoever builds it: the words that gates, banks and contract tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
"""Fingerprints as (N, 4) uint64: the 32 bytes of each, read in the machine's order."""
Rows = npt.NDArray[np.uint64] | npt.NDArray[np.uint8]
"""Fingerprints as callers hold them: (N, 4) uint64, or (N, 32) uint8 in the order of the hexadecimal
digits."""
Numbers = npt.NDArray[np.int64]
"""Row numbers, or positions in a batch of queries."""

MAXIMUM_RADIUS: Final = 50
"""Bits. Beyond it two fingerprints share too little to be called near, and no exact index helps."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Facts: which query lies how near to which row.

    query, row, distance: (K,) int64 each, parallel, sorted by query and then by row. ``query`` is the
    position in the batch of queries, ``row`` the row number that ``add`` or ``build`` gave out, ``distance``
    in bits.
    """

    query: Numbers
    row: Numbers
    distance: Numbers

    def __len__(self) -> int:
        return len(self.row)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matches):
            return NotImplemented
        return (
            np.array_equal(self.query, other.query)
            and np.array_equal(self.row, other.row)
            and np.array_equal(self.distance, other.distance)
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # arrays inside: equal by value, so not hashable


class FingerprintIndex(Protocol):
    """Exact search by Hamming distance over 256-bit fingerprints that come and go.

    Row numbers start at 0, grow by one for each row added, and are never given out twice: a row keeps its
    number for the life of the index, through removals of others, ``compact`` and snapshots. Held in memory:
    what must survive the process is the caller's to write down.
    """

    def search(self, queries: Rows, radius: int) -> Matches:
        """Every live row at most ``radius`` bits from each query.

        queries: (Q, 4) uint64 or (Q, 32) uint8, or one query as (4,) or (32,); C-contiguous. radius in bits,
        0..50. Raises InvalidInput ``rows_invalid`` or ``radius_out_of_range``.
        """
        ...

    def add(self, rows: Rows) -> Numbers:
        """Take rows in; they match as soon as this returns. Returns their (N,) row numbers, consecutive.

        Raises InvalidInput ``rows_invalid``; then nothing was added.
        """
        ...

    def remove(self, numbers: Numbers | list[int]) -> None:
        """Make rows match no more, from the moment this returns.

        numbers: (K,) integers, distinct. Raises NotFound ``row_unknown`` where one was never given out or is
        removed already, and InvalidInput ``rows_invalid`` where they are no integers; then nothing was
        removed.
        """
        ...

    def __len__(self) -> int:
        """How many rows are live."""
        ...
