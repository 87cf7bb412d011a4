"""Synthetic pictures for tests: no photograph is ever committed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=8)
def photo_like(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """A synthetic picture with a photograph's spectrum (amplitude falls with frequency) and correlated
    colours.
    """
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None, :] * width)
    spectrum = np.exp(2j * np.pi * random.random((4, *frequency.shape))) / np.maximum(frequency, 1.0) ** 1.2
    planes = np.fft.irfft2(spectrum, s=(height, width))
    mixed = np.stack([planes[0] + 0.3 * planes[channel] for channel in (1, 2, 3)], axis=2)
    low, high = np.percentile(mixed, (0.5, 99.5))
    picture = np.clip((mixed - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    picture.flags.writeable = False
    return picture
