"""The golden vectors that the TypeScript port runs as well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.signal.trace.trace_vectors import VECTORS, vector

LISTED: list[dict[str, Any]] = json.loads(VECTORS.read_text())


@pytest.mark.parametrize("number", range(len(LISTED)))
def test_a_golden_vector_comes_out_to_the_byte(number: int) -> None:
    wanted = LISTED[number]
    assert vector(wanted["width"], wanted["height"], wanted["seed"], wanted["rectangles"]) == wanted
