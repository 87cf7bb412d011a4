"""Golden vectors of queries and tiles, and a reading of the specification that shares no code with the encoder."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from amparo.core.errors import InvalidInput
from amparo.signal.trace import codec
from tests.signal.trace.trace_messages import MESSAGES, messages

LISTED: dict[str, list[dict[str, Any]]] = json.loads(MESSAGES.read_text())


def test_the_listed_messages_come_out_to_the_byte() -> None:
    assert messages() == LISTED


@pytest.mark.parametrize("number", range(len(LISTED["queries"])))
def test_a_query_is_laid_out_as_the_specification_says(number: int) -> None:
    told = LISTED["queries"][number]
    raw = b"AMTQ\x01" + told["height"].to_bytes(2) + told["width"].to_bytes(2)
    for quality, value in told["pdqs"]:
        raw += bytes([quality]) + bytes.fromhex(value)
    raw += len(told["keypoints"]).to_bytes(2)
    for point in told["keypoints"]:
        raw += point["x"].to_bytes(2) + point["y"].to_bytes(2) + bytes([point["turn"], point["level"]])
        raw += bytes.fromhex(point["descriptor"]) + bytes.fromhex(point["mirrored"])
    assert raw.hex() == told["bytes"]
    read = codec.decode_query(raw)
    assert read.x.tolist() == [point["x"] for point in told["keypoints"]]
    assert codec.encode_query(read) == raw


def test_tiles_are_laid_out_as_the_specification_says() -> None:
    (told,) = LISTED["tiles"]
    bits = ""
    for one in told["tiles"]:
        signs = sum((sign + 1) * 3**place for place, sign in enumerate(one["signs"]))
        bits += f"{signs:013b}{one['energy']:05b}{int(one['visible'])}"
    raw = b"AMTT\x01" + int(bits, 2).to_bytes(608)
    assert raw.hex() == told["bytes"]
    assert len(raw) == 613
    read = codec.decode_tiles(raw)
    assert np.array_equal(read.visible, [one["visible"] for one in told["tiles"]])
    assert codec.encode_tiles(read) == raw


@pytest.mark.parametrize(
    ("at", "value"), [(4, 2), (5, 3), (9, 101), (75, 1), (76, 200), (77, 0x20), (79, 0x18), (81, 64), (82, 12)]
)
def test_a_query_that_the_specification_refuses_is_refused(at: int, value: int) -> None:
    raw = bytearray.fromhex(LISTED["queries"][1]["bytes"])
    raw[at] = value
    with pytest.raises(InvalidInput):
        codec.decode_query(bytes(raw))
