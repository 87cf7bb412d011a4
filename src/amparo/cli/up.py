"""``amparo up``: a hub, a gate and a demo site as three processes of their own, joined, on loopback."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
from rich.console import Console
from rich.panel import Panel

from amparo.cli import kept
from amparo.cli.serve import require_free
from amparo.core.clock import monotonic
from amparo.core.errors import Conflict, Unavailable
from amparo.core.keys import bearer_digest, new_bearer_secret, write_private
from amparo.gate.access import DEFAULT_ROLES, Role
from amparo.gate.card import PartnerCard
from amparo.gate.replica import Replica
from amparo.hub.commands.partners import add_partner, renew_key
from amparo.hub.commands.staff import has_administrator, link_from_machine
from amparo.hub.context import Hub, HubSettings

HOST: Final = "127.0.0.1"
_PARTNER: Final = "Demo"
_READY_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ports:
    hub: int
    gate: int
    demo: int
    desk: int


def run(data: Path, ports: Ports, exit_url: str) -> None:
    """Run all three until Ctrl-C or until one of them ends. Raises Conflict ``port_taken``, Unavailable ``not_ready``."""
    for port in (ports.hub, ports.gate, ports.demo, ports.desk):
        require_free(HOST, port)
    console = Console()
    card, key_file, desk_link = _join(data, ports)
    commands = _commands(data, ports, card, key_file, exit_url)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in kept.ending_signals():
        signal.signal(number, stop)
    children: list[subprocess.Popen[bytes]] = []
    try:
        for command, port in zip(commands, (ports.hub, ports.gate, ports.demo), strict=True):
            # Ctrl-C on the terminal reaches us alone, and we end them in order; if we cannot, they end by themselves.
            children.append(kept.start(command))
            _wait_until_ready(port, children, stopping)
        if not stopping.is_set():
            console.print(_welcome(ports))
            # Not in the frame: a broken line cannot be clicked.
            console.print(f"The desk: {desk_link}", soft_wrap=True)
            console.print("Ctrl-C stops everything.")
        while not stopping.wait(0.5):
            if any(child.poll() is not None for child in children):
                raise Unavailable("part_ended", "One of the three has ended; see above. The others are stopped.")
    finally:
        _end(children)
        # The terminal may be what has gone.
        with contextlib.suppress(OSError):
            console.print("Stopped.")


def _join(data: Path, ports: Ports) -> tuple[Path, Path, str]:
    """Make the demo site a partner of the hub, and give it a key of the gate; both are kept for the next time."""
    card_file, key_file = data / "gate" / "partner-card.json", data / "demo" / "gate.key"
    hub_url = f"http://{HOST}:{ports.hub}"
    hub = Hub.open(data / "hub", HubSettings(url=hub_url))
    try:
        if card_file.exists():
            card = replace(PartnerCard.read(card_file), hub_url=hub_url)
        else:
            try:
                card = add_partner(hub, _PARTNER)
            except Conflict:
                # An earlier start was ended between the two steps: the partner is there, its card is not.
                card = renew_key(hub, _PARTNER)
        write_private(card_file, card.to_json().encode())
        # By name: no browser binds a passkey to an IP address. The first time, a link that makes one; it works once.
        desk = f"http://localhost:{ports.desk}"
        first = not has_administrator(hub)
        link = f"{desk}/invitation?ticket={link_from_machine(hub).secret}" if first else f"{desk}/enter"
    finally:
        hub.close()
    if not key_file.exists():
        write_private(key_file, new_bearer_secret().encode())
    replica = Replica(data / "gate")
    try:
        roles = {*DEFAULT_ROLES, Role.CURATE}
        replica.allow_client("demo", bearer_digest(key_file.read_text(encoding="ascii")), roles)
    finally:
        replica.close()
    return card_file, key_file, link


def _commands(data: Path, ports: Ports, card: Path, key_file: Path, exit_url: str) -> list[list[str]]:
    return [
        [
            *("hub", "--data", f"{data / 'hub'}", "--port", f"{ports.hub}"),
            *("--desk-port", f"{ports.desk}", "--exit-url", exit_url),
        ],
        ["gate", "--data", f"{data / 'gate'}", "--port", f"{ports.gate}", "--card", f"{card}"],
        [
            "demo-site",
            *("--data", f"{data / 'demo'}", "--port", f"{ports.demo}"),
            *("--gate-url", f"http://{HOST}:{ports.gate}", "--key-file", f"{key_file}"),
        ],
    ]


def _wait_until_ready(port: int, children: list[subprocess.Popen[bytes]], stopping: threading.Event) -> None:
    end = monotonic() + _READY_SECONDS
    while not stopping.is_set() and not _answers(port):
        if any(child.poll() is not None for child in children):
            raise Unavailable("part_ended", "One of the three could not start; see above.")
        if monotonic() > end:
            raise Unavailable("not_ready", f"Nothing answers on port {port} after {_READY_SECONDS:.0f} seconds.")
        stopping.wait(0.1)


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://{HOST}:{port}/status/live", timeout=2, trust_env=False).status_code == 200
    return False


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        # Waits for the end, and closes our end of the pipe.
        with child:
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _welcome(ports: Ports) -> Panel:
    hub, gate, demo = (f"http://{HOST}:{port}" for port in (ports.hub, ports.gate, ports.demo))
    return Panel.fit(
        f"[bold]Hub[/]   {hub}    the person's pages\n"
        f"[bold]Gate[/]  {gate}    what the platform asks\n"
        f"[bold]Demo[/]  {demo}    a small photo site behind the gate\n\n"
        "[bold]A first walk[/]\n"
        f"1. Open {hub}, «There is a picture of me», and choose one of a tree or a cat.\n"
        "   It stays in the browser. Keep the code that you get.\n"
        f"2. Open {demo} and publish a smaller or re-saved copy of that photo: it is refused.\n"
        "   Publish another photo: it appears.\n"
        "3. Back on your page at the hub, press «Look again»: a copy was stopped at Demo.\n"
        "4. Withdraw the photo there, and publish the copy again: now it goes through.\n"
        f"5. Add an ordinary photo there, paint over part of it, publish that: it waits at {demo}/review.",
        title="Amparo is up",
    )
