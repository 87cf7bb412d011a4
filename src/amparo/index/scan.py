"""The kernel of ``brute``: tiles of rows that stay in the nearest cache while all queries pass over them, two at a time."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.bits import COUNTS
from amparo.core.kernels import deferred, kernel
from amparo.core.memory import aligned
from amparo.index.protocol import Numbers

ROWS: Final = 128
OCTETS: Final = 32
near, take_apart = (deferred("amparo.index.octets", name) for name in ("near", "take_apart"))
popcount, prefetch, trailing_zeros = (
    deferred("amparo.index.vector", name) for name in ("popcount", "prefetch", "trailing_zeros")
)
Octets = npt.NDArray[np.uint8]


@kernel
def _compared(radius: int) -> int:
    """So many octets that unrelated fingerprints pass in one of a thousand pairs or fewer (binomial distribution); of a radius
    that makes no choice, as many as an octet can count the bits of."""
    if radius <= 32:
        return 12
    if radius <= 40:
        return 16
    return 20 if radius <= 50 else OCTETS - 1


@kernel
def _report(
    rows: Octets, flags: int, first: int, query: Octets, radius: int, asked: int, number: int, out: Numbers, total: int
) -> int:
    """Compare the flagged ones of 64 rows of a block, from ``first`` on, in full. number: that of the block's row 0."""
    left = np.uint64(flags)
    while left:
        row = first + trailing_zeros(left)
        left &= left - np.uint64(1)
        bits = 0
        for place in range(OCTETS):
            bits += popcount(np.int64(rows[place, row] ^ query[place]))
        if bits <= radius:
            if total < out.shape[1]:
                out[0, total] = asked
                out[1, total] = number + row
                out[2, total] = bits
            total += 1
    return total


@kernel
def _scan(
    queries: Octets,
    blocks: Octets,
    count: int,
    radius: int,
    counts: Octets,
    asked: Octets,
    tile: Octets,
    out: Numbers,
) -> int:
    octets = _compared(radius)
    places = octets
    halves = tile.shape[0] > 0
    if halves:
        places = 2 * octets
        for query in range(queries.shape[0]):
            for place in range(octets):
                asked[query, 2 * place] = queries[query, place] << 4
                asked[query, 2 * place + 1] = queries[query, place] & 240
    flags = np.zeros(4, np.uint64)
    flags_at = np.int64(flags.ctypes.data)
    counts_at = np.int64(counts.ctypes.data)
    asked_at = np.int64(asked.ctypes.data)
    tile_at = np.int64(tile.ctypes.data)
    limit = min(radius, 255)
    total = 0
    for block in range(blocks.shape[0]):
        rows = blocks[block]
        for place in range(octets):
            for line in range(0, ROWS, 64):
                prefetch(np.int64(rows.ctypes.data) + ROWS * (OCTETS + place) + line)  # of the next block
        if halves:
            for place in range(octets):
                take_apart(np.int64(rows.ctypes.data) + ROWS * place, tile_at + 2 * ROWS * place)
        else:
            tile_at = np.int64(rows.ctypes.data)
        for query in range(0, queries.shape[0], 2):
            first = asked_at + asked.shape[1] * query
            both = query + 1 < queries.shape[0]
            second = first + asked.shape[1] * both
            if near(counts_at, first, second, tile_at, places, limit, flags_at):
                for part in range(4 if both else 2):
                    found = flags[part]
                    start = 64 * (part & 1)
                    held = count - ROWS * block - start
                    if held < 64:
                        found &= (np.uint64(1) << np.uint64(max(held, 0))) - np.uint64(1)
                    one = query + (part >> 1)
                    total = _report(rows, found, start, queries[one], radius, one, ROWS * block, out, total)
    return total


def compare(queries: Octets, blocks: Octets, count: int, radius: int, out: Numbers) -> int:
    """Pairs of permuted queries, (Q, 32), and of the first ``count`` rows in blocks, (B, 32, 128), at most ``radius`` bits apart.

    out: (3, capacity): query, row, distance, in no order. Returns how many there are, perhaps more than were
    written.
    """
    from amparo.index.octets import HALVES

    if HALVES:
        asked, tile = np.empty((len(queries), 2 * OCTETS), np.uint8), aligned(2 * OCTETS, ROWS)
    else:
        asked, tile = queries, aligned(0, ROWS)
    return _scan(queries, blocks, count, radius, COUNTS, asked, tile, out)
