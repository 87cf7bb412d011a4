"""Which keypoints of a record look like which of an upload: Hamming distance, one to one, no rival elsewhere.

The ratio test is Lowe's (2004). A rival only counts where it lies elsewhere: one corner is found on several levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.distances import Coded, distances

FARTHEST: Final = 40
"""Bits of 128: no match beyond it."""
RATIO: Final = 0.9
APART: Final = 14.0
"""Pixels: a second best closer than this to the best is the same corner, not a rival."""
_STRETCH: Final = 64
"""Keypoints of theirs whose nearest is told first, so that most of them are never looked at one by one."""


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
    """(K, 3) int32: row of ``ours`` (N, 2), row of ``theirs`` (M, 2), M below 65,536, distance; nearest first; one to
    one. their_geometry: (M, 4) x, y in pixels, ..."""
    far = distances(ours, theirs)
    return paired(far, their_geometry, FARTHEST, RATIO, APART)


@kernel
def paired(
    far: NDArray[np.uint8], their_geometry: NDArray[np.float64], farthest: int, ratio: float, apart: float
) -> NDArray[np.int32]:
    """``pairs`` by (N, M or more) distances."""
    n = len(far)
    m = len(their_geometry)
    stretches = (m + _STRETCH - 1) // _STRETCH
    lows = np.empty((n, stretches), np.uint8)
    low = np.full(n, 255, np.uint8)
    best = np.zeros(n, np.int32)
    owner = np.full(m, -1, np.int32)
    for i in range(n):
        row = far[i]
        where = 0
        for s in range(stretches):
            # A plain loop: the compiler makes vector instructions of it.
            nearest = np.uint8(255)
            for j in range(s * _STRETCH, min(m, (s + 1) * _STRETCH)):
                nearest = min(nearest, row[j])
            lows[i, s] = nearest
            if nearest < low[i]:
                low[i] = nearest
                where = s
        if low[i] > farthest:
            continue
        for j in range(where * _STRETCH, min(m, (where + 1) * _STRETCH)):
            if row[j] == low[i]:
                best[i] = j
                if owner[j] < 0 or low[i] < low[owner[j]]:
                    owner[j] = i
                break
    kept = np.zeros(n, np.bool_)
    places = np.zeros(farthest + 2, np.int64)
    for i in range(n):
        if low[i] > farthest or owner[best[i]] != i:
            continue
        limit = int(low[i] / ratio) + 1
        here_x = their_geometry[best[i], 0]
        here_y = their_geometry[best[i], 1]
        rival = False
        for s in range(stretches):
            if lows[i, s] >= limit:
                continue
            for j in range(s * _STRETCH, min(m, (s + 1) * _STRETCH)):
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
