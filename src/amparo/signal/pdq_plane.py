"""Plane of pixels -> 64 x 64 block of luma, exact in integers (``spec/pdq.md``, section 4).

The vertical pass comes first and adds whole rows of bytes, so that it runs along memory; it leaves 64 rows,
on which the horizontal pass is cheap. Colour goes through the same vertical pass, as rows of three times the
width, and becomes luma between the passes: a sum is a sum.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import compiles, kernel
from amparo.signal.pdq_taps import SAMPLES, UNIT, Taps

RED, GREEN, BLUE = 19_595, 38_470, 7_471
"""Luma weights of ITU-R BT.601 in 1/65,536; they add up to 65,536, so grey pixels keep their value."""
_HALF: Final = UNIT // 2


@kernel
def _rows_compiled(
    plane: NDArray[np.uint8],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    weights: NDArray[np.int32],
    out: NDArray[np.int32],
) -> None:
    width = plane.shape[1]
    for sample in range(64):
        total = out[sample]
        tap, end, row = offsets[sample], offsets[sample + 1], starts[sample]
        # Four rows a sweep: the running total is read and written a quarter as often.
        while tap + 4 <= end:
            w0, w1, w2, w3 = weights[tap], weights[tap + 1], weights[tap + 2], weights[tap + 3]
            r0, r1, r2, r3 = plane[row], plane[row + 1], plane[row + 2], plane[row + 3]
            for x in range(width):
                total[x] += np.int32(r0[x]) * w0 + np.int32(r1[x]) * w1 + np.int32(r2[x]) * w2 + np.int32(r3[x]) * w3
            tap += 4
            row += 4
        while tap < end:
            w0 = weights[tap]
            r0 = plane[row]
            for x in range(width):
                total[x] += np.int32(r0[x]) * w0
            tap += 1
            row += 1


@kernel
def _columns_compiled(
    rows: NDArray[np.int32],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    weights: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    for y in range(64):
        line = rows[y]
        for sample in range(64):
            tap, column = offsets[sample], starts[sample]
            total = np.int64(0)
            for k in range(offsets[sample + 1] - tap):
                total += np.int64(line[column + k]) * np.int64(weights[tap + k])
            out[y, sample] = (total + 32768) >> 16


def _rows_numpy(plane: NDArray[np.uint8], taps: Taps) -> NDArray[np.int32]:
    out = np.empty((SAMPLES, plane.shape[1]), dtype=np.int32)
    for sample in range(SAMPLES):
        weights = taps.weights[taps.offsets[sample] : taps.offsets[sample + 1]]
        start = taps.starts[sample]
        # Sums stay below 2**24, where binary32 holds every integer.
        out[sample] = weights.astype(np.float32) @ plane[start : start + len(weights)].astype(np.float32)
    return out


def _columns_numpy(rows: NDArray[np.int32], taps: Taps) -> NDArray[np.float64]:
    out = np.empty((SAMPLES, SAMPLES), dtype=np.float64)
    wide = rows.astype(np.int64)
    for sample in range(SAMPLES):
        weights = taps.weights[taps.offsets[sample] : taps.offsets[sample + 1]]
        start = taps.starts[sample]
        out[:, sample] = (wide[:, start : start + len(weights)] @ weights.astype(np.int64) + _HALF) >> 16
    return out


@kernel
def _luma_compiled(rows: NDArray[np.int32], out: NDArray[np.int32]) -> None:
    for y in range(64):
        line, luma = rows[y], out[y]
        for x in range(out.shape[1]):
            red, green, blue = np.int64(line[3 * x]), np.int64(line[3 * x + 1]), np.int64(line[3 * x + 2])
            luma[x] = (red * 19_595 + green * 38_470 + blue * 7_471 + 32_768) >> 16


def _luma_numpy(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    wide = rows.astype(np.int64).reshape(SAMPLES, -1, 3)
    luma = (wide[..., 0] * RED + wide[..., 1] * GREEN + wide[..., 2] * BLUE + _HALF) >> 16
    return luma.astype(np.int32)


def numpy_block(plane: NDArray[np.uint8], colour: bool, rows: Taps, columns: Taps) -> NDArray[np.float64]:
    """``luma_block`` by numpy alone. plane: (h, w), or (h, 3 w) in colour, C-contiguous."""
    sums = _rows_numpy(plane, rows)
    return _columns_numpy(_luma_numpy(sums) if colour else sums, columns)


def compiled_block(plane: NDArray[np.uint8], colour: bool, rows: Taps, columns: Taps) -> NDArray[np.float64]:
    """``luma_block`` by compiled kernels. Takes and gives what ``numpy_block`` does, to the bit."""
    sums = np.zeros((SAMPLES, plane.shape[1]), dtype=np.int32)
    _rows_compiled(plane, rows.starts, rows.offsets, rows.weights, sums)
    if colour:
        coloured, sums = sums, np.empty((SAMPLES, plane.shape[1] // 3), dtype=np.int32)
        _luma_compiled(coloured, sums)
    block = np.empty((SAMPLES, SAMPLES), dtype=np.float64)
    _columns_compiled(sums, columns.starts, columns.offsets, columns.weights, block)
    return block


def luma_block(pixels: NDArray[np.uint8], rows: Taps, columns: Taps) -> NDArray[np.float64]:
    """The picture as 64 x 64 samples of luma in 1/65,536 of a grey level, whole numbers in binary64.

    pixels: (h, w) grey or (h, w, 3) RGB, uint8; rows, columns: the taps for h and w. Returns (64, 64),
    0..255 * 65,536.
    """
    # Colour goes in as rows of three times the width.
    plane = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)
    return (compiled_block if compiles() else numpy_block)(plane, pixels.ndim == 3, rows, columns)
