"""64 x 64 block of luma -> 256 bits and a quality (``spec/pdq.md``, sections 5 to 8), exact in integers.

The cosine transform works on integers held in binary64. Every sum of it stays below 2**53, so no order of
additions and no fused multiply-add can change a bit, and the matrix product of any linear-algebra library
will do.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

COEFFICIENTS: Final = 16
"""Frequencies 1..16 of each axis are kept; frequency 0, the mean, is not."""

# fmt: off
COSINES: Final[tuple[int, ...]] = (
    741455, 741232, 740562, 739446, 737885, 735879, 733430, 730539, 727208, 723439, 719235, 714597, 709528,
    704033, 698113, 691772, 685015, 677846, 670268, 662286, 653905, 645131, 635967, 626421, 616497, 606203,
    595542, 584524, 573153, 561436, 549382, 536997, 524288, 511263, 497931, 484298, 470374, 456167, 441684,
    426936, 411930, 396677, 381184, 365462, 349520, 333367, 317013, 300468, 283743, 266846, 249789, 232581,
    215233, 197756, 180159, 162454, 144651, 126761, 108794, 90762, 72675, 54545, 36381, 18196, 0,
)
# fmt: on
"""``round(2**22 * sqrt(2 / 64) * cos(m * pi / 128))`` for m = 0..64: one quarter of the wave, as numbers,
because no two mathematical libraries promise the same last bit of a cosine.
"""

_MATRIX_SCALE: Final = 2.0**-22
_QUALITY_UNIT: Final = 255 * 65_536


def _cosine(m: int) -> int:
    m %= 256
    if m > 128:
        m = 256 - m
    return COSINES[m] if m <= 64 else -COSINES[128 - m]


_MATRIX: Final[NDArray[np.float64]] = np.array(
    [[_cosine((i + 1) * (2 * j + 1)) for j in range(64)] for i in range(COEFFICIENTS)], dtype=np.float64
)
_MATRIX_TRANSPOSED: Final[NDArray[np.float64]] = np.ascontiguousarray(_MATRIX.T)

_ODD: Final = np.arange(COEFFICIENTS) % 2 == 1
_BY_ROW: Final[NDArray[np.float64]] = np.where(_ODD, 1.0, -1.0)[:, None]
_BY_COLUMN: Final[NDArray[np.float64]] = np.where(_ODD, 1.0, -1.0)[None, :]
_CHECKERED: Final[NDArray[np.float64]] = _BY_ROW * _BY_COLUMN


def cosine_transform(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 16 x 16 low frequencies of a 64 x 64 block; integers in binary64, both."""
    half = np.floor((_MATRIX @ block) * _MATRIX_SCALE + 0.5)
    return half @ _MATRIX_TRANSPOSED


def bits(transform: NDArray[np.float64]) -> bytes:
    """32 bytes, a bit for each coefficient above the lower median; the last coefficient is the first bit."""
    flat = transform.ravel()
    median = np.partition(flat, 127)[127]
    return np.packbits(flat[::-1] > median).tobytes()


def quality(block: NDArray[np.float64]) -> int:
    """0..100: how much the block changes from sample to sample; small steps do not count."""
    narrow = block.astype(np.int32)  # a hundred times the largest difference is still under 2**31
    down = np.abs(narrow[1:] - narrow[:-1]) * 100 // _QUALITY_UNIT
    right = np.abs(narrow[:, 1:] - narrow[:, :-1]) * 100 // _QUALITY_UNIT
    return min(100, (int(down.sum()) + int(right.sum())) // 90)


def turns(transform: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The transforms of the eight turns and mirrors of a picture, from the transform of one.

    Order: original, rot90, rot180, rot270 (counter-clockwise), flipX (upside down), flipY (left and right
    exchanged), flipPlus1 (mirrored at the main diagonal), flipMinus1 (at the other one). Turning an axis
    round negates its odd cosines, which are those at even places; exchanging the axes transposes.
    """
    transposed = transform.T
    return (
        transform,
        transposed * _BY_ROW,
        transform * _CHECKERED,
        transposed * _BY_COLUMN,
        transform * _BY_ROW,
        transform * _BY_COLUMN,
        transposed,
        transposed * _CHECKERED,
    )
