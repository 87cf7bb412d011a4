"""Matches: what the vector loops give is what the words say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amparo.signal.trace.distances import coded, summed
from amparo.signal.trace.match import APART, FARTHEST, RATIO, pairs


def slow_pairs(
    ours: NDArray[np.uint64], theirs: NDArray[np.uint64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[tuple[int, int, int]]:
    distance = np.bitwise_count(ours[:, None] ^ theirs[None]).sum(axis=2).astype(int)
    best = distance.argmin(axis=1)
    told: list[tuple[int, int, int]] = []
    for i, j in enumerate(best.tolist()):
        d = int(distance[i, j])
        closer = [k for k in range(len(ours)) if best[k] == j and (distance[k, j], k) < (d, i)]
        apart = np.hypot(x - x[j], y - y[j]) > APART
        rival = bool((apart & (distance[i] < int(d / RATIO) + 1)).any())
        if d <= FARTHEST and not closer and not rival:
            told.append((d, i, j))
    return [(i, j, d) for d, i, j in sorted(told)]


def noisy(rows: NDArray[np.uint64], flips: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    bits = np.unpackbits(rows.view(np.uint8).reshape(len(rows), 16), axis=1)
    for row in bits:
        row[rng.permutation(128)[: rng.integers(0, flips + 1)]] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64).reshape(-1, 2)


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 700))
@settings(max_examples=40, deadline=None)
def test_pairs_are_nearest_both_ways_and_without_a_rival_elsewhere(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    theirs = rng.integers(0, 1 << 63, (m, 2)).astype(np.uint64)
    # Some of theirs resemble one another, so that there are rivals and ties.
    theirs[: m // 3] = noisy(theirs[m - m // 3 :][: m // 3], 12, rng)
    ours = noisy(theirs[rng.integers(0, m, n)], 45, rng)
    x, y = rng.uniform(0, 60, m), rng.uniform(0, 60, m)
    found = pairs(ours, coded(theirs), np.column_stack((x, y)))
    assert [tuple(row) for row in found.tolist()] == slow_pairs(ours, theirs, x, y)


@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(0, 700), st.integers(0, 128))
@settings(max_examples=40, deadline=None)
def test_weights_are_summed_up_at_all_distances(seed: int, n: int, m: int, farthest: int) -> None:
    rng = np.random.default_rng(seed)
    theirs = rng.integers(0, 1 << 64, (m, 2), np.uint64)
    ours = noisy(theirs[rng.integers(0, m, n)], 45, rng) if m else theirs[:0]
    ours[1:2] = ~theirs[:1]  # as far as can be
    weights = rng.integers(0, 1 << 40, 129) * (np.arange(129) <= farthest)
    apart = np.bitwise_count(ours[:, None] ^ theirs[None]).sum(axis=2)
    assert np.array_equal(summed(ours, coded(theirs), weights), weights[apart].sum(axis=1))


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_to_match_gives_no_pairs(n: int) -> None:
    ours, none = np.ones((n, 2), np.uint64), np.empty((0, 2), np.uint64)
    assert pairs(ours, coded(none), np.empty((0, 2))).shape == (0, 3)
