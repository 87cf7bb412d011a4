"""Pictures of 12 megapixels for timing, made from small ones, because native ones are not at hand. Seeded.

Two makes, so that no figure hangs on one of them:

- ``upsampled``: one photo, enlarged bicubically and given back the fine grain that a sensor adds (noise that falls off
  with frequency, stronger where the photo has edges), so that the JPEG is as long as a camera's;
- ``stitched``: real photos side by side at their own size, cut at the edge of the frame.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

SIZE: Final = (4000, 3000)
QUALITY: Final = 90


def upsampled(photo: Path, seed: int) -> bytes:
    """JPEG bytes of ``photo`` at 12 megapixels, with added detail."""
    random = np.random.default_rng(seed)
    with Image.open(photo) as opened:
        small = opened.convert("RGB")
    large = small.resize(SIZE, Image.Resampling.BICUBIC)
    edges = np.asarray(small.convert("L").filter(ImageFilter.FIND_EDGES).resize(SIZE, Image.Resampling.BILINEAR))
    grain = sum(
        np.kron(
            random.normal(0, 1, (SIZE[1] // step + 1, SIZE[0] // step + 1)).astype(np.float32),
            np.ones((step, step), np.float32),
        )[: SIZE[1], : SIZE[0]]
        for step in (1, 2, 4)
    )
    strength = 1.5 + edges.astype(np.float32) / 24
    detailed = np.clip(np.asarray(large, dtype=np.float32) + (grain * strength)[:, :, None], 0, 255)
    return _jpeg(detailed.astype(np.uint8))


def stitched(photos: Sequence[Path], seed: int) -> bytes:
    """JPEG bytes of a 12-megapixel frame filled with photos, row by row, each at its own size."""
    order: list[int] = np.random.default_rng(seed).permutation(len(photos)).tolist()
    frame = Image.new("RGB", SIZE)
    left = top = number = tallest = 0
    while top < SIZE[1]:
        with Image.open(photos[order[number % len(photos)]]) as photo:
            frame.paste(photo.convert("RGB"), (left, top))
            left, tallest = left + photo.width, max(tallest, photo.height)
        number += 1
        if left >= SIZE[0]:
            # Rows overlap by what the taller photos leave over: no black gaps.
            left, top, tallest = 0, top + min(tallest, 320), 0
    return _jpeg(np.asarray(frame))


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()
