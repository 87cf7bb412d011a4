"""The reveal log: who read which words of which case, when and why."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from amparo.core.ids import StaffId
from amparo.hub.commands.desk_words import LINES, LOG_READERS, reveal_log
from amparo.hub.commands.staff import staff_lines
from amparo.hub.desk.desk import Desk


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/reveals")
    def log(request: Request, staff: str = "", case: str = "", before: str = "") -> Response:
        by = desk.require(request, *LOG_READERS)
        number, last = _number(case), _number(before)
        lines = reveal_log(desk.hub, by, staff=StaffId(staff) if staff else None, number=number, before=last)
        people = [one.staff for one in staff_lines(desk.hub)]
        older = lines[-1].line if len(lines) == LINES else None
        asked = {"staff": staff, "case": "" if number is None else number}
        return desk.page("reveals.html", by, lines=lines, people=people, asked=asked, older=older, newest=last is None)

    return router


def _number(text: str) -> int | None:
    """Something else than a number filters nothing."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
