"""The kernel of ``brute``: tiles of rows that stay in the nearest cache while all queries pass over them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.kernels import deferred, kernel
from amparo.index.protocol import Numbers, Words

LANES: Final = 16
load_u32, popcount, trailing_zeros, _near3, _near4, _near5, _near8 = (
    deferred("amparo.index.vector", name)
    for name in ("load_u32", "popcount", "trailing_zeros", "near3", "near4", "near5", "near8")
)
_BLOCK: Final = 512  # bytes
_TILE: Final = 64  # blocks: of each the first 192 bytes are read, 12 KB of a cache of 32


@kernel
def _passing(tile: int, blocks: int, query: int, radius: int, passed: npt.NDArray[np.int32]) -> int:
    """Blocks of a tile in which some row may be near. One loop each, so that the query stays in registers."""
    count = 0
    # So many words that unrelated fingerprints pass in one of a hundred blocks or fewer (binomial distribution).
    if radius <= 32:
        for block in range(blocks):
            if _near3(tile + _BLOCK * block, query, radius):
                passed[count] = block
                count += 1
    elif radius <= 40:
        for block in range(blocks):
            if _near4(tile + _BLOCK * block, query, radius):
                passed[count] = block
                count += 1
    elif radius <= 50:
        for block in range(blocks):
            if _near5(tile + _BLOCK * block, query, radius):
                passed[count] = block
                count += 1
    else:
        for block in range(blocks):
            passed[block] = block
        count = blocks
    return count


@kernel
def compare(queries: Words, blocks: npt.NDArray[np.uint32], count: int, radius: int, out: Numbers) -> int:
    """Pairs of permuted queries and rows at most ``radius`` bits apart.

    out: (3, capacity): query, row, distance, in no order. Returns how many there are, perhaps more than were
    written.
    """
    total = 0
    query_at = queries.ctypes.data
    block_at = blocks.ctypes.data
    held = blocks.shape[0]
    passed = np.empty(_TILE, np.int32)
    for tile in range(0, held, _TILE):
        size = min(_TILE, held - tile)
        for query in range(queries.shape[0]):
            wanted = query_at + 32 * query
            for place in range(_passing(block_at + _BLOCK * tile, size, wanted, radius, passed)):
                block = tile + np.int64(passed[place])
                at = block_at + _BLOCK * block
                flags = _near8(at, wanted, radius)
                while flags:
                    lane = trailing_zeros(flags)
                    flags &= flags - 1
                    row = LANES * block + lane
                    if row >= count:
                        break
                    if total < out.shape[1]:
                        bits = 0
                        for half in range(8):
                            word = load_u32(at + 64 * half + 4 * lane)
                            bits += popcount(word ^ load_u32(wanted + 4 * half))
                        out[0, total] = query
                        out[1, total] = row
                        out[2, total] = bits
                    total += 1
    return total
