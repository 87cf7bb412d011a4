"""Which buckets a search visits: the radius of each band, and the flips that lead from a key to its
neighbours.

A fingerprint is 16 bands of 16 bits. If two differ in at most T bits and the band radii satisfy
``sum(r_b + 1) = T + 1``, then in some band b they differ in at most ``r_b`` bits (the general pigeonhole
principle; Norouzi, Punjani, Fleet: Fast exact search in Hamming space with multi-index hashing, 2014; Qin et
al.: GPH, 2018). The pigeonring principle sharpens it (Qin, Xiao: Pigeonring, VLDB 2018): going round the
ring of bands from some such b, every run of bands stays within the sum of its ``r + 1``, less one. For runs
of two: ``d_b + d_(b+1) <= r_b + r_(b+1) + 1``.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.index.protocol import MAXIMUM_RADIUS

BANDS: Final = 16
BUCKETS: Final = 1 << 16
SMALL_BANDS: Final = 32
"""The delta holds few rows, so few that bands of 8 bits leave little in a bucket: for 31 bits, one look-up each."""
SMALL_BUCKETS: Final = 1 << 8
PLACES: Final = 64
"""In a node of the delta."""


def _radii(bands: int) -> npt.NDArray[np.int64]:
    table = np.empty((MAXIMUM_RADIUS + 1, bands), np.int64)
    for total in range(MAXIMUM_RADIUS + 1):
        least, larger = divmod(total + 1, bands)
        table[total] = [least - 1 + (band < larger) for band in range(bands)]
    return table


def _flips() -> npt.NDArray[np.int64]:
    bits = [1 << bit for bit in range(BANDS)]
    largest = int(RADII.max())
    return np.array([sum(chosen) for size in range(largest + 1) for chosen in combinations(bits, size)], np.int64)


RADII: Final = _radii(BANDS)
"""(51, 16): the radius of each band for each search radius; -1 where the band is not visited at all."""
FLIPS: Final = _flips()
"""The 16-bit words of at most three set bits, by number of set bits: key ^ flip visits the neighbours of a
key."""
REACH: Final = np.searchsorted(np.bitwise_count(FLIPS), np.arange(5))
"""REACH[r + 1]: how many of FLIPS have at most r set bits."""
SMALL_RADII: Final = _radii(SMALL_BANDS)
"""(51, 32): the radius of each band of the delta; at most 1."""
