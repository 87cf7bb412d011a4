"""HammingIndex against the oracle, with faiss as a second witness at size."""

from __future__ import annotations

import threading
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.index import FingerprintIndex, HammingIndex, LinearIndex, linear
from amparo.index.delta import CAPACITY
from amparo.index.probe import BY_BAND
from tests.index.material import family, flipped, uniform


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([0, 1, 2, 4, 8, 100, 3000]),
    delta_rows=st.sampled_from([1, 7, CAPACITY]),
    radius=st.integers(0, 50),
    even=st.booleans(),
)
def test_search_equals_the_oracle(seed: int, count: int, delta_rows: int, radius: int, even: bool) -> None:
    rows = family(count, seed, even=even)
    index = HammingIndex(delta_rows=delta_rows)
    index.add(rows)
    queries = flipped(np.concatenate([rows[:3], family(3, seed + 1)]), 50, np.random.default_rng(seed))
    assert index.search(queries, radius) == linear.search(queries, rows, radius)
    for query in queries[:2]:
        assert index.search(query, radius) == linear.search(query, rows, radius)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([1, 100, 2000]),
    asked=st.sampled_from([BY_BAND - 1, BY_BAND, BY_BAND + 1, 900]),
    delta_rows=st.sampled_from([1, 60, CAPACITY]),
    radius=st.integers(0, 50),
    even=st.booleans(),
)
def test_a_batch_that_goes_band_by_band_equals_the_oracle(
    seed: int, count: int, asked: int, delta_rows: int, radius: int, even: bool
) -> None:
    rows = family(count, seed, even=even)
    index = HammingIndex(delta_rows=delta_rows)
    index.add(rows)
    random = np.random.default_rng(seed)
    near = flipped(rows[random.integers(0, count, asked - 100)], 50, random)
    queries = np.concatenate([near, family(100, seed + 1)])
    assert index.search(queries, radius) == linear.search(queries, rows, radius)


@pytest.mark.parametrize("radius", range(51))
def test_rows_exactly_at_the_radius_match_and_one_bit_further_do_not(radius: int) -> None:
    random = np.random.default_rng(radius)
    rows = uniform(60, radius)
    index = HammingIndex(delta_rows=1)
    index.add(rows)
    queries = rows.copy()
    for query in range(60):
        # All in a few bands, or spread out: the bounds of the bands are met from both sides.
        among = 256 if query & 1 else max(64, radius + 1)
        for bit in random.permutation(among)[: radius + (query % 3 == 0)]:
            queries[query, bit >> 6] ^= np.uint64(1 << int(bit & 63))
    found = index.search(queries, radius)
    assert found.row.tolist() == [query for query in range(60) if query % 3]
    assert (found.distance == radius).all()


@pytest.mark.parametrize("count", [600, 40_000])
def test_large_batches_and_single_queries_agree(count: int) -> None:
    rows = np.concatenate([family(2000, 1), uniform(60_000, 2)])
    index = HammingIndex.build(rows)
    queries = np.concatenate([uniform(count - 500, 3), flipped(rows[:500], 40, np.random.default_rng(1))])
    found = index.search(queries, 31)
    expected = linear.search(queries[-500:], rows, 31)
    late = found.query >= count - 500
    assert late.all()
    assert np.array_equal(found.query - (count - 500), expected.query)
    assert np.array_equal(found.row, expected.row)
    assert np.array_equal(found.distance, expected.distance)


@pytest.mark.parametrize("delta_rows", [1, CAPACITY])
def test_identical_fingerprints_by_the_thousand_are_all_found(delta_rows: int) -> None:
    index = HammingIndex(delta_rows=delta_rows)
    index.add(np.zeros((9000, 4), np.uint64))
    index.add(np.concatenate([uniform(50, 1), np.zeros((50, 4), np.uint64)]))
    assert len(index.search(np.zeros(4, np.uint64), 31)) == 9050
    index.remove(list(range(8998)))
    index.compact()
    zero = np.zeros((2, 4), np.uint64)
    found = index.search(zero, 50)
    assert found.row.tolist() == [8998, 8999, *range(9050, 9100)] * 2
    assert found.query.tolist() == [0] * 52 + [1] * 52


def test_thousands_of_near_rows_in_one_bucket_overflow_no_buffer() -> None:
    words = np.array([(1 << a) | (1 << b) for a in range(256) for b in range(a)], object)
    rows = np.frombuffer(b"".join(int(word).to_bytes(32, "little") for word in words), np.uint64).reshape(-1, 4)
    index = HammingIndex(delta_rows=1)
    index.add(rows)
    assert len(index.search(np.zeros(4, np.uint64), 2)) == len(rows) == 32_640
    assert index.search(rows[:2], 31) == linear.search(rows[:2], rows, 31)


def test_an_index_of_nothing_answers() -> None:
    for index in (HammingIndex(), HammingIndex.build(np.empty((0, 32), np.uint8))):
        assert len(index) == 0
        assert len(index.search(uniform(3, 1), 50)) == 0
        index.compact()
        assert index.add(uniform(1, 1)).tolist() == [0]


