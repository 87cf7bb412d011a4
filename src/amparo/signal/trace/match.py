"""Which keypoints of a record look like which of an upload: Hamming distance, one to one, no rival elsewhere.

The ratio test is Lowe's (2004). A rival only counts where it lies elsewhere: one corner is found on several levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.distances import LANES, Coded, distances

FARTHEST: Final = 40
"""Bits of 128: no match beyond it."""
RATIO: Final = 0.9
APART: Final = 14.0
"""Pixels: a second best closer than this to the best is the same corner, not a rival."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """From the record's plane to the upload's: x' = a x - b y + dx, y' = b x + a y + dy. ``mirrored``: of its mirror."""

    a: float
    b: float
    dx: float
    dy: float
    mirrored: bool = False

    @property
    def scale(self) -> float:
        """How many pixels of the upload one pixel of the record spans."""
        return float(np.hypot(self.a, self.b))


def pairs(ours: NDArray[np.uint64], theirs: Coded, their_geometry: NDArray[np.float64]) -> NDArray[np.int32]:
    """(K, 3) int32: row of ``ours`` (N, 2), row of ``theirs`` (M, 2), distance; nearest first; one to one.

    their_geometry: (M, 4) x, y in pixels, and what is not asked for here.
    """
    far, lows = distances(ours, theirs)
    return paired(far, lows, their_geometry, FARTHEST, RATIO, APART)


@kernel
def paired(
    far: NDArray[np.uint8],
    lows: NDArray[np.uint8],
    their_geometry: NDArray[np.float64],
    farthest: int,
    ratio: float,
    apart: float,
) -> NDArray[np.int32]:
    """``pairs``, by ``distances``."""
    n, many = lows.shape
    m = len(their_geometry)
    low = np.full(n, 255, np.uint8)
    best = np.zeros(n, np.int32)
    owner = np.full(m, -1, np.int32)
    for i in range(n):
        where = 0
        for block in range(many):
            if lows[i, block] < low[i]:
                low[i] = lows[i, block]
                where = block
        if low[i] > farthest:
            continue
        j = where * LANES
        while far[i, j] != low[i]:
            j += 1
        best[i] = j
        if owner[j] < 0 or low[i] < low[owner[j]]:
            owner[j] = i
    kept = np.zeros(n, np.bool_)
    places = np.zeros(farthest + 2, np.int64)
    for i in range(n):
        if low[i] > farthest or owner[best[i]] != i:
            continue
        limit = int(low[i] / ratio) + 1
        here_x = their_geometry[best[i], 0]
        here_y = their_geometry[best[i], 1]
        rival = False
        for block in range(many):
            if lows[i, block] >= limit:
                continue
            for j in range(block * LANES, min(m, (block + 1) * LANES)):
                if far[i, j] < limit:
                    dx = their_geometry[j, 0] - here_x
                    dy = their_geometry[j, 1] - here_y
                    if dx * dx + dy * dy > apart * apart:
                        rival = True
                        break
            if rival:
                break
        if not rival:
            kept[i] = True
            places[low[i] + 1] += 1
    for distance in range(farthest + 1):
        places[distance + 1] += places[distance]
    out = np.empty((places[farthest + 1], 3), np.int32)
    for i in range(n):
        if kept[i]:
            at = places[low[i]]
            places[low[i]] += 1
            out[at, 0] = i
            out[at, 1] = best[i]
            out[at, 2] = low[i]
    return out
