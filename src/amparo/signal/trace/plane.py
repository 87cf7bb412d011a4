"""The plane that every trace is computed on: grey, long side 512, by integer area averaging (spec/trace.md, section 2).

Integers only, so that Python and TypeScript come to the same bytes; every intermediate value stays below 2**53.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.core.kernels import kernel

Grey: TypeAlias = NDArray[np.uint8]

LONG_SIDE: Final = 512
SMALLEST_PICTURE: Final = 48
"""Pixels of the picture's long side: below it there is nothing to recognise it by."""
SMALLEST_PLANE: Final = 48
"""Pixels of the plane's short side: below it no keypoint has room for its patch."""


@kernel
def _shrink_rows(source: Grey, width: int) -> NDArray[np.uint16]:
    height, full = source.shape
    out = np.empty((height, width), np.uint16)
    for x in range(width):
        left = x * full
        right = left + full
        first = left // width
        last = (right - 1) // width
        first_weight = min((first + 1) * width, right) - left
        last_weight = right - last * width
        for y in range(height):
            total = first_weight * np.int64(source[y, first])
            if last > first:
                for j in range(first + 1, last):
                    total += width * np.int64(source[y, j])
                total += last_weight * np.int64(source[y, last])
            out[y, x] = (total * 256 + full // 2) // full
    return out


@kernel
def _shrink_columns(source: NDArray[np.uint16], height: int) -> Grey:
    full, width = source.shape
    out = np.empty((height, width), np.uint8)
    total = np.empty(width, np.int64)
    divisor = full * 256
    for y in range(height):
        top = y * full
        bottom = top + full
        first = top // height
        last = (bottom - 1) // height
        total[:] = 0
        for j in range(first, last + 1):
            weight = min((j + 1) * height, bottom) - max(j * height, top)
            for x in range(width):
                total[x] += weight * np.int64(source[j, x])
        for x in range(width):
            out[y, x] = (total[x] + divisor // 2) // divisor
    return out


@kernel
def _enlarge(source: Grey, height: int, width: int) -> Grey:
    full_height, full_width = source.shape
    out = np.empty((height, width), np.uint8)
    divisor = 4 * height * width
    for y in range(height):
        # Centre of the output row in input rows is v / (2 height), kept as an integer numerator.
        v = max((2 * y + 1) * full_height - height, 0)
        y0 = min(v // (2 * height), full_height - 1)
        y1 = min(y0 + 1, full_height - 1)
        b = v - 2 * height * y0
        for x in range(width):
            u = max((2 * x + 1) * full_width - width, 0)
            x0 = min(u // (2 * width), full_width - 1)
            x1 = min(x0 + 1, full_width - 1)
            a = u - 2 * width * x0
            top = (2 * width - a) * np.int64(source[y0, x0]) + a * np.int64(source[y0, x1])
            low = (2 * width - a) * np.int64(source[y1, x0]) + a * np.int64(source[y1, x1])
            out[y, x] = ((2 * height - b) * top + b * low + divisor // 2) // divisor
    return out


def resampled(source: Grey, height: int, width: int) -> Grey:
    """``source`` at ``height`` x ``width``: area averaging where both sides shrink, bilinear where they grow.

    Rounds half up after either pass; the first (rows) keeps 8 fractional bits. Same bytes as the TypeScript port.
    """
    if source.shape == (height, width):
        return source
    if height > source.shape[0] or width > source.shape[1]:
        return _enlarge(source, height, width)
    return _shrink_columns(_shrink_rows(source, width), height)


def plane_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the plane of a picture of that size: the long side 512, the other rounded half up."""
    longest = max(height, width)
    return (
        (2 * height * LONG_SIDE + longest) // (2 * longest),
        (2 * width * LONG_SIDE + longest) // (2 * longest),
    )


def plane_of(grey: Grey) -> Grey:
    """The plane of a grey picture, uint8 (height, width) with a long side of 512.

    Raises InvalidInput: ``picture_shape`` where it is not a 2-D uint8 array, ``picture_too_small`` where its long
    side is below 48 pixels, or the short side of its plane would be (a banner of more than 10 to 1).
    """
    if grey.ndim != 2 or grey.dtype != np.uint8:
        raise InvalidInput("picture_shape", "A trace is computed on a grey picture of 8 bits, height by width.")
    height, width = grey.shape
    if max(height, width) < SMALLEST_PICTURE:
        raise InvalidInput("picture_too_small", "The picture is too small to be recognised by.")
    rows, columns = plane_size(height, width)
    if min(rows, columns) < SMALLEST_PLANE:
        raise InvalidInput("picture_too_small", "The picture is too narrow to be recognised by.")
    return np.ascontiguousarray(resampled(np.ascontiguousarray(grey), rows, columns))
