"""The pooled index: who is found, who is forgotten, and that no record can catch the world."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amparo.core.errors import Conflict, InvalidInput, NotFound
from amparo.index.trace import Candidate, PooledIndex, level_for, pooled
from tests.index.trace.rows import Bits, drawn, noisy, small


def filled(count: int) -> PooledIndex:
    index = small()
    for photo in range(count):
        index.add(photo, drawn(photo))
    return index


def test_a_noisy_share_of_a_photo_finds_it_first() -> None:
    index = filled(60)
    for photo in range(0, 60, 7):
        upload = np.concatenate((noisy(drawn(photo)[:60], 0.05, photo), drawn(9000 + photo, 500)))
        found = index.candidates(upload)
        assert found[0].photo == photo
        assert found[0].votes >= 20


def test_a_stranger_gets_next_to_no_votes() -> None:
    index = filled(60)
    assert all(c.votes <= 2 for seed in range(5000, 5020) for c in index.candidates(drawn(seed, 900)))


def test_the_mirror_image_counts_as_well() -> None:
    index = filled(20)
    found = index.candidates(drawn(7000), noisy(drawn(11), 0.04, 1))
    assert found[0].photo == 11


def test_a_removed_photo_is_not_found_and_leaves_memory() -> None:
    index = filled(20)
    index.build()
    before = len(index.arrays()["rows"])
    index.remove(5)
    assert 5 not in {c.photo for c in index.candidates(drawn(5))}
    assert len(index.arrays()["rows"]) == before - 256
    assert not (index.arrays()["rows"][:, None] == np.ascontiguousarray(drawn(5)).view(np.uint64)[:1]).all(axis=2).any()


def test_unknown_and_known_numbers_are_refused() -> None:
    index = filled(2)
    with pytest.raises(Conflict):
        index.add(1, drawn(1))
    with pytest.raises(NotFound):
        index.remove(9)


@pytest.mark.parametrize(
    "rows", [np.zeros((300, 16), np.uint8), np.zeros((5, 15), np.uint8), np.zeros((5, 16), np.int64)]
)
def test_descriptors_of_another_shape_are_refused(rows: Bits) -> None:
    with pytest.raises(InvalidInput):
        small().add(1, rows)


def test_saved_arrays_make_the_same_index() -> None:
    index = filled(15)
    index.remove(3)
    again = PooledIndex.of_arrays(index.arrays())
    upload = noisy(drawn(8), 0.05, 2)
    assert len(again) == 14
    assert again.candidates(upload)[0].photo == index.candidates(upload)[0].photo == 8


def test_contradicting_arrays_are_refused() -> None:
    arrays = dict(filled(3).arrays())
    arrays["owner"] = arrays["owner"] + np.uint32(2)
    with pytest.raises(InvalidInput) as caught:
        PooledIndex.of_arrays(arrays)
    assert caught.value.code == "index_invalid"


def test_a_photo_that_repeats_one_descriptor_has_one_vote() -> None:
    index = filled(10)
    common = drawn(1, 1)
    index.add(99, np.repeat(common, 256, axis=0))
    upload = np.concatenate((np.repeat(common, 50, axis=0), drawn(77, 300)))
    assert {c.photo: c.votes for c in index.candidates(upload)}[99] == 1


def test_a_poisoned_record_made_of_the_commonest_descriptors_does_not_win_the_world() -> None:
    """Half of every photo is one of a few common patches; the forger registers just those, all that an index can hold."""
    common = drawn(123, 128)
    index = small()
    for photo in range(200):
        index.add(photo, np.concatenate((noisy(common, 0.03, photo), drawn(photo, 128))))
    index.add(999, np.concatenate((common, noisy(common, 0.08, 5000))))
    for photo in range(0, 200, 10):
        upload = np.concatenate((noisy(common, 0.03, 7000 + photo), noisy(drawn(photo, 128)[:40], 0.04, photo)))
        found = index.candidates(upload)
        assert found[0].photo == photo
        poisoned = [c.score for c in found if c.photo == 999]
        assert not poisoned or poisoned[0] < 0.4 * found[0].score
    stranger = np.concatenate((noisy(common, 0.03, 1), drawn(31337, 400)))
    assert all(c.score < 2.5 for c in index.candidates(stranger) if c.photo == 999)


def test_the_level_lets_at_most_its_share_through() -> None:
    scores = np.random.default_rng(1).exponential(1, 1000).tolist()
    level = level_for(scores, 0.01)
    assert 0.005 < np.mean([score > level for score in scores]) <= 0.01
    with pytest.raises(InvalidInput):
        level_for(scores[:50], 0.01)


class Interleaved(RuleBasedStateMachine):
    """Adding, removing and searching in any order, against a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.index = small()
        self.held: set[int] = set()

    @rule(photo=st.integers(0, 6))
    def add(self, photo: int) -> None:
        if photo in self.held:
            with pytest.raises(Conflict):
                self.index.add(photo, drawn(photo, 40))
        else:
            self.index.add(photo, drawn(photo, 40))
            self.held.add(photo)

    @rule(photo=st.integers(0, 6))
    def remove(self, photo: int) -> None:
        if photo in self.held:
            self.index.remove(photo)
            self.held.remove(photo)
        else:
            with pytest.raises(NotFound):
                self.index.remove(photo)

    @rule(photo=st.integers(0, 6))
    def search(self, photo: int) -> None:
        found = [c.photo for c in self.index.candidates(drawn(photo, 40)) if c.votes > 5]
        assert found == ([photo] if photo in self.held else [])

    @rule()
    def save_and_open(self) -> None:
        numbers = self.index.arrays()["numbers"]
        assert set(numbers.tolist()) == self.held

    @invariant()
    def counts(self) -> None:
        assert len(self.index) == len(self.held)


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)


def test_a_small_pool_that_lists_its_codes_answers_as_one_that_addresses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    photos = [random.integers(0, 256, (64, 16), np.uint8) for _ in range(30)]
    asked = photos[7].copy()
    asked[:, :2] ^= random.integers(0, 4, (64, 2), np.uint8)
    found: list[list[Candidate]] = []
    for below in (1, 1 << 20):
        monkeypatch.setattr(pooled, "COMPACT_BELOW", below)
        index = PooledIndex(bits=12)
        for number, rows in enumerate(photos):
            index.add(number, rows)
        found.append(index.candidates(asked, photos[9][:9], most=30))
    assert found[0] == found[1]
    assert found[0][0].photo == 7
