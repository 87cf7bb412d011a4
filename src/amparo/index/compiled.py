"""From a view and checked queries to matches, by the compiled kernel."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from amparo.index.linear import NOTHING
from amparo.index.probe import search
from amparo.index.protocol import Matches, Numbers, Words

_CHUNK: Final = 1 << 15  # queries: 2 MB of orders by band
_FEW: Final = 64


class Searchable(Protocol):
    """The part of a view that the kernel reads."""

    @property
    def words(self) -> Numbers: ...


def search_view(view: Searchable, queries: Words, radius: int) -> Matches:
    """Matches of (Q, 4) uint64 queries; see ``HammingIndex.search``."""
    if len(queries) == 1:
        return _search_one(view.words, queries, radius)
    parts = [
        _search_chunk(view.words, queries, first, min(first + _CHUNK, len(queries)), radius)
        for first in range(0, len(queries), _CHUNK)
    ]
    found = parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty((3, 0), np.int64)], axis=1)
    return _in_order(found)


def _search_one(view: Numbers, queries: Words, radius: int) -> Matches:
    out = np.empty((3, _FEW), np.int64)
    count = search(view, queries, 0, 1, radius, out)
    if not count:
        return NOTHING
    if count <= 32:
        return Matches(out[0, :count], out[1, :count], out[2, :count])
    return _in_order(_again(view, queries, 0, 1, radius, out, count))


def _search_chunk(view: Numbers, queries: Words, first: int, last: int, radius: int) -> Numbers:
    out = np.empty((3, 2 * (last - first) + _FEW), np.int64)
    return _again(view, queries, first, last, radius, out, search(view, queries, first, last, radius, out))


def _again(view: Numbers, queries: Words, first: int, last: int, radius: int, out: Numbers, count: int) -> Numbers:
    """``out`` cut to size, after as many searches as it takes to fit all."""
    while count > out.shape[1]:
        out = np.empty((3, count), np.int64)
        count = search(view, queries, first, last, radius, out)
    return out[:, :count]


def _in_order(found: Numbers) -> Matches:
    if not found.shape[1]:
        return NOTHING
    order = np.argsort((found[0] << 31) | found[1])
    return Matches(found[0, order], found[1, order], found[2, order])
