"""Writes the descriptors by which a gate knows what is common before photos are registered with it.

`python -m benchmarks.trace_background PHOTOS`. Source: two variants of every photo of the tuning half of `others`
(``trace_distractors.base_variants``), registered in full. Kept are 65,536 of their descriptors, drawn from all of them together
and so in no order, with one bit in fifty turned: no picture, no position, no size, and nothing that says which descriptors
belonged to one photo. The measurements ask with other photos.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.index.trace import background
from benchmarks.trace_distractors import base_variants
from benchmarks.trace_edits import numbered, read

KEPT = 65_536
TURNED = 0.02


def kept_of(base: list[NDArray[np.uint8]], seed: int) -> NDArray[np.uint8]:
    """(N, 16) uint8, N at most ``KEPT``, of all descriptors of all photos, mixed."""
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(np.concatenate(base))[:KEPT]
    return mixed ^ np.packbits(rng.random((len(mixed), 128), np.float32) < TURNED, axis=1)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("photos", type=Path)
    photos: Path = options.parse_args().photos
    cv2.setNumThreads(1)
    tune = [seen for seen in (read(p) for p in numbered(photos / "others", "tune")) if min(seen.shape[:2]) >= 150]
    rows = kept_of(base_variants(tune, 2, seed=15), seed=16)
    np.savez(Path(background.__file__).with_name("background.npz"), rows=rows)


if __name__ == "__main__":
    main()
