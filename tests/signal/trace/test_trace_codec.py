"""The binary format: round trips, and everything that a parser must refuse."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import QueryRecord, TraceRecord, codec, query, register
from amparo.signal.trace.tiles import Tiles
from tests.signal.trace.trace_scenes import scene

VECTORS = Path(__file__).parents[3] / "spec" / "vectors" / "trace"


@st.composite
def records(draw: st.DrawFn) -> TraceRecord:
    count = draw(st.integers(32, 256))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    height, width = draw(st.sampled_from([(512, 512), (512, 48), (384, 512), (511, 512), (48, 512)]))
    rows = rng.integers(0, 256, (count, 16)).astype(np.uint8)
    order = sorted(range(count), key=lambda i: rows[i].tobytes())
    return TraceRecord(
        pdq=Pdq(rng.bytes(32), int(rng.integers(101))),
        height=height,
        width=width,
        columns=rng.integers(0, -(-width // 8), count).astype(np.uint8),
        rows=rng.integers(0, -(-height // 8), count).astype(np.uint8),
        turns=rng.integers(0, 32, count).astype(np.uint8),
        half_octaves=rng.integers(0, 6, count).astype(np.uint8),
        descriptors=rows[order],
        signs=rng.integers(-1, 2, (256, 8)).astype(np.int8),
        energies=rng.integers(0, 31, 256).astype(np.uint8),
    )


@given(records())
@settings(max_examples=40, deadline=None)
def test_what_is_encoded_is_decoded(record: TraceRecord) -> None:
    encoded = codec.encode(record)
    assert len(encoded) <= 5356
    assert codec.decode(encoded) == record
    assert codec.encode(codec.decode(encoded)) == encoded


@given(records(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_is_refused_or_is_the_spelling_of_another_record(
    record: TraceRecord, data: st.DataObject
) -> None:
    encoded = bytearray(codec.encode(record))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        spelled = codec.encode(codec.decode(bytes(encoded)))
    except InvalidInput:
        return
    assert spelled == bytes(encoded)


@given(st.binary(max_size=7000))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_with_a_typed_error(source: bytes) -> None:
    for parser in (codec.decode, codec.decode_query, codec.decode_tiles):
        with pytest.raises(InvalidInput):
            parser(source)


@given(records(), st.integers(0, 5500))
@settings(max_examples=40, deadline=None)
def test_a_cut_record_is_refused(record: TraceRecord, length: int) -> None:
    encoded = codec.encode(record)
    if length < len(encoded):
        with pytest.raises(InvalidInput):
            codec.decode(encoded[:length])
    with pytest.raises(InvalidInput):
        codec.decode(encoded + b"\0")


@pytest.fixture(scope="module")
def record() -> TraceRecord:
    return register(scene(70))


def test_another_version_is_named(record: TraceRecord) -> None:
    encoded = bytearray(codec.encode(record))
    encoded[4] = 2
    with pytest.raises(InvalidInput) as caught:
        codec.decode(bytes(encoded))
    assert caught.value.code == "trace_version"


def forged(record: TraceRecord, **parts: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        dataclasses.replace(record, **parts)
    assert caught.value.code == "trace_invalid"


def test_a_position_outside_the_picture_is_refused(record: TraceRecord) -> None:
    rows = record.rows.copy()
    rows[3] = record.height // 8 + 1
    forged(record, rows=rows)


def test_repeated_descriptors_are_refused(record: TraceRecord) -> None:
    descriptors = record.descriptors.copy()
    descriptors[1] = descriptors[0]
    forged(record, descriptors=descriptors)


def test_nearly_repeated_descriptors_are_refused(record: TraceRecord) -> None:
    descriptors = record.descriptors.copy()
    descriptors[1] = descriptors[0]
    descriptors[1, 15] ^= 1
    order = sorted(range(len(descriptors)), key=lambda i: descriptors[i].tobytes())
    forged(record, descriptors=descriptors[order])


def test_an_empty_and_a_full_descriptor_are_refused(record: TraceRecord) -> None:
    for place, value in ((0, 0), (-1, 255)):
        descriptors = record.descriptors.copy()
        descriptors[place] = value
        forged(record, descriptors=descriptors)


def test_too_few_keypoints_are_refused(record: TraceRecord) -> None:
    few = {part: getattr(record, part)[:31] for part in ("columns", "rows", "turns", "half_octaves", "descriptors")}
    forged(record, **few)


def test_a_query_comes_back_without_its_pixels() -> None:
    asked = query(scene(71))
    back = codec.decode_query(codec.encode_query(asked))
    assert back.pyramid == ()
    for part in ("x", "y", "turns", "levels", "descriptors", "mirrored"):
        assert np.array_equal(getattr(back, part), getattr(asked, part))
    assert (back.pdqs, back.height, back.width) == (asked.pdqs, asked.height, asked.width)


def test_a_query_with_a_keypoint_outside_is_refused() -> None:
    asked = query(scene(72))
    x = asked.x.copy()
    x[0] = 16 * asked.width
    bad = QueryRecord(
        asked.pdqs, asked.height, asked.width, x, asked.y, asked.turns, asked.levels, asked.descriptors, asked.mirrored
    )
    with pytest.raises(InvalidInput) as caught:
        codec.decode_query(codec.encode_query(bad))
    assert caught.value.code == "trace_invalid"


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_tiles_come_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tiles = Tiles(
        rng.integers(-1, 2, (256, 8)).astype(np.int8),
        rng.integers(0, 31, 256).astype(np.uint8),
        rng.random(256) < 0.5,
    )
    back = codec.decode_tiles(codec.encode_tiles(tiles))
    assert np.array_equal(back.signs, tiles.signs)
    assert np.array_equal(back.energies, tiles.energies)
    assert np.array_equal(back.visible, tiles.visible)
