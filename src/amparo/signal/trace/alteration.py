"""Which tiles of a registered photo were replaced in an upload that shows it.

For each tile: how its signs and energies agree, whether the record's keypoints in it are found in place, the same averaged
over 3 x 3, 5 x 5 and 7 x 7 tiles and over the frame, and how the energies of the frame changed as a whole (a filter); a small
neural network (one layer) makes a probability of it. A second looks at the same and at what the first says of the tiles
around (stacking, Wolpert 1992), and decides. Both were fitted by benchmarks/trace_fit.py on the tuning half only. What the
upload does not show is not judged.

OpenCV is loaded when the first upload is judged: a gate that starts answers lookups before it needs pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from amparo.signal.trace.tiles import COUNT, SIDE, Tiles

Floats: TypeAlias = NDArray[np.float32]

FOUND: Final = 40
"""Bits: a keypoint in place, this close, is the same keypoint."""
FEWEST_TILES: Final = 3
SUREST: Final = 0.8
"""A region must hold one tile at least as sure as this."""
INSIDE: Final = 0.45
"""Where the outline runs between the probabilities of two tiles."""
NEIGHBOURS: Final = (
    (-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1), (-2, 0), (2, 0), (0, -2), (0, 2),
)  # fmt: skip
FINER: Final = 4
"""The outline is drawn on probabilities interpolated to this many points a tile."""


@dataclass(frozen=True, slots=True)
class Network:
    """mean, deviation: (F,) of the features; first: (F, H); first_bias, second: (H,); second_bias: (1,)."""

    mean: Floats
    deviation: Floats
    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """(N,) of (N, F)."""
        scaled = np.clip((features - self.mean) / self.deviation, -4, 4)
        hidden = np.tanh(scaled @ self.first + self.first_bias)
        return (1 / (1 + np.exp(-(hidden @ self.second + self.second_bias)))).astype(np.float32)


@lru_cache(maxsize=1)
def fitted() -> tuple[Network, Network]:
    """The two networks that ship with the package."""
    with resources.files("amparo.signal.trace").joinpath("alteration.npz").open("rb") as file:
        parts = np.load(file, allow_pickle=False)
        one, two = (
            Network(**{name: parts[f"{name}_{which}"] for name in Network.__dataclass_fields__}) for which in (1, 2)
        )
        return one, two


@dataclass(frozen=True, slots=True)
class Alteration:
    """What seems to be replaced. fraction: of the photo's area, soft; evidence: summed log-odds of the surest region;
    region: outline of the largest, (x, y) in 0..1 of the photo's width and height, or None; mask: (64, 64) bool."""

    fraction: float
    evidence: float
    region: tuple[tuple[float, float], ...] | None
    mask: NDArray[np.bool_]


def agreement(ours: Tiles, theirs: Tiles) -> NDArray[np.int64]:
    """(256,) signs that agree minus signs that contradict."""
    return (ours.signs.astype(np.int64) * theirs.signs).sum(axis=1)


