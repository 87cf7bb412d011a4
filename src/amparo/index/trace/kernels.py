"""Loops of the pooled index.

A search is bound by the time that memory takes to answer: some 85,000 places of a few hundred megabytes for one upload. So it
goes through all its look-ups three times (where a bucket lies, what is in it, how far that is), and each pass asks for what
it will need some steps later. Measured at 50,000 photos: half the time of one pass for each descriptor.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import deferred, kernel


def _popcount(word: np.uint64) -> int:
    return int(np.bitwise_count(word))


def _prefetch(_address: np.int64) -> None:
    """Nothing to hurry where nothing is compiled."""


popcount, prefetch = (deferred("amparo.index.vector", plain.__name__[1:], plain) for plain in (_popcount, _prefetch))
ADDRESSES_AHEAD: Final = 16
BUCKETS_AHEAD: Final = 2
ROWS_AHEAD: Final = 24
"""How far each pass asks ahead: of addresses, of descriptors (with a bucket a table), of rows."""


@kernel
def apart(left: NDArray[np.uint64], i: int, right: NDArray[np.uint64], j: int) -> int:
    """Bits between row i of the one and row j of the other."""
    return popcount(left[i, 0] ^ right[j, 0]) + popcount(left[i, 1] ^ right[j, 1])


@kernel
def hashed(rows: NDArray[np.uint64], sampled: NDArray[np.int64]) -> NDArray[np.uint32]:
    """(N,) uint32: the sampled bits of each row, first sampled highest."""
    out = np.empty(len(rows), np.uint32)
    for i in range(len(rows)):
        code = np.uint64(0)
        for bit in sampled:
            word = rows[i, bit >> 6]
            code = (code << np.uint64(1)) | ((word >> np.uint64(bit & 63)) & np.uint64(1))
        out[i] = np.uint32(code)
    return out


@kernel
def fill_table(codes: NDArray[np.uint32], starts: NDArray[np.uint32], entries: NDArray[np.uint32]) -> None:
    """Counting sort: ``entries[starts[c]:starts[c + 1]]`` are the rows whose code is c, ascending."""
    starts[:] = 0
    for code in codes:
        starts[code + 1] += 1
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
    # The starts serve as cursors, and are moved back by one place afterwards.
    for row in range(len(codes)):
        code = codes[row]
        entries[starts[code]] = row
        starts[code] += 1
    for i in range(len(starts) - 1, 0, -1):
        starts[i] = starts[i - 1]
    starts[0] = 0


@kernel
def _find_buckets(
    codes: NDArray[np.uint32],
    starts: NDArray[np.uint32],
    first: NDArray[np.uint32],
    length: NDArray[np.uint32],
) -> int:
    """Where each asked row's bucket of each table begins and how long it is, into (M, T). Returns the sum of the lengths."""
    total = 0
    tables, asked = codes.shape
    for t in range(tables):
        address = np.int64(starts[t].ctypes.data)
        for i in range(asked):
            if i + ADDRESSES_AHEAD < asked:
                prefetch(address + 4 * np.int64(codes[t, i + ADDRESSES_AHEAD]))
            code = np.int64(codes[t, i])
            begin = starts[t, code]
            many = starts[t, code + 1] - begin
            first[i, t] = begin
            length[i, t] = many
            total += int(many)
    return total


@kernel
def _open_buckets(
    first: NDArray[np.uint32],
    length: NDArray[np.uint32],
    entries: NDArray[np.uint32],
    looked: NDArray[np.uint32],
    ends: NDArray[np.int64],
) -> None:
    """The rows in all those buckets, one asked row after the other; ``ends[i]`` is where those of asked row i end."""
    asked, tables = first.shape
    address = np.int64(entries.ctypes.data)
    width = np.int64(entries.shape[1])
    many = 0
    for i in range(asked):
        if i + BUCKETS_AHEAD < asked:
            for t in range(tables):
                begin = address + 4 * (t * width + np.int64(first[i + BUCKETS_AHEAD, t]))
                prefetch(begin)
                prefetch(begin + 4 * np.int64(length[i + BUCKETS_AHEAD, t]))
        for t in range(tables):
            begin = np.int64(first[i, t])
            for e in range(begin, begin + np.int64(length[i, t])):
                looked[many] = entries[t, e]
                many += 1
        ends[i] = many


