"""``/m/``: a fingerprint, a picture or a video in, the contents of banks that match it out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, cast

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amparo.core.clock import from_text
from amparo.core.errors import InvalidInput
from amparo.gate.access import Role
from amparo.gate.answer import Found
from amparo.gate.checker import SEEN
from amparo.gate.hma.hashing import form_of, signals_of_form, signals_of_url
from amparo.gate.hma.wire import Context, Missing, check_signal_type, flag, json_body, names, required, route
from amparo.gate.local_banks import PDQ, SIGNAL_TYPES, checked_signal
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS


def routes(context: Context) -> list[Route]:
    return [
        route(context, "/m/lookup", "GET", Role.MATCH, lookup),
        route(context, "/m/raw_lookup", "GET", Role.MATCH, raw_lookup),
        route(context, "/m/lookup", "POST", Role.MATCH, lookup_upload),
        route(context, "/m/compare", "POST", Role.MATCH, compare),
        route(context, "/m/index/status", "GET", Role.MATCH, index_status),
    ]


async def raw_lookup(context: Context, request: Request) -> Response:
    found = _search(
        context, required(request, "signal_type"), required(request, "signal"), names(request, "banks"), 0.0
    )
    if not flag(request, "include_distance"):
        return JSONResponse({"matches": [one.content for one in found]})
    return JSONResponse({"matches": [_match_json(one) for one in found]})


async def lookup(context: Context, request: Request) -> Response:
    asked = request.query_params
    if asked.get("url"):
        signals = await signals_of_url(context, request)
        return JSONResponse(await _by_type(context, request, signals))
    kind, signal = asked.get("signal_type"), asked.get("signal")
    if not kind or not signal:
        raise Missing("signal_type" if signal else "signal")
    found = _search(context, kind, signal, names(request, "banks"), _coin(request))
    return JSONResponse(by_bank(found)) if found else Response(b"{}", media_type="application/json")


async def lookup_upload(context: Context, request: Request) -> Response:
    async with form_of(context, request) as form:
        signals = await signals_of_form(context, request, form)
    return JSONResponse(await _by_type(context, request, signals))


async def compare(context: Context, request: Request) -> Response:
    """For each type whether two fingerprints are near enough to match, and how far apart they are."""
    compared: dict[str, list[object]] = {}
    for kind, pair in (await json_body(request)).items():
        check_signal_type(context, kind)
        if not isinstance(pair, list) or len(cast("list[object]", pair)) != 2:
            raise InvalidInput("signal_invalid", "Each signal type needs a list of two signals")
        left, right = (checked_signal(kind, value) for value in cast("list[object]", pair))
        distance = (int(left, 16) ^ int(right, 16)).bit_count()
        if kind == PDQ:
            compared[kind] = [distance <= PDQ_MATCH_RADIUS, {"distance": distance}]
        else:
            compared[kind] = [distance == 0, {"distance": 0 if distance == 0 else 1}]
    return JSONResponse(compared)


async def index_status(context: Context, request: Request) -> Response:
    wanted = request.query_params.get("signal_type")
    if wanted is not None and wanted not in SIGNAL_TYPES:
        raise InvalidInput("signal_type_unknown", f"No such signal type '{wanted[:60]}'")
    kinds = SIGNAL_TYPES if wanted is None else (wanted,)
    return JSONResponse(
        {
            kind: {"present": True, "built_to": newest_of(context, kind), "size": size_of(context, kind)}
            for kind in kinds
        }
    )


def size_of(context: Context, kind: str) -> int:
    """How many fingerprints of a type can be matched."""
    own = context.gate.local.count(kind)
    return own + len(context.gate.engine) if kind == PDQ else own


def newest_of(context: Context, kind: str) -> int:
    """Unix seconds of the newest addition; -1 where there is none."""
    own = context.gate.local.newest() if context.gate.local.count(kind) else None
    times = [] if own is None else [int(from_text(own).timestamp())]
    standing = context.gate.replica.standing()
    if kind == PDQ and standing is not None and standing.issued_at is not None:
        times.append(int(standing.issued_at.timestamp()))
    return max(times, default=-1)


async def _by_type(context: Context, request: Request, signals: dict[str, str]) -> dict[str, Any]:
    """The answer about an upload; where the hub's entries match, a sighting is on disk before it is given."""
    if "" in signals.values():
        raise InvalidInput("quality_too_low", "This picture has too little detail to be looked up")
    banks, coin = names(request, "banks"), _coin(request)
    told: dict[str, Any] = {}
    for kind, signal in signals.items():
        found = _found(context, kind, signal, banks, coin)
        await run_sync(context.gate.checker.note_seen, found, 100)
        told[kind] = {} if context.gate.checker.dry_run else by_bank(found)
    return told


def _search(context: Context, kind: str, signal: str, banks: frozenset[str] | None, coin: float) -> Sequence[Found]:
    """What a lookup by fingerprint is told: nobody says that a picture was uploaded, so it is no sighting."""
    found = _found(context, kind, signal, banks, coin)
    checker = context.gate.checker
    # A dry run says nothing that a platform could act on; what it would have said is in the tally.
    if checker.dry_run:
        checker.tally.note(checker.judge(found, 100))
        return ()
    return found


def _found(context: Context, kind: str, signal: str, banks: frozenset[str] | None, coin: float) -> Sequence[Found]:
    value = checked_signal(check_signal_type(context, kind), signal)
    checker = context.gate.checker
    context.metrics.lookups.inc()
    if kind == PDQ:
        found = checker.find(bytes.fromhex(value), PDQ_MATCH_RADIUS, coin).get(0, [])
    else:
        found = checker.find_same(kind, value, coin)
    return found if banks is None else [one for one in found if one.bank in banks]


def by_bank(found: Sequence[Found]) -> dict[str, list[dict[str, Any]]]:
    """What a lookup answers: for each bank its contents, in the order of ``found``."""
    banks: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        banks.setdefault(one.bank, []).append(_match_json(one))
    return banks


def _match_json(one: Found) -> dict[str, Any]:
    return {"bank_content_id": one.content, "distance": str(one.distance)}


def _coin(request: Request) -> float:
    """HMA's coin: a bank is seen when its enabled ratio is at least this. The same seed always falls the same way."""
    asked = request.query_params
    if "bypass_coinflip" in asked and flag(request, "bypass_coinflip"):
        return 0.0
    seed = asked.get("seed")
    # A generator of one's own costs 20 us, most of it for a seed that nobody asked for.
    return max(SEEN, random.random() if seed is None else random.Random(seed).random())  # noqa: S311  # no secret
