"""Which cases hold something that looks alike: pairs of cases, found once for each fingerprint as it comes and goes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.ids import CaseId, EntryId
from amparo.index import HammingIndex
from amparo.index.protocol import Numbers
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS

NEAREST: Final = 8
"""Of how many other cases each fingerprint remembers that they look alike; the oldest ones. Whoever opens a thousand cases with
one picture gets a thousand that hang together, and not half a million pairs."""
_AT_ONCE: Final = 256


class Resemblance:
    """Follows a set of fingerprints. One thread at a time."""

    def __init__(self) -> None:
        self._index = HammingIndex()
        self._rows: dict[EntryId, int] = {}
        self._case: dict[int, CaseId] = {}
        self._value: dict[int, bytes] = {}
        self._near: dict[int, tuple[int, ...]] = {}
        self._listed_by: defaultdict[int, set[int]] = defaultdict(set)

    def follow(self, held: Mapping[EntryId, tuple[CaseId, bytes]]) -> None:
        """From now on, these entries: their cases, and their fingerprints of 32 bytes."""
        gone = [self._rows.pop(entry) for entry in self._rows.keys() - held.keys()]
        fresh = [entry for entry in held if entry not in self._rows]
        orphans: set[int] = set()
        if gone:
            self._index.remove(gone)
            for row in gone:
                orphans |= self._listed_by.pop(row, set())
                del self._case[row], self._value[row]
                self._forget_list(row)
        if fresh:
            rows = self._index.add(_matrix(held[entry][1] for entry in fresh))
            for row, entry in zip(rows.tolist(), fresh, strict=True):
                self._rows[entry] = row
                self._case[row], self._value[row] = held[entry]
                orphans.add(row)
        self._look_again(sorted(orphans & self._case.keys()))

    def pairs(self) -> Counter[tuple[CaseId, CaseId]]:
        """Cases that hold something that looks alike, the lesser id first, with how many such things they have in common."""
        common: defaultdict[tuple[CaseId, CaseId], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
        for row, near in self._near.items():
            for other in near:
                one, two = sorted((row, other), key=lambda each: self._case[each])
                ones, twos = common[self._case[one], self._case[two]]
                ones.add(one)
                twos.add(two)
        # Three versions of one picture beside a single one are one thing in common.
        return Counter({pair: min(len(ones), len(twos)) for pair, (ones, twos) in common.items()})

    def _look_again(self, rows: Sequence[int]) -> None:
        for start in range(0, len(rows), _AT_ONCE):
            batch = rows[start : start + _AT_ONCE]
            found = self._index.search(_matrix(self._value[row] for row in batch), PDQ_MATCH_RADIUS)
            ends = np.searchsorted(found.query, np.arange(len(batch) + 1))
            for place, row in enumerate(batch):
                self._forget_list(row)
                near = self._nearest(row, found.row[ends[place] : ends[place + 1]])
                if near:
                    self._near[row] = near
                    for other in near:
                        self._listed_by[other].add(row)

    def _nearest(self, row: int, found: Numbers) -> tuple[int, ...]:
        mine = self._case[row]
        by_case: dict[CaseId, int] = {}
        for other in found:
            case = self._case[int(other)]
            if case != mine and case not in by_case:
                by_case[case] = int(other)
                if len(by_case) == NEAREST:
                    break
        return tuple(by_case.values())

    def _forget_list(self, row: int) -> None:
        for other in self._near.pop(row, ()):
            self._listed_by[other].discard(row)


def _matrix(values: Iterable[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, PDQ_BYTES)