def test_numbers_stay_through_removal_and_compaction() -> None:
    rows = uniform(100, 5)
    index: Any = HammingIndex(delta_rows=10)
    index.add(rows)
    index.remove(np.arange(0, 100, 2))
    index.compact()
    assert index.add(rows[:1]).tolist() == [100]
    assert index.search(rows, 0).row.tolist() == [100, *range(1, 100, 2)]
    assert len(index) == 51
    index.remove(index.search(rows, 0).row)
    index.compact()
    assert len(index) == len(index.search(rows, 50)) == 0
    assert index.add(rows[:2]).tolist() == [101, 102]


def test_compaction_frees_what_removed_rows_took_up() -> None:
    index = HammingIndex.build(uniform(20_000, 1))
    index.remove(np.arange(19_999))
    index.compact()
    assert sum(array.nbytes for name, array in index.to_arrays().items() if "offsets" not in name) < 4096


def test_a_million_rows_give_what_faiss_gives() -> None:
    rows = uniform(1_000_000, 11)
    rows[500_000:500_500] = flipped(rows[:500], 36, np.random.default_rng(1))
    queries = np.concatenate([flipped(rows[:500], 36, np.random.default_rng(2)), uniform(100, 4)])
    peer: Any = faiss.IndexBinaryFlat(256)
    peer.add(rows.view(np.uint8))
    limits, distances, near = peer.range_search(queries.view(np.uint8), 32)
    theirs = {  # its radius is strictly above the distances found
        (query, int(near[place]), int(distances[place]))
        for query in range(len(queries))
        for place in range(limits[query], limits[query + 1])
    }
    for delta_rows in (CAPACITY, 1):
        index = HammingIndex(delta_rows=delta_rows)
        index.add(rows)
        found = index.search(queries, 31)
        assert set(zip(found.query.tolist(), found.row.tolist(), found.distance.tolist(), strict=True)) == theirs
        assert len(found) == len(theirs) > 500


def test_rows_added_one_by_one_are_found_and_gathered() -> None:
    rows = uniform(3000, 1)
    index = HammingIndex(delta_rows=50)
    for row in rows:
        index.add(row)
    assert index.search(rows, 0).row.tolist() == list(range(3000))
    index.compact()
    arrays = index.to_arrays()
    assert sum(name.endswith("-rows") for name in arrays) == 1
    assert index.search(rows, 0).row.tolist() == list(range(3000))


def test_readers_see_whole_batches_while_writers_add_remove_and_merge() -> None:
    index = HammingIndex(delta_rows=64)
    steady = uniform(500, 1)
    index.add(steady)
    batch = np.repeat(uniform(1, 9), 7, axis=0)
    over = threading.Event()
    troubles: list[str] = []

    def read() -> None:
        while not over.is_set():
            if index.search(steady[:40], 0).row.tolist() != list(range(40)):
                troubles.append("a steady row was missed")
            if len(index.search(batch[0], 0)) % 7:
                troubles.append("half a batch was seen")

    def write(seed: int) -> None:
        for turn in range(60):
            gone = index.add(uniform(5, 1000 * seed + turn))
            index.add(batch)
            index.remove(gone)
            if turn % 20 == 0:
                index.compact()

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()
    assert not troubles
    assert len(index) == 500 + 2 * 60 * 7
    index.compact()
    assert len(index.search(batch[0], 0)) == 2 * 60 * 7
    assert index.search(steady, 0).row.tolist() == list(range(500))


def test_both_indexes_keep_the_protocol() -> None:
    indexes: list[FingerprintIndex] = [HammingIndex(), LinearIndex()]
    for index in indexes:
        assert index.add(uniform(2, 1)).tolist() == [0, 1]
        assert len(index) == 2


@pytest.mark.parametrize("delta_rows", [0, CAPACITY + 1])
def test_a_delta_out_of_range_is_refused(delta_rows: int) -> None:
    with pytest.raises(InvalidInput, match="delta_out_of_range"):
        HammingIndex(delta_rows=delta_rows)


@pytest.mark.parametrize("delta_rows", [3, CAPACITY])
def test_an_index_knows_whether_it_still_holds_removed_rows(delta_rows: int) -> None:
    rows = np.concatenate([uniform(20, 5), uniform(4, 5)])
    index = HammingIndex(delta_rows=delta_rows)
    assert not index.holds_removed
    index.add(rows)
    assert not index.holds_removed
    index.remove([3, 21])
    assert index.holds_removed
    index.compact()
    assert not index.holds_removed
    index = HammingIndex.from_arrays(index.to_arrays())
    assert not index.holds_removed
    index.add(rows[:1])
    index.remove([24])
    assert index.holds_removed
    index.remove(np.flatnonzero(index.are_live(np.arange(25))))
    index.compact()
    assert (index.holds_removed, index.numbered, len(index)) == (False, 25, 0)


def test_compacting_makes_one_part_of_many() -> None:
    index = HammingIndex(delta_rows=8)
    assert index.parts == 0
    index.add(uniform(90, 1))
    index.add(uniform(9, 2))  # so few that nothing merges them by itself
    assert index.parts == 2
    index.compact()
    assert index.parts == 1


def test_which_numbers_are_live_is_told_for_any_number() -> None:
    index = HammingIndex.build(uniform(9, 5))
    index.remove([0, 8])
    asked = np.array([-1, 0, 1, 7, 8, 9, 1 << 40], np.int64)
    assert index.are_live(asked).tolist() == [False, False, True, True, False, False, False]
