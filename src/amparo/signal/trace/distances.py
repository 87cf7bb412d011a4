"""Hamming distances between descriptors, one against 128 at a time where the machine can (``lanes``), else one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import JIT, kernel

if TYPE_CHECKING:

    def differing(counts: np.int64, asked: np.int64, block: np.int64, out: np.int64) -> None: ...

    LANES: Final = 128
    WIDE: Final = True
elif JIT:
    from amparo.signal.trace.lanes import LANES, WIDE, differing
else:
    LANES, WIDE = 128, False

_HALF_BYTES: Final = 32
_BLOCK: Final = _HALF_BYTES * LANES
_LINE: Final = 64
"""Bytes: vectors that lie across two lines of the processor's memory are read in two steps."""


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


def _aligned(*shape: int) -> NDArray[np.uint8]:
    size = int(np.prod(shape))
    room = np.zeros(size + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].reshape(shape)


def _counts() -> NDArray[np.uint8]:
    counts = _aligned(16, 16)
    half_bytes = np.arange(16, dtype=np.uint8)
    counts[:] = np.bitwise_count(half_bytes[:, None] ^ half_bytes)
    return counts


COUNTS: Final = _counts()


def coded(words: NDArray[np.uint64]) -> Coded:
    """words: (M, 2) uint64, C-contiguous, which the caller changes no more."""
    blocks = _aligned(-(-len(words) // LANES) if WIDE else 0, _HALF_BYTES, LANES)
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
def half_bytes(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(N, 32) uint8 of (N, 2) descriptors: sixteen times each half-byte, which is where its counts lie."""
    out = np.empty((len(words), _HALF_BYTES), np.uint8)
    for i in range(len(words)):
        for k in range(_HALF_BYTES):
            # Half-bytes of a word from the lowest on: little-endian octets, the lower half first.
            out[i, k] = ((words[i, k // 16] >> np.uint64(4 * (k % 16))) & np.uint64(15)) << np.uint64(4)
    return out


@kernel
def _in_blocks(ours: NDArray[np.uint64], blocks: NDArray[np.uint8], counts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width = len(blocks) * LANES
    out = np.empty((len(ours), width), np.uint8)
    asked = half_bytes(ours)
    table, here = np.int64(counts.ctypes.data), np.int64(asked.ctypes.data)
    there, found = np.int64(blocks.ctypes.data), np.int64(out.ctypes.data)
    # A block stays near the processor while all of ours go by.
    for block in range(len(blocks)):
        for i in range(len(ours)):
            differing(table, here + i * _HALF_BYTES, there + block * _BLOCK, found + i * width + block * LANES)
    return out


if JIT:

    @kernel
    def _one_by_one(ours: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint8]:
        out = np.empty((len(ours), len(words)), np.uint8)
        for i in range(len(ours)):
            for j in range(len(words)):
                out[i, j] = bits_set(ours[i, 0] ^ words[j, 0]) + bits_set(ours[i, 1] ^ words[j, 1])
        return out

else:

    def _one_by_one(ours: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint8]:
        return np.bitwise_count(ours[:, None] ^ words[None]).sum(axis=2, dtype=np.uint8)


def distances(ours: NDArray[np.uint64], theirs: Coded) -> NDArray[np.uint8]:
    """(N, M or more) uint8: bits between row i of ``ours`` (N, 2) and row j of the M of ``theirs``; what lies beyond M says
    nothing."""
    if WIDE:
        return _in_blocks(ours, theirs.blocks, COUNTS)
    return _one_by_one(ours, theirs.words)


@kernel
def _summed_in_blocks(
    ours: NDArray[np.uint64],
    blocks: NDArray[np.uint8],
    rows: int,
    counts: NDArray[np.uint8],
    weights: NDArray[np.int64],
    farthest: int,
) -> NDArray[np.int64]:
    out = np.zeros(len(ours), np.int64)
    asked = half_bytes(ours)
    far = np.empty(LANES, np.uint8)
    table, here = np.int64(counts.ctypes.data), np.int64(asked.ctypes.data)
    there, found = np.int64(blocks.ctypes.data), np.int64(far.ctypes.data)
    for block in range(len(blocks)):
        for i in range(len(ours)):
            differing(table, here + i * _HALF_BYTES, there + block * _BLOCK, found)
            nearest = np.uint8(255)
            for lane in range(LANES):
                nearest = min(nearest, far[lane])
            if nearest <= farthest:
                for lane in range(min(LANES, rows - block * LANES)):
                    out[i] += weights[far[lane]]
    return out


def summed(ours: NDArray[np.uint64], theirs: Coded, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) int64: the sum of ``weights`` (129,) at the distances of each of ``ours`` (N, 2) from all of ``theirs``. Blocks
    that lie farther than the last weight that is not nothing are passed over."""
    farthest = int(np.flatnonzero(weights).max(initial=0))
    if WIDE:
        return _summed_in_blocks(ours, theirs.blocks, len(theirs.words), COUNTS, weights, farthest)
    return np.array([weights[_one_by_one(one[None], theirs.words)].sum() for one in ours], np.int64)
