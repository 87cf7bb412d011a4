"""Fit the small network of `signal/trace/alteration.py` on the tuning half (photos and edits), and write its weights.

Run: python -m benchmarks.trace_fit PHOTOS [--write]. Prints what the fit reaches on tuning photos that it did not see
(two folds by photo); the test half is never opened.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.signal.trace import alteration
from amparo.signal.trace.alteration import Floats, Network
from amparo.signal.trace.compare import align, found_in_place, tiles_of, tiles_with_keypoints
from amparo.signal.trace.extract import query, register
from amparo.signal.trace.record import TraceRecord
from amparo.signal.trace.tiles import COUNT, SIDE, Tiles
from benchmarks.trace_edits import (
    FILLINGS,
    Edit,
    Mask,
    Picture,
    again,
    edits_of,
    filled,
    numbered,
    read,
    region,
    toned,
)
from benchmarks.trace_measure import area_under_curve, at_side

LEFT_OUT = ("stylised whole", "collage 20%", "collage 10%")
HIDDEN = (48, 24)
EPOCHS = 8


TONED = 10
"""Copies with a random tone curve of each photo, and as many with a region replaced before."""


@dataclass(frozen=True)
class Sample:
    """covered: (256,) share of each tile that was replaced; mask: (64, 64), None for a copy."""

    photo: int
    edit: str
    own: Tiles
    seen: Tiles
    found: NDArray[np.int32]
    tile: NDArray[np.int64]
    scale: float
    covered: Floats
    mask: Mask | None

    @property
    def features(self) -> Floats:
        return alteration.features(self.own, self.seen, self.found, self.tile, self.scale)


def sample(number: int, record: TraceRecord, edit: Edit) -> Sample | None:
    asked = query(np.asarray(cv2.cvtColor(edit.picture, cv2.COLOR_BGR2GRAY), np.uint8))
    alignment = align(record, asked)
    if alignment is None:
        return None
    similarity = alignment.similarity
    covered = np.zeros(COUNT, np.float32)
    if edit.mask is not None:
        covered = np.asarray(
            cv2.resize(edit.mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32
        ).ravel()
    return Sample(
        number,
        f"{edit.family}/{edit.variant}",
        Tiles(record.signs, record.energies, np.ones(COUNT, np.bool_)),
        tiles_of(asked, alignment),
        found_in_place(record, asked, similarity),
        tiles_with_keypoints(record),
        similarity.scale,
        covered,
        None if edit.mask is None else at_side(edit.mask, 64),
    )


def toned_edits(number: int, picture: Picture, others: list[Picture]) -> Iterator[Edit]:
    """Tone curves, over the photo and over regions replaced in it."""
    rng = np.random.default_rng((31, number))
    for i in range(TONED):
        yield Edit("toned", str(i), toned(picture, rng))
        mask = region(picture.shape, float(rng.uniform(0.08, 0.45)), "tune", rng)
        filling = FILLINGS[i % len(FILLINGS)]
        other = others[int(rng.integers(len(others)))]
        covered = toned(filled(picture, mask, filling, other, "tune", rng), rng)
        yield Edit("region toned", filling, covered if i % 2 else again(covered, rng), mask)


def gathered(photos: Path) -> list[Sample]:
    out: list[Sample] = []
    others = [read(path) for path in numbered(photos / "others", "tune")]
    for path in numbered(photos / "sources", "tune"):
        number = int(path.stem)
        picture: Picture = read(path)
        record = register(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8))
        # Twice, with other random numbers: what has none is taken once.
        first = [e for e in edits_of(number, picture, others, "tune") if e.family not in LEFT_OUT]
        again_drawn = edits_of(number + 1000, picture, others, "tune")
        second = [e for e in again_drawn if e.mask is not None or e.family == "text and emoji overlay"]
        for edit in (*first, *second, *toned_edits(number, picture, others)):
            found = sample(number, record, edit)
            if found is not None:
                out.append(found)
    return out


def weight_of(one: Sample) -> float:
    """Copies weigh more: a false alarm costs a person's trust. So do the fillings that are hardest to outline."""
    if one.mask is None:
        return 3.0
    return 1.5 if one.edit.endswith(("/blur", "/stylised")) else 1.0


