"""Hamming distances between descriptors, one against 128 at a time where the machine can (``lanes``), else one by one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.bits import COUNTS
from amparo.core.kernels import compiles, deferred, kernel
from amparo.core.memory import aligned

LANES: Final = 128
differing = deferred("amparo.signal.trace.lanes", "differing")
_HALF_BYTES: Final = 32
_BLOCK: Final = _HALF_BYTES * LANES
_AT_ONCE: Final = 12 * LANES
_OURS_AT_ONCE: Final = 256
"""So many of theirs and of ours as stay near the processor while they are summed up."""


@kernel
def bits_set(x: np.uint64) -> np.uint64:
    """How many bits of ``x`` are set."""
    # LLVM turns this spelling into one instruction.
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Descriptors ready to be compared with. words: (M, 2) uint64; blocks: (ceil(M / 128), 32, 128) uint8 of their half-bytes,
    filled up with zeros, or none where the machine does without."""

    words: NDArray[np.uint64]
    blocks: NDArray[np.uint8]


@cache
def _wide() -> bool:
    """Whether the machine looks 32 half-bytes up at once."""
    if not compiles():
        return False
    from amparo.signal.trace.lanes import WIDE

    return WIDE


def coded(words: NDArray[np.uint64]) -> Coded:
    """words: (M, 2) uint64, C-contiguous, which the caller changes no more."""
    blocks = aligned(-(-len(words) // LANES) if _wide() else 0, _HALF_BYTES, LANES)
    if len(blocks):
        _fill(words.view(np.uint8).reshape(-1, 16), blocks)
    return Coded(words, blocks)


@kernel
def _fill(octets: NDArray[np.uint8], blocks: NDArray[np.uint8]) -> None:
    for j in range(len(octets)):
        block = blocks[j // LANES]
        lane = j % LANES
        for k in range(16):
            block[2 * k, lane] = octets[j, k] & 15
            block[2 * k + 1, lane] = octets[j, k] >> 4


@kernel
def _half_bytes(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(N or N + 1, 32) uint8, an even number of rows: sixteen times each half-byte, which is where its counts lie."""
    out = np.zeros((len(words) + len(words) % 2, _HALF_BYTES), np.uint8)
    for i in range(len(words)):
        for k in range(_HALF_BYTES):
            # Half-bytes of a word from the lowest on: little-endian octets, the lower half first.
            out[i, k] = ((words[i, k // 16] >> np.uint64(4 * (k % 16))) & np.uint64(15)) << np.uint64(4)
    return out


@kernel
def _in_blocks(
    ours: NDArray[np.uint64],
    theirs: int,
    blocks: NDArray[np.uint8],
    counts: NDArray[np.uint8],
    far: NDArray[np.uint8],
    lows: NDArray[np.uint8],
) -> None:
    n = len(ours)
    asked = _half_bytes(ours)
    spare = np.empty(LANES, np.uint8)
    table, here, there = np.int64(counts.ctypes.data), np.int64(asked.ctypes.data), np.int64(blocks.ctypes.data)
    found, stride, beside = np.int64(far.ctypes.data), np.int64(far.shape[1]), np.int64(spare.ctypes.data)
    # A block stays near the processor while all of ours go by.
    for block in range(len(blocks)):
        for i in range(0, n, 2):
            first = found + i * stride + block * LANES
            second = first + stride if i + 1 < n else beside
            both = differing(table, here + i * _HALF_BYTES, there + block * _BLOCK, first, second)
            lows[i, block] = both & 255
            if i + 1 < n:
                lows[i + 1, block] = both >> 8
    last = len(blocks) - 1
    if theirs < len(blocks) * LANES:
        for i in range(n):
            nearest = np.uint8(255)
            for j in range(last * LANES, theirs):
                nearest = min(nearest, far[i, j])
            lows[i, last] = nearest


@kernel
def _one_by_one(
    ours: NDArray[np.uint64], words: NDArray[np.uint64], far: NDArray[np.uint8], lows: NDArray[np.uint8]
) -> None:
    for i in range(len(ours)):
        lows[i] = 255
        for j in range(len(words)):
            distance = np.uint8(bits_set(ours[i, 0] ^ words[j, 0]) + bits_set(ours[i, 1] ^ words[j, 1]))
            far[i, j] = distance
            lows[i, j // LANES] = min(lows[i, j // LANES], distance)


def _in_numpy(
    ours: NDArray[np.uint64], words: NDArray[np.uint64], far: NDArray[np.uint8], lows: NDArray[np.uint8]
) -> None:
    far[:, : len(words)] = np.bitwise_count(ours[:, None] ^ words).sum(axis=2)
    np.minimum.reduceat(far[:, : len(words)], np.arange(0, len(words), LANES), axis=1, out=lows)


class _Room(threading.local):
    """Memory of a thread that is used again and again: fresh pages would cost as much as what is done in them."""

    def __init__(self) -> None:
        self.octets = np.empty(0, np.uint8)


_room: Final = _Room()


def distances(ours: NDArray[np.uint64], theirs: Coded) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(N, 128 ceil(M / 128)) uint8: bits between row i of ``ours`` (N, 2) and row j of the M of ``theirs``; what lies beyond M
    says nothing. And (N, ceil(M / 128)), the fewest in each block of 128. Both hold until this thread asks again."""
    n, many = len(ours), -(-len(theirs.words) // LANES)
    if len(_room.octets) < n * many * (LANES + 1):
        _room.octets = aligned(n * many * (LANES + 1))
    far = _room.octets[: n * many * LANES].reshape(n, many * LANES)
    lows = _room.octets[n * many * LANES : n * many * (LANES + 1)].reshape(n, many)
    if n and many:
        if _wide():
            _in_blocks(ours, len(theirs.words), theirs.blocks, COUNTS, far, lows)
        elif compiles():
            _one_by_one(ours, theirs.words, far, lows)
        else:
            _in_numpy(ours, theirs.words, far, lows)
    return far, lows


@kernel
def _weighed(
    far: NDArray[np.uint8],
    lows: NDArray[np.uint8],
    theirs: int,
    weights: NDArray[np.int64],
    farthest: int,
    out: NDArray[np.int64],
) -> None:
    for i in range(len(far)):
        for block in range(lows.shape[1]):
            if lows[i, block] <= farthest:
                for j in range(block * LANES, min(theirs, (block + 1) * LANES)):
                    out[i] += weights[far[i, j]]


def summed(ours: NDArray[np.uint64], theirs: Coded, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) int64: the sum of ``weights`` (129,) at the distances of each of ``ours`` (N, 2) from all of ``theirs``. Blocks
    that lie farther than the last weight that is not nothing are passed over."""
    out = np.zeros(len(ours), np.int64)
    farthest = int(np.flatnonzero(weights).max(initial=0))
    many = _AT_ONCE // LANES
    for start in range(0, len(theirs.words), _AT_ONCE):
        words = theirs.words[start : start + _AT_ONCE]
        part = Coded(words, theirs.blocks[start // LANES : start // LANES + many])
        for first in range(0, len(ours), _OURS_AT_ONCE):
            rows = slice(first, first + _OURS_AT_ONCE)
            far, lows = distances(ours[rows], part)
            _weighed(far, lows, len(words), weights, farthest, out[rows])
    return out
