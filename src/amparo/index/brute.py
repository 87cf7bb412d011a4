"""Every query against every row, for whom an index does not pay: once-only comparisons and allow-lists.

Rows lie in blocks of 128, octet by octet, so that vectors hold the same octet of many rows. A pair is given up when its
first octets differ in more bits than the radius allows: for a radius of 31, of two unrelated fingerprints the first 96
bits already do (48 differ on average), and only 12 of 32 octets are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.memory import aligned
from amparo.index import engine
from amparo.index.linear import NOTHING
from amparo.index.protocol import Matches, Numbers, Rows
from amparo.index.rows import as_words, checked_radius
from amparo.index.scan import OCTETS, ROWS

_QUERIES: Final = 1 << 14  # queries a kernel call, which bounds what is found before it is handed on
_ROWS: Final = 1 << 14  # of which one order is made of another at a time, in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Rows ready to be compared. count: N; octets: (ceil(N / 128), 32, 128) uint8, the last block filled up with zeros."""

    count: int
    octets: npt.NDArray[np.uint8]


def prepare(rows: Rows) -> Blocks:
    """Blocks of (N, 4) uint64 or (N, 32) uint8 rows: 32 bytes a row. Raises InvalidInput ``rows_invalid``."""
    words = as_words(rows)
    octets = aligned(-(-len(words) // ROWS), OCTETS, ROWS)
    for first in range(0, len(words), _ROWS):
        part = words[first : first + _ROWS]
        permuted = np.zeros((-(-len(part) // ROWS) * ROWS, 4), np.uint64)
        engine.permute_rows(part, permuted[: len(part)])
        block = first // ROWS
        given = permuted.view(np.uint8).reshape(-1, ROWS, OCTETS)
        octets[block : block + len(given)] = given.transpose(0, 2, 1)
    return Blocks(len(words), octets)


def search(queries: Rows, blocks: Blocks, radius: int) -> Matches:
    """All pairs at most ``radius`` bits apart; ``row`` is the position in the rows that were prepared.

    queries: (Q, 4) uint64 or (Q, 32) uint8; radius in bits, 0..256. Exact: equals ``linear.search``.
    Raises InvalidInput ``rows_invalid`` or ``radius_out_of_range``.
    """
    words, radius = as_words(queries), checked_radius(radius, 256)
    permuted = np.empty_like(words)
    engine.permute_rows(words, permuted)
    parts: list[Numbers] = []
    for first in range(0, len(words), _QUERIES):
        chunk = permuted[first : first + _QUERIES].view(np.uint8)
        out = np.empty((3, 4096), np.int64)
        count = engine.compare(chunk, blocks.octets, blocks.count, radius, out)
        if count > out.shape[1]:
            out = np.empty((3, count), np.int64)
            engine.compare(chunk, blocks.octets, blocks.count, radius, out)
        out[0, :count] += first
        parts.append(out[:, :count])
    found = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
    if not found.shape[1]:
        return NOTHING
    order = np.lexsort((found[1], found[0]))
    return Matches(found[0, order], found[1, order], found[2, order])
