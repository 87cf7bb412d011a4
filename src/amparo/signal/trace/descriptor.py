"""What a keypoint looks like: its direction, and 128 bits that each compare the means of two boxes of its patch.

Box comparisons after Suarez, Buenaposada and Baumela 2021 (BAD) and Calonder et al. 2010 (BRIEF); turned by the intensity
centroid as ORB does (Rublee et al. 2011). The boxes were chosen on the tuning photos (benchmarks/trace_learn.py).
The mirror image needs no second detection: mirroring a patch negates the y of its pattern (spec/trace.md, section 4).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.detector import Keypoints
from amparo.signal.trace.pattern import BOXES, DIRECTIONS, TURNS
from amparo.signal.trace.plane import Grey

BITS: Final = 128
RADIUS: Final = 15
"""Pixels of the level: the disc over which the centroid is taken."""

_HALF_WIDTHS: Final = np.array([int((RADIUS * RADIUS + RADIUS - v * v) ** 0.5) for v in range(RADIUS + 1)], np.int64)


def turned(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(64, N, 6): the boxes (x1, y1, r1, x2, y2, r2) turned into each direction; centres rounded half up from Q14."""
    out = np.repeat(boxes[None], TURNS, axis=0)
    cosine = DIRECTIONS[:, 0][:, None]
    sine = DIRECTIONS[:, 1][:, None]
    for x, y in ((0, 1), (3, 4)):
        out[:, :, x] = (boxes[None, :, x] * cosine - boxes[None, :, y] * sine + 8192) >> 14
        out[:, :, y] = (boxes[None, :, x] * sine + boxes[None, :, y] * cosine + 8192) >> 14
    return np.ascontiguousarray(out)


_PATTERN: Final = turned(BOXES)
_MIRRORED: Final = turned(BOXES * np.array([1, -1, 1, 1, -1, 1]))


@kernel
def _directions(
    level: Grey,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    half_widths: NDArray[np.int64],
    table: NDArray[np.int64],
) -> NDArray[np.int32]:
    out = np.empty(len(rows), np.int32)
    for i in range(len(rows)):
        y = rows[i]
        x = columns[i]
        along = 0
        across = 0
        for v in range(-15, 16):
            reach = half_widths[abs(v)]
            line = 0
            for u in range(-reach, reach + 1):
                value = np.int64(level[y + v, x + u])
                along += u * value
                line += value
            across += v * line
        best = 0
        top = along * table[0, 0] + across * table[0, 1]
        for k in range(1, len(table)):
            reached = along * table[k, 0] + across * table[k, 1]
            if reached > top:
                top = reached
                best = k
        out[i] = best
    return out


@kernel
def _integral(level: Grey) -> NDArray[np.int32]:
    height, width = level.shape
    out = np.zeros((height + 1, width + 1), np.int32)
    for y in range(height):
        line = np.int32(0)
        for x in range(width):
            line += np.int32(level[y, x])
            out[y + 1, x + 1] = out[y, x + 1] + line
    return out


@kernel
def _describe(
    sums: NDArray[np.int32],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    turns: NDArray[np.int32],
    pattern: NDArray[np.int64],
) -> NDArray[np.uint8]:
    count = pattern.shape[1]
    out = np.zeros((len(rows), (count + 7) // 8), np.uint8)
    for i in range(len(rows)):
        y = np.int64(rows[i])
        x = np.int64(columns[i])
        boxes = pattern[turns[i]]
        for k in range(count):
            u = x + boxes[k, 0]
            v = y + boxes[k, 1]
            r = boxes[k, 2]
            one = sums[v + r + 1, u + r + 1] - sums[v - r, u + r + 1] - sums[v + r + 1, u - r] + sums[v - r, u - r]
            area = (2 * r + 1) * (2 * r + 1)
            u = x + boxes[k, 3]
            v = y + boxes[k, 4]
            r = boxes[k, 5]
            two = sums[v + r + 1, u + r + 1] - sums[v - r, u + r + 1] - sums[v + r + 1, u - r] + sums[v - r, u - r]
            # Means compared without dividing.
            if np.int64(one) * (2 * r + 1) * (2 * r + 1) < np.int64(two) * area:
                out[i, k >> 3] |= np.uint8(128 >> (k & 7))
    return out


def describe(
    levels: list[Grey], keypoints: Keypoints, patterns: tuple[NDArray[np.int64], ...] = (_PATTERN,)
) -> tuple[NDArray[np.int32], tuple[NDArray[np.uint8], ...]]:
    """Directions (N,) int32 in 64ths of a turn, and for each pattern the descriptors (N, bits / 8) uint8, first bit
    highest."""
    turns = np.zeros(len(keypoints), np.int32)
    bits = tuple(np.zeros((len(keypoints), (pattern.shape[1] + 7) // 8), np.uint8) for pattern in patterns)
    for number, level in enumerate(levels):
        here = np.flatnonzero(keypoints.level == number)
        if not len(here):
            continue
        rows, columns = keypoints.row[here], keypoints.column[here]
        turns[here] = _directions(level, rows, columns, _HALF_WIDTHS, DIRECTIONS)
        sums = _integral(level)
        for out, pattern in zip(bits, patterns, strict=True):
            out[here] = _describe(sums, rows, columns, turns[here], pattern)
    return turns, bits


def described(levels: list[Grey], keypoints: Keypoints) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Directions and descriptors of the picture as it is."""
    turns, (bits,) = describe(levels, keypoints)
    return turns, bits


def described_with_mirror(
    levels: list[Grey], keypoints: Keypoints
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8]]:
    """Directions, descriptors, and the descriptors that the same keypoints would have in the mirror image."""
    turns, (bits, mirrored) = describe(levels, keypoints, (_PATTERN, _MIRRORED))
    return turns, bits, mirrored
