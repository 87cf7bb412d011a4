"""Descriptors of invented photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amparo.index.trace import PooledIndex

Bits = NDArray[np.uint8]


def drawn(seed: int, count: int = 256) -> Bits:
    return np.random.default_rng(seed).integers(0, 256, (count, 16)).astype(np.uint8)


def noisy(rows: Bits, rate: float, seed: int) -> Bits:
    """Each bit turned with this probability."""
    flips = np.random.default_rng(seed).random((len(rows), 128)) < rate
    return rows ^ np.packbits(flips, axis=1)


def small() -> PooledIndex:
    """An index whose tables take no time to build."""
    return PooledIndex(tables=12, bits=16)
