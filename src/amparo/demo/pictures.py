"""Pictures for the demo: landscapes that were never anywhere, and the same with a part covered by another texture.

Nobody is in them. An "altered" picture here is one of which a rectangle shows something else, as SAFETY.md has it.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT: Final = 600
WIDTH: Final = 800
_SKY, _SUN, _FAR, _NEAR = (150, 190, 225), (250, 226, 160), (96, 118, 120), (74, 96, 58)


def landscape(seed: int, quality: int = 90, scale: float = 1.0) -> bytes:
    """A JPEG file. The same seed is the same picture; in another quality or scale, a copy of it."""
    return _jpeg(_scene(seed), quality, scale)


def altered(seed: int, filling: int = 900, quality: int = 90, scale: float = 1.0) -> bytes:
    """The same with two fifths of its area covered by another texture."""
    picture = _scene(seed).copy()
    side = 0.4**0.5
    high, wide = round(HEIGHT * side), round(WIDTH * side)
    top, left = (HEIGHT - high) // 2, (WIDTH - wide) // 2
    picture[top : top + high, left : left + wide] = _scene(filling)[:high, :wide]
    return _jpeg(picture, quality, scale)


@lru_cache(maxsize=16)
def _scene(seed: int) -> NDArray[np.uint8]:
    """Sky, sun and ridges in seeded places, all of it rough as a photograph is (amplitude falls with frequency)."""
    random = np.random.default_rng(seed)
    rough = [_rough(random) for _ in range(3)]
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    picture = np.empty((HEIGHT, WIDTH, 3))
    shade = 0.75 + 0.35 * rows / HEIGHT + 0.16 * rough[0]
    picture[:] = np.array(_SKY) * shade[..., None]
    sun = np.hypot(rows - random.uniform(60, 220), columns - random.uniform(80, 720)) < random.uniform(30, 70)
    picture[sun] = np.array(_SUN) * (0.95 + 0.1 * rough[1][sun, None])
    for number, tint in enumerate((_FAR, _NEAR)):
        ridge = HEIGHT * (0.35 + 0.25 * number) + 70 * _profile(random)
        below = rows > ridge[None, :]
        light = 0.85 + 0.45 * rough[number + 1]
        picture[below] = (np.array(tint) * random.uniform(0.7, 1.3, 3)) * light[below, None]
    done = np.clip(picture + 14 * rough[2][..., None], 0, 255).astype(np.uint8)
    done.flags.writeable = False
    return done


def _rough(random: np.random.Generator) -> NDArray[np.float64]:
    """Values about -1 to 1."""
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None] * HEIGHT, np.fft.rfftfreq(WIDTH)[None, :] * WIDTH)
    spectrum = np.exp(2j * np.pi * random.random(frequency.shape)) / np.maximum(frequency, 1.0) ** 1.15
    plane = np.fft.irfft2(spectrum, s=(HEIGHT, WIDTH))
    return plane / (2 * plane.std())


def _profile(random: np.random.Generator) -> NDArray[np.float64]:
    """The line of a ridge, about -1 to 1."""
    frequency = np.maximum(np.arange(WIDTH // 2 + 1), 1.0)
    line = np.fft.irfft(np.exp(2j * np.pi * random.random(frequency.shape)) / frequency**1.4, n=WIDTH)
    return line / (2 * line.std())


def _jpeg(picture: NDArray[np.uint8], quality: int, scale: float) -> bytes:
    image = Image.fromarray(picture)
    if scale != 1.0:
        image = image.resize((round(image.width * scale), round(image.height * scale)))
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    return stored.getvalue()
