"""What a pool with few photos knows of rarity: how many of 50,000 registered photos would resemble a descriptor.

Votes are divided by how many photos resemble a descriptor. A pool of a few photos cannot tell a patch of sky from anything
else, and would send most uploads on. So for the photos that are missing to 50,000, at which the level was measured, an
expectation stands in. It rests on 65,536 descriptors, made once of benign photos (benchmarks/trace_background.py): without
pictures, positions or sizes, mixed so that no photo's stand together. A missing photo is thought of as 256 of them, each bit
turned with a probability of 4 to 12 %, as benchmarks/trace_distractors.py makes photos up. How likely such a descriptor is
found near an asked one follows from their distance alone, so none of these photos is ever made, stored or found.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

PHOTOS: Final = 50_000
"""Registered photos as one of which every pool behaves."""
A_PHOTO: Final = 256
"""Descriptors of each."""
CROWDING: Final = 3
"""So many times as often as the base tells. It is made of two hundred photos, and real ones have more in common than it knows:
taken once, a pool of 367 real photos sent on 9 % of unrelated uploads. Chosen by these (benchmarks/trace_small_pools.py)."""
UNIT: Final = 1 << 20
"""Whole numbers are summed up, in these parts of a photo, so that every machine comes to the same score."""
_BITS: Final = 128
_TURNED: Final = (0.045, 0.055, 0.065, 0.075, 0.085, 0.095, 0.105, 0.115)


@lru_cache(maxsize=1)
def shipped() -> NDArray[np.uint8]:
    """(B, 16) uint8: the descriptors that ship with the package."""
    with resources.files("amparo.index.trace").joinpath("background.npz").open("rb") as file:
        rows: NDArray[np.uint8] = np.load(file, allow_pickle=False)["rows"]
    return rows


@lru_cache(maxsize=8)
def chances(tables: int, bits: int, radius: int) -> NDArray[np.float64]:
    """(129,): how likely a descriptor of a made-up photo is found, by the bits between the asked one and the one it is made of.

    Found is what shares a bucket of one of ``tables`` and lies within ``radius``.
    """
    seen = np.zeros(_BITS + 1)
    for far in range(radius + 1):
        seen[far] = 1 - (1 - comb(_BITS - far, bits) / comb(_BITS, bits)) ** tables
    out = np.zeros(_BITS + 1)
    for rate in _TURNED:
        for far in range(_BITS + 1):
            # Of the bits that differ those stay that are not turned, and of the others come those that are.
            distance = np.convolve(_binomial(far, 1 - rate), _binomial(_BITS - far, rate))
            out[far] += float(distance @ seen) / len(_TURNED)
    return out


def expected(rows: int, tables: int, bits: int, radius: int) -> NDArray[np.int64]:
    """(129,) in ``UNIT``: photos of ``PHOTOS`` that are found through one of so many rows, by its distance from the asked one."""
    if not rows:
        return np.zeros(_BITS + 1, np.int64)
    made_of_each = CROWDING * PHOTOS * A_PHOTO / rows
    return np.rint(chances(tables, bits, radius) * made_of_each * UNIT).astype(np.int64)


def missing(photos: int) -> float:
    """Share of ``PHOTOS`` that a pool of so many lacks; 0 from there on."""
    return max(0, PHOTOS - photos) / PHOTOS


def _binomial(count: int, chance: float) -> NDArray[np.float64]:
    return np.array([comb(count, k) * chance**k * (1 - chance) ** (count - k) for k in range(count + 1)])
