"""Finding a case. What is typed comes in a form's body: an address would stay in histories and logs."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from amparo.core.errors import InvalidInput
from amparo.hub.commands.search import FoundBy, SearchResult, search
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.hub.forms import Form, one
from amparo.store.staff.protocol import StaffRecord


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/search")
    def ask(request: Request) -> Response:
        by = desk.require(request, *CASES)
        return _page(desk, by, result=None, typed="", problem="")

    @router.post("/search")
    def find(request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        typed = one(form, "typed")
        try:
            result = search(desk.hub, by, typed)
        except InvalidInput as error:
            return _page(desk, by, status=error.status, result=None, typed=typed, problem=error.public)
        # A code stands on no page of the desk, not even on the one that answers to it.
        shown = "" if result.by is FoundBy.CODE else typed
        return _page(desk, by, result=result, typed=shown, problem="")

    return router


def _page(
    desk: Desk, by: StaffRecord, *, result: SearchResult | None, typed: str, problem: str, status: int = 200
) -> Response:
    now = desk.hub.clock.now()
    return desk.page("search.html", by, status=status, result=result, typed=typed, problem=problem, now=now)
