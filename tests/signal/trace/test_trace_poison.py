"""Forged records and uploads: none matches the world."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from amparo.core.errors import InvalidInput
from amparo.signal.trace import QueryRecord, Relation, TraceRecord, compare, query, register
from amparo.signal.trace.compare import align, tiles_with_keypoints
from amparo.signal.trace.permutation import order_of, permuted
from amparo.signal.trace.record import words
from tests.signal.trace.trace_scenes import scene


def in_order(
    record: TraceRecord, descriptors: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], **parts: object
) -> TraceRecord:
    order = sorted(range(len(descriptors)), key=lambda i: descriptors[i].tobytes())
    return dataclasses.replace(record, descriptors=descriptors[order], **parts)


def strangers() -> list[QueryRecord]:
    return [query(scene(seed)) for seed in range(80, 88)]


def gathered(records: list[TraceRecord], chosen: list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]) -> TraceRecord:
    """One record of keypoints of many: descriptors, places, directions, sizes, and the tiles in which they lie."""
    signs, energies = np.ones((256, 8), np.int8), records[0].energies.copy()
    for record, mine in zip(records, chosen, strict=True):
        tiles = tiles_with_keypoints(record)[mine]
        signs[tiles], energies[tiles] = record.signs[tiles], record.energies[tiles]
    parts = {
        name: np.concatenate([getattr(record, name)[mine] for record, mine in zip(records, chosen, strict=True)])
        for name in ("columns", "rows", "turns", "half_octaves", "descriptors")
    }
    order = sorted(range(len(parts["descriptors"])), key=lambda i: parts["descriptors"][i].tobytes())
    return dataclasses.replace(
        records[0], signs=signs, energies=energies, **{name: part[order] for name, part in parts.items()}
    )


def test_keypoints_gathered_from_many_pictures_match_none_of_them() -> None:
    """The forger knows sixteen pictures, and takes sixteen keypoints of each as they are, with their tiles."""
    pictures = [scene(seed) for seed in range(80, 96)]
    records = [register(picture) for picture in pictures]
    net = gathered(
        records, [np.arange(len(record.descriptors))[:: len(record.descriptors) // 16][:16] for record in records]
    )
    aligned = [align(net, query(picture)) for picture in pictures]
    assert sum(found is not None and found.inliers >= 10 for found in aligned) >= 8, "it is a good net"
    assert {compare(net, query(picture)).relation for picture in pictures} == {Relation.UNRELATED}


def test_a_corner_of_each_of_many_pictures_matches_none_of_them() -> None:
    """The forger gives each of sixteen pictures sixteen tiles that lie together, and all keypoints that it has there."""
    pictures = [scene(seed) for seed in range(80, 96)]
    records = [register(picture) for picture in pictures]
    blocks: list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = []
    for number, record in enumerate(records):
        tile = tiles_with_keypoints(record)
        inside = (tile // 16 // 4 == number // 4) & (tile % 16 // 4 == number % 4)
        blocks.append(np.flatnonzero(inside)[:16].astype(np.int64))
    net = gathered(records, blocks)
    assert Relation.UNRELATED is compare(net, query(scene(99))).relation
    assert {compare(net, query(picture)).relation for picture in pictures} == {Relation.UNRELATED}


def test_an_altered_photo_is_recognised_by_what_stands_untouched() -> None:
    picture = scene(97)
    covered = picture.copy()
    covered[: picture.shape[0] * 6 // 10] = np.random.default_rng(3).integers(
        0, 256, covered[: picture.shape[0] * 6 // 10].shape
    )
    assert compare(register(picture), query(covered)).relation is Relation.ALTERED


def test_keypoints_all_in_one_cell_match_nothing_not_even_their_own_photo() -> None:
    picture = scene(91)
    record = register(picture)
    zeros = np.zeros_like(record.columns)
    heap = dataclasses.replace(record, columns=zeros, rows=zeros)
    assert compare(heap, query(picture)).relation is Relation.UNRELATED


def test_random_descriptors_match_nothing() -> None:
    record = register(scene(92))
    noise = np.random.default_rng(1).integers(0, 256, record.descriptors.shape).astype(np.uint8)
    assert {compare(in_order(record, noise), q).relation for q in strangers()} == {Relation.UNRELATED}


def test_an_upload_of_one_repeated_keypoint_matches_nothing() -> None:
    picture = scene(93)
    record, asked = register(picture), query(picture)
    same = np.repeat(record.descriptors[:1], len(asked), axis=0)
    flood = dataclasses.replace(asked, descriptors=same, mirrored=same)
    assert compare(record, flood).relation is Relation.UNRELATED


def test_a_permutation_keeps_every_distance_and_differs_between_hubs() -> None:
    rows = register(scene(94)).descriptors
    one, two = order_of(b"k" * 32), order_of(b"l" * 32)
    assert sorted(one) == list(range(128))
    assert one != two
    assert one == order_of(b"k" * 32)
    before = np.bitwise_count(words(rows)[:1] ^ words(rows)).sum(axis=1)
    after = np.bitwise_count(words(permuted(rows, one))[:1] ^ words(permuted(rows, one))).sum(axis=1)
    assert np.array_equal(before, after)
    across = np.bitwise_count(words(permuted(rows, one)) ^ words(permuted(rows, two))).sum(axis=1)
    assert across.mean() > 40


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        order_of(b"short")
    assert caught.value.code == "key_too_short"
