"""Every query against every row, for whom an index does not pay: once-only comparisons and allow-lists.

Rows lie in blocks of 16, word by word, so that one vector holds the same 32 bits of 16 rows. A pair is given
up as soon as its first words differ in more bits than the radius allows: for a radius of 31, of two
unrelated fingerprints the first 96 bits already do (48 differ on average), and only 3 of 8 words are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.index import engine
from amparo.index.linear import NOTHING
from amparo.index.protocol import Matches, Numbers, Rows
from amparo.index.rows import as_words, checked_radius

LANES: Final = 16
_QUERIES: Final = 1 << 14  # queries a kernel call, which bounds what is found before it is handed on


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Rows ready to be compared. count: N; words: (ceil(N / 16), 8, 16) uint32, the last block filled up
    with zeros."""

    count: int
    words: npt.NDArray[np.uint32]


def prepare(rows: Rows) -> Blocks:
    """Blocks of (N, 4) uint64 or (N, 32) uint8 rows: 32 bytes a row. Raises InvalidInput ``rows_invalid``."""
    words = as_words(rows)
    permuted = np.zeros((-(-len(words) // LANES) * LANES, 4), np.uint64)
    engine.permute_rows(words, permuted[: len(words)])
    halves = permuted.view(np.uint32).reshape(-1, LANES, 8)
    return Blocks(len(words), np.ascontiguousarray(halves.transpose(0, 2, 1)))


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
        chunk = permuted[first : first + _QUERIES]
        out = np.empty((3, 4096), np.int64)
        count = engine.compare(chunk, blocks.words, blocks.count, radius, out)
        if count > out.shape[1]:
            out = np.empty((3, count), np.int64)
            engine.compare(chunk, blocks.words, blocks.count, radius, out)
        out[0, :count] += first
        parts.append(out[:, :count])
    found = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
    if not found.shape[1]:
        return NOTHING
    order = np.lexsort((found[1], found[0]))
    return Matches(found[0, order], found[1, order], found[2, order])
