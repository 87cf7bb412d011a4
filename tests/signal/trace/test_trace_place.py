"""Looking in place gives what looking everywhere gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from amparo.signal.trace.place import OCTAVES, REACH, guided, nearest_in_place, sorted_by_cell


def keypoints(count: int, rng: np.random.Generator) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    geometry = np.column_stack(
        (rng.uniform(0, 512, count), rng.uniform(0, 384, count), rng.uniform(0, 6.28, count), rng.uniform(0, 3, count))
    )
    return rng.integers(0, 1 << 63, (count, 2)).astype(np.uint64), geometry


def test_every_keypoint_is_in_one_cell_and_cells_are_in_order() -> None:
    _, geometry = keypoints(300, np.random.default_rng(1))
    starts, entries = sorted_by_cell(geometry)
    assert sorted(entries.tolist()) == list(range(300))
    cell = (geometry[entries, 1] // 32) * 17 + geometry[entries, 0] // 32
    assert (np.diff(cell) >= 0).all()
    assert starts[0] == 0
    assert starts[-1] == 300


@pytest.mark.parametrize("similarity", [(1.0, 0.0, 0.0, 0.0), (0.4, 0.1, 60.0, -20.0), (-0.3, 1.6, 300.0, -90.0)])
def test_the_nearest_in_place_is_the_nearest_of_all_that_lie_there(similarity: tuple[float, ...]) -> None:
    rng = np.random.default_rng(2)
    ours, our_geometry = keypoints(200, rng)
    theirs, their_geometry = keypoints(900, rng)
    a, b, dx, dy = similarity
    scale = float(np.hypot(a, b))
    found = nearest_in_place(ours, our_geometry, theirs, their_geometry, np.array(similarity))
    for i in range(len(ours)):
        expected = our_geometry[i, 3] + np.log2(scale)
        if expected < -0.25 or expected > their_geometry[:, 3].max() + 0.25:
            assert found[i] == -1
            continue
        x = a * our_geometry[i, 0] - b * our_geometry[i, 1] + dx
        y = b * our_geometry[i, 0] + a * our_geometry[i, 1] + dy
        there = np.hypot(their_geometry[:, 0] - x, their_geometry[:, 1] - y) <= REACH * scale
        there &= np.abs(their_geometry[:, 3] - expected) <= OCTAVES
        distance = np.bitwise_count(theirs[there] ^ ours[i]).sum(axis=1)
        assert found[i] == (distance.min() if len(distance) else 128)


def test_guided_finds_those_in_place_with_the_same_turn_only() -> None:
    rng = np.random.default_rng(3)
    ours, geometry = keypoints(120, rng)
    geometry[:, :2] = np.stack(np.meshgrid(np.arange(12), np.arange(10)), -1).reshape(-1, 2) * 36.0 + 20
    theirs = geometry * np.array([0.5, 0.5, 1, 1]) + np.array([100.0, 40.0, 0, -1])
    theirs[::3, 2] += 1.0
    starts, entries = sorted_by_cell(theirs)
    rows = guided(ours, geometry, ours, theirs, starts, entries, np.array([0.5, 0.0, 100.0, 40.0]), REACH)
    assert len(rows) == 80
    assert np.allclose(rows[:, 2:], rows[:, :2] * 0.5 + [100, 40])
