"""A photo that is registered many times is found as one that is registered once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from amparo.index.trace import PooledIndex
from amparo.index.trace.groups import drop_common
from tests.index.trace.rows import drawn, noisy, small

Places = NDArray[np.uint32]


def with_copies(copies: int) -> PooledIndex:
    """Twenty photos, and so many further copies of the first, each as another device re-encoded it."""
    index = small()
    for photo in range(20):
        index.add(photo, drawn(photo))
    for copy in range(copies):
        kept = np.concatenate((drawn(0)[: 200 - 5 * copy], drawn(800 + copy, 56 + 5 * copy)))
        index.add(100 + copy, noisy(kept, 0.01, copy))
    return index


@pytest.mark.parametrize("copies", [1, 2, 7])
def test_copies_of_a_photo_do_not_hide_it(copies: int) -> None:
    upload = np.concatenate((noisy(drawn(0)[:40], 0.03, 5), drawn(9000, 500)))
    alone = with_copies(0).candidates(upload)[0]
    among = {one.photo: one for one in with_copies(copies).candidates(upload)}
    assert among[0].score >= 0.99 * alone.score
    assert among[0].votes == alone.votes


def test_copies_are_forgotten_as_other_photos_are() -> None:
    index = with_copies(7)
    index.build()
    index.remove(0)
    upload = noisy(drawn(0)[:40], 0.03, 5)
    found = {one.photo for one in index.candidates(upload) if one.votes > 5}
    assert found == {100 + copy for copy in range(7)}


def test_photos_that_share_a_frame_only_are_counted_one_by_one() -> None:
    """What forty screenshots have in common must not catch whoever uploads a forty-first."""
    frame = drawn(77, 128)
    index = small()
    for photo in range(40):
        index.add(photo, np.concatenate((noisy(frame, 0.01, photo), drawn(photo, 128))))
    found = index.candidates(np.concatenate((noisy(frame, 0.01, 99), drawn(9000, 500))))
    assert all(one.score < 5 for one in found)


def bucket_of(groups: list[int]) -> tuple[Places, Places, Places, Places]:
    """One bucket that holds two rows of each photo, and an empty one; groups: of each photo."""
    owner = np.repeat(np.arange(len(groups), dtype=np.uint32), 2)
    starts = np.array([0, len(owner), len(owner)], np.uint32)
    return starts, np.arange(len(owner), dtype=np.uint32), owner, np.array(groups, np.uint32)


@pytest.mark.parametrize(
    ("groups", "kept"),
    [([0, 1, 2], True), ([0, 1, 2, 3], False), ([0, 0, 0, 0, 0, 0, 6, 6, 0, 9], True), ([0, 0, 2, 3, 2, 5], False)],
)
def test_a_common_patch_is_one_of_many_groups_not_of_many_copies(groups: list[int], kept: bool) -> None:
    starts, entries, owner, group = bucket_of(groups)
    drop_common(starts, entries, owner, group, 6)
    assert starts.tolist() == [0, 2 * len(groups) * kept, 2 * len(groups) * kept]


def test_what_stays_moves_together() -> None:
    owner = np.array([0, 0, 1, 2, 2, 2], np.uint32)
    starts, entries = np.array([0, 1, 5, 5, 6], np.uint32), np.array([1, 0, 2, 3, 4, 5], np.uint32)
    drop_common(starts, entries, owner, np.arange(3, dtype=np.uint32), 3)
    assert starts.tolist() == [0, 1, 1, 1, 2]
    assert entries[:2].tolist() == [1, 5]
