"""The registered photos that this gate can recognise: one pooled index, changed while it is searched.

Searches go over an immutable picture of the state: a large index, a small one with what came since, and the numbers that
have gone. A change makes a new picture and puts it in place of the old one, so nobody waits for anybody. Once the small index
or the gone ones have become many, the large one is built anew from the replica; until it stands, the old two are searched.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import AmparoError
from amparo.core.logs import get_logger
from amparo.gate.replica import Applied, Replica
from amparo.index.trace import Candidate, PooledIndex, background
from amparo.signal.trace import QueryRecord, codec
from amparo.signal.trace.permutation import permuted
from amparo.signal.trace.record import DESCRIPTOR_BYTES

log: Final = get_logger("amparo.gate")

_FEW: Final = 500
"""Photos that are read in no time; that the small index may hold, or that may have gone, before the large one is built anew."""

Rows = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _State:
    """order: of the bits of a descriptor, as the hub tells this partner; None before the first page."""

    order: tuple[int, ...] | None
    large: PooledIndex | None
    small: PooledIndex | None
    gone: frozenset[int]
    count: int


class TracePool:
    """Everything the replica holds, ready to be searched. Any thread may ask; one thread at a time follows the feed."""

    def __init__(self, replica: Replica) -> None:
        """Few photos are ready when this returns; many are read beside whatever else starts (see ``loading``)."""
        self._replica = replica
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._loaded = threading.Event()
        self._fresh: dict[int, Rows] = {}
        self._behind = False
        self._state = _State(None, None, None, frozenset(), replica.count_traces())
        self._loader = threading.Thread(target=self._load_beside, name="amparo-traces", daemon=True)
        if self._state.count > _FEW:
            self._loader.start()
        else:
            self._load()

    def __len__(self) -> int:
        return self._state.count

    @property
    def loading(self) -> bool:
        """Whether nothing can be found yet, because the photos are still being read."""
        return not self._loaded.is_set()

    def close(self) -> None:
        """The replica is not read any more once this returns."""
        self._stopping.set()
        if self._loader.ident is not None:
            self._loader.join()

    def follow(self, applied: Applied) -> None:
        """Take in what a change of the replica has changed; it is found, or not found, from here on.

        Where this fails, the change is on disk nevertheless: the next call builds everything anew from there.
        """
        with self._changing:
            if self._behind:
                self._state = self._rebuilt()
            elif applied.traces_added or applied.traces_removed:
                self._behind = True
                self._take_in(applied)
            self._behind = False

    def _take_in(self, applied: Applied) -> None:
        state = self._state
        for number in applied.traces_removed:
            self._fresh.pop(number, None)
        # The large index may hold what came while it was read, and what went since.
        gone = state.gone | {n for n in applied.traces_removed if _holds(state.large, n)}
        order = self._replica.trace_order()
        self._fresh |= {
            held.number: _pooled(held.descriptors, held.record, order)
            for held in applied.traces_added
            if not _holds(state.large, held.number)
        }
        count = self._replica.count_traces()
        self._state = _State(order, state.large, _index_of(self._fresh, order), frozenset(gone), count)
        if max(len(self._fresh), len(gone)) > max(_FEW, count // 10):
            self._state = self._rebuilt()

    def candidates(self, query: QueryRecord, most: int) -> list[Candidate]:
        """The photos with the most votes for this upload or its mirror image, best first."""
        state = self._state
        if state.order is None or not state.count or not len(query):
            return []
        sides = permuted(query.descriptors, state.order), permuted(query.mirrored, state.order)
        found: list[Candidate] = []
        for index in (state.large, state.small):
            if index is not None:
                found += index.candidates(*sides, most=most + len(state.gone) if index is state.large else most)
        kept = [one for one in found if one.photo not in state.gone]
        return sorted(kept, key=lambda one: (-one.score, one.photo))[:most]

    def _load(self) -> None:
        with self._changing:
            self._behind = True
            self._state = self._rebuilt()
            self._behind = False

    def _load_beside(self) -> None:
        try:
            self._load()
        except (AmparoError, MemoryError) as error:
            log.error("traces_not_loaded", kind=type(error).__name__, detail=str(error))

    def _rebuilt(self) -> _State:
        order = self._replica.trace_order()
        photos: dict[int, Rows] = {}
        for held in self._replica.held_traces():
            if self._stopping.is_set():
                return self._state
            photos[held.number] = _pooled(held.descriptors, held.record, order)
        large = _index_of(photos, order)
        self._fresh = {}
        self._loaded.set()
        return _State(order, large, None, frozenset(), len(photos))


def _holds(index: PooledIndex | None, number: int) -> bool:
    return index is not None and number in index


@lru_cache(maxsize=1)
def _background(order: tuple[int, ...]) -> Rows:
    return permuted(background.shipped(), order)


def _index_of(photos: Mapping[int, Rows], order: tuple[int, ...] | None) -> PooledIndex | None:
    if not photos:
        return None
    assert order is not None  # traces come on pages that tell the order
    index = PooledIndex(background=_background(order))
    for number, descriptors in photos.items():
        index.add(number, descriptors)
    index.build()
    return index


def _pooled(descriptors: bytes, record: bytes, order: tuple[int, ...] | None) -> Rows:
    if record:
        assert order is not None  # traces come on pages that tell the order
        return permuted(codec.decode(record).descriptors, order)
    return np.frombuffer(descriptors, np.uint8).reshape(-1, DESCRIPTOR_BYTES)
