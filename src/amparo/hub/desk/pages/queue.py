"""The queue, and giving a case to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.case.people import Door
from amparo.case.urgency import Urgency
from amparo.core.errors import InvalidInput
from amparo.core.ids import StaffId
from amparo.hub.commands.queue import Due, QueueAsk, Whose, assign, mark_read, queue_page
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.hub.forms import Form, one

URGENCIES: Final = {urgency.name.lower(): urgency for urgency in reversed(Urgency)}
_CHOICE = TypeVar("_CHOICE", bound=Enum)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/queue")
    def queue(request: Request) -> Response:
        by = desk.require(request, *CASES)
        asked = asked_in(request.query_params)
        view = queue_page(desk.hub, by, asked)
        now = desk.hub.clock.now()
        return desk.page(
            "queue.html",
            by,
            now=now,
            view=view,
            link=link_to,
            urgencies=URGENCIES,
            doors=Door,
            whose=Whose,
            dues=Due,
        )

    @router.post("/cases/{number}/assign")
    def give(number: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        to = {"me": by.id, "nobody": None}.get(one(form, "to"), StaffId(one(form, "to")))
        assign(desk.hub, by, case_number(number), to, StaffId(one(form, "seen")) if one(form, "seen") else None)
        back = one(form, "back")
        return RedirectResponse(f"/queue?{back}" if "back" in form else f"/cases/{number}", 303)

    @router.post("/cases/{number}/read")
    def read(number: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        mark_read(desk.hub, by, case_number(number), case_number(one(form, "arrived")))
        return RedirectResponse(f"/cases/{number}", 303)

    return router


def case_number(text: str) -> int:
    """Raises InvalidInput ``number_invalid``."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput("number_invalid", "A case has a number, such as 12.")
    return int(text)


def asked_in(query: Mapping[str, str]) -> QueueAsk:
    """What an address asks for. Raises InvalidInput ``filter_unknown``."""
    urgency = query.get("urgency", "")
    if urgency and urgency not in URGENCIES:
        raise _unknown()
    return QueueAsk(
        urgency=URGENCIES.get(urgency),
        door=_chosen(Door, query.get("door", "")),
        waits=bool(query.get("waits")),
        whose=_chosen(Whose, query.get("whose", "")) or Whose.ANYBODY,
        due=_chosen(Due, query.get("due", "")) or Due.ANY,
        page=case_number(query.get("page") or "1"),
    )


def link_to(asked: QueueAsk, page: int) -> str:
    """The part of the address behind ``?`` that asks the same of another page."""
    said: dict[str, str] = {}
    if asked.urgency is not None:
        said["urgency"] = asked.urgency.name.lower()
    if asked.door is not None:
        said["door"] = asked.door
    if asked.waits:
        said["waits"] = "1"
    if asked.whose is not Whose.ANYBODY:
        said["whose"] = asked.whose
    if asked.due is not Due.ANY:
        said["due"] = asked.due
    if page > 1:
        said["page"] = str(page)
    return urlencode(said)


def _chosen(kind: type[_CHOICE], value: str) -> _CHOICE | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError as error:
        raise _unknown() from error


def _unknown() -> InvalidInput:
    return InvalidInput("filter_unknown", "There is no such filter.")
