"""Coming in: by a passkey, or the first time by an invitation, which makes one. Going out."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from amparo.hub.commands import staff
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.passkeys import Purpose
from amparo.hub.desk.session import COOKIE
from amparo.hub.forms import Json
from amparo.store.staff.protocol import StaffRecord


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/enter")
    def enter() -> Response:
        return desk.page("enter.html", None, reason="")

    @router.post("/enter/options")
    def ask_entrance() -> Response:
        return JSONResponse(desk.passkeys.ask_entrance())

    @router.post("/enter/passkey")
    def entered(answer: Json) -> Response:
        return _in(desk, desk.passkeys.entered(answer))

    @router.get("/invitation")
    def invitation(ticket: str = "") -> Response:
        # A link in a chat is fetched by previews: only a passkey that was made uses it up.
        return desk.page("invitation.html", None, who=staff.invited_by(desk.hub, ticket), ticket=ticket)

    @router.post("/invitation/options")
    def ask_registration(ticket: str = "") -> Response:
        invited = staff.invited_by(desk.hub, ticket)
        return JSONResponse(desk.passkeys.ask_registration(invited, Purpose.INVITATION))

    @router.post("/invitation/passkey")
    def registered(answer: Json, ticket: str = "") -> Response:
        invited = staff.invited_by(desk.hub, ticket)
        made = desk.passkeys.registered(invited, Purpose.INVITATION, answer)
        return _in(desk, staff.accept(desk.hub, ticket, made))

    @router.post("/leave")
    def leave(request: Request) -> Response:
        desk.sessions.leave(request.cookies.get(COOKIE, ""))
        answer = desk.page("enter.html", None, reason="You have left the desk.")
        answer.delete_cookie(COOKIE)
        return answer

    return router


def _in(desk: Desk, who: StaffRecord) -> Response:
    answer = JSONResponse({"to": "/"})
    secure = desk.hub.settings.desk_url.startswith("https://")
    answer.set_cookie(COOKIE, desk.sessions.open(who), httponly=True, samesite="strict", secure=secure)
    return answer