def fit(samples: list[Sample], rows: list[Floats], hidden: int, seed: int = 0) -> Network:
    """Adam (Kingma and Ba 2015) on the cross-entropy with the covered share of each visible tile. rows: their features."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([row[s.seen.visible] for s, row in zip(samples, rows, strict=True)])
    y = np.concatenate([s.covered[s.seen.visible] for s in samples])
    weigh = np.concatenate([np.full(int(s.seen.visible.sum()), weight_of(s), np.float32) for s in samples])
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = np.clip((x - mean) / deviation, -4, 4).astype(np.float32)
    parts = [
        rng.normal(0, len(mean) ** -0.5, (len(mean), hidden)).astype(np.float32),
        np.zeros(hidden, np.float32),
        rng.normal(0, 0.1, hidden).astype(np.float32),
        np.zeros(1, np.float32),
    ]
    first: list[Floats] = [np.zeros_like(p) for p in parts]
    second: list[Floats] = [np.zeros_like(p) for p in parts]
    batch, step = 4096, 0
    steps = EPOCHS * (len(z) // batch)
    for _ in range(EPOCHS):
        order = rng.permutation(len(z))
        for at in range(0, len(z) - batch + 1, batch):
            drawn = order[at : at + batch]
            inner = np.tanh(z[drawn] @ parts[0] + parts[1])
            p = 1 / (1 + np.exp(-(inner @ parts[2] + parts[3])))
            slope = (weigh[drawn] * (p - y[drawn]) / batch).astype(np.float32)
            back = np.outer(slope, parts[2]) * (1 - inner * inner)
            slopes = [z[drawn].T @ back, back.sum(axis=0), inner.T @ slope, np.array([slope.sum()], np.float32)]
            step += 1
            rate = 3e-3 * (1 + np.cos(np.pi * step / steps))
            for k, g in enumerate(slopes):
                first[k] = (0.9 * first[k] + 0.1 * g).astype(np.float32)
                second[k] = (0.999 * second[k] + 0.001 * g * g).astype(np.float32)
                change = (first[k] / (1 - 0.9**step)) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
                parts[k] = (parts[k] - rate * change).astype(np.float32)
    return Network(mean.astype(np.float32), deviation.astype(np.float32), *parts)


def with_surroundings(one: Sample, row: Floats, network: Network) -> Floats:
    return np.concatenate((row, alteration.surroundings(network.probabilities(row), one.seen.visible)), axis=1)


def fit_both(samples: list[Sample]) -> tuple[Network, Network]:
    """The second network learns from what a first one says of photos that it did not see, as it will be in use."""
    rows = [s.features for s in samples]
    numbers = sorted({s.photo for s in samples})
    wider: list[Floats] = list(rows)
    for k in range(2):
        held = set(numbers[k::2])
        learnt = [i for i, s in enumerate(samples) if s.photo not in held]
        network = fit([samples[i] for i in learnt], [rows[i] for i in learnt], HIDDEN[0])
        for i, s in enumerate(samples):
            if s.photo in held:
                wider[i] = with_surroundings(s, rows[i], network)
    return fit(samples, rows, HIDDEN[0]), fit(samples, wider, HIDDEN[1])


def report(samples: list[Sample], folds: list[tuple[set[int], tuple[Network, Network]]]) -> None:
    rows: list[tuple[bool, float, float, float, float, str]] = []
    for s in samples:
        one, two = next(both for photos, both in folds if s.photo in photos)
        what = alteration.assess(two.probabilities(with_surroundings(s, s.features, one)), s.seen.visible)
        truth = s.mask.copy() if s.mask is not None else np.zeros((64, 64), np.bool_)
        shown = np.repeat(np.repeat(s.seen.visible.reshape(16, 16), 4, 0), 4, 1)
        truth &= shown
        share = float(truth.mean())
        overlap = float((what.mask & truth).sum() / max(int((what.mask | truth).sum()), 1))
        rows.append((s.mask is not None, what.fraction, what.evidence, share, overlap, s.edit))
    altered = [r for r in rows if r[0] and r[3] >= 0.08 and not r[5].startswith("region toned")]
    odd = ("blur 6", "thumbnail", "text", "toned", "crop 50%")
    plain = [r for r in rows if not r[0] and not r[5].startswith(odd)]
    for name, k in (("fraction", 1), ("evidence", 2)):
        pos, neg = np.array([r[k] for r in altered]), np.array([r[k] for r in plain])
        limit = float(np.quantile(neg, 0.99))
        print(name, "AUC", area_under_curve(pos, neg), "1% level", limit, "recall there", float((pos > limit).mean()))
    print("IoU", np.mean([r[4] for r in altered]), "error", np.mean([abs(r[1] - r[3]) for r in altered]))
    for kind in sorted({r[5].split("/")[1] for r in altered}):
        some = [r for r in altered if r[5].split("/")[1] == kind]
        print(
            kind,
            "IoU",
            np.mean([r[4] for r in some]),
            "error",
            np.mean([abs(r[1] - r[3]) for r in some]),
            "bias",
            np.mean([r[1] - r[3] for r in some]),
        )
    print(sorted(((round(r[2], 1), round(r[1], 3), r[5]) for r in plain), reverse=True)[:15])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    samples = gathered(asked.photos)
    numbers = sorted({s.photo for s in samples})
    folds: list[tuple[set[int], tuple[Network, Network]]] = []
    for k in range(2):
        held = set(numbers[k::2])
        folds.append((held, fit_both([s for s in samples if s.photo not in held])))
    report(samples, folds)
    if asked.write:
        stored = {
            f"{name}_{number}": getattr(network, name)
            for number, network in enumerate(fit_both(samples), 1)
            for name in Network.__dataclass_fields__
        }
        np.savez(Path(alteration.__file__).with_name("alteration.npz"), **stored)


if __name__ == "__main__":
    main()
