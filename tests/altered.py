"""Benign synthetic photos and benign alterations of them, as files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from amparo.signal import trace
from amparo.signal.trace import TraceRecord
from tests.pictures import photo_like

HEIGHT, WIDTH = 600, 800


def file_of(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], quality: int = 90) -> bytes:
    stored = io.BytesIO()
    Image.fromarray(picture).save(stored, "JPEG", quality=quality)
    return stored.getvalue()


def photo(seed: int, quality: int = 90) -> bytes:
    """An ordinary photo; the same seed is the same photo, in another quality re-encoded."""
    return file_of(photo_like(HEIGHT, WIDTH, seed), quality)


def altered(seed: int, share: float = 0.4, filling: int = 9000) -> bytes:
    """The photo with a rectangle of this share of its area replaced by another texture."""
    picture = photo_like(HEIGHT, WIDTH, seed).copy()
    side = share**0.5
    high, wide = round(HEIGHT * side), round(WIDTH * side)
    top, left = (HEIGHT - high) // 2, (WIDTH - wide) // 2
    picture[top : top + high, left : left + wide] = photo_like(HEIGHT, WIDTH, filling)[:high, :wide]
    return file_of(picture)


def record(seed: int) -> TraceRecord:
    return trace.register(photo(seed))
