"""Whatever is done to the index in whatever order, it answers as the oracle does.

AMPARO_EXAMPLES=10000 runs the long version.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amparo.core.errors import NotFound
from amparo.index import HammingIndex, LinearIndex
from amparo.index.probe import BY_BAND
from amparo.index.protocol import MAXIMUM_RADIUS
from tests.index.material import family, flipped

SEEDS = st.integers(0, 2**32 - 1)
RADII = st.integers(0, MAXIMUM_RADIUS)


class Interleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = HammingIndex(delta_rows=24)
        self.oracle = LinearIndex()
        self.given = np.empty((0, 4), np.uint64)
        self.folder = tempfile.TemporaryDirectory()
        self.saved: LinearIndex | None = None

    @rule(seed=SEEDS, count=st.sampled_from([0, 1, 2, 4, 8, 23, 24, 25, 90]), even=st.booleans())
    def add(self, seed: int, count: int, even: bool) -> None:
        rows = family(count, seed, even=even)
        given = rows.view(np.uint8) if seed & 1 else rows
        assert np.array_equal(self.index.add(given), self.oracle.add(rows))
        self.given = np.concatenate([self.given, rows])

    @precondition(lambda self: len(self.given) > 0)
    @rule(seed=SEEDS, count=st.integers(1, 12))
    def add_again(self, seed: int, count: int) -> None:
        random = np.random.default_rng(seed)
        rows = self.given[random.integers(0, len(self.given), count)]
        assert np.array_equal(self.index.add(rows), self.oracle.add(rows))
        self.given = np.concatenate([self.given, rows])

    @precondition(lambda self: len(self.oracle) > 0)
    @rule(seed=SEEDS, share=st.sampled_from([0.0, 0.3, 1.0]))
    def remove(self, seed: int, share: float) -> None:
        live = self.oracle.numbers()
        count = max(1, int(share * len(live)))
        numbers = np.random.default_rng(seed).permutation(live)[:count]
        self.index.remove(numbers)
        self.oracle.remove(numbers)

    @rule(number=st.integers(-2, 400))
    def remove_one_perhaps_unknown(self, number: int) -> None:
        if number in self.oracle.numbers():
            self.index.remove([number])
            self.oracle.remove([number])
        else:
            with pytest.raises(NotFound, match="row_unknown"):
                self.index.remove([number])

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @rule()
    def save(self) -> None:
        self.index.save(Path(self.folder.name))
        self.saved = self.oracle.copy()

    @precondition(lambda self: self.saved is not None)
    @rule()
    def open(self) -> None:
        assert self.saved is not None
        self.index = HammingIndex.open(Path(self.folder.name))
        self.oracle = self.saved.copy()

    @rule()
    def through_arrays(self) -> None:
        self.index = HammingIndex.from_arrays(self.index.to_arrays())

    @rule(seed=SEEDS, count=st.sampled_from([1, 3]), radius=RADII)
    def search(self, seed: int, count: int, radius: int) -> None:
        self._compare(seed, count, radius)

    @rule(seed=SEEDS, count=st.sampled_from([BY_BAND - 1, BY_BAND, BY_BAND + 100]), radius=RADII)
    def search_many(self, seed: int, count: int, radius: int) -> None:
        """From ``BY_BAND`` queries on, they are sorted by bucket and go through the index band by band."""
        self._compare(seed, count, radius)

    def _compare(self, seed: int, count: int, radius: int) -> None:
        random = np.random.default_rng(seed)
        queries = family(count, seed)
        if len(self.given):
            queries = flipped(self.given[random.integers(0, len(self.given), count)], 45, random)
        assert self.index.search(queries, radius) == self.oracle.search(queries, radius)

    @invariant()
    def as_long_as_the_oracle(self) -> None:
        assert len(self.index) == len(self.oracle)

    def teardown(self) -> None:
        self.folder.cleanup()


pytestmark = pytest.mark.timeout(0)  # the long version takes a quarter of an hour
TestInterleaving: Any = Interleaving.TestCase
TestInterleaving.settings = settings(
    max_examples=int(os.environ.get("AMPARO_EXAMPLES", "60")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
