"""Coming in by the house's own sign-in, and back from there."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from amparo.hub.commands import subjects
from amparo.hub.desk.desk import Desk
from amparo.hub.desk.oidc import ANSWER_WITHIN, BACK, OIDC_COOKIE
from amparo.hub.desk.session import COOKIE


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    secure = desk.hub.settings.desk_url.startswith("https://")

    @router.get("/enter/oidc")
    def leave_for_provider(ticket: str = "") -> Response:
        # A link, not a form: form-action 'self' holds for where a form's answer leads, too.
        address, cookie = desk.provider.ask(ticket)
        answer = RedirectResponse(address, 303)
        # Lax: the browser comes back from another site, and would not bring a strict cookie along.
        answer.set_cookie(
            OIDC_COOKIE,
            cookie,
            max_age=int(ANSWER_WITHIN.total_seconds()),
            path="/enter/oidc",
            httponly=True,
            samesite="lax",
            secure=secure,
        )
        return answer

    @router.get(BACK)
    def back(request: Request) -> Response:
        proven = desk.provider.answered(request.cookies.get(OIDC_COOKIE, ""), dict(request.query_params))
        if proven.ticket:
            record = subjects.accept_subject(desk.hub, proven.ticket, proven.issuer, proven.subject)
        else:
            record = subjects.entered_by(desk.hub, proven.issuer, proven.subject)
        # A page, not a redirect: the strict session cookie goes along only where our own page leads.
        answer = desk.page("entered.html", None)
        answer.delete_cookie(OIDC_COOKIE, path="/enter/oidc")
        answer.set_cookie(COOKIE, desk.sessions.open(record), httponly=True, samesite="strict", secure=secure)
        return answer

    return router
