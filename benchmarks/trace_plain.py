"""The two peers of the trace benchmark: PDQ within 31 bits, and plain ORB with a brute-force matcher and a homography.

The plain pipeline is what a good engineer would write in an afternoon: OpenCV's ORB with 1,000 features on the same plane,
Hamming brute force with Lowe's ratio of 0.75, findHomography with RANSAC at 5 pixels; a match at 15 inliers. It keeps 32 KB
and positions to the sub-pixel for a photo, knows no mirror image, and cannot tell a copy from an altered derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from amparo.signal.trace.plane import plane_of
from benchmarks.trace_edits import Picture

OPENCV: Any = cv2  # its stubs do not know ORB in every version
FEATURES = 1000
RATIO = 0.75
INLIERS = 15


@dataclass(frozen=True)
class Plain:
    points: Any
    descriptors: Any


def plain(grey: Picture) -> Plain:
    points, descriptors = OPENCV.ORB_create(FEATURES).detectAndCompute(plane_of(grey), None)
    return Plain(np.array([p.pt for p in points], np.float32).reshape(-1, 2), descriptors)


def inliers(one: Plain, two: Plain) -> int:
    if one.descriptors is None or two.descriptors is None or min(len(one.points), len(two.points)) < 8:
        return 0
    both = OPENCV.BFMatcher(OPENCV.NORM_HAMMING).knnMatch(two.descriptors, one.descriptors, k=2)
    good = [m[0] for m in both if len(m) == 2 and m[0].distance < RATIO * m[1].distance]
    if len(good) < 8:
        return 0
    source = np.array([one.points[m.trainIdx] for m in good])
    target = np.array([two.points[m.queryIdx] for m in good])
    _, mask = OPENCV.findHomography(source, target, OPENCV.RANSAC, 5.0)
    return 0 if mask is None else int(mask.sum())
