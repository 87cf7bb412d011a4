"""The desk's application: its pages, and what is shown where one cannot be."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from amparo.core.errors import AmparoError, Unauthenticated
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of
from amparo.hub.context import Hub
from amparo.hub.desk.desk import Desk, places
from amparo.hub.desk.oidc import Provider
from amparo.hub.desk.pages import (
    account,
    addresses,
    case,
    entering,
    figures,
    holds,
    incidents,
    notices,
    oidc,
    outbox,
    partners,
    policy,
    proposals,
    queue,
    reveals,
    search,
    staff,
)
from amparo.hub.desk.passkeys import Passkeys
from amparo.hub.desk.session import Sessions

PAGES: Final = (
    entering.routes,
    oidc.routes,
    account.routes,
    queue.routes,
    case.routes,
    search.routes,
    incidents.routes,
    notices.routes,
    outbox.routes,
    addresses.routes,
    figures.routes,
    partners.routes,
    holds.routes,
    reveals.routes,
    proposals.routes,
    policy.routes,
    staff.routes,
)


def create_app(hub: Hub, sessions: Sessions | None = None) -> FastAPI:
    """The desk's surface of ``hub``. sessions: of one's own, for tests that come in without a passkey."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    desk = Desk(hub, sessions or Sessions(hub.clock), Passkeys(hub), Provider(hub))
    for routes in PAGES:
        app.include_router(routes(desk))

    @app.get("/")
    def start(request: Request) -> Response:
        return RedirectResponse(places(desk.who(request))[0].path, 303)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, AmparoError)
        if request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)
        if isinstance(error, Unauthenticated):
            return desk.page("enter.html", None, status=error.status, reason=error.public)
        try:
            by = desk.who(request)
        except Unauthenticated:
            by = None
        return desk.page("problem.html", by, status=error.status, reason=error.public)

    app.add_exception_handler(AmparoError, refused)
    return app
