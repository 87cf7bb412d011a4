"""Writes the golden vectors of PDQ: ``python spec/vectors/pdq/generate.py``; more of them, to compare languages by hand:

    python spec/vectors/pdq/generate.py --random 500 --seed 1 --to FILE
    AMPARO_PDQ_VECTORS=FILE npm --prefix web test

The pictures are synthetic, seeded and made of flat patches, so that they compress to a few hundred bytes
each. Run it only when ``spec/pdq.md`` changes on purpose: an unwanted difference in these files is a broken
fingerprint.
"""

from __future__ import annotations

import argparse
import base64
import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amparo.signal import pdq, pdq_transform
from amparo.signal.pdq_taps import axis_taps

HERE = Path(__file__).parent
SIZES = (
    *((1, 1), (4, 900), (5, 5), (7, 6), (33, 31), (64, 64), (64, 65), (65, 64), (100, 127), (128, 128)),
    *((129, 130), (5, 2000), (1500, 9), (240, 320), (257, 255), (511, 513), (520, 700), (768, 1024)),
    (1600, 1203),
)
LENGTHS = (1, 5, 64, 127, 128, 129, 255, 640, 641, 1000, 4032, 3024, 20_000)
SCALED = ((2049, 2), (4032, 4), (4000, 8), (4030, 4), (4001, 8), (3023, 8))


def patches(height: int, width: int, channels: int, seed: int) -> NDArray[np.uint8]:
    """Overlapping flat rectangles on a stepped slope: edges at every scale, few distinct values."""
    random = np.random.default_rng(seed)
    slope = np.add.outer(np.arange(height) * 5 // height, np.arange(width) * 7 // width) * 12
    picture = np.repeat(slope[:, :, None], channels, axis=2).astype(np.uint8)
    for _ in range(40):
        top, left = random.integers(0, height), random.integers(0, width)
        bottom = top + 1 + random.integers(0, max(1, height // 3))
        right = left + 1 + random.integers(0, max(1, width // 3))
        picture[top:bottom, left:right] = random.integers(0, 256, channels)
    return picture if channels == 3 else picture[:, :, 0]


def noise(height: int, width: int, channels: int, seed: int) -> NDArray[np.uint8]:
    shape = (height, width, channels) if channels == 3 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def vector(name: str, pixels: NDArray[np.uint8]) -> dict[str, object]:
    found = pdq.dihedral(pixels)
    return {
        "name": name,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "channels": 3 if pixels.ndim == 3 else 1,
        "pixels": base64.b64encode(zlib.compress(pixels.tobytes(), 9)).decode(),
        "value": found[0].hex,
        "quality": found[0].quality,
        "dihedral": [one.hex for one in found],
    }


def main() -> None:
    vectors: list[dict[str, object]] = []
    for number, (height, width) in enumerate(SIZES):
        for channels, colour in ((1, "grey"), (3, "rgb")):
            pixels = patches(height, width, channels, 1000 * channels + number)
            vectors.append(vector(f"patches-{colour}-{width}x{height}", pixels))
    vectors.append(vector("noise-grey-90x70", noise(70, 90, 1, 7)))
    vectors.append(vector("noise-rgb-72x68", noise(68, 72, 3, 8)))
    vectors.append(vector("flat-grey-200x150", np.full((150, 200), 77, dtype=np.uint8)))
    vectors.append(vector("flat-rgb-150x200", np.full((200, 150, 3), (250, 3, 128), dtype=np.uint8)))
    for divisor in (8, 12, 20, 40):
        faint = patches(300, 400, 3, 5000 + divisor) // divisor + 90
        vectors.append(vector(f"faint-{divisor}-rgb-400x300", faint))
        vectors.append(vector(f"faint-{divisor}-grey-400x300", faint[:, :, 0]))
    vectors.append(
        vector("halves-grey-64x64", np.repeat(np.array([[0, 255]], np.uint8), 32, axis=1).repeat(64, axis=0))
    )
    write(HERE / "pictures.json", "vectors", vectors)
    axes: list[dict[str, object]] = []
    for length, scale in (*((length, 1) for length in LENGTHS), *SCALED):
        for lead in (0, -length % scale) if -length % scale else (0,):
            taps = axis_taps(length, scale, lead)
            axes.append(
                {
                    "length": length,
                    "scale": scale,
                    "lead": lead,
                    "starts": taps.starts.tolist(),
                    "counts": np.diff(taps.offsets).tolist(),
                    # All weights would be long; the first and the last two outputs and a checksum say as
                    # much.
                    "first": taps.weights[: taps.offsets[1]].tolist(),
                    "last": taps.weights[taps.offsets[-2] :].tolist(),
                    "crc32": zlib.crc32(taps.weights.astype("<i4").tobytes()),
                }
            )
    write(HERE / "taps.json", "axes", axes)
    write(HERE / "cosines.json", "tables", [{"scale_bits": 22, "cosines": list(pdq_transform.COSINES)}])


def random_vectors(count: int, seed: int) -> list[dict[str, object]]:
    """Pictures of random sizes and both makes, grey and colour."""
    random = np.random.default_rng(seed)
    vectors: list[dict[str, object]] = []
    for number in range(count):
        height, width = (int(2 ** random.uniform(0, 9.6)) for _ in range(2))
        channels = int(random.choice([1, 3]))
        make = noise if random.random() < 0.5 else patches
        pixels = make(height, width, channels, seed * 100_000 + number) // np.uint8(random.choice([1, 1, 4, 16]))
        vectors.append(vector(f"random-{number}-{width}x{height}x{channels}", pixels))
    return vectors


def write(path: Path, key: str, rows: list[dict[str, object]]) -> None:
    """One row a line: a changed vector is a changed line."""
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text(f'{{"spec":"pdq-1","{key}":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path)
    chosen = parser.parse_args()
    if chosen.random:
        write(chosen.to, "vectors", random_vectors(chosen.random, chosen.seed))
    else:
        main()
