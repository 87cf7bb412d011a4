"""A segment: rows that no longer change, sorted into bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amparo.index import engine
from amparo.index.protocol import Numbers, Words
from amparo.index.schedule import BANDS, BUCKETS
from amparo.index.view import BLOCK, GROUPED

Narrow = npt.NDArray[np.uint32]
PADDING = 32
"""Signatures after the last, because a search tests 32 at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Unique fingerprints in bands, and the row numbers that bear each.

    rows: (U, 4) uint64, permuted; offsets: (16, 65537), ids: (16 U,) uint32 and signatures: (16 U + 32,)
    uint16, see ``bands.fill_bands``. numbers: (U,) uint32, the row number of each fingerprint, or, with the
    GROUPED flag, the group g that holds several: group_numbers[group_bounds[g]:group_bounds[g + 1]]. Empty
    where fingerprint u is simply row start + u. even: all rows have even weight (PDQ fingerprints usually
    have 128 of 256 bits set).
    """

    rows: Words
    offsets: Narrow
    ids: Narrow
    signatures: npt.NDArray[np.uint16]
    numbers: Narrow
    group_bounds: Narrow
    group_numbers: Narrow
    start: int
    even: bool

    def block(self) -> list[int]:
        """What ``view`` says about a segment."""
        addresses = [
            self.rows.ctypes.data,
            self.offsets.ctypes.data,
            self.ids.ctypes.data,
            self.signatures.ctypes.data,
            len(self.rows),
            int(self.even),
            self.numbers.ctypes.data if self.numbers.size else 0,
            self.start,
            self.group_bounds.ctypes.data,
            self.group_numbers.ctypes.data,
        ]
        return addresses + [0] * (BLOCK - len(addresses))

    def spelled_out(self) -> tuple[Words, Numbers]:
        """Every row with its number, doubles included: (N, 4) permuted rows and (N,) row numbers."""
        if not self.numbers.size:
            return self.rows, np.arange(self.start, self.start + len(self.rows), dtype=np.int64)
        grouped = (self.numbers & GROUPED) != 0
        single = np.flatnonzero(~grouped)
        groups = (self.numbers[grouped] ^ np.uint32(GROUPED)).astype(np.int64)
        sizes = np.diff(self.group_bounds.astype(np.int64))[groups]
        places = np.repeat(self.group_bounds[groups].astype(np.int64) - (np.cumsum(sizes) - sizes), sizes)
        members = self.group_numbers[places + np.arange(int(sizes.sum()))]
        which = np.concatenate([single, np.repeat(np.flatnonzero(grouped), sizes)])
        return self.rows[which], np.concatenate([self.numbers[single], members]).astype(np.int64)

    def rows_held(self) -> int:
        """How many rows are in here, removed ones included."""
        if not self.numbers.size:
            return len(self.rows)
        return int(np.count_nonzero((self.numbers & GROUPED) == 0)) + self.group_numbers.size


def build(rows: Words, numbers: Numbers | int, *, even: bool) -> Segment:
    """A segment of permuted rows, none too few. numbers: their (N,) row numbers, or the first of consecutive
    ones."""
    first = np.empty(len(rows), np.uint32)
    unique = engine.first_of_kind(rows, first)
    group_bounds, group_numbers, kept = np.zeros(1, np.uint32), np.empty(0, np.uint32), np.empty(0, np.uint32)
    start = 0
    if isinstance(numbers, int):
        start = numbers
    elif _consecutive(numbers):
        start = int(numbers[0]) if numbers.size else 0
    if unique == len(rows):
        if not isinstance(numbers, int) and not _consecutive(numbers):
            kept = numbers.astype(np.uint32)
    else:
        named = np.arange(start, start + len(rows)) if isinstance(numbers, int) else numbers
        rows, kept, group_bounds, group_numbers = _fold(rows, named, first)
    return _sorted(rows, kept, group_bounds, group_numbers, start=start, even=even)


def _consecutive(numbers: Numbers) -> bool:
    return not numbers.size or bool((np.diff(numbers) == 1).all())


def _fold(rows: Words, numbers: Numbers, first: Narrow) -> tuple[Words, Narrow, Narrow, Narrow]:
    own = first == np.arange(len(rows), dtype=np.uint32)
    copies = np.flatnonzero(~own)
    # Only kinds with copies are sorted: side by side, each kind in the order it came.
    members = np.concatenate([np.unique(first[copies]).astype(np.int64), copies])
    members = members[np.lexsort((members, first[members]))]
    leaders = first[members].astype(np.int64)
    begins = np.flatnonzero(np.concatenate([[True], leaders[1:] != leaders[:-1]]))
    kept = numbers[own].astype(np.uint32)
    places = np.cumsum(own)[leaders[begins]] - 1
    kept[places] = np.arange(len(begins), dtype=np.uint32) | np.uint32(GROUPED)
    bounds = np.append(begins, len(members)).astype(np.uint32)
    return np.ascontiguousarray(rows[own]), kept, bounds, numbers[members].astype(np.uint32)


def _sorted(
    rows: Words, numbers: Narrow, group_bounds: Narrow, group_numbers: Narrow, *, start: int, even: bool
) -> Segment:
    count = len(rows)
    offsets = np.empty((BANDS, BUCKETS + 1), np.uint32)
    ids = np.empty(BANDS * count, np.uint32)
    signatures = np.empty(BANDS * count + PADDING, np.uint16)
    signatures[BANDS * count :] = 0
    engine.fill_bands(rows, offsets, ids, signatures)
    return Segment(rows, offsets, ids, signatures, numbers, group_bounds, group_numbers, start, even)


def merge(segments: Sequence[Segment], dead: npt.NDArray[np.uint8]) -> Segment | None:
    """One segment of the live rows of several, or None where none is live.

    dead: one bit for each row number, lowest first. Reads everything and builds anew: about 0.2 microseconds
    a row, and removed rows leave the memory.
    """
    parts: list[tuple[Words, Numbers]] = []
    for segment in segments:
        rows, numbers = segment.spelled_out()
        live = (dead[numbers >> 3] >> (numbers & 7).astype(np.uint8)) & 1 == 0
        if not live.all():
            rows, numbers = rows[live], numbers[live]
        parts.append((rows, numbers))
    rows = np.concatenate([part[0] for part in parts])
    numbers = np.concatenate([part[1] for part in parts])
    if not numbers.size:
        return None
    return build(rows, numbers, even=all(segment.even for segment in segments))
