"""Another photo of the same place is no copy; crops, screenshots and turned copies are."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from amparo.signal.trace import Relation, compare, query, register
from amparo.signal.trace.match import Similarity
from amparo.signal.trace.view import shares
from tests.signal.trace.trace_scenes import scene

Picture: TypeAlias = NDArray[np.uint8]


def test_shares_of_a_crop_and_of_a_screenshot() -> None:
    crop = Similarity(2.0, 0.0, -256.0, -256.0)
    assert shares(crop, (512, 512), (512, 512)) == (pytest.approx(0.25), 1.0)
    screenshot = Similarity(0.5, 0.0, 128.0, 128.0)
    assert shares(screenshot, (512, 512), (512, 512)) == (1.0, pytest.approx(0.25))


def test_shares_of_a_camera_that_moved() -> None:
    shown, showing = shares(Similarity(1.0, 0.0, 128.0, 0.0), (384, 512), (384, 512))
    assert shown == showing == pytest.approx(0.75)


def test_shares_of_a_picture_turned_by_a_quarter() -> None:
    assert shares(Similarity(0.0, 1.0, 384.0, 0.0), (384, 512), (512, 384)) == (1.0, 1.0)


def after_a_gust(picture: Picture) -> Picture:
    """Everything moved a little, each thing in its own direction, as leaves do."""
    draw = np.random.default_rng(3)
    height, width = picture.shape[:2]
    aside, along = (
        cv2.resize(draw.uniform(-9, 9, (height // 24, width // 24)).astype(np.float32), (width, height))
        for _ in range(2)
    )
    row, column = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.asarray(cv2.remap(picture, column + aside, row + along, cv2.INTER_LINEAR), np.uint8)


def test_a_second_photo_from_a_little_beside_is_not_called_a_copy() -> None:
    """One wide scene, photographed twice: the camera moved by a fifth, and the wind blew."""
    wide = np.asarray(cv2.resize(scene(71), (1000, 600)), np.uint8)
    record = register(wide[:, :800])
    assert compare(record, query(wide[:, 40:])).relation is Relation.COPY
    answer = compare(record, query(after_a_gust(wide)[:, 200:]))
    assert answer.inliers > 10
    assert answer.relation is Relation.UNCERTAIN


@pytest.mark.parametrize("degrees", [0.0, 5.0, 15.0])
def test_a_crop_of_the_photo_stays_a_copy_turned_or_not(degrees: float) -> None:
    picture = np.asarray(cv2.resize(scene(72), (800, 600)), np.uint8)
    turn = cv2.getRotationMatrix2D((400, 300), degrees, 1.0)
    turned = np.asarray(cv2.warpAffine(picture, turn, (800, 600)), np.uint8)
    assert compare(register(picture), query(turned[60:540, 80:720])).relation is Relation.COPY
