"""From a view and checked queries to matches without compiled kernels: every row is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from amparo.index import linear, plain
from amparo.index.delta import Delta
from amparo.index.protocol import Matches, Numbers, Words
from amparo.index.segment import Segment
from amparo.index.view import GROUPED


class Searchable(Protocol):
    """The part of a view that is read here."""

    @property
    def segments(self) -> Sequence[Segment]: ...
    @property
    def delta(self) -> Delta: ...
    @property
    def count(self) -> int: ...
    @property
    def dead(self) -> npt.NDArray[np.uint8]: ...


def search_view(view: Searchable, queries: Words, radius: int) -> Matches:
    """Matches of (Q, 4) uint64 queries; see ``HammingIndex.search``."""
    permuted = np.empty_like(queries)
    plain.permute_rows(queries, permuted)
    near = linear.search(permuted, view.delta.rows[: view.count], radius)
    parts = [(near.query, near.row + view.delta.start, near.distance)]
    parts += [_numbered(part, linear.search(permuted, part.rows, radius)) for part in view.segments]
    query, row, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
    live = (view.dead[row >> 3] >> (row & 7).astype(np.uint8)) & 1 == 0
    query, row, distance = query[live], row[live], distance[live]
    order = np.lexsort((row, query))
    return Matches(query[order], row[order], distance[order])


def _numbered(part: Segment, near: Matches) -> tuple[Numbers, Numbers, Numbers]:
    """Positions of unique fingerprints turned into the row numbers that bear them."""
    if not part.numbers.size:
        return near.query, near.row + part.start, near.distance
    named = part.numbers[near.row].astype(np.int64)
    rows = [
        part.group_numbers[part.group_bounds[number ^ GROUPED] : part.group_bounds[(number ^ GROUPED) + 1]]
        if number & GROUPED
        else np.array([number], np.uint32)
        for number in named.tolist()
    ]
    sizes = [len(members) for members in rows]
    row = np.concatenate([*rows, np.empty(0, np.uint32)]).astype(np.int64)
    return np.repeat(near.query, sizes), row, np.repeat(near.distance, sizes)
