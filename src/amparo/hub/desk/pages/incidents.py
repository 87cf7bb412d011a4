"""Incidents: the list, what is suggested, and the board of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.core.errors import InvalidInput
from amparo.core.ids import IncidentId
from amparo.hub.commands import incidents
from amparo.hub.commands.incident_board import incident_board
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.pages.queue import case_number
from amparo.hub.desk.plots import over_time
from amparo.hub.forms import Form, one
from amparo.store.staff.protocol import StaffRecord

_NEW: Final = "new"


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that could not be taken: which one, what was typed, and why."""

    form: str = ""
    title: str = ""
    reason: str = ""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/incidents")
    def listed(request: Request) -> Response:
        by = desk.require(request, *CASES)
        view = incidents.incidents_page(desk.hub, by, _page_number(request))
        return desk.page("incidents.html", by, view=view)

    @router.get("/incidents/suggested")
    def suggested(request: Request) -> Response:
        by = desk.require(request, *CASES)
        return _suggestions(desk, by, _page_number(request))

    @router.post("/incidents/confirm")
    def confirm(request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        numbers = _numbers(form, "case")
        into = one(form, "into")
        try:
            incident = incidents.confirm(
                desk.hub, by, numbers, None if into in ("", _NEW) else IncidentId(into), one(form, "title")
            )
        except InvalidInput as error:
            refused = Refused(one(form, "form"), one(form, "title"), error.public)
            return _suggestions(desk, by, case_number(one(form, "page") or "1"), refused, error.status)
        return RedirectResponse(f"/incidents/{incident}", 303)

    @router.post("/incidents/apart")
    def apart(request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        alone = one(form, "alone")
        incidents.say_apart(desk.hub, by, _numbers(form, "case"), case_number(alone) if alone else None)
        return RedirectResponse("/incidents/suggested", 303)

    @router.post("/incidents/together")
    def together(request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        incidents.unsay_apart(desk.hub, by, case_number(one(form, "first")), case_number(one(form, "second")))
        return RedirectResponse("/incidents/suggested", 303)

    @router.get("/incidents/{incident}")
    def board(incident: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        return _board(desk, by, incident)

    @router.post("/incidents/{incident}/add")
    def add(incident: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        try:
            incidents.confirm(desk.hub, by, [case_number(one(form, "case"))], IncidentId(incident))
        except InvalidInput as error:
            return _board(desk, by, incident, Refused("add", one(form, "case"), error.public), error.status)
        return RedirectResponse(f"/incidents/{incident}", 303)

    @router.post("/incidents/{incident}/take-out")
    def take_out(incident: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        stays = incidents.take_out(desk.hub, by, IncidentId(incident), case_number(one(form, "case")))
        return RedirectResponse(f"/incidents/{incident}" if stays else "/incidents", 303)

    @router.post("/incidents/{incident}/rename")
    def rename(incident: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        try:
            incidents.rename(desk.hub, by, IncidentId(incident), one(form, "title"))
        except InvalidInput as error:
            return _board(desk, by, incident, Refused("rename", one(form, "title"), error.public), error.status)
        return RedirectResponse(f"/incidents/{incident}", 303)

    return router


def _suggestions(desk: Desk, by: StaffRecord, page: int, refused: Refused | None = None, status: int = 200) -> Response:
    view = incidents.suggestions_page(desk.hub, by, page)
    return desk.page("suggested.html", by, status=status, view=view, refused=refused or Refused())


def _board(desk: Desk, by: StaffRecord, incident: str, refused: Refused | None = None, status: int = 200) -> Response:
    view = incident_board(desk.hub, by, IncidentId(incident))
    plot, unit = over_time("Sightings and held uploads over time", view.seen_by_day)
    return desk.page(
        "incident.html",
        by,
        status=status,
        view=view,
        now=desk.hub.clock.now(),
        plot=plot,
        plot_unit=unit,
        refused=refused or Refused(),
    )


def _page_number(request: Request) -> int:
    return case_number(request.query_params.get("page") or "1")


def _numbers(form: Mapping[str, list[str]], name: str) -> list[int]:
    return [case_number(number) for number in form.get(name, [])]
