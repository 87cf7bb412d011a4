"""Building: doubles folded together, and each band's rows put in the order of their keys."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.kernels import deferred, kernel
from amparo.index.protocol import Words
from amparo.index.schedule import BANDS, BUCKETS

load_u16, load_u64, permute, popcount, prefetch = (
    deferred("amparo.index.vector", name) for name in ("load_u16", "load_u64", "permute", "popcount", "prefetch")
)

_PART: Final = 1 << 15  # rows in a part, about
_MOST_PARTS: Final = 10  # bits: more would scatter writes over more pages than the processor keeps addresses of


@kernel
def permute_rows(rows: Words, permuted: Words) -> bool:
    """Write each row with its bits in the order of the bands. Returns whether all rows have even weight."""
    return permute_to(rows, permuted.ctypes.data)


@kernel
def permute_to(rows: Words, target: int) -> bool:
    """``permute_rows`` to an address."""
    source = rows.ctypes.data
    odd = 0
    for row in range(rows.shape[0]):
        at = target + 32 * row
        permute(source + 32 * row, at)
        odd |= popcount(load_u64(at) ^ load_u64(at + 8) ^ load_u64(at + 16) ^ load_u64(at + 24)) & 1
    return bool(odd == 0)


@kernel
def _mix(at: int) -> int:
    word = load_u64(at) * np.uint64(0x9E3779B97F4A7C15)
    word ^= word >> np.uint64(29)
    for place in range(8, 32, 8):
        word = (word ^ load_u64(at + place)) * np.uint64(0xBF58476D1CE4E5B9)
        word ^= word >> np.uint64(32)
    return word


@kernel
def _part(mixed: int, shift: int) -> np.int64:
    return np.int64(np.uint64(mixed) >> np.uint64(shift)) if shift < 64 else np.int64(0)


@kernel
def first_of_kind(rows: Words, first: npt.NDArray[np.uint32]) -> int:
    """For each row the position of the first row equal to it. Returns how many differ from all before
    them.

    Rows are parted by their mixed fingerprints first, so that the table of one part stays in the cache: a table of all would
    miss it with every row, and take a fifth of an index's memory while it is built.
    """
    count = rows.shape[0]
    shift = 64
    while count >> (64 - shift) > _PART and shift > 64 - _MOST_PARTS:
        shift -= 1
    parts = 1 << (64 - shift)
    base = rows.ctypes.data
    bounds = np.zeros(parts + 1, np.int64)
    for row in range(count):
        first[row] = row
        bounds[_part(_mix(base + 32 * row), shift) + 1] += 1
    most = 0
    for part in range(parts):
        most = max(most, bounds[part + 1])
        bounds[part + 1] += bounds[part]
    # High half: bits of the mixed fingerprint, low half: position + 1, so that 0 is an empty slot.
    low = np.uint64(0xFFFFFFFF)
    mixed = np.empty(count, np.uint64)
    at = bounds[:parts].copy()
    for row in range(count):
        word = _mix(base + 32 * row)
        part = _part(word, shift)
        mixed[at[part]] = (word << np.uint64(32)) | np.uint64(row + 1)
        at[part] += 1
    room = 16
    while room < 2 * most:
        room *= 2
    slots = np.empty(room, np.uint64)
    unique = count
    for part in range(parts):
        size = 16
        while size < 2 * (bounds[part + 1] - bounds[part]):
            size *= 2
        slots[:size] = 0
        mask = np.uint64(size - 1)
        for place in range(bounds[part], bounds[part + 1]):
            word = mixed[place]
            row = np.int64(word & low) - 1
            slot = (word >> np.uint64(32)) & mask
            while True:
                held = slots[np.int64(slot)]
                if held == np.uint64(0):
                    slots[np.int64(slot)] = word
                    break
                if (held ^ word) & ~low == np.uint64(0):
                    other = np.int64(held & low) - 1
                    if (
                        rows[other, 0] == rows[row, 0]
                        and rows[other, 1] == rows[row, 1]
                        and rows[other, 2] == rows[row, 2]
                        and rows[other, 3] == rows[row, 3]
                    ):
                        first[row] = other
                        unique -= 1
                        break
                slot = (slot + np.uint64(1)) & mask
    return unique


@kernel
def fill_bands(
    rows: Words,
    offsets: npt.NDArray[np.uint32],
    ids: npt.NDArray[np.uint32],
    signatures: npt.NDArray[np.uint16],
) -> None:
    """Compressed sparse rows of each band, from permuted rows.

    offsets: (16, 65537); ids: (16 N,), by band and key the positions of rows, ascending within a key;
    signatures: at least (16 N,), in the order of ids, the next band's 16 bits. Two counting passes, because
    one pass into 65,536 places would miss the cache with every write.
    """
    count = rows.shape[0]
    base = rows.ctypes.data
    coarse = np.empty(count, np.uint64)  # identifier, signature, low half of the key; by high half
    bounds = np.zeros((BANDS, 257), np.int64)
    at = np.empty(256, np.int64)
    for row in range(count):
        for band in range(BANDS):
            bounds[band, (load_u16(base + 32 * row + 2 * band) >> 8) + 1] += 1
    for band in range(BANDS):
        following = (band + 1) & (BANDS - 1)
        for digit in range(256):
            bounds[band, digit + 1] += bounds[band, digit]
            at[digit] = bounds[band, digit]
        for row in range(count):
            key = load_u16(base + 32 * row + 2 * band)
            signature = load_u16(base + 32 * row + 2 * following)
            digit = key >> 8
            coarse[at[digit]] = np.uint64((row << 24) | (signature << 8) | (key & 255))
            at[digit] += 1
        start = band * count
        for digit in range(256):
            low = bounds[band, digit]
            high = bounds[band, digit + 1]
            at[:] = 0
            for place in range(low, high):
                at[np.int64(coarse[place] & np.uint64(255))] += 1
            running = low
            for fine in range(256):
                offsets[band, digit * 256 + fine] = running
                size = at[fine]
                at[fine] = running
                running += size
            for place in range(low, high):
                word = coarse[place]
                fine = np.int64(word & np.uint64(255))
                target = start + at[fine]
                at[fine] += 1
                ids[target] = np.uint32(word >> np.uint64(24))
                signatures[target] = np.uint16(word >> np.uint64(8))
        offsets[band, BUCKETS] = count


@kernel
def bands_hold(offsets: npt.NDArray[np.uint32], ids: npt.NDArray[np.uint32], unique: int) -> bool:
    """Whether a search can follow these bands without leaving them: bounds rise to the end, identifiers
    exist."""
    wrong = 0
    for band in range(BANDS):
        wrong |= int(offsets[band, 0] != 0) | int(offsets[band, BUCKETS] != unique)
        for bucket in range(BUCKETS):
            wrong |= int(offsets[band, bucket] > offsets[band, bucket + 1])
    largest = np.uint32(0)
    for place in range(ids.shape[0]):
        largest = max(largest, ids[place])
    return bool(wrong == 0 and (ids.shape[0] == 0 or np.int64(largest) < unique))


@kernel
def checksum_stripes(words: npt.NDArray[np.uint64], lanes: npt.NDArray[np.uint64]) -> None:
    """Mix whole stripes of words into the lanes: lane = rotate(lane ^ word, 29) * odd constant, for each in
    turn.

    Every step can be undone, so a stripe that differs in one word always leaves another lane.
    """
    factor = np.uint64(0x9E3779B97F4A7C15)
    width = lanes.shape[0]
    for start in range(0, words.shape[0], width):
        for lane in range(width):
            mixed = lanes[lane] ^ words[start + lane]
            lanes[lane] = ((mixed << np.uint64(29)) | (mixed >> np.uint64(35))) * factor
