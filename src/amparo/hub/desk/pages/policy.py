"""How long everything is kept, what each rule does next, and asking for a change."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.hub.commands.retention import keep_case, retention_panel
from amparo.hub.desk.access import CASES, DECIDERS, EVERYONE
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.pages.queue import case_number


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/policy")
    def panel(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        view = retention_panel(desk.hub)
        return desk.page("policy.html", by, view=view, keeps=by.role in CASES, asks=by.role in DECIDERS)

    @router.post("/policy/keep/{number}")
    def keep(number: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        keep_case(desk.hub, by, case_number(number))
        return RedirectResponse("/policy", 303)

    return router
