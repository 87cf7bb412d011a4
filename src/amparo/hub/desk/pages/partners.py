"""Partners: all of them, and one's account."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from amparo.hub.commands.overview import overview
from amparo.hub.commands.partner_page import partner_page
from amparo.hub.desk.access import EVERYONE
from amparo.hub.desk.desk import Desk


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/partners")
    def all_of_them(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        return desk.page("partners.html", by, view=overview(desk.hub))

    @router.get("/partners/{partner}")
    def one_of_them(partner: str, request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        return desk.page("partner.html", by, view=partner_page(desk.hub, partner))

    return router
