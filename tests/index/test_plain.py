"""The numpy kernels do what the compiled ones do, array for array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.index import bands, plain, scan
from amparo.index.schedule import BANDS, BUCKETS
from tests.index.material import family, flipped, uniform


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 300), even=st.booleans())
def test_permuting_and_folding_agree(seed: int, count: int, even: bool) -> None:
    rows = family(count, seed, even=even)
    ours, theirs = np.empty_like(rows), np.empty_like(rows)
    assert bands.permute_rows(rows, ours) == plain.permute_rows(rows, theirs)
    assert np.array_equal(ours, theirs)
    first, other = np.empty(count, np.uint32), np.empty(count, np.uint32)
    assert bands.first_of_kind(rows, first) == plain.first_of_kind(rows, other) == len(np.unique(rows, axis=0))
    assert np.array_equal(first, other)
    assert np.array_equal(rows[first], rows)


def test_doubles_are_found_in_banks_that_are_folded_in_parts() -> None:
    kinds = uniform(50_000, 1)
    rows = kinds[np.random.default_rng(2).integers(0, len(kinds), 150_000)]
    ours, theirs = np.empty(len(rows), np.uint32), np.empty(len(rows), np.uint32)
    unique = bands.first_of_kind(rows, ours)
    assert 40_000 < unique < 50_000
    assert unique == plain.first_of_kind(rows, theirs)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("count", [1, 5, 3000])
def test_bands_agree(count: int) -> None:
    rows = np.unique(family(count, 1), axis=0)
    count = len(rows)
    made: list[tuple[npt.NDArray[np.generic], ...]] = []
    for kernels in (bands, plain):
        offsets = np.empty((BANDS, BUCKETS + 1), np.uint32)
        ids, signatures = np.empty(BANDS * count, np.uint32), np.zeros(BANDS * count + 32, np.uint16)
        kernels.fill_bands(rows, offsets, ids, signatures)
        assert kernels.bands_hold(offsets, ids, count)
        made.append((offsets, ids, signatures))
        offsets = offsets.copy()
        offsets[2, 9] = count + 1
        assert not kernels.bands_hold(offsets, ids, count)
    for ours, theirs in zip(*made, strict=True):
        assert np.array_equal(ours, theirs)


def test_permuting_changes_no_distance_and_spreads_the_rows_of_a_transform() -> None:
    rows = uniform(100, 1)
    permuted = np.empty_like(rows)
    bands.permute_rows(rows, permuted)
    assert np.array_equal(np.bitwise_count(rows ^ rows[0]).sum(1), np.bitwise_count(permuted ^ permuted[0]).sum(1))
    one_word = np.zeros((1, 16), np.uint16)
    one_word[0, 3] = 0xFFFF
    spread = np.empty((1, 4), np.uint64)
    bands.permute_rows(one_word.view(np.uint64), spread)
    assert np.bitwise_count(spread.view(np.uint16)).tolist() == [[1] * 16]


def test_checksums_agree() -> None:
    words = uniform(1024, 1).ravel()
    lanes, other = np.arange(1024, dtype=np.uint64), np.arange(1024, dtype=np.uint64)
    bands.checksum_stripes(words, lanes)
    plain.checksum_stripes(words, other)
    assert np.array_equal(lanes, other)


@pytest.mark.parametrize("capacity", [3, 5000])
def test_comparing_agrees(capacity: int) -> None:
    rows = family(64, 1)
    queries = flipped(rows[:9], 40, np.random.default_rng(1))
    blocks = np.zeros((1, 32, 128), np.uint8)
    blocks[0, :, : len(rows)] = rows.view(np.uint8).T
    found: list[tuple[int, list[tuple[int, ...]] | None]] = []
    for kernels in (scan, plain):
        out = np.zeros((3, capacity), np.int64)
        count = kernels.compare(queries.view(np.uint8), blocks, 60, 45, out)
        assert count > 3
        found.append((count, sorted(zip(*out[:, :count].tolist(), strict=True)) if capacity > 3 else None))
    assert found[0] == found[1]
