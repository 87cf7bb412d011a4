"""Entries that wait for a decision, because partners rejected them or many people have the photo."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.core.ids import EntryId
from amparo.hub.commands import feedback
from amparo.hub.commands.holds import holds
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.store.staff.protocol import Role

_READERS = (*CASES, Role.ADMINISTRATOR)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/holds")
    def waiting(request: Request) -> Response:
        by = desk.require(request, *_READERS)
        return desk.page("holds.html", by, view=holds(desk.hub))

    @router.post("/holds/{entry}/release")
    def release(entry: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        feedback.release(desk.hub, EntryId(entry), by.id)
        return RedirectResponse("/holds", 303)

    return router
