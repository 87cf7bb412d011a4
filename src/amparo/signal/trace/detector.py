"""Where the keypoints are: FAST-9 corners on a quarter-octave pyramid, ranked by Harris, spread over the plane.

Integers only (spec/trace.md, section 3). Sources: Rosten and Drummond 2006 (FAST); Harris and Stephens 1988; Rublee et
al. 2011 (ORB: FAST ranked by Harris on a pyramid, orientation by the intensity centroid). Differences to OpenCV's ORB:
quarter octaves by area averaging, no floating point, a spread over an 8 x 8 grid, and only kept keypoints are described.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.plane import Grey, resampled

LEVELS: Final = 12
SHRINK: Final = (65536, 55109, 46341, 38968)
"""2**16 / 2**(i/4), rounded: level ``4 o + i`` has sides of ``side * SHRINK[i] / 2**(16 + o)``."""
MARGIN: Final = 17
"""Pixels between a keypoint and the border of its level: patch radius 16 and one."""
CORNER_STEP: Final = 5
"""Grey levels by which nine neighbours in a row must differ from the centre (FAST's threshold)."""
SPREAD: Final = 8
UNITS: Final = 16
"""Positions are kept in 1/16 pixel of the plane."""

CIRCLE_X: Final = np.array([0, 1, 2, 3, 3, 3, 2, 1, 0, -1, -2, -3, -3, -3, -2, -1], np.int64)
CIRCLE_Y: Final = np.array([-3, -3, -2, -1, 0, 1, 2, 3, 3, 3, 2, 1, 0, -1, -2, -3], np.int64)


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Corners of one plane, best first. x, y: (N,) int32 in 1/16 pixel of the plane; level: (N,) int32; column, row:
    (N,) int32 pixels of the level."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    level: NDArray[np.int32]
    column: NDArray[np.int32]
    row: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.x)


def pyramid(plane: Grey) -> list[Grey]:
    """The levels with room for at least one keypoint, finest first; each is made from the one before it."""
    height, width = plane.shape
    levels = [plane]
    for number in range(1, LEVELS):
        octave, quarter = divmod(number, 4)
        rows = (height * SHRINK[quarter] + (1 << (15 + octave))) >> (16 + octave)
        columns = (width * SHRINK[quarter] + (1 << (15 + octave))) >> (16 + octave)
        if min(rows, columns) < 2 * MARGIN + 1:
            break
        levels.append(resampled(levels[-1], rows, columns))
    return levels


@kernel
def corner_scores(level: Grey, margin: int, step: int, ring: NDArray[np.int64]) -> NDArray[np.int32]:
    """(H, W) int32: 0, or the sum of the differences beyond ``step`` of the stronger sign where a FAST-9 corner is."""
    height, width = level.shape
    flat = level.ravel()
    scores = np.zeros((height, width), np.int32)
    for y in range(margin, height - margin):
        for x in range(margin, width - margin):
            at = y * width + x
            centre = np.int32(flat[at])
            high = centre + step
            low = centre - step
            # Nine of sixteen in a row always hold one of each opposite pair.
            a = np.int32(flat[at + ring[0]])
            b = np.int32(flat[at + ring[8]])
            up = (a > high) | (b > high)
            down = (a < low) | (b < low)
            if not (up | down):
                continue
            a = np.int32(flat[at + ring[4]])
            b = np.int32(flat[at + ring[12]])
            up &= (a > high) | (b > high)
            down &= (a < low) | (b < low)
            if not (up | down):
                continue
            bright = 0
            dark = 0
            above = 0
            below = 0
            for i in range(16):
                value = np.int32(flat[at + ring[i]])
                if value > high:
                    bright |= 1 << i
                    above += value - high
                elif value < low:
                    dark |= 1 << i
                    below += low - value
            score = 0
            for mask in (bright, dark):
                run = mask | (mask << 16)
                eight = run & (run >> 1)
                eight &= eight >> 2
                eight &= eight >> 4
                if eight & (run >> 8):
                    score = max(score, above if mask == bright else below)
            scores[y, x] = score
    return scores


