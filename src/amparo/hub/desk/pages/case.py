"""One case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.core.errors import InvalidInput
from amparo.core.ids import WordsId
from amparo.hub.commands import desk_words
from amparo.hub.commands.case_view import DeskCase, case_view, picture_numbers
from amparo.hub.commands.incidents import incident_of
from amparo.hub.commands.notice_view import nearest_notices
from amparo.hub.commands.spoken import Spoken
from amparo.hub.desk.access import CASES
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.pages.queue import case_number
from amparo.hub.desk.plots import over_time
from amparo.hub.forms import Form, one
from amparo.store.staff.protocol import StaffRecord

_NOTICES: Final = 10


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/cases/{number}")
    def shown(number: str, request: Request) -> Response:
        by = desk.require(request, *CASES)
        return _page(desk, by, case_view(desk.hub, by, case_number(number)))

    @router.post("/cases/{number}/reveal")
    def reveal(number: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        view = case_view(desk.hub, by, case_number(number))
        try:
            words = desk_words.reveal(desk.hub, by, view.case.id, _chosen(view, form), one(form, "reason"))
        except InvalidInput as error:
            return _page(desk, by, view, Typed(form, error))
        return _page(desk, by, view, shown=words)

    @router.post("/cases/{number}/message")
    def message(number: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        view = case_view(desk.hub, by, case_number(number))
        try:
            desk_words.write_message(desk.hub, by, view.case.id, one(form, "text"))
        except InvalidInput as error:
            return _page(desk, by, view, Typed(form, error))
        return RedirectResponse(f"/cases/{number}#messages", 303)

    @router.post("/cases/{number}/take-back")
    def take_back(number: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *CASES)
        view = case_view(desk.hub, by, case_number(number))
        desk_words.erase_message(desk.hub, by, view.case.id, WordsId(one(form, "words")))
        return RedirectResponse(f"/cases/{number}#messages", 303)

    return router


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed into one of the page's forms, and why it could not be taken."""

    form: Mapping[str, list[str]]
    error: InvalidInput

    def chose(self, name: str, value: str) -> bool:
        return value in self.form.get(name, [])

    def text(self, name: str) -> str:
        return one(self.form, name)


_NOTHING: Final = Typed({}, InvalidInput("", ""))


def _chosen(view: DeskCase, form: Mapping[str, list[str]]) -> list[WordsId]:
    """All words of the kinds that were ticked, and single ones."""
    kinds, single = set(form.get("kind", [])), set(form.get("words", []))
    noted = (note for sealed in view.sealed for note in sealed.notes)
    return [note.words for note in noted if note.kind in kinds or note.words in single]


def _page(
    desk: Desk, by: StaffRecord, view: DeskCase, typed: Typed = _NOTHING, shown: tuple[Spoken, ...] = ()
) -> Response:
    plot, unit = over_time("Sightings over time", view.seen_by_day)
    return desk.page(
        "case.html",
        by,
        status=200 if typed is _NOTHING else typed.error.status,
        now=desk.hub.clock.now(),
        view=view,
        typed=typed,
        shown=shown,
        plot=plot,
        plot_unit=unit,
        numbers=picture_numbers(view.case),
        notices=nearest_notices(desk.hub, by, view.number, _NOTICES),
        incident=incident_of(desk.hub, by, view.case.id),
    )
