"""Pages of ``amparo-feed/2``: golden and spoilt ones, for other languages too."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from amparo.core.clock import from_text
from amparo.core.errors import VerificationFailed
from amparo.core.keys import VerifyKey
from amparo.exchange.native import Expectation, TraceAddition, decode_page, verify_page

FOLDER = Path(__file__).parents[3] / "spec" / "vectors" / "feed"
VECTORS: dict[str, Any] = json.loads((FOLDER / "traces.json").read_text(encoding="utf-8"))


def expectation(*, traces: bool = True) -> Expectation:
    content = VECTORS["expected"]
    return Expectation(
        key=VerifyKey.from_hex(content["hub_key"]),
        partner=content["partner"],
        after=content["after"],
        nonce=content["nonce"],
        head=content["head"],
        now=from_text(content["now"]),
        traces=traces,
    )


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_a_golden_page_is_accepted_by_who_asked_for_it(vector: dict[str, Any]) -> None:
    page = verify_page(vector["answer"].encode(), expectation())
    assert len(page.changes) == vector["changes"]
    with pytest.raises(VerificationFailed) as caught:
        verify_page(vector["answer"].encode(), expectation(traces=False))
    assert (caught.value.code, caught.value.step) == ("page_malformed", "parse")


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["name"])
def test_a_spoilt_page_is_refused_though_its_signature_fits(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed) as caught:
        verify_page(vector["answer"].encode(), expectation())
    assert caught.value.step == "parse"


def test_a_trace_is_told_with_nothing_but_its_descriptors() -> None:
    page = decode_page(VECTORS["accepted"][0]["answer"].encode())[0]
    pooled, whole = (change for change in page.changes if isinstance(change, TraceAddition))
    assert (len(pooled.descriptors), pooled.record) == (32 * 16, b"")
    assert whole.descriptors == b""
    told = json.loads(VECTORS["accepted"][0]["answer"])["page"]["changes"][1]
    assert sorted(told) == ["descriptors", "entry", "expires_at", "kind", "sequence", "signal_type"]


def test_the_vectors_are_what_the_generator_makes() -> None:
    spec = importlib.util.spec_from_file_location("trace_feed_vectors", FOLDER / "generate_traces.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.text_of(module.vectors()) == (FOLDER / "traces.json").read_text(encoding="utf-8")
