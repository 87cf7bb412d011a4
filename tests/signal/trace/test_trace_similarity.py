"""A similarity is found among matches that mostly lie, and repeated matches have one voice."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from amparo.signal.trace.similarity import LARGEST_SCALE, SMALLEST_SCALE, TOLERANCE, best_similarity, proposals


def planted(
    true: int, false: int, similarity: tuple[float, float, float, float], seed: int
) -> tuple[NDArray[np.uint64], NDArray[np.float64], NDArray[np.float64]]:
    """Descriptors, geometry of the record, geometry of the upload: row i of one is row i of the other; the first ``true``
    agree with the similarity, the others lie anywhere."""
    rng = np.random.default_rng(seed)
    a, b, dx, dy = similarity
    count = true + false
    ours = np.column_stack(
        (
            rng.uniform(10, 500, count),
            rng.uniform(10, 370, count),
            rng.uniform(0, 6.2, count),
            rng.uniform(1.5, 2, count),
        )
    )
    theirs = np.empty_like(ours)
    theirs[:, 0] = a * ours[:, 0] - b * ours[:, 1] + dx
    theirs[:, 1] = b * ours[:, 0] + a * ours[:, 1] + dy
    theirs[:, 2] = ours[:, 2] + np.arctan2(b, a)
    theirs[:, 3] = ours[:, 3] + np.log2(np.hypot(a, b))
    theirs[true:, :3] = np.column_stack(
        (rng.uniform(0, 512, false), rng.uniform(0, 384, false), rng.uniform(0, 6.2, false))
    )
    return rng.integers(0, 1 << 63, (count, 2)).astype(np.uint64), ours, theirs


def in_a_row(count: int) -> NDArray[np.int32]:
    return np.column_stack((np.arange(count), np.arange(count), np.zeros(count))).astype(np.int32)


@pytest.mark.parametrize("similarity", [(1.0, 0.0, 0.0, 0.0), (0.4, 0.0, 200.0, 100.0), (0.5, -0.4, 60.0, 250.0)])
@pytest.mark.parametrize("seed", range(4))
def test_a_dozen_true_matches_are_found_among_forty_false(
    similarity: tuple[float, float, float, float], seed: int
) -> None:
    words, ours, theirs = planted(12, 34, similarity, seed)
    shuffled = np.random.default_rng(seed).permutation(len(words))
    found = best_similarity(words, ours, words, theirs, in_a_row(len(words))[shuffled])
    assert np.allclose(found[:2], similarity[:2], atol=0.02)
    assert np.allclose(found[2:4], similarity[2:], atol=6)
    assert 9 <= found[4] <= 14
    assert 9 <= found[5] <= 14


def test_matches_that_repeat_one_spot_have_one_voice() -> None:
    words, ours, theirs = planted(30, 0, (1.0, 0.0, 0.0, 0.0), 1)
    ours[:, :2] = [100, 100]
    theirs[:, :2] = [100, 100]
    assert best_similarity(words, ours, words, theirs, in_a_row(30)).tolist() == [0] * 6


def test_proposals_outside_the_scales_are_not_made() -> None:
    wide = LARGEST_SCALE * 1.5
    _, ours, theirs = planted(10, 0, (wide, 0.0, 0.0, 0.0), 2)
    rows = np.column_stack((ours[:, :2], theirs[:, :2], np.ones(10), np.zeros(10), np.full(10, wide)))
    assert not proposals(rows, 2, TOLERANCE, SMALLEST_SCALE, LARGEST_SCALE).any()
