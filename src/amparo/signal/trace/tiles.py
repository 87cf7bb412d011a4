"""What each of 16 x 16 tiles of a frame holds: eight signs of gradients and one energy (spec/trace.md, section 5).

No luma and no colour. The frame is seen as 128 x 128 samples; a tile is 8 x 8 of them, and each of its quarters gives the
sign of its horizontal and of its vertical gradient, or 0 where the gradient is weak for this frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.match import Similarity
from amparo.signal.trace.plane import Grey, resampled

SIDE: Final = 16
COUNT: Final = SIDE * SIDE
SAMPLES: Final = 8 * SIDE
SIGNS: Final = 8
MOST_ENERGY: Final = 30
WEAKEST: Final = 8
"""Grey levels, summed over the eight samples of half a quarter: a gradient below it is never a sign."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """signs: (256, 8) int8 of -1, 0, 1, tile by tile in reading order, each quarter's (x, y); energies: (256,) uint8 in
    half octaves, 0..30; visible: (256,) bool, whether the frame's tile lies inside the picture that was looked at."""

    signs: NDArray[np.int8]
    energies: NDArray[np.uint8]
    visible: NDArray[np.bool_]


@kernel
def _gradients(grid: Grey, signs: NDArray[np.int32], energies: NDArray[np.int64]) -> None:
    for ty in range(16):
        for tx in range(16):
            tile = ty * 16 + tx
            for qy in range(2):
                for qx in range(2):
                    top = ty * 8 + qy * 4
                    left = tx * 8 + qx * 4
                    along = 0
                    down = 0
                    for v in range(4):
                        for u in range(4):
                            value = np.int32(grid[top + v, left + u])
                            along += value if u > 1 else -value
                            down += value if v > 1 else -value
                    signs[tile, 4 * qy + 2 * qx] = along
                    signs[tile, 4 * qy + 2 * qx + 1] = down
            total = 0
            for v in range(8):
                for u in range(8):
                    value = np.int32(grid[ty * 8 + v, tx * 8 + u])
                    if u < 7:
                        total += abs(np.int32(grid[ty * 8 + v, tx * 8 + u + 1]) - value)
                    if v < 7:
                        total += abs(np.int32(grid[ty * 8 + v + 1, tx * 8 + u]) - value)
            energies[tile] = total


@kernel
def _half_octaves(energies: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The bit length of the square: 0 for 0, else 1 + floor(2 log2 energy)."""
    out = np.zeros(len(energies), np.uint8)
    for i in range(len(energies)):
        square = energies[i] * energies[i]
        while square:
            out[i] += 1
            square >>= 1
    return out


def _of_grid(grid: Grey, visible: NDArray[np.bool_]) -> Tiles:
    gradients = np.empty((COUNT, SIGNS), np.int32)
    energies = np.empty(COUNT, np.int64)
    _gradients(grid, gradients, energies)
    size = np.sort(np.abs(gradients[visible]).ravel())
    # Lower median: an integer that every language agrees on.
    middle = int(size[(len(size) - 1) // 2]) if len(size) else 0
    dead = max(WEAKEST, middle // 4)
    signs = (gradients >= dead).astype(np.int8) - (gradients <= -dead).astype(np.int8)
    return Tiles(signs, np.minimum(_half_octaves(energies), MOST_ENERGY).astype(np.uint8), visible)


def of_plane(plane: Grey) -> Tiles:
    """The tiles of a registered picture's own frame; integers only."""
    return _of_grid(resampled(plane, SAMPLES, SAMPLES), np.ones(COUNT, np.bool_))


def in_frame(levels: Sequence[Grey], similarity: Similarity, height: int, width: int) -> Tiles:
    """The tiles of an upload, seen in the frame (``height`` x ``width`` pixels of its plane) of a registered picture.

    levels: the upload's pyramid, not mirrored. Not bit-exact across languages: only gates compute it.
    """
    import cv2  # as in alteration: not at the start

    scale = similarity.scale
    # A sample of the frame spans this many pixels of the upload: read from the level that is no finer than half of it.
    span = scale * max(height, width) / (2 * SAMPLES)
    number = int(np.clip(np.floor(4 * np.log2(max(span, 1e-6))), 0, len(levels) - 1))
    plane, level = levels[0], levels[number]
    sx, sy = level.shape[1] / plane.shape[1], level.shape[0] / plane.shape[0]
    step_x, step_y = width / (2 * SAMPLES), height / (2 * SAMPLES)
    # Sample centres (u + .5) * step - .5 in the frame, then the upload, then its level.
    a, b = similarity.a, similarity.b
    x0, y0 = 0.5 * step_x - 0.5, 0.5 * step_y - 0.5
    matrix = np.array(
        [
            [a * step_x, -b * step_y, a * x0 - b * y0 + similarity.dx],
            [b * step_x, a * step_y, b * x0 + a * y0 + similarity.dy],
        ]
    )
    if similarity.mirrored:
        matrix[0] = -matrix[0]
        matrix[0, 2] += plane.shape[1] - 1
    corners = np.arange(SIDE + 1) * 16.0 - 0.5
    ux, uy = np.meshgrid(corners, corners)
    px = matrix[0, 0] * ux + matrix[0, 1] * uy + matrix[0, 2]
    py = matrix[1, 0] * ux + matrix[1, 1] * uy + matrix[1, 2]
    slack = 1.5
    inside = (px > -slack) & (px < plane.shape[1] - 1 + slack) & (py > -slack) & (py < plane.shape[0] - 1 + slack)
    visible = (inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:] & inside[1:, 1:]).ravel()
    matrix[0] *= sx
    matrix[1] *= sy
    matrix[0, 2] += 0.5 * sx - 0.5
    matrix[1, 2] += 0.5 * sy - 0.5
    seen = cv2.warpAffine(
        level,
        matrix,
        (2 * SAMPLES, 2 * SAMPLES),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    grid = np.asarray(cv2.resize(seen, (SAMPLES, SAMPLES), interpolation=cv2.INTER_AREA), np.uint8)
    return _of_grid(grid, visible)
