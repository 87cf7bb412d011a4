"""The golden vectors that web/tests/trace.test.ts runs, run by Python."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.trace_registration import PICTURES, REGISTRATION, vector

LISTED: list[dict[str, Any]] = json.loads(REGISTRATION.read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(len(PICTURES)))
def test_a_registration_comes_out_to_the_byte(number: int) -> None:
    assert vector(*PICTURES[number]) == LISTED[number]


def test_every_vector_is_listed_and_every_refusal_is_among_them() -> None:
    assert len(LISTED) == len(PICTURES)
    assert {row.get("code") for row in LISTED} == {None, "picture_too_small", "picture_too_plain"}
