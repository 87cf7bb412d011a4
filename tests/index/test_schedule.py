"""The pigeonhole and pigeonring bounds that exactness rests on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amparo.index.schedule import BANDS, FLIPS, RADII, REACH, SMALL_BANDS, SMALL_RADII


def test_radii_add_up_to_the_search_radius() -> None:
    for radii in (RADII, SMALL_RADII):
        assert ((radii + 1).sum(axis=1) == np.arange(len(radii)) + 1).all()
    assert SMALL_RADII.max() == 1


def test_flips_are_all_words_of_few_bits_in_order() -> None:
    weights = np.bitwise_count(FLIPS)
    assert sorted(FLIPS.tolist()) == [word for word in range(1 << 16) if word.bit_count() <= 3]
    assert (np.diff(weights.astype(int)) >= 0).all()
    for reach in range(-1, 4):
        assert REACH[reach + 1] == (weights <= reach).sum() if reach >= 0 else REACH[0] == 0
    assert (REACH[RADII + 1] >= 0).all()


@given(
    radius=st.integers(0, 50),
    cuts=st.lists(st.integers(0, 50), min_size=BANDS - 1, max_size=BANDS - 1),
)
def test_some_band_lets_every_near_row_through(radius: int, cuts: list[int]) -> None:
    # Any way to spread ``radius`` differing bits over the bands, at most 16 in each.
    edges = [0, *sorted(min(cut, radius) for cut in cuts), radius]
    spread = np.minimum(np.diff(edges), 16)
    reach = RADII[radius]
    alone = spread <= reach
    with_next = spread + np.roll(spread, -1) <= reach + np.roll(reach, -1) + 1
    assert (alone & with_next).any()


@given(
    radius=st.integers(0, 50),
    cuts=st.lists(st.integers(0, 50), min_size=SMALL_BANDS - 1, max_size=SMALL_BANDS - 1),
)
def test_some_small_band_lets_every_near_row_through(radius: int, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, radius) for cut in cuts), radius]
    spread = np.minimum(np.diff(edges), 8)
    reach = SMALL_RADII[radius]
    three = spread + np.roll(spread, -1) + np.roll(spread, -2)
    most = reach + np.roll(reach, -1) + np.roll(reach, -2) + 2
    assert ((spread <= reach) & (three <= most)).any()
