"""What the demo's story needs, in one process on loopback: a hub with its desk, two photo sites with a gate each, and mail.

The parts are the real ones, over real HTTP. What is the demo's own: its clock, its mail server, and a door to the desk that
asks for no passkey, on a link that only this process knows.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from amparo.core.clock import SystemClock, monotonic
from amparo.core.errors import Conflict, Unavailable
from amparo.core.ids import StaffId, random_id
from amparo.core.keys import same_bytes, write_private
from amparo.demo import mailbox as mail
from amparo.demo.clock import ShiftedClock
from amparo.demo.mailbox import Mailbox
from amparo.demo.site import create_app as create_site
from amparo.gate import Gate
from amparo.gate.card import PartnerCard
from amparo.gate.runtime import GateRuntime
from amparo.hub.app import desk_app, public_app
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.commands.housekeeping import keep_house
from amparo.hub.commands.partners import add_partner, renew_key
from amparo.hub.context import Hub, HubSettings
from amparo.hub.desk.session import COOKIE, Sessions
from amparo.hub.mail import MAIL_FILE, MailSettings, Security, write_mail_settings
from amparo.hub.office import BOOK_FILE, FOLDER
from amparo.notice.mail import Mailbox as MailName
from amparo.store.staff.protocol import Role, StaffRecord

HOST: Final = "127.0.0.1"
PLAZA, FORO = "Plaza", "Foro"
FORO_TAKES: Final = "legal@foro.example"
_STAFF: Final = {
    "Ana": Role.CASEWORKER,
    "Berta": Role.SUPERVISOR,
    "Carmen": Role.AUDITOR,
    "Diana": Role.ADMINISTRATOR,
}
_CLOCK: Final = "clock-ahead"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Ports:
    """mail: the page on which the mail can be read that came in by smtp."""

    hub: int
    plaza: int
    foro: int
    desk: int
    mail: int
    smtp: int

    @classmethod
    def from_first(cls, first: int) -> Ports:
        """Six in a row."""
        return cls(*range(first, first + 6))

    def __iter__(self) -> Iterator[int]:
        yield from (self.hub, self.plaza, self.foro, self.desk, self.mail, self.smtp)


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs, and where. ``hub`` is for moving the clock; the story itself goes through the addresses."""

    hub: Hub
    clock: ShiftedClock
    mailbox: Mailbox
    sessions: Sessions
    data: Path
    ports: Ports
    entrance: str

    @property
    def played(self) -> bool:
        """Whether a story has begun in this folder."""
        with self.hub.store.read() as transaction:
            return transaction.incidents.mark().newest > 0

    @property
    def person(self) -> str:
        return f"http://{HOST}:{self.ports.hub}"

    @property
    def desk(self) -> str:
        # By name, as passkeys ask for; cookies of this name are not sent to the other parts.
        return f"http://localhost:{self.ports.desk}"

    @property
    def plaza(self) -> str:
        return f"http://{HOST}:{self.ports.plaza}"

    @property
    def foro(self) -> str:
        return f"http://{HOST}:{self.ports.foro}"

    @property
    def mail(self) -> str:
        return f"http://{HOST}:{self.ports.mail}"

    def desk_link(self, name: str = "Ana") -> str:
        """Enters the desk as this member of staff, for as long as the demo runs."""
        return f"{self.desk}/demo-enter?who={name}&ticket={self.entrance}"

    def cookie(self, name: str = "Ana") -> str:
        """A session of the desk's, as ``desk_link`` opens one."""
        with self.hub.store.read() as transaction:
            found = transaction.staff.named(name)
        assert found is not None  # employed when the stage was set
        return self.sessions.open(found)

    def let_pass(self, step: timedelta) -> None:
        """Put the clock forward; what the hub does by itself in that time, it has done when this returns."""
        self.clock.advance(step)
        self.catch_up()

    def catch_up(self) -> None:
        """The hub looks at its clocks and keeps house now, rather than within half a minute."""
        keep_house(self.hub)
        look_at_clocks(self.hub)

    def take_down(self, site: str, photo: str) -> None:
        """The site's people remove a published photo."""
        (self.data / site.lower() / "photos" / f"{photo}.photo").unlink()


