"""Two doubts about an upload that seems to show a photo.

*Is it the photo, or another one of the same place or session?* Two frames of one shot agree in most tiles. What tells them
apart: keypoints that should be there are missing; neither picture holds the other, as a crop or a screenshot would; or both
show the same to the edge and yet differ in PDQ by more than saving again ever changes.

*Does an altered upload show enough of the photo?* A forged record can gather keypoints of many pictures, with their places and
tiles, so as to catch them all. Each of them finds its few keypoints in its few tiles, and everything else "replaced". So what
stands untouched must be a part of the photo, and must show that photo's own keypoints.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.signal.trace import alteration
from amparo.signal.trace.match import Similarity
from amparo.signal.trace.tiles import Tiles

WHOLE: Final = 0.7
"""Share of the frame from which on an upload of about the photo's size shows it as a whole."""
ABOUT_THE_SIZE: Final = 1.4
FEWEST_FOUND: Final = 0.57
"""Of the keypoints that such an upload should show, a copy shows this share where it belongs. Copies of the tuning half (JPEG,
resized, filters, blur 1-3, turned) showed .59 at least."""
UPRIGHT: Final = 0.05
"""Radians. A picture that was turned on purpose has corners that the other one lacks."""
TO_THE_EDGE: Final = 0.95
"""Share from which on two pictures show the same to the edge."""
BESIDE: Final = 0.93
"""Share below which, both ways, neither picture holds the other. No copy of the tuning half came below it upright."""
FOUND_BESIDE: Final = 0.8
FARTHEST_PDQ: Final = 40
"""Bits. One of 277 copies of the tuning half that were resized, blurred or saved again differed by more."""
FOUND_TO_THE_EDGE: Final = 0.88

LEAST_UNTOUCHED: Final = 0.16
"""Share of the visible tiles. Altered uploads of the tuning half left .20 at least (background replaced)."""
FEWEST_UNTOUCHED: Final = 9
"""Keypoints found again in them. The same left 11 at least."""
FOUND_UNTOUCHED: Final = 0.28
"""Share of the keypoints there that are found again. The same showed .32 at least."""
SMALL: Final = 0.5
FOUND_SMALL: Final = 0.1
"""The same where the upload shows the photo at less than ``SMALL`` of its size: many keypoints are lost (.12 at least)."""

_GRID: Final = 32


def _share_inside(
    width: int, height: int, real: float, imaginary: float, shift: tuple[float, float], other: tuple[int, int]
) -> float:
    row, column = np.mgrid[0:_GRID, 0:_GRID] + 0.5
    x, y = column * (width / _GRID), row * (height / _GRID)
    u, v = real * x - imaginary * y + shift[0], imaginary * x + real * y + shift[1]
    return float(((u >= 0) & (u < other[0]) & (v >= 0) & (v < other[1])).mean())


def shares(similarity: Similarity, frame: tuple[int, int], upload: tuple[int, int]) -> tuple[float, float]:
    """Which share of the photo the upload shows, and which share of the upload shows the photo. frame, upload: (height,
    width) of their planes."""
    a, b, dx, dy = similarity.a, similarity.b, similarity.dx, similarity.dy
    square = a * a + b * b
    back = ((-a * dx - b * dy) / square, (b * dx - a * dy) / square)
    return (
        _share_inside(frame[1], frame[0], a, b, (dx, dy), (upload[1], upload[0])),
        _share_inside(upload[1], upload[0], a / square, -b / square, back, (frame[1], frame[0])),
    )


def other_view(
    found: NDArray[np.int32],
    seen: Tiles,
    similarity: Similarity,
    frame: tuple[int, int],
    upload: tuple[int, int],
    pdq_distance: int,
) -> bool:
    """Whether an upload that seems unaltered is more likely another photo than a copy. found: ``place.nearest_in_place`` of
    the keypoints in visible tiles; frame, upload: (height, width)."""
    expected = int((found >= 0).sum())
    again = int(((found >= 0) & (found <= alteration.FOUND)).sum())
    whole = float(seen.visible.mean()) >= WHOLE and 1 / ABOUT_THE_SIZE < similarity.scale < ABOUT_THE_SIZE
    if whole and again < FEWEST_FOUND * expected:
        return True
    if abs(float(np.arctan2(similarity.b, similarity.a))) > UPRIGHT:
        return False
    shown, showing = shares(similarity, frame, upload)
    if max(shown, showing) < BESIDE:
        return again < FOUND_BESIDE * expected
    return min(shown, showing) > TO_THE_EDGE and pdq_distance > FARTHEST_PDQ and again < FOUND_TO_THE_EDGE * expected


def shows_enough(
    found: NDArray[np.int32], tile: NDArray[np.int64], replaced: NDArray[np.float32], seen: Tiles, scale: float
) -> bool:
    """Whether the untouched part of an altered upload is large enough, and shows the photo's keypoints.

    found: (N,) ``place.nearest_in_place`` of all keypoints; tile: (N,) where they lie; replaced: (256,) probabilities;
    scale: pixels of the upload for one of the photo.
    """
    untouched = seen.visible & (replaced < 0.5)
    if int(untouched.sum()) < LEAST_UNTOUCHED * int(seen.visible.sum()):
        return False
    here = untouched[tile] & (found >= 0)
    again = int((here & (found <= alteration.FOUND)).sum())
    share = FOUND_UNTOUCHED if scale >= SMALL else FOUND_SMALL
    return again >= FEWEST_UNTOUCHED and again >= share * int(here.sum())
