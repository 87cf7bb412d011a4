"""The outbox."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.hub.commands.outbox import Tray, letter, outbox, try_again
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.pages.queue import case_number

TRAYS: Final = {Tray.WAITING: "Waiting", Tray.FAILED: "Could not be sent", Tray.SENT: "Sent"}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/outbox")
    def shown(request: Request, tray: str = Tray.WAITING.value, page: str = "1") -> Response:
        by = desk.require(request, *CASES)
        wanted = Tray(tray) if tray in list(Tray) else Tray.WAITING
        view = outbox(desk.hub, by, wanted, case_number(page))
        return desk.page("outbox.html", by, view=view, trays=TRAYS)

    @router.get("/outbox/{job}")
    def one_letter(job: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        view = letter(desk.hub, by, case_number(job))
        text = view.message.decode("ascii") if view.message is not None else ""
        return desk.page("outbox_letter.html", by, view=view, text=text)

    @router.post("/outbox/{job}/again")
    def again(job: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        try_again(desk.hub, by, case_number(job))
        return RedirectResponse(f"/outbox/{job}", 303)

    return router