@kernel
def _measure(
    asked: NDArray[np.uint64],
    rows: NDArray[np.uint64],
    looked: NDArray[np.uint32],
    ends: NDArray[np.int64],
    far: NDArray[np.uint8],
) -> None:
    """Bits between each asked row and the rows looked at for it."""
    address = np.int64(rows.ctypes.data)
    k = 0
    for i in range(len(asked)):
        while k < ends[i]:
            if k + ROWS_AHEAD < len(looked):
                prefetch(address + 16 * np.int64(looked[k + ROWS_AHEAD]))
            row = looked[k]
            far[k] = apart(asked, i, rows, row)
            k += 1


@kernel
def look_up(
    asked: NDArray[np.uint64],
    codes: NDArray[np.uint32],
    rows: NDArray[np.uint64],
    starts: NDArray[np.uint32],
    entries: NDArray[np.uint32],
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.int64]]:
    """The rows that share a bucket with an asked one, one asked row after the other, how many bits away each is, and (M,)
    where those of each asked row end. codes: (T, M) of the asked rows."""
    first = np.empty((len(asked), len(codes)), np.uint32)
    length = np.empty((len(asked), len(codes)), np.uint32)
    total = _find_buckets(codes, starts, first, length)
    looked = np.empty(total, np.uint32)
    ends = np.empty(len(asked), np.int64)
    _open_buckets(first, length, entries, looked, ends)
    far = np.empty(total, np.uint8)
    _measure(asked, rows, looked, ends, far)
    return looked, far, ends


@kernel
def voting(far: NDArray[np.uint8], ends: NDArray[np.int64], radius: int) -> NDArray[np.bool_]:
    """(M,) which asked rows lie within ``radius`` of one of those looked at."""
    out = np.zeros(len(ends), np.bool_)
    k = 0
    for i in range(len(ends)):
        while k < ends[i]:
            out[i] |= far[k] <= radius
            k += 1
    return out


@kernel
def vote(
    looked: NDArray[np.uint32],
    far: NDArray[np.uint8],
    ends: NDArray[np.int64],
    owner: NDArray[np.uint32],
    group: NDArray[np.uint32],
    radius: int,
    crowd: NDArray[np.float64],
) -> tuple[NDArray[np.uint32], NDArray[np.float32], NDArray[np.int32]]:
    """The photos that got a vote, in the order of their first, with their scores and votes. looked, far, ends: of ``look_up``;
    group: of each photo, a number below that of photos.

    An asked row gives each photo that holds a row within ``radius`` one vote of (1 - d / (radius + 8)) / (groups hit + its
    crowd); a row of a photo takes one vote only, the first.
    """
    photos = len(group)
    scores = np.zeros(photos, np.float32)
    votes = np.zeros(photos, np.int32)
    nearest = np.full(photos, 255, np.uint8)
    hit = np.empty(photos, np.uint32)
    group_hit = np.full(photos, -1, np.int64)
    hit_row = np.empty(photos, np.uint32)
    voted = np.empty(photos, np.uint32)
    voters = 0
    spent = {np.uint32(0xFFFFFFFF)}
    k = 0
    for i in range(len(ends)):
        count = 0
        groups = 0
        while k < ends[i]:
            d = far[k]
            if d <= radius:
                row = looked[k]
                photo = owner[row]
                if nearest[photo] == 255:
                    hit[count] = photo
                    count += 1
                    if group_hit[group[photo]] != i:
                        group_hit[group[photo]] = i
                        groups += 1
                if d < nearest[photo]:
                    nearest[photo] = d
                    hit_row[photo] = row
            k += 1
        rarity = groups + crowd[i]
        for h in range(count):
            photo = hit[h]
            row = np.uint32(hit_row[photo])
            if row not in spent:
                spent.add(row)
                if votes[photo] == 0:
                    voted[voters] = photo
                    voters += 1
                scores[photo] += (1.0 - nearest[photo] / (radius + 8.0)) / rarity
                votes[photo] += 1
            nearest[photo] = 255
    chosen = voted[:voters].copy()
    return chosen, scores[chosen], votes[chosen]