def features(ours: Tiles, theirs: Tiles, found: NDArray[np.int32], tile: NDArray[np.int64], scale: float) -> Floats:
    """(256, F) float32. found: (N,) from ``match.nearest_in_place``; tile: (N,) the keypoints' tiles; scale: pixels of the
    upload for one of the photo."""
    product = ours.signs.astype(np.int16) * theirs.signs
    mine, yours = ours.signs != 0, theirs.signs != 0
    visible = theirs.visible
    change = theirs.energies.astype(np.float32) - ours.energies
    spread = np.zeros(5, np.float32)
    if visible.any():
        # A filter or a blur of the whole picture changes every tile alike.
        spread[0] = np.median(change[visible])
        change -= spread[0]
        spread[1:] = np.quantile(change[visible], (0.1, 0.25, 0.75, 0.9))
    change = np.clip(change, -8, 8)
    seen = found >= 0

    def counted(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(tile[seen & which], minlength=COUNT)

    own = np.stack(
        [
            (product == 1).sum(axis=1),
            (product == -1).sum(axis=1),
            (mine & ~yours).sum(axis=1),
            (yours & ~mine).sum(axis=1),
            np.abs(change),
            np.maximum(change, 0),
            ours.energies / 4.0,
            counted(found <= FOUND),
            counted((found > FOUND) & (found < 128)),
            counted(found == 128),
        ],
        axis=1,
    ).astype(np.float32)
    weight = visible.astype(np.float32).reshape(SIDE, SIDE)
    shown = own.reshape(SIDE, SIDE, -1) * weight[:, :, None]
    parts = [own]
    for size in (3, 5, 7):
        around = _blurred(shown, size) / np.maximum(_blurred(weight, size), 1e-6)[:, :, None]
        parts.append(np.asarray(around, np.float32).reshape(COUNT, -1))
    whole = shown.reshape(COUNT, -1).sum(axis=0) / max(int(visible.sum()), 1)
    parts.append(np.repeat(whole[None].astype(np.float32), COUNT, axis=0))
    parts.append(np.full((COUNT, 1), np.log2(scale), np.float32))
    parts.append(np.repeat(spread[None], COUNT, axis=0))
    return np.concatenate(parts, axis=1)


def surroundings(probabilities: Floats, visible: NDArray[np.bool_]) -> Floats:
    """(256, 18) float32: what the first network says of a tile, around it, of twelve neighbours and of the frame."""
    sure = np.where(visible, probabilities, 0).reshape(SIDE, SIDE).astype(np.float32)
    weight = visible.reshape(SIDE, SIDE).astype(np.float32)
    layers = [sure]
    for size in (3, 5, 7):
        around = _blurred(sure, size) / np.maximum(_blurred(weight, size), 1e-6)
        layers.append(np.asarray(around, np.float32))
    wide = np.pad(sure, 2)
    layers += [wide[2 + v : 2 + v + SIDE, 2 + u : 2 + u + SIDE] for v, u in NEIGHBOURS]
    layers.append(np.full_like(sure, sure.sum() / max(float(weight.sum()), 1.0)))
    layers.append(np.full_like(sure, sure.max()))
    return np.stack(layers, axis=-1).reshape(COUNT, -1)


def _blurred(values: Floats, size: int) -> Floats:
    """The mean of size x size tiles around each, with zeros beyond the frame's border."""
    import cv2

    return np.asarray(cv2.blur(values, (size, size), borderType=cv2.BORDER_CONSTANT), np.float32)


def replaced(rows: Floats, visible: NDArray[np.bool_]) -> Floats:
    """(256,) the probability that a tile was replaced. rows: ``features``."""
    one, two = fitted()
    return two.probabilities(np.concatenate((rows, surroundings(one.probabilities(rows), visible)), axis=1))


def assess(probabilities: Floats, visible: NDArray[np.bool_]) -> Alteration:
    """Regions of tiles that are more likely replaced than not."""
    import cv2

    sure = np.where(visible, probabilities, 0).astype(np.float32)
    odds = np.log(np.clip(sure, 1e-6, 1 - 1e-6)) - np.log(1 - np.clip(sure, 1e-6, 1 - 1e-6))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (sure > 0.5).reshape(SIDE, SIDE).astype(np.uint8), connectivity=4
    )
    flat = np.asarray(labels, np.int64).ravel()
    kept = np.zeros(count, np.bool_)
    evidence = 0.0
    for label in range(1, count):
        here = flat == label
        evidence = max(evidence, float(odds[here].sum()))
        kept[label] = stats[label, cv2.CC_STAT_AREA] >= FEWEST_TILES and float(sure[here].max()) >= SUREST
    core = kept[flat].reshape(SIDE, SIDE)
    near = cv2.dilate(core.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    side = SIDE * FINER
    fine = cv2.resize(np.where(near, sure.reshape(SIDE, SIDE), 0), (side, side), interpolation=cv2.INTER_LINEAR)
    mask = np.asarray(fine > INSIDE)
    # Below the level of a region the soft sum still ranks: what is barely suspicious counts barely.
    soft = float((sure * sure).sum()) / COUNT
    fraction = float(mask.mean()) if mask.any() else min(soft, 0.02)
    return Alteration(fraction, evidence, _outline(mask), mask)


def _outline(mask: NDArray[np.bool_]) -> tuple[tuple[float, float], ...] | None:
    import cv2

    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    simple = np.asarray(cv2.approxPolyDP(largest, 0.6, True)).reshape(-1, 2).astype(np.float64)
    if len(simple) < 3:
        return None
    side = SIDE * FINER
    # Contours run through pixel centres of the border; move them to the pixels' outer edges.
    centre = simple.mean(axis=0)
    outer = np.clip(simple + 0.5 + 0.5 * np.sign(simple - centre), 0, side) / side
    return tuple((float(x), float(y)) for x, y in outer)
