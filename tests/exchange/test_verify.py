"""Every way to spoil a page, and the step at which it is caught. The same vectors are for other languages."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.core.clock import from_text
from amparo.core.errors import VerificationFailed
from amparo.core.keys import VerifyKey
from amparo.exchange.native import Expectation, verify_page
from amparo.exchange.native.verify import CLOCK_TOLERANCE, FURTHEST_AHEAD

FOLDER = Path(__file__).parents[2] / "spec" / "vectors" / "feed"
ACCEPTED: list[dict[str, Any]] = json.loads((FOLDER / "accepted.json").read_text(encoding="utf-8"))
REFUSED: list[dict[str, Any]] = json.loads((FOLDER / "refused.json").read_text(encoding="utf-8"))
STEPS = ("parse", "hub", "signature", "partner", "nonce", "order", "time")


def expectation(content: dict[str, Any]) -> Expectation:
    return Expectation(
        key=VerifyKey.from_hex(content["hub_key"]),
        partner=content["partner"],
        after=content["after"],
        nonce=content["nonce"],
        head=content["head"],
        issued_at=None if content["issued_at"] is None else from_text(content["issued_at"]),
        now=from_text(content["now"]),
    )


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("feed_vectors", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda vector: vector["name"])
def test_a_golden_page_is_accepted(vector: dict[str, Any]) -> None:
    page = verify_page(vector["answer"].encode(), expectation(vector["expected"]))
    assert (page.cursor, page.head, len(page.changes)) == (vector["cursor"], vector["head"], vector["changes"])


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: f"{vector['step']}: {vector['name']}")
def test_a_spoilt_page_fails_at_its_step(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed) as caught:
        verify_page(vector["answer"].encode(), expectation(vector["expected"]))
    assert caught.value.step == vector["step"]


def test_every_step_has_a_vector_that_fails_there() -> None:
    assert set(Counter(vector["step"] for vector in REFUSED)) == set(STEPS)


def test_the_vectors_are_what_the_generator_makes() -> None:
    module = generator()
    assert module.text_of(module.accepted()) == (FOLDER / "accepted.json").read_text(encoding="utf-8")
    assert module.text_of(module.refused()) == (FOLDER / "refused.json").read_text(encoding="utf-8")
    with pytest.raises(VerificationFailed) as caught:
        verify_page(module.too_long(), expectation(ACCEPTED[0]["expected"]))
    assert caught.value.step == "parse"


def test_any_flipped_bit_is_refused() -> None:
    """All bits of one page, not a sample: 8 x 700 attempts."""
    vector = ACCEPTED[1]
    raw, expected = bytearray(vector["answer"].encode()), expectation(vector["expected"])
    for at in range(len(raw)):
        for bit in range(8):
            raw[at] ^= 1 << bit
            with pytest.raises(VerificationFailed):
                verify_page(bytes(raw), expected)
            raw[at] ^= 1 << bit
    verify_page(bytes(raw), expected)


@given(st.sampled_from(ACCEPTED), st.data())
@settings(max_examples=150, deadline=None)
def test_a_page_cut_or_spliced_anywhere_is_refused(vector: dict[str, Any], data: st.DataObject) -> None:
    raw, expected = vector["answer"].encode(), expectation(vector["expected"])
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start + 1, len(raw)))
    for wrong in (
        raw[:start] + raw[end:],
        raw[:end] + raw[start:end] + raw[end:],
        raw[:start] + data.draw(st.binary(min_size=1, max_size=9)) + raw[end:],
    ):
        if wrong == raw:
            continue
        with pytest.raises(VerificationFailed):
            verify_page(wrong, expected)


def test_a_clock_set_back_a_little_by_its_time_service_is_no_alarm() -> None:
    vector = ACCEPTED[0]
    raw, expected = vector["answer"].encode(), expectation(vector["expected"])
    page = verify_page(raw, expected)
    verify_page(raw, replace(expected, issued_at=page.issued_at + CLOCK_TOLERANCE, head=page.head))
    with pytest.raises(VerificationFailed) as caught:
        verify_page(raw, replace(expected, issued_at=page.issued_at + CLOCK_TOLERANCE + timedelta(microseconds=1)))
    assert (caught.value.code, caught.value.step) == ("feed_went_back", "time")


def test_a_hub_whose_clock_is_ahead_by_more_than_a_day_is_not_believed() -> None:
    vector = ACCEPTED[0]
    raw, expected = vector["answer"].encode(), expectation(vector["expected"])
    issued_at = verify_page(raw, expected).issued_at
    verify_page(raw, replace(expected, now=issued_at - FURTHEST_AHEAD))
    with pytest.raises(VerificationFailed) as caught:
        verify_page(raw, replace(expected, now=issued_at - FURTHEST_AHEAD - timedelta(microseconds=1)))
    assert (caught.value.code, caught.value.step) == ("page_from_the_future", "time")


def test_a_clock_that_was_ahead_once_shuts_a_gate_for_a_day_at_most() -> None:
    vector = ACCEPTED[0]
    raw, expected = vector["answer"].encode(), expectation(vector["expected"])
    now = expected.now
    # Its hub was a day ahead: the longest for which its pages are refused afterwards.
    ahead = replace(expected, issued_at=now + FURTHEST_AHEAD)
    with pytest.raises(VerificationFailed) as caught:
        verify_page(raw, ahead)
    assert caught.value.code == "feed_went_back"
    # Both clocks were a century ahead, and are right again: nothing is refused.
    verify_page(raw, replace(expected, issued_at=now + timedelta(days=36525)))
