"""Keypoints of an upload looked for where a similarity puts those of the record.

A similarity: a, b, dx, dy as in ``match.Similarity``. The upload's keypoints are sorted into cells of 32 pixels first, so
that a look costs the few that lie there.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.distances import bits_set

CELL: Final = 32
ACROSS: Final = 17
"""Cells a side: 512 pixels, and one for what lies on the edge."""
REACH: Final = 10.0
"""Pixels of the record's plane."""
OCTAVES: Final = 0.8
TURN: Final = 0.35
ALIKE: Final = 32
"""Bits of 128: farther than it is not the same keypoint, though it lies in place."""


@kernel
def _cell(position: float) -> int:
    return min(max(int(position), 0) // CELL, ACROSS - 1)


@kernel
def sorted_by_cell(geometry: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(ACROSS^2 + 1,) where each cell's entries start, and (M,) the entries: rows of ``geometry`` (x, y, ...)."""
    starts = np.zeros(ACROSS * ACROSS + 1, np.int32)
    cells = np.empty(len(geometry), np.int32)
    for j in range(len(geometry)):
        cells[j] = _cell(geometry[j, 1]) * ACROSS + _cell(geometry[j, 0])
        starts[cells[j] + 1] += 1
    for c in range(ACROSS * ACROSS):
        starts[c + 1] += starts[c]
    free = starts.copy()
    entries = np.empty(len(geometry), np.int32)
    for j in range(len(geometry)):
        entries[free[cells[j]]] = j
        free[cells[j]] += 1
    return starts, entries


@kernel
def guided(
    ours: NDArray[np.uint64],
    our_geometry: NDArray[np.float64],
    theirs: NDArray[np.uint64],
    their_geometry: NDArray[np.float64],
    starts: NDArray[np.int32],
    entries: NDArray[np.int32],
    similarity: NDArray[np.float64],
    near: float,
) -> NDArray[np.float64]:
    """(K, 4) x, y, x', y' of keypoints that are found in place with the same turn and size, each of theirs once, one for
    each 16-pixel cell of ours and 8-pixel cell of theirs."""
    a = similarity[0]
    b = similarity[1]
    scale = math.sqrt(a * a + b * b)
    turn = math.atan2(b, a)
    octave = math.log2(scale)
    reach = max(near * scale, 1.5)
    here = np.zeros(33 * 33, np.bool_)
    there = np.zeros(64 * 64, np.bool_)
    taken = np.zeros(len(theirs), np.bool_)
    rows = np.empty((len(ours), 4))
    count = 0
    for i in range(len(ours)):
        x = a * our_geometry[i, 0] - b * our_geometry[i, 1] + similarity[2]
        y = b * our_geometry[i, 0] + a * our_geometry[i, 1] + similarity[3]
        if min(x, y) < -reach or max(x, y) > 512 + reach:
            continue
        expected = our_geometry[i, 3] + octave
        low = ALIKE + 1
        best = -1
        for row in range(_cell(y - reach), _cell(y + reach) + 1):
            for at in range(starts[row * ACROSS + _cell(x - reach)], starts[row * ACROSS + _cell(x + reach) + 1]):
                j = entries[at]
                ex = their_geometry[j, 0] - x
                ey = their_geometry[j, 1] - y
                if ex * ex + ey * ey > reach * reach or abs(their_geometry[j, 3] - expected) > OCTAVES:
                    continue
                off = their_geometry[j, 2] - our_geometry[i, 2] - turn
                off -= 2 * math.pi * math.floor(off / (2 * math.pi) + 0.5)
                if abs(off) > TURN:
                    continue
                distance = np.int64(bits_set(ours[i, 0] ^ theirs[j, 0]) + bits_set(ours[i, 1] ^ theirs[j, 1]))
                if distance < low:
                    low = distance
                    best = j
        if best < 0 or taken[best]:
            continue
        taken[best] = True
        cell = int(our_geometry[i, 1]) // 16 * 33 + int(our_geometry[i, 0]) // 16
        other = min(int(their_geometry[best, 1]) // 8, 63) * 64 + min(int(their_geometry[best, 0]) // 8, 63)
        if here[cell] or there[other]:
            continue
        here[cell] = True
        there[other] = True
        rows[count, 0] = our_geometry[i, 0]
        rows[count, 1] = our_geometry[i, 1]
        rows[count, 2] = their_geometry[best, 0]
        rows[count, 3] = their_geometry[best, 1]
        count += 1
    return rows[:count]


@kernel
def nearest_in_place(
    ours: NDArray[np.uint64],
    our_geometry: NDArray[np.float64],
    theirs: NDArray[np.uint64],
    their_geometry: NDArray[np.float64],
    similarity: NDArray[np.float64],
) -> NDArray[np.int32]:
    """(N,) for each keypoint of ``ours`` the fewest differing bits to one of ``theirs`` where the similarity puts it, in
    whatever direction; 128 where nothing is there; -1 where it could not be seen at all (a level finer than the finest, or
    coarser than the coarsest, of theirs)."""
    a = similarity[0]
    b = similarity[1]
    scale = math.sqrt(a * a + b * b)
    octave = math.log2(scale)
    reach = REACH * scale
    coarsest = 0.0
    for j in range(len(theirs)):
        coarsest = max(coarsest, their_geometry[j, 3])
    starts, entries = sorted_by_cell(their_geometry)
    out = np.empty(len(ours), np.int32)
    for i in range(len(ours)):
        expected = our_geometry[i, 3] + octave
        if expected < -0.25 or expected > coarsest + 0.25:
            out[i] = -1
            continue
        x = a * our_geometry[i, 0] - b * our_geometry[i, 1] + similarity[2]
        y = b * our_geometry[i, 0] + a * our_geometry[i, 1] + similarity[3]
        low = 128
        if min(x, y) >= -reach and max(x, y) <= 512 + reach:
            for row in range(_cell(y - reach), _cell(y + reach) + 1):
                for at in range(starts[row * ACROSS + _cell(x - reach)], starts[row * ACROSS + _cell(x + reach) + 1]):
                    j = entries[at]
                    ex = their_geometry[j, 0] - x
                    ey = their_geometry[j, 1] - y
                    if ex * ex + ey * ey > reach * reach or abs(their_geometry[j, 3] - expected) > OCTAVES:
                        continue
                    distance = np.int64(bits_set(ours[i, 0] ^ theirs[j, 0]) + bits_set(ours[i, 1] ^ theirs[j, 1]))
                    low = min(low, distance)
        out[i] = low
    return out
