"""The gate's own API. Every error is RFC 9457 problem JSON; the whole of it is described at ``/v1/openapi.json``.

``POST /v1/check?place=``: the bytes of one upload; the verdict with its matches; reports a sighting.
``POST /v1/lookup``: ``{"fingerprints": [{"value", "quality"}]}``; verdicts without sightings.
``POST /v1/video?place=&seconds=``: the bytes of one video; the strictest verdict of its frames.
``POST /v1/opinions``: ``{"entry", "opinion"}``; what people say of an entry, told to the hub.
``GET /v1/entries``, ``PUT /v1/entries/{entry}``: ``{"here", "until"}``; what is decided about an entry for this gate only.
``GET /v1/status``, ``GET /v1/report``, ``GET /metrics``: where the gate stands, and what it did.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

import anyio
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError, InvalidInput, NotFound, Unavailable
from amparo.core.ids import EntryId, is_id
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.exchange.native.opinion import decode_opinion
from amparo.exchange.native.tracing import decode_decision
from amparo.gate.access import Access, Role
from amparo.gate.answer import Found, answer_json
from amparo.gate.checker import DEFAULT_PLACE, VIDEO_LIMITS, Checker
from amparo.gate.entries_here import Here, can_end
from amparo.gate.faults import fault_of
from amparo.gate.load import Load
from amparo.gate.metrics import MEDIA_TYPE as METRICS_TYPE
from amparo.gate.metrics import Metrics
from amparo.gate.openapi import document
from amparo.gate.runtime import GateRuntime
from amparo.gate.sealed_spool import SealedSpool
from amparo.gate.strict_json import read_json
from amparo.gate.uploads import read_body, too_long
from amparo.gate.video_answer import video_json
from amparo.signal.fingerprint import PDQ_BYTES
from amparo.signal.limits import DEFAULT as LIMITS

MAXIMUM_LOOKUPS: Final = 1000
_DECISION_BYTES: Final = 1000
_LOOKUP_BYTES: Final = MAXIMUM_LOOKUPS * 200
_NOT_HEX: Final = {ord(digit): None for digit in "0123456789abcdef"}
_PASSED: Final = [f'{{"verdict":"allow","quality":{quality},"matches":[]}}' for quality in range(101)]
"""What nearly every lookup answers, made once."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the routes work on."""

    gate: GateRuntime
    access: Access
    metrics: Metrics
    load: Load


Handler = Callable[[Request], Awaitable[Response]]


def routes(context: Context) -> list[Route]:
    """The routes of the API; those that are asked most come first."""
    gate, checker, metrics, load = context.gate, context.gate.checker, context.metrics, context.load

    async def lookup(request: Request) -> Response:
        values, qualities = _fingerprints_of(await read_body(request, _LOOKUP_BYTES))
        metrics.lookups.inc(len(qualities))
        return Response(results_json(checker, checker.find(values), qualities), media_type="application/json")

    async def check(request: Request) -> Response:
        place = request.query_params.get("place", DEFAULT_PLACE)
        with load.bodies.share() as share:
            picture = await read_body(request, LIMITS.max_bytes, share=share)
            start = monotonic()
            answer = await run_sync(checker.check_picture, picture, place, limiter=load.pictures)
        metrics.check_seconds.observe(monotonic() - start)
        return JSONResponse(answer_json(answer))

    async def video(request: Request) -> Response:
        if load.videos.available_tokens < 1:
            raise Unavailable("gate_busy", "This gate looks at as many videos as it can.", retry_after=10.0)
        async with load.videos:
            place, seconds = request.query_params.get("place", DEFAULT_PLACE), _seconds_in(request)
            with SealedSpool.opened(gate.folder) as spool:
                await _receive(request, spool)
                answer = await run_sync(checker.check_video, spool.reader(), place, seconds)
        return JSONResponse(video_json(answer))

    async def review(request: Request) -> Response:
        confirmed = decode_decision(await read_body(request, _DECISION_BYTES))
        decide = partial(gate.tracer.decide, request.path_params["review"], confirmed=confirmed)
        return JSONResponse({"stopped_everywhere": await run_sync(decide)})

    async def opinion(request: Request) -> Response:
        entry, said = decode_opinion(await read_body(request, _DECISION_BYTES))
        return JSONResponse({"known": await run_sync(gate.tell_opinion, entry, said)})

    async def entries(_request: Request) -> Response:
        told = [asdict(one) for one in gate.entries_here.all()]
        return JSONResponse({"entries": told})

    async def decide_here(request: Request) -> Response:
        entry = request.path_params["entry"]
        here, until = _here_of(await read_body(request, _DECISION_BYTES), gate.clock.now())
        known = is_id(entry) and (gate.entries_here.of(EntryId(entry)) or await run_sync(gate.replica.holds, entry))
        if not known:
            raise NotFound("entry_unknown", "There is no entry of this name here.")
        if here is Here.OFF:
            await run_sync(gate.switch_off, EntryId(entry), until)
        else:
            await run_sync(gate.switch_on, EntryId(entry))
        return JSONResponse({"entry": entry, "here": here, "until": until})

    async def status(_request: Request) -> Response:
        return JSONResponse(asdict(gate.status()))

    async def report(_request: Request) -> Response:
        return JSONResponse({"dry_run": checker.dry_run, **checker.tally.report().to_json()})

    async def figures(_request: Request) -> Response:
        return Response(metrics.text(), media_type=METRICS_TYPE)

    async def described(_request: Request) -> Response:
        return JSONResponse(document())

    def guarded(handler: Handler, role: Role | None) -> Handler:
        async def answered(request: Request) -> Response:
            try:
                if role is not None and not (role is Role.ADMIN and handler is figures and _is_near(request)):
                    context.access.admit(request.headers.get("authorization", ""), role)
                return await handler(request)
            except AmparoError as error:
                metrics.refused(error.code)
                return problem(error)
            except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told in this API's shape
                fault = fault_of(error, handler.__name__)
                metrics.refused(fault.code)
                return problem(fault)

        return answered

    return [
        Route("/v1/lookup", guarded(lookup, Role.MATCH), methods=["POST"]),
        Route("/v1/check", guarded(check, Role.MATCH), methods=["POST"]),
        Route("/v1/video", guarded(video, Role.MATCH), methods=["POST"]),
        Route("/v1/reviews/{review}", guarded(review, Role.CURATE), methods=["POST"]),
        Route("/v1/opinions", guarded(opinion, Role.CURATE), methods=["POST"]),
        Route("/v1/entries", guarded(entries, Role.CURATE), methods=["GET"]),
        Route("/v1/entries/{entry}", guarded(decide_here, Role.CURATE), methods=["PUT"]),
        Route("/v1/status", guarded(status, Role.MATCH), methods=["GET"]),
        Route("/v1/report", guarded(report, Role.ADMIN), methods=["GET"]),
        Route("/metrics", guarded(figures, Role.ADMIN), methods=["GET"]),
        Route("/v1/openapi.json", guarded(described, None), methods=["GET"]),
        Route("/openapi/openapi.json", guarded(described, None), methods=["GET"]),
    ]


