"""Which registered ordinary photos have many descriptors in common: what a gate's pool is made of decides what floods it.

Whatever else a record says of itself is written on somebody's device, its PDQ too. Search by bit sampling (Indyk and Motwani
1998) in sorted tables, which take in a photo without being sorted anew; numpy alone, so that nobody waits for a compiler. It
lives in memory, and what is removed leaves it with the next question.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.ids import EntryId
from amparo.index.trace.pooled import RADIUS, SAMPLED_BITS

TABLES: Final = 4
IN_COMMON: Final = 24
"""Descriptors that two photos share at least to count as alike. Of 510 distinct photos, no two were found to share more than 9;
a record whose every descriptor has 12 of its 128 bits turned still shares 50 with its original, and of 16 bits some 20."""

_BITS: Final = 128
_POWERS: Final = 1 << np.arange(SAMPLED_BITS - 1, -1, -1, dtype=np.int64)


def in_common(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """How many descriptors (N, 16) of ``one`` lie near one of ``other``. Exact."""
    apart = np.bitwise_count(_words(one)[:, None] ^ _words(other)[None]).sum(axis=2)
    return int((apart.min(axis=1) <= RADIUS).sum())


class Likeness:
    """The descriptors of photos by their entries. Not safe to use from several threads at once."""

    def __init__(self) -> None:
        draw = np.random.Generator(np.random.PCG64(20261128))
        self._sampled = np.stack([draw.permutation(_BITS)[:SAMPLED_BITS] for _ in range(TABLES)])
        self._entries: list[EntryId] = []
        self._numbers: dict[EntryId, int] = {}
        self._gone: set[int] = set()
        self._waiting: list[tuple[int, NDArray[np.uint8]]] = []
        self._rows = np.empty((0, 2), np.uint64)
        self._owner = np.empty(0, np.uint32)
        # Of each table the codes of all rows, ascending, and which rows they are of.
        self._codes = [np.empty(0, np.int64) for _ in range(TABLES)]
        self._order = [np.empty(0, np.int64) for _ in range(TABLES)]

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, entry: EntryId, descriptors: NDArray[np.uint8]) -> None:
        """descriptors: (N, 16) uint8. An entry that is there already is replaced."""
        self.remove(entry)
        self._numbers[entry] = len(self._entries)
        self._waiting.append((len(self._entries), descriptors))
        self._entries.append(entry)

    def remove(self, entry: EntryId) -> None:
        """Nothing happens where it is not there."""
        number = self._numbers.pop(entry, None)
        if number is not None:
            self._gone.add(number)

    def like(self, descriptors: NDArray[np.uint8]) -> list[EntryId]:
        """Entries with at least ``IN_COMMON`` of these descriptors (M, 16). Those that share just so many may be missed."""
        self._settle()
        asked, codes = _words(descriptors), self._codes_of(descriptors)
        found: list[NDArray[np.int64]] = []
        for table, own in enumerate(codes):
            first = np.asarray(np.searchsorted(self._codes[table], own, "left"), np.int64)
            many = np.asarray(np.searchsorted(self._codes[table], own, "right"), np.int64) - first
            by = np.repeat(np.arange(len(asked)), many)
            within = np.arange(len(by)) - np.repeat(np.cumsum(many) - many, many)
            rows = self._order[table][np.repeat(first, many) + within]
            near = np.bitwise_count(self._rows[rows] ^ asked[by]).sum(axis=1) <= RADIUS
            found.append(self._owner[rows[near]].astype(np.int64) * len(asked) + by[near])
        owners, shared = np.unique(np.unique(np.concatenate(found)) // len(asked), return_counts=True)
        return [self._entries[owner] for owner in owners[shared >= IN_COMMON].tolist()]

    def _settle(self) -> None:
        if not self._waiting and not self._gone:
            return
        waiting = [one for one in self._waiting if one[0] not in self._gone]
        kept = ~np.isin(self._owner, np.array(sorted(self._gone), np.uint32))
        place = np.cumsum(kept) - 1
        base = int(kept.sum())
        self._rows = np.concatenate([self._rows[kept], *(_words(rows) for _, rows in waiting)])
        self._owner = np.concatenate(
            [self._owner[kept], *(np.full(len(rows), number, np.uint32) for number, rows in waiting)]
        )
        fresh = [self._codes_of(rows) for _, rows in waiting]
        for table in range(TABLES):
            stays = kept[self._order[table]]
            codes, order = self._codes[table][stays], place[self._order[table][stays]]
            added = np.concatenate([np.empty(0, np.int64), *(codes_of[table] for codes_of in fresh)])
            ascending = np.argsort(added)
            at = np.searchsorted(codes, added[ascending])
            self._codes[table] = np.insert(codes, at, added[ascending])
            self._order[table] = np.insert(order, at, base + ascending)
        self._waiting, self._gone = [], set()

    def _codes_of(self, descriptors: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(TABLES, N)."""
        bits = np.unpackbits(descriptors, axis=1)
        return np.stack([bits[:, sampled] @ _POWERS for sampled in self._sampled])


def _words(descriptors: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(descriptors).view(np.uint64).reshape(-1, 2)
