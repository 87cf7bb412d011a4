"""Answers that no server of ours gives: whoever asked gets an error of ours, and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amparo.core.errors import AmparoError, Unavailable, VerificationFailed
from amparo.gate.client import Gate
from amparo.gate.reply import object_of, problem_of
from amparo.gate.tracing import tracer
from amparo.signal.fingerprint import Pdq
from tests.gate.serving import served
from tests.walk.running import free_ports

NO_OBJECT = {
    "nothing": b"",
    "a page": b"<html>a portal wants a password</html>",
    "another encoding": b"\xff\xfe\x00\xd8",
    "a list": b"[]",
    "lists without an end": b"[" * 100_000,
    "objects without an end": b'{"a":' * 100_000,
    "a number without an end": b"9" * 100_000,
}
NO_PROBLEM = {
    **NO_OBJECT,
    "no code": b"{}",
    "a code that is a list": b'{"code": ["x"], "detail": "y"}',
    "a code that is a sentence": b'{"code": "Not a code", "detail": "y"}',
    "a code that is long": json.dumps({"code": "x" * 100, "detail": "y"}).encode(),
    "a sentence that is none": b'{"code": "x", "detail": null}',
}


@pytest.mark.parametrize("name", NO_OBJECT)
def test_what_is_no_object_is_malformed(name: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        object_of(NO_OBJECT[name])
    assert caught.value.code == "reply_malformed"


@pytest.mark.parametrize("name", NO_PROBLEM)
def test_what_is_no_problem_is_called_what_the_asker_calls_it(name: str) -> None:
    assert problem_of(NO_PROBLEM[name], "hub_refused", "The hub answered 500.") == (
        "hub_refused",
        "The hub answered 500.",
    )


def test_a_problem_is_told_in_short_and_plain_words() -> None:
    told = json.dumps({"code": "quota_used_up", "detail": "Later\ud800,\n\x1b[31m please." + "x" * 1000})
    code, text = problem_of(told.encode(), "hub_refused", "")
    assert (code, text[:18]) == ("quota_used_up", "Later,[31m please.")
    assert len(text) <= 300
    text.encode()


@pytest.mark.parametrize("status", [200, 403, 503])
@pytest.mark.parametrize("name", NO_OBJECT)
def test_what_is_no_gate_is_unavailable_to_a_platform(name: str, status: int) -> None:
    async def told(_request: Request) -> Response:
        return Response(NO_OBJECT[name], status, media_type="application/json")

    _expect_no_gate(told)


@pytest.mark.parametrize(
    "quality", ["1e999", "Infinity", "NaN", "[" * 300 + "]" * 300, '{"a":1}', "null", '"\\ud800"', "9" * 5000]
)
def test_a_verdict_whose_quality_is_no_number_is_no_gates(quality: str) -> None:
    async def told(_request: Request) -> Response:
        return Response(f'{{"results":[{{"verdict":"allow","quality":{quality},"matches":[]}}]}}')

    _expect_no_gate(told)


def _expect_no_gate(handler: Callable[[Request], object]) -> None:
    (port,) = free_ports(1)
    app = Starlette(routes=[Route("/v1/lookup", handler, methods=["POST"])])
    with served(app, port) as url, Gate.from_url(url, "key") as gate, pytest.raises(Unavailable) as caught:
        gate.look_up([Pdq(bytes(32), 100)])
    assert caught.value.code == "gate_unreachable"


@pytest.mark.parametrize("name", NO_PROBLEM)
def test_a_hub_that_refuses_in_no_words_leaves_the_tracer_an_error_of_ours(name: str) -> None:
    refused = tracer._refusal(404, NO_PROBLEM[name])  # pyright: ignore[reportPrivateUsage]  # an upload is long to make
    assert isinstance(refused, AmparoError)
    assert refused.code == "hub_refused"
