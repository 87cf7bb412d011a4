"""What every page of the desk needs: who asks, whether they may, and how a page is made.

A page is a module of ``hub.desk.pages`` with ``routes(desk) -> APIRouter``, one line in ``app.PAGES`` and, where people should
find it, one in ``access.NAVIGATION``. Its handlers are plain functions (FastAPI runs them in threads) of three steps:

    @router.post("/holds/{entry}/release")
    def release(entry: str, request: Request) -> Response:
        by = desk.require(request, Role.SUPERVISOR)
        feedback.release(desk.hub, EntryId(entry), by.id)
        return RedirectResponse("/holds", 303)

A form's fields come as a parameter ``form: Form`` (``amparo.hub.forms``). Forged requests are refused by ``hub.guard``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from amparo.core.errors import Rejected, Unauthenticated
from amparo.hub.context import Hub
from amparo.hub.desk.access import NAVIGATION, Place
from amparo.hub.desk.oidc import Provider
from amparo.hub.desk.passkeys import Passkeys
from amparo.hub.desk.session import COOKIE, Sessions
from amparo.store.staff.protocol import Role, StaffRecord

TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Desk:
    hub: Hub
    sessions: Sessions
    passkeys: Passkeys
    provider: Provider

    def who(self, request: Request) -> StaffRecord:
        """Who asks. Raises Unauthenticated ``desk_session_over``."""
        staff, generation = self.sessions.who(request.cookies.get(COOKIE, ""))
        with self.hub.store.read() as transaction:
            record = transaction.staff.one(staff)
        # Read anew for every request: whoever was sent away, invited again or bound to another subject is out at once.
        if record is None or record.disabled_at is not None or record.generation != generation:
            raise Unauthenticated("desk_session_over", "Sign in to go on.")
        return record

    def require(self, request: Request, *roles: Role) -> StaffRecord:
        """Who asks, and has one of ``roles``. Raises Unauthenticated ``desk_session_over``, Rejected ``role_missing``."""
        by = self.who(request)
        if by.role not in roles:
            raise Rejected("role_missing", f"This is not for the role {by.role.value}. Somebody else has to do it.")
        return by

    def page(self, template: str, by: StaffRecord | None, *, status: int = 200, **content: object) -> HTMLResponse:
        """by: for whom; their navigation is in the frame. None for whoever has not entered.

        In templates: ``moment | hour`` and ``moment | day`` in the hub's time zone, ``zone``, ``by``.
        """
        zone = ZoneInfo(self.hub.settings.time_zone)
        html = (
            _environment(zone)
            .get_template(template)
            .render(
                by=by,
                places=places(by),
                here=f"/{template.removesuffix('.html')}",
                zone=zone,
                locked=self.hub.desk.locked,
                origin=self.passkeys.origin,
                provider=self.provider.name,
                **content,
            )
        )
        return HTMLResponse(html, status)


def places(by: StaffRecord | None) -> list[Place]:
    """What the navigation shows to this person."""
    return [] if by is None else [place for place in NAVIGATION if by.role in place.roles]


@cache
def _environment(zone: ZoneInfo) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def hour(moment: datetime | None) -> str:
        return "never" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")

    def day(moment: datetime | None) -> str:
        return "never" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d")

    environment.filters["hour"] = hour
    environment.filters["day"] = day
    return environment
