"""Choose the 128 box comparisons of the trace descriptor, on tuning photos only (even numbers of both folders).

Candidates: 4,000 random pairs of boxes in a disc of 16 pixels. Patches: keypoints of each photo, and the same spots found
again by the detector after resize, JPEG, blur, rotation and brightness. Greedy choice: each bit is the one that most
raises the separation (difference of means over pooled deviation) between the Hamming distance of two views of one spot
and that of two different spots. Prints the table of `signal/trace/pattern.py`.

The table of version 1 was chosen while the detector's corner step was 6; it is 5 since. A run today prints another table, as
good; the one in the product is part of the format and stays.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.signal.trace.descriptor import describe, turned
from amparo.signal.trace.detector import detect, pyramid
from amparo.signal.trace.plane import plane_of
from benchmarks.trace_edits import Picture, as_picture, blur, jpeg, numbered, read

CANDIDATES = 4000
REACH = 16.0


def candidates(rng: np.random.Generator) -> NDArray[np.int64]:
    found: list[list[int]] = []
    while len(found) < CANDIDATES:
        pair: list[int] = []
        for _ in range(2):
            r = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.15, 0.25, 0.25, 0.15, 0.1, 0.1]))
            while True:
                x, y = (int(v) for v in np.rint(rng.normal(0, 7.5, 2)))
                if math.hypot(x, y) + r <= REACH - 0.5:
                    break
            pair += [x, y, r]
        if math.hypot(pair[0] - pair[3], pair[1] - pair[4]) >= 3:
            found.append(pair)
    return np.array(found, np.int64)


def views(picture: Picture, rng: np.random.Generator) -> list[tuple[Picture, NDArray[np.float64]]]:
    """Edited pictures with the affine map (2, 3) from the plane's frame of the original picture to theirs."""
    height, width = picture.shape[:2]
    out: list[tuple[Picture, NDArray[np.float64]]] = []
    for _ in range(3):
        angle, scale = float(rng.uniform(-20, 20)), float(rng.uniform(0.45, 1.0))
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale).astype(np.float64)
        turn[:, 2] += (scale - 1) * np.array([width / 2, height / 2])
        size = (int(width * scale), int(height * scale))
        seen = as_picture(cv2.warpAffine(picture, turn, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT))
        if rng.random() < 0.5:
            seen = blur(seen, float(rng.uniform(0.5, 1.8)))
        gain, lift = float(rng.uniform(0.6, 1.3)), float(rng.uniform(-30, 30))
        seen = np.clip(seen.astype(np.float32) * gain + lift, 0, 255).astype(np.uint8)
        out.append((jpeg(seen, int(rng.integers(30, 90))), turn))
    return out


def choose(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Columns, in order of choice: each raises the separation of the two distances most."""
    mean = one.mean(axis=0)
    usable = np.flatnonzero((mean > 0.35) & (mean < 0.65))
    subset = np.random.default_rng(0).permutation(len(one))[:20000]
    first, second = one[subset][:, usable], two[subset][:, usable]
    same = (first != second).astype(np.float32)
    unlike = (first != np.roll(second, 977, axis=0)).astype(np.float32)
    same_mean, unlike_mean = same.mean(axis=0), unlike.mean(axis=0)
    same -= same_mean
    unlike -= unlike_mean
    same_own, unlike_own = (same * same).mean(axis=0), (unlike * unlike).mean(axis=0)
    same_shared, unlike_shared = np.zeros(len(usable)), np.zeros(len(usable))
    same_total = unlike_total = apart = 0.0
    free = np.ones(len(usable), np.bool_)
    chosen: list[int] = []
    for _ in range(128):
        same_next = same_total + 2 * same_shared + same_own
        unlike_next = unlike_total + 2 * unlike_shared + unlike_own
        separation = (apart + unlike_mean - same_mean) / np.sqrt(0.5 * (same_next + unlike_next))
        separation[~free] = -1
        best = int(np.argmax(separation))
        chosen.append(best)
        free[best] = False
        same_total, unlike_total = float(same_next[best]), float(unlike_next[best])
        apart += float(unlike_mean[best] - same_mean[best])
        same_shared += same.T @ same[:, best] / len(same)
        unlike_shared += unlike.T @ unlike[:, best] / len(unlike)
    return usable[chosen]


def main() -> None:
    photos = Path(sys.argv[1])
    rng = np.random.default_rng(20261)
    boxes = candidates(rng)
    patterns = (turned(boxes),)
    first: list[NDArray[np.uint8]] = []
    second: list[NDArray[np.uint8]] = []
    paths = numbered(photos / "sources", "tune") + numbered(photos / "others", "tune")[:60]
    for path in paths:
        picture = read(path)
        if min(picture.shape[:2]) < 150:
            continue

        def described(seen: Picture):
            grey = cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY).astype(np.uint8)
            plane = plane_of(grey)
            levels = pyramid(plane)
            keys = detect(levels, (300, 140, 60))
            turns, (bits,) = describe(levels, keys, patterns)
            factor = max(grey.shape) / 512
            return keys.x / 16 * factor, keys.y / 16 * factor, keys.level, turns, bits, factor

        x, y, level, turns, bits, factor = described(picture)
        for seen, turn in views(picture, rng):
            x2, y2, level2, turns2, bits2, factor2 = described(seen)
            scale, angle = math.hypot(turn[0, 0], turn[0, 1]), math.atan2(turn[1, 0], turn[0, 0])
            ex = turn[0, 0] * x + turn[0, 1] * y + turn[0, 2]
            ey = turn[1, 0] * x + turn[1, 1] * y + turn[1, 2]
            for i in range(len(x)):
                size = factor2 * 2 ** (level2 / 4)
                near = np.hypot(x2 - ex[i], y2 - ey[i]) < 2.0 * size
                fits = abs(np.log2(size / (factor * 2 ** (level[i] / 4) * scale))) < 0.2
                off = (turns2 - turns[i]) / 64 * 2 * np.pi - angle
                ahead = abs((off + np.pi) % (2 * np.pi) - np.pi) < 0.3
                for j in np.flatnonzero(near & fits & ahead)[:1]:
                    first.append(bits[i])
                    second.append(bits2[j])
    one = np.unpackbits(np.array(first), axis=1)[:, :CANDIDATES]
    two = np.unpackbits(np.array(second), axis=1)[:, :CANDIDATES]
    chosen = choose(one, two)
    kept = np.random.default_rng(0).permutation(len(one))[20000:40000]
    same = (one[kept][:, chosen] != two[kept][:, chosen]).sum(axis=1)
    unlike = (one[kept][:, chosen] != np.roll(two[kept][:, chosen], 977, axis=0)).sum(axis=1)
    print(len(one), "spots; bits between views of one spot", np.percentile(same, [10, 50, 90]), file=sys.stderr)
    print("between different spots", np.percentile(unlike, [0.1, 1, 50]), file=sys.stderr)
    print((boxes[chosen] + 32).astype(np.uint8).tobytes().hex())


if __name__ == "__main__":
    main()
