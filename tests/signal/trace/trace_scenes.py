"""Synthetic pictures with enough to see: shapes and textures from a seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


def scene(seed: int, height: int = 480, width: int = 640) -> Grey:
    """Ellipses, boxes and lines of many sizes over smooth noise."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(
        rng.integers(60, 200, (12, 16)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    canvas = np.clip(ground, 0, 255).astype(np.uint8)
    for _ in range(260):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        size = int(np.exp(rng.uniform(1.2, 4.2)))
        tone = int(rng.integers(256))
        kind = int(rng.integers(3))
        if kind == 0:
            axes = (size, int(rng.integers(2, size + 3)))
            cv2.ellipse(canvas, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, tone, -1)
        elif kind == 1:
            cv2.rectangle(canvas, (x, y), (x + size, y + int(rng.integers(2, size + 3))), tone, -1)
        else:
            end = (x + int(rng.normal(0, size)), y + int(rng.normal(0, size)))
            cv2.line(canvas, (x, y), end, tone, int(rng.integers(1, 5)))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.8), np.uint8)


def covered(picture: Grey, seed: int, top: float = 0.3, left: float = 0.3, size: float = 0.45) -> Grey:
    """The picture with a box of ``size`` a side replaced by another scene."""
    height, width = picture.shape
    other = scene(seed, height, width)
    out = picture.copy()
    box = np.s_[int(top * height) : int((top + size) * height), int(left * width) : int((left + size) * width)]
    out[box] = other[box]
    return out
