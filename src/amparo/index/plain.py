"""The room's kernels in plain numpy, for where nothing is compiled, or not yet: same arrays, same results, tens of
times slower searches.

Building fills the same bands, so that a snapshot written here is as good as any; searching compares with
every row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.index import linear
from amparo.index.protocol import Numbers, Words
from amparo.index.schedule import BANDS, BUCKETS

_TILE: Final = 1 << 16


def permute_rows(rows: Words, permuted: Words) -> bool:
    """See ``bands.permute_rows``."""
    odd = False
    for start in range(0, len(rows), _TILE):
        words = rows[start : start + _TILE].view(np.uint16)
        turned = np.zeros_like(words)
        for bit in range(BANDS):
            turned |= np.roll(words, -5 * bit, axis=1) & np.uint16(1 << bit)
        permuted[start : start + _TILE] = turned.view(np.uint64)
        odd |= bool((np.bitwise_count(words).sum(axis=1) & 1).any())
    return not odd


def first_of_kind(rows: Words, first: npt.NDArray[np.uint32]) -> int:
    """See ``bands.first_of_kind``."""
    whole = rows.view("V32").ravel()
    _, earliest, kind = np.unique(whole, return_index=True, return_inverse=True)
    first[:] = earliest[kind]
    return len(earliest)


def fill_bands(
    rows: Words,
    offsets: npt.NDArray[np.uint32],
    ids: npt.NDArray[np.uint32],
    signatures: npt.NDArray[np.uint16],
) -> None:
    """See ``bands.fill_bands``."""
    words = rows.view(np.uint16)
    count = len(rows)
    for band in range(BANDS):
        keys = words[:, band]
        order = np.argsort(keys, kind="stable")
        offsets[band, 0] = 0
        offsets[band, 1:] = np.cumsum(np.bincount(keys, minlength=BUCKETS))
        ids[band * count : (band + 1) * count] = order
        signatures[band * count : (band + 1) * count] = words[order, (band + 1) % BANDS]


def bands_hold(offsets: npt.NDArray[np.uint32], ids: npt.NDArray[np.uint32], unique: int) -> bool:
    """See ``bands.bands_hold``."""
    rising = bool((offsets[:, 1:] >= offsets[:, :-1]).all())
    whole = bool((offsets[:, 0] == 0).all() and (offsets[:, -1] == unique).all())
    return rising and whole and (ids.size == 0 or int(ids.max()) < unique)


def checksum_stripes(words: npt.NDArray[np.uint64], lanes: npt.NDArray[np.uint64]) -> None:
    """See ``bands.checksum_stripes``."""
    factor = np.uint64(0x9E3779B97F4A7C15)
    for stripe in words.reshape(-1, len(lanes)):
        lanes ^= stripe
        lanes[:] = ((lanes << np.uint64(29)) | (lanes >> np.uint64(35))) * factor


def compare(
    queries: npt.NDArray[np.uint8], blocks: npt.NDArray[np.uint8], count: int, radius: int, out: Numbers
) -> int:
    """See ``scan.compare``."""
    rows = np.ascontiguousarray(blocks.transpose(0, 2, 1)).reshape(-1, 32)[:count]
    near = linear.search(queries, rows, radius)
    written = min(len(near), out.shape[1])
    out[:, :written] = np.stack([near.query, near.row, near.distance])[:, :written]
    return len(near)
