"""Counts of bits, for machines that look them up."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.memory import aligned


def _counts() -> npt.NDArray[np.uint8]:
    counts = aligned(16, 16)
    halves = np.arange(16, dtype=np.uint8)
    counts[:] = np.bitwise_count(halves[:, None] ^ halves)
    return counts


COUNTS: Final = _counts()
"""(16, 16) uint8: the bits in which two half-octets differ; each row is a table that one instruction of AVX2 looks up in."""
