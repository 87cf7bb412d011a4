"""HMA's HTTP API on our engine, so that a platform which runs hasher-matcher-actioner changes one address.

Routes, JSON and status codes are those of HMA 1.1.7. Where ours differ on purpose: docs/reference/hma-differences.md.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from amparo.gate.hma import curation, exchanges, hashing, matching
from amparo.gate.hma.wire import Context, message, route

__all__ = ["Context", "message", "routes"]


def routes(context: Context) -> list[Route]:
    """Every route of HMA; those that are asked most come first."""
    made = [
        *matching.routes(context),
        *hashing.routes(context),
        route(context, "/status", "GET", None, status),
        *curation.routes(context),
        *exchanges.routes(context),
    ]
    paths = sorted({one.path for one in made} | {"/site-map", "/status/live", "/openapi/openapi.json"})

    async def site_map(_context: Context, _request: Request) -> Response:
        return JSONResponse(paths)

    return [*made, route(context, "/site-map", "GET", None, site_map)]


async def status(context: Context, _request: Request) -> Response:
    """Ready or not, for load balancers. A hub that is down does not make a gate unready: it goes on with what it holds."""
    standing = context.gate.replica.standing()
    if (standing is None or standing.issued_at is None) and not len(context.gate.local):
        return PlainTextResponse("INDEX-NOT-LOADED", 503)
    if context.gate.is_stale():
        return PlainTextResponse("INDEX-STALE", 503)
    return PlainTextResponse("I-AM-ALIVE")