@kernel
def _harris(level: Grey, y: int, x: int) -> np.int64:
    """25 (ac - b^2) - (a + c)^2 of the structure tensor over 7 x 7 pixels, its entries shifted right by 4."""
    a = np.int64(0)
    b = np.int64(0)
    c = np.int64(0)
    for v in range(y - 3, y + 4):
        for u in range(x - 3, x + 4):
            nw = np.int64(level[v - 1, u - 1])
            ne = np.int64(level[v - 1, u + 1])
            sw = np.int64(level[v + 1, u - 1])
            se = np.int64(level[v + 1, u + 1])
            dx = 2 * (np.int64(level[v, u + 1]) - np.int64(level[v, u - 1])) + ne + se - nw - sw
            dy = 2 * (np.int64(level[v + 1, u]) - np.int64(level[v - 1, u])) + sw + se - nw - ne
            a += dx * dx
            b += dx * dy
            c += dy * dy
    a >>= 4
    b >>= 4
    c >>= 4
    return 25 * (a * c - b * b) - (a + c) * (a + c)


@kernel
def strongest(level: Grey, scores: NDArray[np.int32], margin: int) -> NDArray[np.int64]:
    """(K, 3) int64: row, column and Harris response of each corner not beaten by any of its eight neighbours."""
    height, width = level.shape
    found = np.empty((height * width // 4 + 1, 3), np.int64)
    count = 0
    for y in range(margin, height - margin):
        for x in range(margin, width - margin):
            score = scores[y, x]
            if score == 0:
                continue
            # Ties go to the first in reading order.
            if (
                scores[y - 1, x - 1] >= score
                or scores[y - 1, x] >= score
                or scores[y - 1, x + 1] >= score
                or scores[y, x - 1] >= score
                or scores[y, x + 1] > score
                or scores[y + 1, x - 1] > score
                or scores[y + 1, x] > score
                or scores[y + 1, x + 1] > score
            ):
                continue
            response = _harris(level, y, x)
            if response > 0:
                found[count, 0] = y
                found[count, 1] = x
                found[count, 2] = response
                count += 1
    return found[:count]


@kernel
def _ranks(cell: NDArray[np.int64], cells: int) -> NDArray[np.int64]:
    """How many earlier entries lie in the same cell, for entries in order of strength."""
    seen = np.zeros(cells, np.int64)
    rank = np.empty(len(cell), np.int64)
    for i in range(len(cell)):
        rank[i] = seen[cell[i]]
        seen[cell[i]] += 1
    return rank


def detect(levels: list[Grey], quotas: tuple[int, ...]) -> Keypoints:
    """At most ``sum(quotas)`` keypoints of a pyramid, one quota an octave, finest first; what a coarse octave cannot fill
    goes to the next finer. In each octave: the strongest of every grid cell, then the second of every cell, and so on;
    equal ranks by response, then level, row, column. Deterministic. Order: octave, then choice."""
    height, width = levels[0].shape
    chosen: list[NDArray[np.int64]] = []
    spare = 0
    for octave in reversed(range(len(quotas))):
        parts = [np.empty((0, 6), np.int64)]
        for number in range(4 * octave, min(4 * octave + 4, len(levels))):
            level = levels[number]
            ring = CIRCLE_Y * level.shape[1] + CIRCLE_X
            found = strongest(level, corner_scores(level, MARGIN, CORNER_STEP, ring), MARGIN)
            rows, columns = level.shape
            y = (2 * found[:, 0] + 1) * height * (UNITS // 2) // rows - UNITS // 2
            x = (2 * found[:, 1] + 1) * width * (UNITS // 2) // columns - UNITS // 2
            where = np.full(len(found), number, np.int64)
            parts.append(np.column_stack((found[:, 2], where, found[:, 0], found[:, 1], y, x)))
        every = np.concatenate(parts)
        every = every[np.lexsort((every[:, 3], every[:, 2], every[:, 1], -every[:, 0]))]
        cell = (every[:, 4] * SPREAD // (height * UNITS)) * SPREAD + every[:, 5] * SPREAD // (width * UNITS)
        rank = _ranks(cell, SPREAD * SPREAD)
        best = every[np.argsort(rank, kind="stable")[: quotas[octave] + spare]]
        spare += quotas[octave] - len(best)
        chosen.append(best)
    kept = np.concatenate(chosen[::-1]).astype(np.int32)
    return Keypoints(x=kept[:, 5], y=kept[:, 4], level=kept[:, 1], column=kept[:, 3], row=kept[:, 2])
