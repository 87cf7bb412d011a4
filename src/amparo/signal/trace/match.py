"""Which keypoints of a record look like which of an upload: Hamming distance, one to one, no rival elsewhere.

The ratio test is Lowe's (2004). A rival only counts where it lies elsewhere: one corner is found on several levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel

FARTHEST: Final = 40
"""Bits of 128: no match beyond it."""
RATIO: Final = 0.9
APART: Final = 14.0
"""Pixels: a second best closer than this to the best is the same corner, not a rival."""
STRETCH: Final = 256
"""Keypoints that are looked at for a rival before asking whether there is one: strangers meet one soon."""


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


@kernel
def bits_set(x: np.uint64) -> np.uint64:
    """How many bits of ``x`` are set."""
    # LLVM turns this spelling into one instruction.
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel
def _nearest(ours: NDArray[np.uint64], first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(N,) for each of ours: distance * 65536 + place of the nearest of theirs, the first of equals."""
    best = np.empty(len(ours), np.uint64)
    for i in range(len(ours)):
        u = ours[i, 0]
        v = ours[i, 1]
        low = np.uint64(0xFFFFFF)
        # Distance and place in one word, and a plain loop: the compiler makes vector instructions of it.
        for j in range(len(first)):
            low = min(low, ((bits_set(u ^ first[j]) + bits_set(v ^ second[j])) << np.uint64(16)) | np.uint64(j))
        best[i] = low
    return best


@kernel
def _nearest_elsewhere(
    u: np.uint64,
    v: np.uint64,
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    here_x: float,
    here_y: float,
    apart: float,
) -> np.uint64:
    """Fewest differing bits to a keypoint that lies farther than ``apart`` from here."""
    low = np.uint64(255)
    for k in range(len(first)):
        dx = x[k] - here_x
        dy = y[k] - here_y
        distance = bits_set(u ^ first[k]) + bits_set(v ^ second[k])
        # No way out of the loop before its end: so it becomes vector instructions, and is the faster for it.
        low = min(low, distance if dx * dx + dy * dy > apart * apart else np.uint64(255))
    return low


@kernel
def pairs(
    ours: NDArray[np.uint64],
    theirs: NDArray[np.uint64],
    their_x: NDArray[np.float64],
    their_y: NDArray[np.float64],
    farthest: int,
    ratio: float,
    apart: float,
) -> NDArray[np.int32]:
    """(K, 3) int32: row of ``ours`` (N, 2), row of ``theirs`` (M, 2), M below 65,536, distance; nearest first; one to
    one."""
    n = len(ours)
    m = len(theirs)
    first = theirs[:, 0].copy()
    second = theirs[:, 1].copy()
    best = _nearest(ours, first, second)
    owner = np.full(m, -1, np.int32)
    for i in range(n):
        distance = np.int64(best[i] >> np.uint64(16))
        j = np.int64(best[i] & np.uint64(0xFFFF))
        if distance <= farthest and (owner[j] < 0 or distance < np.int64(best[owner[j]] >> np.uint64(16))):
            owner[j] = i
    kept = np.zeros(n, np.bool_)
    places = np.zeros(farthest + 2, np.int64)
    for i in range(n):
        distance = np.int64(best[i] >> np.uint64(16))
        j = np.int64(best[i] & np.uint64(0xFFFF))
        if distance > farthest or owner[j] != i:
            continue
        limit = np.uint64(int(distance / ratio) + 1)
        rival = False
        for start in range(0, m, STRETCH):
            part = slice(start, start + STRETCH)
            elsewhere = _nearest_elsewhere(
                ours[i, 0], ours[i, 1], first[part], second[part], their_x[part], their_y[part],
                their_x[j], their_y[j], apart,
            )  # fmt: skip
            if elsewhere < limit:
                rival = True
                break
        if not rival:
            kept[i] = True
            places[distance + 1] += 1
    for distance in range(farthest + 1):
        places[distance + 1] += places[distance]
    out = np.empty((places[farthest + 1], 3), np.int32)
    for i in range(n):
        if kept[i]:
            distance = np.int64(best[i] >> np.uint64(16))
            at = places[distance]
            places[distance] += 1
            out[at, 0] = i
            out[at, 1] = np.int32(best[i] & np.uint64(0xFFFF))
            out[at, 2] = distance
    return out
