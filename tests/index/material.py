"""Synthetic fingerprints for this room's tests: a few families of near rows, because random rows never match."""

from __future__ import annotations

import numpy as np

from amparo.index.protocol import Words


def flipped(rows: Words, most: int, random: np.random.Generator) -> Words:
    """A copy of each row with up to ``most`` bits flipped: a number drawn evenly, less what was drawn twice."""
    places = random.integers(0, 256, (len(rows), most))
    places[np.arange(most) >= random.integers(0, most + 1, len(rows))[:, None]] = 256
    chosen = np.zeros((len(rows), 257), np.bool_)
    np.put_along_axis(chosen, places, values=True, axis=1)
    return rows ^ np.packbits(chosen[:, :256], axis=1).view(np.uint64)


def family(count: int, seed: int, *, most: int = 40, even: bool = False) -> Words:
    """(count, 4) uint64: descendants of few ancestors, some of them equal, some all zeros or all ones."""
    random = np.random.default_rng(seed)
    ancestors = random.integers(0, 2**64, (max(1, count // 8), 4), dtype=np.uint64)
    ancestors[random.random(len(ancestors)) < 0.1] = 0
    ancestors[random.random(len(ancestors)) < 0.1] = np.uint64(2**64 - 1)
    rows = flipped(ancestors[random.integers(0, len(ancestors), count)], most, random)
    copied = random.random(count) < 0.2
    rows[copied] = ancestors[random.integers(0, len(ancestors), int(copied.sum()))]
    if even:
        odd = np.bitwise_count(rows).sum(axis=1) & 1
        rows[:, 0] ^= odd.astype(np.uint64)
    return rows


def uniform(count: int, seed: int) -> Words:
    """(count, 4) uint64 of independent random bits."""
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), dtype=np.uint64)
