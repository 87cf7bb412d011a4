"""Golden vectors of registering a photo, beyond those of records.json: awkward sizes, faint pictures, refusals.

Pictures are drawn as tests/signal/trace/trace_vectors.py says, and each pixel is then divided by ``divisor``, rounding down.
Write them anew only with a new version of the format: python -m tests.web.trace_registration. More of them, to compare
languages by hand:

    python -m tests.web.trace_registration --random 300 --seed 1 --to FILE
    AMPARO_TRACE_VECTORS=FILE npm --prefix web test
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from pathlib import Path
from typing import Any, Final

from amparo.core.errors import InvalidInput
from amparo.signal.trace import codec, register
from amparo.signal.trace.detector import pyramid
from amparo.signal.trace.plane import plane_of
from tests.signal.trace.trace_vectors import drawn

REGISTRATION: Final = Path(__file__).parents[2] / "spec" / "vectors" / "trace" / "registration.json"
PICTURES: Final = (
    # width, height, seed, rectangles, divisor
    *((80, 60, 11, 300, 1), (48, 48, 12, 300, 1), (400, 100, 13, 300, 1), (66, 640, 14, 400, 1)),
    *((511, 300, 15, 400, 1), (512, 512, 16, 500, 1), (513, 400, 17, 500, 1), (500, 49, 18, 500, 1)),
    *((768, 1024, 19, 900, 1), (520, 700, 20, 800, 1), (1600, 1203, 21, 1500, 1), (2000, 1500, 22, 1500, 1)),
    *(
        (601, 3000, 23, 1500, 1),
        (90, 70, 24, 9000, 1),
        (400, 300, 25, 600, 16),
        (1300, 900, 26, 900, 40),
        (640, 480, 32, 12, 1),
    ),
    *((200, 150, 27, 0, 1), (200, 150, 28, 1, 1), (47, 30, 29, 200, 1), (600, 40, 30, 200, 1), (512, 47, 31, 200, 1)),
)


def vector(width: int, height: int, seed: int, rectangles: int, divisor: int) -> dict[str, Any]:
    """plane: CRC-32 of the plane; levels: heights and widths; record: its bytes; or code: why there is none."""
    pixels = drawn(width, height, seed, rectangles) // divisor
    row: dict[str, Any] = {
        "width": width,
        "height": height,
        "seed": seed,
        "rectangles": rectangles,
        "divisor": divisor,
    }
    try:
        plane = plane_of(pixels)
        row["plane"] = zlib.crc32(plane.tobytes())
        row["levels"] = [list(level.shape) for level in pyramid(plane)]
        row["record"] = codec.encode(register(pixels)).hex()
    except InvalidInput as error:
        row["code"] = error.code
    return row


def random_vectors(count: int, seed: int) -> list[dict[str, Any]]:
    """Of random sizes, crowded and faint to all degrees."""
    source = random.Random(seed)
    vectors: list[dict[str, Any]] = []
    for number in range(count):
        width, height = (int(2 ** source.uniform(5.6, 10.5)) for _ in range(2))
        rectangles = int(2 ** source.uniform(4, 12))
        vectors.append(vector(width, height, 1 + 100_000 * seed + number, rectangles, source.choice([1, 1, 4, 16])))
    return vectors


def write(path: Path, vectors: list[dict[str, Any]]) -> None:
    """One vector a line: a changed vector is a changed line."""
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in vectors)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, default=REGISTRATION)
    chosen = parser.parse_args()
    write(chosen.to, random_vectors(chosen.random, chosen.seed) if chosen.random else [vector(*p) for p in PICTURES])
