"""Tap tables: PDQ's blur and decimation to 64 samples, for one axis, as one sparse matrix.

The reference blurs an axis of ``n`` samples twice with a box of ``ceil(n / 128)`` samples and keeps 64 of
them. Box, box and choice are linear and treat rows and columns apart, so each axis is a 64 x n matrix with a
short run of weights a row. The weights are integers that sum to 65,536: every later sum is then an exact
integer, and comes out the same in any order, in any number type wide enough, in any language. ``spec/pdq.md``
is the norm; section 3 is this module.

Source: Meta, "PDQ & TMK + PDQF", 2019; W. Jarosz, "Fast image convolutions", SIGGRAPH 2001 (student work).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import compiles, kernel

SAMPLES: Final = 64
"""Samples that an axis is brought to."""
UNIT: Final = 65_536
"""What the weights of one output sample add up to."""
_BOXES: Final = 2 * SAMPLES


@dataclass(frozen=True, slots=True)
class Taps:
    """The matrix of one axis. Output sample ``o`` is the sum of ``weights[offsets[o]:offsets[o + 1]]`` times
    the input samples from ``starts[o]`` on. starts: (64,) int64; offsets: (65,) int64; weights: int32, 1 or
    more an output.
    """

    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]
    weights: NDArray[np.int32]

    def reversed(self, samples: int) -> Taps:
        """The taps that do to an axis of ``samples`` samples what these do to it turned round."""
        counts = np.diff(self.offsets)
        order = np.arange(len(self.weights)) - np.repeat(self.offsets[:-1], counts)
        within = np.repeat(self.offsets[1:], counts) - 1 - order
        return Taps(samples - self.starts - counts, self.offsets, self.weights[within])


@kernel
def _tents_compiled(length: int, width: int, tents: NDArray[np.float64], firsts: NDArray[np.int64]) -> None:
    before, after = (width - 1) // 2, width // 2
    for sample in range(64):
        centre = (2 * sample + 1) * length // 128
        low, high = max(0, centre - before), min(length - 1, centre + after)
        first = max(0, low - before)
        firsts[sample] = first
        for middle in range(low, high + 1):
            near, far = max(0, middle - before), min(length - 1, middle + after)
            share = 1.0 / ((high - low + 1) * (far - near + 1))
            for position in range(near, far + 1):
                tents[sample, position - first] += share


def _tents_numpy(length: int, width: int, tents: NDArray[np.float64], firsts: NDArray[np.int64]) -> None:
    before, after = (width - 1) // 2, width // 2
    for sample in range(SAMPLES):
        centre = (2 * sample + 1) * length // _BOXES
        low, high = max(0, centre - before), min(length - 1, centre + after)
        first = max(0, low - before)
        firsts[sample] = first
        for middle in range(low, high + 1):
            near, far = max(0, middle - before), min(length - 1, middle + after)
            tents[sample, near - first : far - first + 1] += 1.0 / ((high - low + 1) * (far - near + 1))


@lru_cache(maxsize=512)
def axis_taps(length: int, scale: int = 1, lead: int = 0) -> Taps:
    """The taps of an axis of ``length`` >= 1 full-size samples.

    scale: 1, or how many full-size samples stand behind one sample of a smaller plane; the taps are then for
    the smaller axis, whose sample ``q`` is the mean of the full-size samples ``scale * q - lead`` to
    ``scale * (q + 1) - lead - 1``, as far as they exist.
    """
    width = -(-length // _BOXES)
    tents = np.zeros((SAMPLES, 2 * width), dtype=np.float64)
    firsts = np.zeros(SAMPLES, dtype=np.int64)
    (_tents_compiled if compiles() else _tents_numpy)(length, width, tents, firsts)
    # Rounding the running sum, not each weight, spreads the rounding and makes every row add up to UNIT.
    sums = np.floor(np.cumsum(tents, axis=1) * UNIT + 0.5).astype(np.int64)
    cells = (firsts[:, None] + np.arange(2 * width) + lead) // scale
    # A run ends where the running sum reaches UNIT; before that, each cell's last sample closes the cell.
    reached = np.argmax(sums == UNIT, axis=1)[:, None]
    positions = np.arange(2 * width)[None, :]
    closes = (np.diff(cells, axis=1, append=-1) != 0) & (positions < reached) | (positions == reached)
    offsets = np.concatenate(([0], np.cumsum(closes.sum(axis=1))))
    weights = np.diff(sums[closes], prepend=UNIT)
    weights[offsets[:-1]] += UNIT
    return Taps(cells[:, 0].copy(), offsets, weights.astype(np.int32))


@lru_cache(maxsize=512)
def turned_axis_taps(length: int, scale: int = 1, lead: int = 0) -> Taps:
    """The taps that give, from an axis as it is, what ``axis_taps`` gives from the axis turned round."""
    samples = -(-(length + lead) // scale)
    return axis_taps(length, scale, samples * scale - length - lead).reversed(samples)