def problem(error: AmparoError) -> Response:
    """How this API tells an error."""
    return JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)


def results_json(checker: Checker, found: Mapping[int, Sequence[Found]], qualities: Sequence[int]) -> bytes:
    """The answer of ``/v1/lookup``. found: as ``Checker.find`` tells it of fingerprints with these qualities."""
    results = [_PASSED[quality] for quality in qualities]
    for place, matches in found.items():
        told = answer_json(checker.judge(matches, qualities[place]))
        results[place] = json.dumps(told, separators=(",", ":"))
    return f'{{"results":[{",".join(results)}]}}'.encode()


def _fingerprints_of(raw: bytes) -> tuple[bytes, list[int]]:
    """Values one after the other, and qualities. Raises InvalidInput ``lookup_malformed``."""
    try:
        wanted = cast("list[dict[str, Any]]", json.loads(raw)["fingerprints"])
        digits = [one["value"] for one in wanted]
        qualities = [one.get("quality", 100) for one in wanted]
        joined = "".join(digits)
        sound = (
            {len(one) for one in digits} == {2 * PDQ_BYTES}
            and not joined.translate(_NOT_HEX)
            and all(type(quality) is int and 0 <= quality <= 100 for quality in qualities)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("lookup_malformed", "This lookup could not be read.") from error
    if not 1 <= len(digits) <= MAXIMUM_LOOKUPS:
        raise InvalidInput("lookup_malformed", f"A lookup asks about 1 to {MAXIMUM_LOOKUPS} fingerprints.")
    if not sound:
        raise InvalidInput(
            "fingerprint_invalid", "A fingerprint is 64 lowercase hexadecimal digits and a quality from 0 to 100."
        )
    return bytes.fromhex(joined), qualities


def _seconds_in(request: Request) -> float | None:
    """Raises InvalidInput ``seconds_invalid``."""
    text = request.query_params.get("seconds")
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text) is None or not float(text) > 0:
        raise InvalidInput("seconds_invalid", "The seconds for a video are a number above 0, below 1000.")
    return float(text)


def _here_of(raw: bytes, now: datetime) -> tuple[Here, int]:
    """Whether an entry is switched off or on, and until when it is off. Raises InvalidInput ``decision_malformed``."""
    try:
        told = cast("dict[str, Any]", read_json(raw))
        here, until = Here(told["here"]), told.get("until", 0)
        sound = here is not Here.REVIEW and type(until) is int
        sound = sound and (until == 0 or (here is Here.OFF and can_end(until, now)))
    except (InvalidInput, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("decision_malformed", "This decision could not be read.") from error
    if not sound or set(told) - {"here", "until"}:
        raise InvalidInput(
            "decision_malformed", "An entry is off, until a time in the next five years or for good, or as policy."
        )
    return here, until


async def _receive(request: Request, spool: SealedSpool) -> None:
    """Take in the body of a request. Raises InvalidInput ``body_too_long``, ``body_too_slow`` or ``body_cut_off``."""
    limit = VIDEO_LIMITS.max_bytes
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        raise too_long(limit)
    length = 0
    try:
        with anyio.fail_after(_VIDEO_SECONDS):
            async for chunk in request.stream():
                length += len(chunk)
                if length > limit:
                    raise too_long(limit)
                await run_sync(spool.write, chunk)
    except TimeoutError as error:
        raise InvalidInput("body_too_slow", f"The body did not arrive within {_VIDEO_SECONDS:g} seconds.") from error
    except ClientDisconnect as error:
        raise InvalidInput("body_cut_off", "The sender went away before the end of the body.") from error


_VIDEO_SECONDS: Final = 120.0


def _is_near(request: Request) -> bool:
    """Whether the one who asks sits on this machine and speaks for nobody else, as a collector of figures does."""
    host = request.client.host if request.client is not None else ""
    passed_on = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    return host in ("127.0.0.1", "::1") and not passed_on
