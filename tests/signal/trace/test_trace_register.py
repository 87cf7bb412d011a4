"""Registering and asking: determinism, mirror images, and pictures that show nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from amparo.core.errors import InvalidInput
from amparo.signal.limits import Limits
from amparo.signal.trace import Relation, codec, compare, query, register
from tests.signal.trace.trace_scenes import scene


def jpeg(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], quality: int = 90) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def test_registering_twice_gives_the_same_bytes_of_at_most_six_kilobytes() -> None:
    one, two = (codec.encode(register(scene(1))) for _ in range(2))
    assert one == two
    assert len(one) <= 6000


def test_a_file_and_its_pixels_have_the_same_trace() -> None:
    file = jpeg(scene(2))
    pixels = np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    assert np.array_equal(register(file).descriptors, register(pixels).descriptors)


def test_the_mirrored_descriptors_are_those_of_the_mirror_image() -> None:
    picture = scene(3, 384, 512)
    straight, mirror = query(picture), query(np.ascontiguousarray(picture[:, ::-1]))
    theirs = {row.tobytes() for row in mirror.descriptors}
    same = sum(row.tobytes() in theirs for row in straight.mirrored)
    # Ties of equal corners are broken in reading order, which a mirror turns round.
    assert same > 0.9 * len(straight)


def test_a_mirrored_upload_is_a_copy() -> None:
    picture = scene(4)
    answer = compare(register(picture), query(np.ascontiguousarray(picture[:, ::-1])))
    assert answer.relation is Relation.COPY
    assert answer.similarity is not None
    assert answer.similarity.mirrored


def qr_code() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    modules = np.random.default_rng(5).integers(0, 2, (29, 29)).astype(np.uint8) * 255
    return np.kron(modules, np.ones((14, 14), np.uint8))


def words() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    page = np.full((600, 450), 255, np.uint8)
    for line in range(18):
        cv2.putText(page, "the same words again", (20, 40 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2)
    return page


STRANGE = {
    "flat": np.full((300, 400), 128, np.uint8),
    "noise": np.random.default_rng(6).integers(0, 256, (400, 400)).astype(np.uint8),
    "text": words(),
    "qr code": qr_code(),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_upload_is_unrelated_to_a_photo(name: str) -> None:
    assert compare(register(scene(7)), query(STRANGE[name])).relation is Relation.UNRELATED


@pytest.mark.parametrize("name", ["noise", "text", "qr code"])
def test_a_strange_registered_picture_matches_no_photo(name: str) -> None:
    record = register(STRANGE[name])
    for seed in range(8, 12):
        assert compare(record, query(scene(seed))).relation is Relation.UNRELATED


def test_a_flat_picture_cannot_be_registered() -> None:
    with pytest.raises(InvalidInput) as caught:
        register(STRANGE["flat"])
    assert caught.value.code == "picture_too_plain"


def test_a_flat_upload_has_no_keypoints() -> None:
    assert len(query(STRANGE["flat"])) == 0


@pytest.mark.parametrize("shape", [(40, 40), (30, 47), (4000, 60)])
def test_tiny_and_very_narrow_pictures_are_refused(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(9).integers(0, 256, shape).astype(np.uint8)
    for door in (register, query):
        with pytest.raises(InvalidInput) as caught:
            door(picture)
        assert caught.value.code == "picture_too_small"


def test_more_pixels_than_the_limits_allow_are_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        query(np.zeros((400, 400), np.uint8), Limits(max_pixels=100_000))
    assert caught.value.code == "picture_too_large"


@pytest.mark.parametrize("pixels", [np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200), np.float32)])
def test_other_arrays_are_refused(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with pytest.raises(InvalidInput) as caught:
        query(pixels)
    assert caught.value.code == "picture_shape"


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(InvalidInput):
        register(b"no picture at all")
