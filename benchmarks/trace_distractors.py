"""Descriptors of many photos that nobody took: what fills an index up to 50,000 registered photos.

Base: variants of the given photos (random crop of 35-75 % a side, turn within 30 degrees, half of them blended with a second
photo), each registered in full. Further photos are made of base descriptors: 256 drawn from three base variants (half from
one), each bit flipped with a probability drawn for the photo between 4 and 12 %. They crowd the space where real descriptors
lie, closer together than real strangers would: a stand-in, said so beside every figure that rests on it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.signal.trace.extract import register
from benchmarks.trace_edits import Picture, as_picture, crop, rotate


def base_variants(photos: list[Picture], each: int, seed: int) -> list[NDArray[np.uint8]]:
    """Descriptor arrays (N, 16) of ``each`` variants of every photo."""
    rng = np.random.default_rng(seed)
    out: list[NDArray[np.uint8]] = []
    for photo in photos:
        for _ in range(each):
            seen = crop(rotate(photo, float(rng.uniform(-30, 30))), float(rng.uniform(0.25, 0.65)), rng)
            if rng.random() < 0.5:
                second = photos[int(rng.integers(len(photos)))]
                second = as_picture(cv2.resize(second, (seen.shape[1], seen.shape[0])))
                seen = as_picture(cv2.addWeighted(seen, 0.6, second, 0.4, 0))
            try:
                out.append(register(as_picture(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY))).descriptors)
            except InvalidInput:
                continue
    return out


def invented(base: list[NDArray[np.uint8]], count: int, seed: int) -> list[NDArray[np.uint8]]:
    """``count`` photos' descriptors made of the base's."""
    rng = np.random.default_rng(seed)
    out: list[NDArray[np.uint8]] = []
    for _ in range(count):
        three = rng.integers(len(base), size=3)
        parts = [base[int(which)] for which in three]
        drawn = [part[rng.integers(len(part), size=share)] for part, share in zip(parts, (128, 64, 64), strict=True)]
        rows = np.concatenate(drawn)
        rate = float(rng.uniform(0.04, 0.12))
        flips = np.packbits(rng.random((len(rows), 128), np.float32) < rate, axis=1)
        out.append(rows ^ flips)
    return out
