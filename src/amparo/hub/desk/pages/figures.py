"""The figures, as plots with their numbers beside them, and as a table for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from amparo.hub.commands.export import figures_csv
from amparo.hub.commands.figures import ByWeek, Figures, figures
from amparo.hub.desk.access import EVERYONE
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.plots import Columns, bars, columns
from amparo.notice.standing import ClockStanding
from amparo.store.staff.protocol import Role

CSV: Final = "text/csv; charset=utf-8"
_EXPORTERS: Final = (Role.SUPERVISOR, Role.AUDITOR)
_STANDINGS: Final = {
    ClockStanding.RUNNING: "running",
    ClockStanding.OVER: "over, nothing done",
    ClockStanding.MET: "met in time",
    ClockStanding.LATE: "met late",
}
_PARTNERS: Final = 12
"""How many partners have a plot each; the others are one together."""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/figures")
    def shown(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        counted = figures(desk.hub)
        works = by.role in (Role.CASEWORKER, Role.SUPERVISOR)
        return desk.page(
            "figures.html",
            by,
            now=counted.at,
            counted=counted,
            urgencies=bars(_urgencies(counted, works)),
            due=bars([("over already", counted.overdue), *((_day(day), count) for day, count in counted.due)]),
            clocks=bars([(_STANDINGS[standing], count) for standing, count in counted.clocks.items()]),
            opened=_columns(counted.opened),
            sightings=_sightings(counted),
            may_export=by.role in _EXPORTERS,
        )

    @router.get("/figures.csv")
    def exported(request: Request) -> Response:
        desk.require(request, *_EXPORTERS)
        return as_file(figures_csv(figures(desk.hub)), "figures.csv")

    return router


def as_file(lines: Iterator[str], name: str) -> Response:
    """A download, line by line, never held as a whole."""
    return StreamingResponse(lines, media_type=CSV, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _urgencies(counted: Figures, works: bool) -> list[tuple[str, int, str]]:
    """With a link into the queue for those who may follow it."""
    return [
        (urgency.name.lower(), count, f"/queue?urgency={urgency.name.lower()}" if works else "")
        for urgency, count in reversed(counted.by_urgency.items())
    ]


def _sightings(counted: Figures) -> list[Columns]:
    """One plot a partner, all on one scale."""
    shown, others = counted.sightings[:_PARTNERS], counted.sightings[_PARTNERS:]
    if others:
        weeks = zip(*(one.weeks for one in others), strict=True)
        together = tuple((week[0][0], sum(count for _, count in week)) for week in weeks)
        shown = (*shown, ByWeek(f"{len(others)} others", together))
    most = max((count for one in shown for _, count in one.weeks), default=0)
    return [_columns(one, most) for one in shown]


def _columns(one: ByWeek, most: int | None = None) -> Columns:
    return columns(one.name, [(_day(week), count) for week, count in one.weeks], most)


def _day(day: date) -> str:
    return day.strftime("%a %d %b").replace(" 0", " ")
