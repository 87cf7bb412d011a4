"""Small measures that the trace benchmarks share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def area_under_curve(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Probability that a positive scores above a negative; ties count half (Mann and Whitney 1947)."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(negative))


def at_side(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """A mask resampled to a square of ``side``: set where more than half is."""
    small = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small > 0.5)
