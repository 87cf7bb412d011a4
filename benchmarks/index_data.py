"""Fingerprints to search: uniform random ones, and ones that real photos would have.

Real banks are not uniform: PDQ bits of photographs go together, and buckets fill unevenly. The realistic set is made
from a folder of photos. Of each photo some dozens of random crops are reduced to PDQ's 64 x 64 grey plane and
transformed by PDQ's 16 x 64 cosine matrix (PDQ & TMK whitepaper, Meta 2019). Mirrors and turns are sign changes and a
transpose of the 16 x 16 coefficients, and a blend of two pictures is the blend of their coefficients, because the
transform is linear; the median of each blend gives its 256 bits. Queries come from photos that gave nothing to the bank.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

CACHE: Final = Path("var/bench")
_SIDE: Final = 64
_CROPS: Final = 32
_HELD_OUT: Final = 5  # every fifth photo is for queries only
_CHUNK: Final = 1 << 16


def uniform(count: int, seed: int) -> npt.NDArray[np.uint64]:
    """(count, 4) uint64 of independent bits."""
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), dtype=np.uint64)


def _cosines() -> npt.NDArray[np.float32]:
    rows, columns = np.arange(1, 17)[:, None], np.arange(_SIDE)[None, :]
    scale = np.sqrt(2 / _SIDE) * np.cos(np.pi / (2 * _SIDE) * rows * (2 * columns + 1))
    return scale.astype(np.float32)


def coefficients(paths: Sequence[Path], seed: int) -> npt.NDArray[np.float32]:
    """(8 * crops * photos, 256): the low frequencies of random crops, in all eight turns and mirrors."""
    random = np.random.default_rng(seed)
    cosines = _cosines()
    found: list[npt.NDArray[np.float32]] = []
    for path in paths:
        with Image.open(path) as opened:
            grey = opened.convert("L")
        for _ in range(_CROPS):
            share = random.uniform(0.5, 1.0, 2)
            width, height = (max(_SIDE, int(side * part)) for side, part in zip(grey.size, share, strict=True))
            spare = (grey.width - width, grey.height - height)
            left, top = (int(random.integers(0, max(0, room) + 1)) for room in spare)
            box = (left, top, min(left + width, grey.width), min(top + height, grey.height))
            plane = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX, box=box), np.float32)
            found.append((cosines @ plane @ cosines.T).astype(np.float32))
    blocks = np.stack(found)
    signs = np.where(np.arange(16) % 2 == 0, -1.0, 1.0).astype(np.float32)  # row 0 is frequency 1, which is odd
    mirrored = [blocks, blocks * signs, blocks * signs[:, None], blocks * signs * signs[:, None]]
    every = np.concatenate(mirrored + [block.transpose(0, 2, 1) for block in mirrored])
    return np.ascontiguousarray(every.reshape(-1, 256))


def blends(base: npt.NDArray[np.float32], count: int, seed: int) -> npt.NDArray[np.uint64]:
    """(count, 4) uint64: fingerprints of blends of random pairs, each weighing 3 to 7 parts of ten.

    Blends that one picture dominates would make tens of thousands of descendants of each photo, which no bank has.
    """
    random = np.random.default_rng(seed)
    rows = np.empty((count, 4), np.uint64)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        first, second = base[random.integers(0, len(base), size)], base[random.integers(0, len(base), size)]
        weight = random.uniform(0.3, 0.7, (size, 1)).astype(np.float32)
        mixed = weight * first + (1 - weight) * second
        median = np.partition(mixed, 127, axis=1)[:, 127:128]  # PDQ's median: 128 bits of 256 are above it
        rows[start : start + size] = np.packbits(mixed > median, axis=1).view(np.uint64)
    return rows


def near(rows: npt.NDArray[np.uint64], count: int, seed: int) -> npt.NDArray[np.uint64]:
    """(count, 4) uint64: altered copies of random rows, up to 20 set bits exchanged for as many others (0..40 bits)."""
    random = np.random.default_rng(seed)
    copies = np.unpackbits(rows[random.integers(0, len(rows), count)].view(np.uint8), axis=1)
    for row in copies:
        moved = int(random.integers(0, 21))
        ones, zeros = np.flatnonzero(row), np.flatnonzero(row == 0)
        row[random.choice(ones, moved, replace=False)] = 0
        row[random.choice(zeros, moved, replace=False)] = 1
    return np.packbits(copies, axis=1).view(np.uint64)


def made(kind: str, count: int, queries: int, photos: Path | None) -> tuple[Any, Any]:
    """Bank and queries, (count, 4) and (queries, 4) uint64. Half of the queries are altered copies of bank rows."""
    half = queries // 2
    if kind == "uniform":
        rows, strangers = uniform(count, 1), uniform(queries - half, 2)
    else:
        assert photos is not None
        cached = CACHE / f"realistic-2-{count}-{queries}.npz"
        if not cached.exists():
            paths = sorted(photos.rglob("*.jpg"))
            held_out = paths[::_HELD_OUT]
            rows = blends(coefficients([path for path in paths if path not in set(held_out)], 1), count, 2)
            strangers = blends(coefficients(held_out, 3), queries - half, 4)
            CACHE.mkdir(parents=True, exist_ok=True)
            np.savez(cached, rows=rows, strangers=strangers)
        with np.load(cached) as stored:
            rows, strangers = stored["rows"], stored["strangers"]
    asked = np.concatenate([near(rows, half, 5), strangers])
    return rows, np.ascontiguousarray(asked[np.random.default_rng(6).permutation(len(asked))])
