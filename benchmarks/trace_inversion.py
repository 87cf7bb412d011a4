"""How much of a picture comes back from what others hold of it: a partner, the hub, a plain PDQ.

Run: python -m benchmarks.trace_inversion PHOTOS. Test half of `sources`; writes benchmarks/results/trace_inversion.json.
Correlation (Pearson) of the rebuilt picture with the true one, both grey at 64 x 64 and at 16 x 16, after the better of
both signs where a method leaves the sign open. Methods:

- pdq: inverse cosine transform of the sign bits, each with the mean size of its coefficient on tuning photos.
- descriptors (a gate): for each descriptor the mean patch of its 5 nearest among tuning photos' keypoints (nearest-patch
  reconstruction after Weinzaepfel, Jegou and Perez 2011). Positions are not held, so patches go where such patches lie on
  average; `oracle` places them truly, to show what positions are worth.
- positions (hub): patches at their cells, turned and sized as the record says, blended over the mean picture.
- tiles (hub): a picture whose gradients have the recorded signs, each tile as strong as its energy: Poisson's equation by
  cosine transform (Simchony, Chellappa and Shao 1990).
- both (hub): the tiles' picture with the patches' detail; the weight chosen on tuning photos.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.signal import pdq
from amparo.signal.pdq_plane import luma_block
from amparo.signal.pdq_taps import axis_taps
from amparo.signal.pdq_transform import cosine_transform
from amparo.signal.trace.descriptor import described
from amparo.signal.trace.detector import detect, pyramid
from amparo.signal.trace.extract import REGISTER_QUOTAS, register
from amparo.signal.trace.plane import Grey, plane_of
from amparo.signal.trace.record import TraceRecord, words
from benchmarks.trace_edits import as_picture, numbered, read

Picture = NDArray[np.float64]
SIDE = 64
PATCH = 32
REACH = 15.5


@dataclass(frozen=True)
class Dictionary:
    words: NDArray[np.uint64]
    patches: NDArray[np.float32]
    mean: Picture
    sizes: Picture


def square(grey: Grey, side: int = SIDE) -> Picture:
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), np.float64)


def grey_of(path: Path) -> Grey:
    return as_picture(cv2.cvtColor(read(path), cv2.COLOR_BGR2GRAY))


def learned(paths: list[Path]) -> Dictionary:
    rows: list[NDArray[np.uint8]] = []
    patches: list[NDArray[np.float32]] = []
    whole: list[Picture] = []
    sizes: list[Picture] = []
    for path in paths:
        grey = grey_of(path)
        if min(grey.shape) < 150:
            continue
        plane = plane_of(grey)
        levels = pyramid(plane)
        points = detect(levels, REGISTER_QUOTAS)
        turns, bits = described(levels, points)
        for i in range(len(points)):
            angle = float(np.degrees(turns[i] * 2 * np.pi / 64))
            turn = cv2.getRotationMatrix2D((float(points.column[i]), float(points.row[i])), angle, PATCH / (2 * REACH))
            turn[:, 2] += PATCH / 2 - np.array([points.column[i], points.row[i]])
            seen: Any = cv2.warpAffine(
                levels[int(points.level[i])], turn, (PATCH, PATCH), borderMode=cv2.BORDER_REPLICATE
            )
            patch = np.asarray(seen, np.float32)
            patches.append(patch - patch.mean())
        rows.append(bits)
        small = square(grey)
        whole.append(small - small.mean())
        sizes.append(np.abs(transform(grey)))
    return Dictionary(
        words(np.concatenate(rows)), np.array(patches), np.mean(whole, axis=0), np.mean(sizes, axis=0)
    )  # fmt: skip


def transform(grey: Grey) -> Picture:
    height, width = grey.shape
    return np.asarray(cosine_transform(luma_block(grey, rows=axis_taps(height), columns=axis_taps(width))), np.float64)


def from_pdq(value: bytes, sizes: Picture) -> Picture:
    bits = np.unpackbits(np.frombuffer(value, np.uint8))[::-1].reshape(16, 16)
    spectrum = np.zeros((SIDE, SIDE))
    spectrum[1:17, 1:17] = (2.0 * bits - 1) * sizes
    return np.asarray(cv2.idct(spectrum), np.float64)


def looked_up(record: TraceRecord, known: Dictionary) -> list[NDArray[np.float32]]:
    out: list[NDArray[np.float32]] = []
    for row in record.words:
        apart = np.bitwise_count(known.words ^ row).sum(axis=1)
        out.append(known.patches[np.argpartition(apart, 5)[:5]].mean(axis=0))
    return out


def placed(record: TraceRecord, patches: list[NDArray[np.float32]], at: NDArray[np.float64], turn: bool) -> Picture:
    """Patches blended at ``at`` ((N, 2) pixels of the plane), coarse ones first; without ``turn`` upright and medium."""
    canvas = np.zeros((record.height, record.width), np.float32)
    weight = np.full_like(canvas, 1e-3)
    coarse_first: list[int] = np.argsort(-record.half_octaves.astype(np.int64), kind="stable").tolist()
    for i in coarse_first:
        octave = record.half_octaves[i] * 0.5 + 0.125 if turn else 1.0
        angle = -float(np.degrees((record.turns[i] + 0.5) * 2 * np.pi / 32)) if turn else 0.0
        scale = float(2**octave * 2 * REACH / PATCH)
        matrix = cv2.getRotationMatrix2D((PATCH / 2, PATCH / 2), angle, scale)
        matrix[:, 2] += at[i] - PATCH / 2
        size = (record.width, record.height)
        window = np.outer(np.hanning(PATCH + 2)[1:-1], np.hanning(PATCH + 2)[1:-1]).astype(np.float32)
        mask = cv2.warpAffine(window, matrix, size)
        canvas += cv2.warpAffine(patches[i], matrix, size) * mask
        weight += mask
    return square_float(canvas / weight)


def square_float(picture: NDArray[np.float32]) -> Picture:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float64)


def from_tiles(record: TraceRecord) -> Picture:
    """Least-squares picture of 32 x 32 quarters whose inner gradients have the recorded signs and energies."""
    strength = 2.0 ** (record.energies.astype(np.float64) / 2).reshape(16, 16)
    strength = np.repeat(np.repeat(strength, 2, 0), 2, 1)
    signs = record.signs.reshape(16, 16, 2, 2, 2).transpose(0, 2, 1, 3, 4).reshape(32, 32, 2).astype(np.float64)
    gx, gy = signs[..., 0] * np.sqrt(strength), signs[..., 1] * np.sqrt(strength)
    divergence = np.zeros((32, 32))
    between_x, between_y = (gx[:, :-1] + gx[:, 1:]) / 2, (gy[:-1] + gy[1:]) / 2
    divergence[:, :-1] += between_x
    divergence[:, 1:] -= between_x
    divergence[:-1] += between_y
    divergence[1:] -= between_y
    k = 2 * np.cos(np.pi * np.arange(32) / 32) - 2
    spectrum = cv2.dct(divergence) / np.where((k[:, None] + k[None]) == 0, 1, k[:, None] + k[None])
    spectrum[0, 0] = 0
    return np.asarray(
        cv2.resize(np.asarray(cv2.idct(spectrum)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float64
    )


def unit(picture: Picture) -> Picture:
    moved = picture - picture.mean()
    return moved / max(float(moved.std()), 1e-9)


def likeness(guess: Picture, truth: Picture, side: int) -> float:
    one, two = (
        unit(np.asarray(cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA), np.float64)) for p in (guess, truth)
    )
    return float((one * two).mean())


def rebuilt(grey: Grey, known: Dictionary, detail: float) -> dict[str, Picture]:
    record = register(grey)
    patches = looked_up(record, known)
    middle = np.repeat([[record.width / 2.0, record.height / 2.0]], len(patches), axis=0)
    scattered = np.random.default_rng(1).uniform(0, 1, (len(patches), 2)) * [record.width, record.height]
    at_cells = placed(record, patches, record.geometry[:, :2], turn=True)
    tiles = from_tiles(record)
    return {
        "nothing (mean picture)": known.mean,
        "pdq": from_pdq(pdq.fingerprint(grey).value, known.sizes),
        "gate: descriptors, scattered": placed(record, patches, scattered, turn=False),
        "gate: descriptors, in the middle, over the mean": unit(placed(record, patches, middle, turn=False)) * 0.3
        + unit(known.mean),
        "hub: descriptors with positions": at_cells,
        "hub: tiles": tiles,
        "hub: tiles and descriptors with positions": unit(tiles) + detail * unit(at_cells),
    }


def measured(paths: list[Path], known: Dictionary, detail: float) -> dict[str, dict[str, float]]:
    kept: dict[str, list[tuple[float, float]]] = {}
    for path in paths:
        grey = grey_of(path)
        truth = square(grey)
        for name, guess in rebuilt(grey, known, detail).items():
            kept.setdefault(name, []).append((likeness(guess, truth, SIDE), likeness(guess, truth, 16)))
    return {
        name: {
            "correlation_64": round(float(np.mean([v[0] for v in values])), 3),
            "correlation_16": round(float(np.mean([v[1] for v in values])), 3),
            "correlation_64_p90": round(float(np.quantile([v[0] for v in values], 0.9)), 3),
        }
        for name, values in kept.items()
    }


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md. result: what trace_inversion.json holds."""
    lines = [
        "## Rebuilding a picture from what others hold of it",
        "",
        "Mean correlation with the grey photo, 39 test photos; 1 is the photo (docs/explanation/trace-privacy.md).",
        "",
        "| from | at 64 x 64 | at 16 x 16 | at 64 x 64, 90th percentile |",
        "|---|---|---|---|",
    ]
    for name, row in result["test"].items():
        lines.append(f"| {name} | {row['correlation_64']} | {row['correlation_16']} | {row['correlation_64_p90']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    photos = Path(sys.argv[1])
    known = learned(numbered(photos / "others", "tune")[:150])
    tune = numbered(photos / "sources", "tune")[:12]
    both = "hub: tiles and descriptors with positions"
    detail = max((0.0, 0.2, 0.4, 0.7, 1.0), key=lambda w: measured(tune, known, w)[both]["correlation_64"])
    result = {"detail": detail, "test": measured(numbered(photos / "sources", "test"), known, detail)}
    target = Path(__file__).parent / "results" / "trace_inversion.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(markdown(result))


if __name__ == "__main__":
    main()
