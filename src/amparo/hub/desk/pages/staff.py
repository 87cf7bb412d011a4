"""Who works at the desk. An administrator invites, invites again after a loss, and sends away."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.core.errors import InvalidInput, NotFound
from amparo.core.ids import StaffId
from amparo.hub.commands import proposals, staff, subjects
from amparo.hub.commands.staff import Invited
from amparo.hub.commands.two_people import two_needed
from amparo.hub.desk.access import EVERYONE
from amparo.hub.desk.desk import Desk
from amparo.hub.forms import Form, one
from amparo.store.staff.protocol import Deed, Role, StaffRecord

TASKS: Final = {
    Role.CASEWORKER: "works on cases and reads people's words, saying why",
    Role.SUPERVISOR: "as a caseworker, and decides what needs two people",
    Role.AUDITOR: "reads who read what, and no case",
    Role.ADMINISTRATOR: "invites staff and decides on policy, and reads no case",
}

SAID: Final = {
    Deed.INVITED: "invited",
    Deed.INVITED_AGAIN: "invited again",
    Deed.ENTERED: "came in for the first time by a link",
    Deed.BOUND: "bound to the organisation's sign-in",
    Deed.UNBOUND: "unbound from the organisation's sign-in",
    Deed.WITHDRAWN: "sent away before coming in",
    Deed.SENT_AWAY: "sent away",
}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/staff")
    def everybody(request: Request) -> Response:
        return staff_page(desk, desk.require(request, *EVERYONE))

    @router.post("/staff/invite")
    def invite(request: Request, form: Form) -> Response:
        by = desk.require(request, Role.ADMINISTRATOR)
        try:
            role = Role(one(form, "role"))
        except ValueError as error:
            raise InvalidInput("role_unknown", "Choose one of the roles.") from error
        if two_needed(desk.hub, by):
            proposals.ask_invitation(desk.hub, by, one(form, "name"), role, one(form, "reason"))
            return RedirectResponse("/proposals", 303)
        return staff_page(desk, by, staff.invite(desk.hub, by, one(form, "name"), role))

    @router.post("/staff/{who}/invite-again")
    def invite_again(who: str, request: Request, form: Form) -> Response:
        by = desk.require(request, Role.ADMINISTRATOR)
        if two_needed(desk.hub, by):
            proposals.ask_invitation_again(desk.hub, by, StaffId(who), one(form, "reason"))
            return RedirectResponse("/proposals", 303)
        invited = staff.invite_again(desk.hub, by, StaffId(who))
        return staff_page(desk, by, invited)

    @router.post("/staff/{who}/send-away")
    def send_away(who: str, request: Request) -> Response:
        by = desk.require(request, Role.ADMINISTRATOR)
        staff.send_away(desk.hub, by, StaffId(who))
        return RedirectResponse("/staff", 303)

    @router.post("/staff/{who}/subject")
    def bind(who: str, request: Request, form: Form) -> Response:
        by = desk.require(request, Role.ADMINISTRATOR)
        if not desk.provider.name:
            raise NotFound("oidc_not_set_up", "This desk has no other sign-in than passkeys.")
        issuer, subject = desk.provider.issuer, one(form, "subject")
        if subject and two_needed(desk.hub, by):
            proposals.ask_binding(desk.hub, by, StaffId(who), issuer, subject, one(form, "reason"))
            return RedirectResponse("/proposals", 303)
        subjects.bind(desk.hub, by, StaffId(who), issuer, subject)
        return RedirectResponse("/staff", 303)

    return router


def staff_page(desk: Desk, by: StaffRecord, invited: Invited | None = None) -> Response:
    """invited: its link is on this page and nowhere else, ever again."""
    link = "" if invited is None else f"{desk.passkeys.origin}/invitation?ticket={invited.secret}"
    return desk.page(
        "staff.html",
        by,
        lines=staff.staff_lines(desk.hub),
        tasks=TASKS,
        invited=invited,
        link=link,
        two=by.role is Role.ADMINISTRATOR and two_needed(desk.hub, by),
        deeds=staff.staff_deeds(desk.hub, by) if by.role in staff.DEED_READERS else None,
        said=SAID,
    )
