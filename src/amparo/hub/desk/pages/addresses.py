"""The address book and the rules: data that the operator keeps, each entry with its day and source."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from amparo.core.errors import NotFound, Rejected
from amparo.hub.desk.access import EVERYONE
from amparo.hub.desk.desk import Desk
from amparo.notice.address_book import WARN_AFTER_DAYS
from amparo.notice.letter import Guidance, guidance, has_letter, label, surroundings
from amparo.notice.pack import Language, RulePack


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    office = desk.hub.office

    @router.get("/addresses")
    def addresses(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        today = desk.hub.clock.now().date()
        lines = [(one, route, route.stale(today)) for one in office.book for route in one.routes]
        return desk.page(
            "addresses.html",
            by,
            lines=lines,
            packs=office.packs,
            days=WARN_AFTER_DAYS,
            help_lines=[(line, line.stale(today)) for line in office.lines],
            awards=office.awards,
        )

    @router.get("/rules")
    def rules(request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        packs = [(surroundings(pack, Language.EN), pack, _gives(pack)) for pack in office.packs]
        return desk.page("rules.html", by, packs=packs)

    @router.get("/rules/{pack}")
    def rule(pack: str, request: Request) -> Response:
        by = desk.require(request, *EVERYONE)
        one = office.packs.get(pack)
        return desk.page(
            "rule.html",
            by,
            around=surroundings(one, Language.EN),
            pack=one,
            gives=_gives(one),
            guidance=_guidance(one),
            labels={asked.element: label(asked.element, Language.EN) for asked in one.elements},
        )

    return router


def _gives(pack: RulePack) -> str:
    if has_letter(pack):
        return "letters"
    return "guidance to read" if _guidance(pack) else "nothing: it is off, or not in force"


def _guidance(pack: RulePack) -> tuple[Guidance, ...]:
    """In both languages; empty where the rule has none, is off or not in force."""
    try:
        return tuple(guidance(pack, language) for language in Language)
    except (NotFound, Rejected):
        return ()
