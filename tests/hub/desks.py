"""Coming in to the desk in tests, without a passkey: who it is stands in the store, as after a real entrance."""

from __future__ import annotations

from starlette.types import ASGIApp

from amparo.core.errors import Conflict
from amparo.core.ids import StaffId, random_id
from amparo.hub.app import desk_app
from amparo.hub.context import Hub
from amparo.hub.desk.session import COOKIE, Sessions
from amparo.store.staff.protocol import Role, StaffRecord
from tests.asgi import Asked

ADDRESS = "http://desk.test"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def employ(hub: Hub, role: Role = Role.CASEWORKER, name: str = "") -> StaffRecord:
    """Somebody of this role; the one that is there already where the name (the role's, unless given) is taken."""
    record = StaffRecord(StaffId(random_id()), name or role.value.title(), role, hub.clock.now())
    try:
        with hub.store.write() as transaction:
            transaction.staff.add(record)
    except Conflict:
        with hub.store.read() as transaction:
            found = transaction.staff.named(record.name)
        assert found is not None
        return found
    return record


class DeskDoor:
    """The desk's application with sessions that a test opens by itself.

    In a browser: ``context.add_cookies([{"name": COOKIE, "value": door.cookie(staff), "url": address}])``.
    """

    def __init__(self, hub: Hub) -> None:
        self.sessions = Sessions(hub.clock)
        self.app: ASGIApp = desk_app(hub, self.sessions)

    def cookie(self, staff: StaffRecord) -> str:
        return self.sessions.open(staff)

    def stranger(self) -> Asked:
        return Asked(self.app, ADDRESS)

    def signed_in(self, staff: StaffRecord) -> Asked:
        client = self.stranger()
        client.cookies.set(COOKIE, self.cookie(staff))
        return client


def signed_in(hub: Hub, role: Role = Role.CASEWORKER, name: str = "") -> Asked:
    """A client of a desk of its own, in which somebody of this role has entered."""
    return DeskDoor(hub).signed_in(employ(hub, role, name))
