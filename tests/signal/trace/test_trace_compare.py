"""Copies, altered derivatives, strangers; and the three steps apart, with nothing but bytes between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from amparo.core.errors import InvalidInput
from amparo.signal.trace import Relation, align, codec, compare, judge, query, register, tiles_of
from tests.signal.trace.trace_scenes import Grey, covered, scene


def screenshot(picture: Grey) -> Grey:
    screen = np.full((900, 480), 245, np.uint8)
    shown = np.asarray(cv2.resize(picture, (480, 360), interpolation=cv2.INTER_AREA), np.uint8)
    screen[200:560] = shown
    cv2.putText(screen, "12:41", (20, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 2)
    return screen


def turned(picture: Grey, degrees: float) -> Grey:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height)), np.uint8)


def jpeg(picture: Grey, quality: int) -> Grey:
    file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)


COPIES: dict[str, Callable[[Grey], Grey]] = {
    "same": lambda p: p,
    "jpeg": lambda p: jpeg(p, 35),
    "half size": lambda p: np.asarray(cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8),
    "crop": lambda p: np.ascontiguousarray(p[60:400, 80:560]),
    "turned": lambda p: turned(p, 12),
    "screenshot": screenshot,
    "faded": lambda p: (p * 0.6 + 50).astype(np.uint8),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_plain_copy_is_recognised_and_not_called_altered(name: str) -> None:
    picture = scene(20)
    answer = compare(register(picture), query(COPIES[name](picture)))
    assert answer.relation is Relation.COPY
    assert answer.region is None
    assert answer.altered_fraction < 0.03


@pytest.mark.parametrize("seed", range(30, 34))
def test_a_replaced_region_is_found_where_it_is(seed: int) -> None:
    picture = scene(seed)
    answer = compare(register(picture), query(jpeg(covered(picture, seed + 100), 70)))
    assert answer.relation is Relation.ALTERED
    assert abs(answer.altered_fraction - 0.45**2) < 0.07
    assert answer.region is not None
    outline = np.array(answer.region)
    assert np.abs(outline.min(axis=0) - 0.3).max() < 0.08
    assert np.abs(outline.max(axis=0) - 0.75).max() < 0.08


@pytest.mark.parametrize("seed", range(24, 28))
def test_a_small_copy_among_other_pictures_is_a_copy(seed: int) -> None:
    canvas = np.vstack(
        [np.hstack([scene(seed + 200 + 2 * row + column, 450, 450) for column in (0, 1)]) for row in (0, 1)]
    )
    small = np.asarray(cv2.resize(scene(seed), (360, 270), interpolation=cv2.INTER_AREA), np.uint8)
    canvas[300:570, 200:560] = small
    answer = compare(register(scene(seed)), query(np.ascontiguousarray(canvas)))
    assert answer.relation is Relation.COPY
    assert answer.similarity is not None
    assert abs(answer.similarity.scale - 0.4) < 0.02


def test_an_upload_whose_tiles_agree_but_whose_keypoints_do_not_is_no_copy() -> None:
    """As another photo of the same session: the same from afar, not close up."""
    record = register(scene(64))
    changed = record.descriptors.copy()
    rows = np.random.default_rng(1).permutation(len(changed))[: len(changed) * 6 // 10]
    changed[rows] = np.random.default_rng(2).integers(0, 256, (len(rows), 16)).astype(np.uint8)
    order = sorted(range(len(changed)), key=lambda i: changed[i].tobytes())
    other = dataclasses.replace(
        record,
        descriptors=changed[order],
        columns=record.columns[order],
        rows=record.rows[order],
        turns=record.turns[order],
        half_octaves=record.half_octaves[order],
    )
    assert compare(record, query(scene(64))).relation is Relation.COPY
    answer = compare(other, query(scene(64)))
    assert answer.relation in (Relation.UNCERTAIN, Relation.ALTERED)


def test_different_pictures_are_unrelated() -> None:
    records = [register(scene(seed)) for seed in range(40, 46)]
    asked = [query(scene(seed)) for seed in range(50, 56)]
    assert {compare(record, q).relation for record in records for q in asked} == {Relation.UNRELATED}


def test_the_steps_apart_answer_like_compare_and_only_bytes_travel() -> None:
    picture = scene(60)
    record = codec.encode(register(picture))
    at_gate = query(covered(picture, 61))
    sent = codec.encode_query(at_gate)
    at_hub = codec.decode_query(sent)
    alignment = align(codec.decode(record), at_hub)
    assert alignment is not None
    tiles = codec.encode_tiles(tiles_of(at_gate, alignment))
    answer = judge(codec.decode(record), at_hub, alignment, codec.decode_tiles(tiles))
    assert answer == compare(codec.decode(record), at_gate)
    assert answer.relation is Relation.ALTERED


def test_a_hub_that_has_only_keypoints_cannot_make_tiles() -> None:
    picture = scene(62)
    at_hub = codec.decode_query(codec.encode_query(query(picture)))
    alignment = align(register(picture), at_hub)
    assert alignment is not None
    with pytest.raises(InvalidInput) as caught:
        tiles_of(at_hub, alignment)
    assert caught.value.code == "query_without_pixels"
