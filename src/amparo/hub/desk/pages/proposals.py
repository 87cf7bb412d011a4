"""Acts that need two people: asked by one, decided by another."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from amparo.core.errors import InvalidInput
from amparo.core.ids import ProposalId
from amparo.hub.commands import proposals
from amparo.hub.commands.export import queue_csv
from amparo.hub.commands.proposals import ASKERS, Act
from amparo.hub.desk.access import DECIDERS, EVERYONE
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.pages.queue import case_number
from amparo.hub.desk.pages.staff import staff_page
from amparo.hub.forms import Form, one


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/proposals")
    def all_of_them(request: Request, case: str = "") -> Response:
        by = desk.require(request, *EVERYONE)
        return desk.page(
            "proposals.html",
            by,
            waiting=proposals.proposals(desk.hub, by, waiting=True),
            decided=proposals.proposals(desk.hub, by, waiting=False),
            asks=[act for act in (Act.ERASE, Act.EXPORT) if by.role in ASKERS[act]],
            case=case if case.isascii() and case.isdecimal() else "",
        )

    @router.post("/proposals/erase")
    def ask_erasure(request: Request, form: Form) -> Response:
        by = desk.require(request, *ASKERS[Act.ERASE])
        proposals.ask_erasure(desk.hub, by, case_number(one(form, "case")), one(form, "reason"))
        return RedirectResponse("/proposals", 303)

    @router.post("/proposals/export")
    def ask_export(request: Request, form: Form) -> Response:
        by = desk.require(request, *ASKERS[Act.EXPORT])
        proposals.ask_export(desk.hub, by, one(form, "reason"))
        return RedirectResponse("/proposals", 303)

    @router.post("/proposals/policy")
    def ask_policy(request: Request, form: Form) -> Response:
        by = desk.require(request, *ASKERS[Act.POLICY])
        proposals.ask_policy(desk.hub, by, one(form, "name"), one(form, "days"), one(form, "reason"))
        return RedirectResponse("/proposals", 303)

    @router.post("/proposals/{proposal}/decide")
    def decide(proposal: str, request: Request, form: Form) -> Response:
        by = desk.require(request, *DECIDERS)
        said = one(form, "say")
        if said not in ("yes", "no"):
            raise InvalidInput("decision_missing", "Say yes or no.")
        proposals.decide(desk.hub, by, ProposalId(proposal), approve=said == "yes")
        return RedirectResponse("/proposals", 303)

    @router.post("/proposals/{proposal}/take-back")
    def take_back(proposal: str, request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        proposals.take_back(desk.hub, by, ProposalId(proposal))
        return RedirectResponse("/proposals", 303)

    @router.post("/proposals/{proposal}/link")
    def link(proposal: str, request: Request) -> Response:
        by = desk.require(request, *ASKERS[Act.INVITE])
        invited = proposals.use_invitation(desk.hub, by, ProposalId(proposal))
        return staff_page(desk, by, invited)

    @router.post("/proposals/{proposal}/fetch")
    def fetch(proposal: str, request: Request) -> Response:
        by = desk.require(request, *ASKERS[Act.EXPORT])
        proposals.use_export(desk.hub, by, ProposalId(proposal))
        headers = {"Content-Disposition": 'attachment; filename="cases.csv"'}
        return StreamingResponse(queue_csv(desk.hub), media_type="text/csv; charset=utf-8", headers=headers)

    return router
