"""The oracle against integers of Python, which know nothing of numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amparo.index import LinearIndex, Matches, linear
from tests.index.material import family, uniform


def _bits(row: np.ndarray) -> int:
    return int.from_bytes(row.tobytes(), "big")


@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), radius=st.integers(0, 256))
def test_within_counts_bits_as_integers_do(seed: int, count: int, radius: int) -> None:
    rows = family(count, seed)
    query = family(1, seed + 1)[0]
    near = [place for place, row in enumerate(rows) if (_bits(row) ^ _bits(query)).bit_count() <= radius]
    assert linear.within(query, rows, radius).tolist() == near


def test_tiles_join_without_a_seam() -> None:
    rows = uniform(70_000, 1)
    places = np.array([0, 32_767, 32_768, 65_535, 65_536, 69_999])
    rows[places] = rows[0]
    found = linear.search(rows[:1], rows, 3)
    assert found.row.tolist() == places.tolist()
    assert found.distance.tolist() == [0] * 6


def test_matches_are_equal_by_value() -> None:
    index = LinearIndex.build(uniform(4, 1))
    matches = index.search(uniform(4, 1), 0)
    assert matches == index.search(uniform(4, 1), 0)
    assert len(matches) == 4
    assert matches != index.search(uniform(3, 1), 0)
    assert matches != Matches(matches.query, matches.row, matches.distance + 1)
    assert matches != "something else"
    assert matches.row.dtype == matches.query.dtype == matches.distance.dtype == np.int64
