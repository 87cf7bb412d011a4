"""The gate's HTTP server, for platforms that ask over their own network. Bare Starlette.

Our own API is below ``/v1/`` (``amparo.gate.api``), HMA's under HMA's own paths (``amparo.gate.hma``); both answer from
the same banks. ``GET /status/live`` is for load balancers and needs no key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from amparo.core.errors import AmparoError, NotFound, Rejected
from amparo.gate import api, hma
from amparo.gate.access import Access
from amparo.gate.at_once import Asked, AtOnce
from amparo.gate.fetch_url import Fetcher
from amparo.gate.load import Load
from amparo.gate.metrics import Metrics
from amparo.gate.runtime import GateRuntime


class GateApp:
    """The routes, and shorter ways to those that are asked thousands of times a second: a look into a dictionary, and
    for a server that can (``amparo.cli.gathered``) ``AnswersAtOnce``."""

    def __init__(self, app: Starlette, paths: frozenset[str], at_once: AtOnce) -> None:
        self.routes = [route for route in app.routes if isinstance(route, Route)]
        self._app = app
        self._at_once = at_once
        self._short = {
            (method, route.path): route.endpoint
            for route in self.routes
            if route.path in paths
            for method in route.methods or ()
        }

    def question_at_once(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Asked | None:
        """What a whole request asks, or None where it has to be called. See ``AtOnce.question``."""
        return self._at_once.question(method, url, headers, body)

    def answers_at_once(self, questions: Sequence[Asked]) -> list[bytes]:
        """The JSON of the 200 answers. See ``AtOnce.answers``."""
        return self._at_once.answers(questions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            endpoint = self._short.get((scope["method"], scope["path"]))
            if endpoint is not None:
                response = await endpoint(Request(scope, receive, send))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


_MOST_ASKED: Final = frozenset({"/m/lookup", "/m/raw_lookup", "/v1/lookup", "/v1/check"})


def create_app(gate: GateRuntime, *, open_to_all: bool = False, fetcher: Fetcher | None = None) -> GateApp:
    """The application; it starts and stops ``gate`` with itself.

    open_to_all: no key is asked for; only for trying out, on loopback. fetcher: where HMA's ``url`` parameters may lead;
    nowhere when it is left out.
    """
    access = Access(gate.replica, open_to_all=open_to_all)
    metrics = Metrics(gate)
    load = Load()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        gate.start()
        try:
            yield
        finally:
            await run_in_threadpool(gate.stop)

    app = Starlette(
        routes=[
            *api.routes(api.Context(gate, access, metrics, load)),
            Route("/status/live", _live),
            *hma.routes(hma.Context(gate, access, fetcher or Fetcher(), metrics, load)),
        ],
        exception_handlers={HTTPException: _no_route},
        lifespan=lifespan,
    )
    # Neither API has two spellings of a path, and a redirect would have a third shape.
    app.router.redirect_slashes = False
    return GateApp(app, _MOST_ASKED, AtOnce(gate, access, metrics))


class MethodNotAllowed(Rejected):
    """The path is right and the method is not."""

    status = 405


async def _no_route(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses, in the shape of the API that the path belongs to."""
    refused: AmparoError = NotFound("path_unknown", "There is nothing at this path.")
    headers: Mapping[str, str] = {}
    if isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status:
        refused = MethodNotAllowed("method_not_allowed", "This path is not asked by this method.")
        headers = error.headers or {}
    path = request.url.path
    own = path == "/metrics" or path == "/v1" or path.startswith("/v1/")
    response = api.problem(refused) if own else hma.message(refused.public, refused.status)
    response.headers.update(headers)
    return response


async def _live(_request: Request) -> Response:
    return PlainTextResponse("I-AM-ALIVE")
