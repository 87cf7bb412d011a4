"""Golden vectors of what a gate sends a hub (spec/trace.md, section 6): queries and tiles, field by field and as bytes.

Keypoint i of a query, and tile i, are computed from i as ``keypoint`` and ``tile`` say. Write the vectors anew (only with a new
version of the format): python -m tests.signal.trace.trace_messages
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import QueryRecord, codec
from amparo.signal.trace.tiles import COUNT, SIGNS, Tiles

MESSAGES: Final = Path(__file__).parents[3] / "spec" / "vectors" / "trace" / "messages.json"
HEIGHT, WIDTH = 384, 512
_QUALITIES: Final = (100, 7)


def keypoint(i: int) -> dict[str, Any]:
    return {
        "x": (i * 977) % (WIDTH * 16),
        "y": (i * 613 + 5) % (HEIGHT * 16),
        "turn": (i * 23) % 64,
        "level": i % 12,
        "descriptor": bytes((i * 31 + place * 7) % 256 for place in range(16)).hex(),
        "mirrored": bytes((i * 59 + place * 11 + 1) % 256 for place in range(16)).hex(),
    }


def tile(i: int) -> dict[str, Any]:
    return {
        "signs": [(i // 3**place + place) % 3 - 1 for place in range(SIGNS)],
        "energy": i % 31,
        "visible": i % 5 != 0,
    }


def pdqs() -> tuple[Pdq, Pdq]:
    upload, mirror = (bytes((place * step) % 256 for place in range(32)) for step in (3, 5))
    return Pdq(upload, _QUALITIES[0]), Pdq(mirror, _QUALITIES[1])


def query_of(points: list[dict[str, Any]]) -> QueryRecord:
    def bits(name: str) -> Any:
        rows = b"".join(bytes.fromhex(point[name]) for point in points)
        return np.frombuffer(rows, np.uint8).reshape(len(points), 16)

    return QueryRecord(
        pdqs=pdqs(),
        height=HEIGHT,
        width=WIDTH,
        x=np.array([point["x"] for point in points], np.uint16),
        y=np.array([point["y"] for point in points], np.uint16),
        turns=np.array([point["turn"] for point in points], np.uint8),
        levels=np.array([point["level"] for point in points], np.uint8),
        descriptors=bits("descriptor"),
        mirrored=bits("mirrored"),
    )


def tiles_of(fields: list[dict[str, Any]]) -> Tiles:
    return Tiles(
        np.array([one["signs"] for one in fields], np.int8),
        np.array([one["energy"] for one in fields], np.uint8),
        np.array([one["visible"] for one in fields], np.bool_),
    )


def messages() -> dict[str, Any]:
    points = [keypoint(i) for i in range(9)]
    fields = [tile(i) for i in range(COUNT)]
    head = {"height": HEIGHT, "width": WIDTH, "pdqs": [[one.quality, one.value.hex()] for one in pdqs()]}
    return {
        "queries": [
            {**head, "keypoints": listed, "bytes": codec.encode_query(query_of(listed)).hex()}
            for listed in ([], points)
        ],
        "tiles": [{"tiles": fields, "bytes": codec.encode_tiles(tiles_of(fields)).hex()}],
    }


if __name__ == "__main__":
    MESSAGES.write_text(json.dumps(messages(), indent=1) + "\n")