@contextmanager
def set_stage(data: Path, ports: Ports, exit_url: str | None = None) -> Generator[Stage]:
    """Everything runs until the block ends. Raises Conflict ``port_taken``, Unavailable ``not_ready``."""
    clock, mailbox = ShiftedClock(data / _CLOCK), Mailbox()
    settings = HubSettings(
        url=f"http://{HOST}:{ports.hub}",
        desk_url=f"http://localhost:{ports.desk}",
        exit_url=exit_url or HubSettings().exit_url,
    )
    _furnish(data / "hub", ports, clock)
    with ExitStack() as opened:
        hub = Hub.open(data / "hub", settings, clock)
        opened.callback(hub.close)
        # Of the machine's own time: nobody is sent out of the desk because two days of the story have passed.
        sessions = Sessions(SystemClock())
        stage = Stage(hub, clock, mailbox, sessions, data, ports, secrets.token_urlsafe(16))
        _employ(hub)
        opened.enter_context(mail.receiving(mailbox, ports.smtp))
        opened.enter_context(_served(mail.create_app(mailbox), ports.mail))
        opened.enter_context(_served(_with_entrance(desk_app(hub, sessions), stage), ports.desk))
        opened.enter_context(_served(public_app(hub), ports.hub))
        for name, port in ((PLAZA, ports.plaza), (FORO, ports.foro)):
            folder = data / name.lower()
            runtime = GateRuntime(_card(hub, name, folder), folder / "gate", clock)
            opened.callback(runtime.stop)
            runtime.start()
            opened.enter_context(_served(create_site(folder / "photos", Gate.embedded(runtime), name), port))
        # First of all at the end: the gates wait for news from the hub, and would for half a minute.
        opened.callback(hub.bell.close)
        yield stage


def _furnish(folder: Path, ports: Ports, clock: ShiftedClock) -> None:
    """What an operator sets up by hand: where mail goes out, and how one of the platforms takes notices."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sender = MailName("desk@amparo.example", "Amparo desk")
    write_mail_settings(folder / MAIL_FILE, MailSettings(HOST, ports.smtp, Security.NONE, sender))
    route = {
        "pack": "us-take-it-down",
        "email": FORO_TAKES,
        "form": "",
        "post": "",
        "source": "The demo's own mailbox",
        "verified_on": clock.now().date().isoformat(),
    }
    book = {"platforms": [{"id": "foro", "name": FORO, "partner": FORO, "routes": [route]}]}
    place = folder / FOLDER / BOOK_FILE
    place.parent.mkdir(exist_ok=True)
    write_private(place, json.dumps(book, indent=2).encode())


def _employ(hub: Hub) -> None:
    for name, role in _STAFF.items():
        with suppress(Conflict), hub.store.write() as transaction:
            transaction.staff.add(StaffRecord(StaffId(random_id()), name, role, hub.clock.now()))


def _card(hub: Hub, name: str, folder: Path) -> PartnerCard:
    """Of the partner of this name, kept for the next time."""
    file = folder / "partner-card.json"
    if file.exists():
        return replace(PartnerCard.read(file), hub_url=hub.settings.url)
    try:
        card = add_partner(hub, name)
    except Conflict:
        card = renew_key(hub, name)
    write_private(file, card.to_json().encode())
    return card


def _with_entrance(desk: ASGIApp, stage: Stage) -> ASGIApp:
    async def enter(request: Request) -> Response:
        name, ticket = request.query_params.get("who", ""), request.query_params.get("ticket", "")
        if name not in _STAFF or not same_bytes(ticket.encode(), stage.entrance.encode()):
            return PlainTextResponse("This link is of another demo.", 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, stage.cookie(name), httponly=True, samesite="strict")
        return answer

    return Starlette(routes=[Route("/demo-enter", enter), Mount("/", desk)])


@contextmanager
def _served(app: ASGIApp, port: int) -> Generator[None]:
    config = uvicorn.Config(
        app, host=HOST, port=port, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"demo-{port}", daemon=True)
    thread.start()
    end = monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or monotonic() > end:
            raise Unavailable("not_ready", f"Nothing answers on port {port}.")
        thread.join(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
