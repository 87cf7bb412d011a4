"""Bad input gets one typed error each, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from amparo.core.errors import InvalidInput, NotFound
from amparo.index import HammingIndex, LinearIndex
from amparo.index.rows import as_words
from tests.index.material import uniform

BAD_ROWS: dict[str, Any] = {
    "a list": [[0, 0, 0, 0]],
    "bytes": bytes(32),
    "signed": np.zeros((2, 4), np.int64),
    "floating": np.zeros((2, 4)),
    "narrow": np.zeros((2, 3), np.uint64),
    "31 bytes": np.zeros((2, 31), np.uint8),
    "three dimensions": np.zeros((2, 2, 4), np.uint64),
    "no dimension": np.uint64(7),
    "empty without width": np.empty(0, np.uint64),
    "other byte order": np.zeros((2, 4), np.dtype(np.uint64).newbyteorder()),
    "every second row": np.zeros((4, 4), np.uint64)[::2],
    "columns first": np.zeros((4, 4), np.uint64, order="F"),
    "none": None,
}
KINDS: list[Callable[..., Any]] = [HammingIndex.build, LinearIndex.build]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", BAD_ROWS)
def test_rows_that_cannot_be_read_are_refused(kind: Callable[..., Any], bad: str) -> None:
    index = kind(uniform(3, 1))
    acts: list[Callable[[Any], Any]] = [index.add, lambda rows: index.search(rows, 31), kind]
    for act in acts:
        with pytest.raises(InvalidInput) as caught:
            act(BAD_ROWS[bad])
        assert caught.value.code == "rows_invalid"
    assert len(index) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [-1, 51, 256, 2**70, 3.0, True, None, "31"])
def test_radius_out_of_range_is_refused(kind: Callable[..., Any], radius: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        kind(uniform(3, 1)).search(uniform(1, 1), radius)
    assert caught.value.code == "radius_out_of_range"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("numbers", [[3], [-1], [0, 3], [1, 1], [2**40], [2**64 - 1], [2]])
def test_unknown_rows_cannot_be_removed(kind: Callable[..., Any], numbers: list[int]) -> None:
    index = kind(uniform(3, 1))
    index.remove([2])
    with pytest.raises(NotFound) as caught:
        index.remove(numbers)
    assert caught.value.code == "row_unknown"
    assert len(index) == 2
    assert index.search(uniform(3, 1), 0).row.tolist() == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("numbers", [[0.5], [[0]], [[1], [1, 2]], ["0"], [None], 0])
def test_numbers_that_are_none_are_refused(kind: Callable[..., Any], numbers: Any) -> None:
    index = kind(uniform(3, 1))
    with pytest.raises(InvalidInput) as caught:
        index.remove(numbers)
    assert caught.value.code == "rows_invalid"
    assert len(index) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_every_accepted_form_of_a_query_means_the_same(kind: Callable[..., Any]) -> None:
    rows = uniform(50, 3)
    index = kind(rows)
    one = rows[7]
    read_only = one.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"x" + one.tobytes(), np.uint8)[1:]
    for query in (one, one[None], one.view(np.uint8), one.view(np.uint8)[None], read_only, unaligned):
        assert index.search(query, 0).row.tolist() == [7]
    assert index.search(np.empty((0, 4), np.uint64), 31).row.tolist() == []
    assert index.search(rows.view(np.uint8), 0) == index.search(rows, 0)
    index.remove(np.array([7], np.uint8))
    assert len(index.search(one, 0)) == 0


def test_words_are_the_rows_themselves() -> None:
    rows = uniform(5, 1)
    assert as_words(rows) is rows
    assert np.shares_memory(as_words(rows.view(np.uint8)), rows)
