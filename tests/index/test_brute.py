from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.index import brute, linear
from tests.index.material import family, uniform


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([0, 1, 2, 15, 16, 17, 300, 1100]),
    queries=st.sampled_from([0, 1, 5]),
    radius=st.sampled_from([0, 1, 31, 32, 33, 40, 41, 50, 51, 128, 255, 256]),
)
def test_brute_force_equals_the_oracle(seed: int, count: int, queries: int, radius: int) -> None:
    rows = family(count, seed)
    wanted = np.concatenate([rows, family(queries, seed + 1)])[-queries:] if queries else rows[:0]
    assert brute.search(wanted, brute.prepare(rows), radius) == linear.search(wanted, rows, radius)


def test_more_matches_than_the_buffer_holds_are_all_returned() -> None:
    rows = np.zeros((3000, 4), np.uint64)
    found = brute.search(rows[:7], brute.prepare(rows), 31)
    assert len(found) == 21_000
    assert found == linear.search(rows[:7], rows, 31)


def test_bad_input_is_refused() -> None:
    blocks = brute.prepare(uniform(20, 1))
    with pytest.raises(InvalidInput, match="radius_out_of_range"):
        brute.search(uniform(1, 1), blocks, 257)
    with pytest.raises(InvalidInput, match="rows_invalid"):
        brute.search(np.zeros((2, 3), np.uint64), blocks, 31)
    with pytest.raises(InvalidInput, match="rows_invalid"):
        brute.prepare(np.zeros((2, 3), np.uint64))
