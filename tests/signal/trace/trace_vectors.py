"""The golden vectors of spec/trace.md: pictures that any language draws from a seed, and what must come of them.

A picture: state = seed; next() sets state = state * 16807 mod 2147483647 and gives it. Fill with 128, then for each rectangle
draw x = next() mod width, y = next() mod height, w = 1 + next() mod size, h = 1 + next() mod size, tone = next() mod 256, and
paint what of it lies inside; size = 1 + width // 5 for the first third of the rectangles, 1 + width // 15 for the second,
1 + width // 40 for the rest. Write the vectors anew (only with a new version of the format): python -m
tests.signal.trace.trace_vectors
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amparo.signal.trace import codec, query, register
from amparo.signal.trace.detector import pyramid
from amparo.signal.trace.plane import plane_of

VECTORS = Path(__file__).parents[3] / "spec" / "vectors" / "trace" / "records.json"
PICTURES = ((512, 384, 1, 300), (1500, 1131, 2, 900), (301, 200, 3, 240), (700, 190, 4, 400), (333, 333, 5, 60))


def drawn(width: int, height: int, seed: int, rectangles: int) -> NDArray[np.uint8]:
    state = seed

    def following() -> int:
        nonlocal state
        state = state * 16807 % 2147483647
        return state

    picture = np.full((height, width), 128, np.uint8)
    for number in range(rectangles):
        size = 1 + width // (5, 15, 40)[number * 3 // rectangles]
        x, y = following() % width, following() % height
        w, h = 1 + following() % size, 1 + following() % size
        picture[y : y + h, x : x + w] = following() % 256
    return picture


def vector(width: int, height: int, seed: int, rectangles: int) -> dict[str, Any]:
    picture = drawn(width, height, seed, rectangles)
    levels = pyramid(plane_of(picture))
    asked = query(picture)
    return {
        "width": width,
        "height": height,
        "seed": seed,
        "rectangles": rectangles,
        "picture_sha256": digest(picture),
        "levels": [{"rows": len(x), "columns": x.shape[1], "sha256": digest(x)} for x in levels],
        "record": codec.encode(register(picture)).hex(),
        "query_keypoints": len(asked),
        "query_sha256": hashlib.sha256(codec.encode_query(asked)).hexdigest(),
        "query_first": {
            "x": asked.x[:8].tolist(),
            "y": asked.y[:8].tolist(),
            "turns": asked.turns[:8].tolist(),
            "levels": asked.levels[:8].tolist(),
            "descriptors": [row.tobytes().hex() for row in asked.descriptors[:8]],
            "mirrored": [row.tobytes().hex() for row in asked.mirrored[:8]],
        },
    }


def digest(picture: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


if __name__ == "__main__":
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    VECTORS.write_text(json.dumps([vector(*picture) for picture in PICTURES], indent=1) + "\n")
