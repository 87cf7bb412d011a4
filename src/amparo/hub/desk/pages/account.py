"""One's own account: its passkeys."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from webauthn import base64url_to_bytes
from webauthn.helpers import bytes_to_base64url

from amparo.core.errors import NotFound
from amparo.hub.commands import staff
from amparo.hub.desk.access import EVERYONE
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.passkeys import Purpose
from amparo.hub.forms import Form, Json, one


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/account")
    def mine(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        own = [(bytes_to_base64url(key.credential), key) for key in staff.passkeys(desk.hub, by.id)]
        return desk.page("account.html", by, passkeys=own)

    @router.post("/account/options")
    def ask_another(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        return JSONResponse(desk.passkeys.ask_registration(by, Purpose.ANOTHER))

    @router.post("/account/passkey")
    def another(request: Request, answer: Json) -> Response:
        by = desk.require(request, *EVERYONE)
        staff.add_passkey(desk.hub, by, desk.passkeys.registered(by, Purpose.ANOTHER, answer))
        return JSONResponse({"to": "/account"})

    @router.post("/account/remove")
    def remove(request: Request, form: Form) -> Response:
        by = desk.require(request, *EVERYONE)
        try:
            credential = base64url_to_bytes(one(form, "credential"))
        except ValueError as error:
            raise NotFound("passkey_unknown", "There is no such passkey of yours.") from error
        staff.remove_passkey(desk.hub, by, credential)
        return RedirectResponse("/account", 303)

    return router
