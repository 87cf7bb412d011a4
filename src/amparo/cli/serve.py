"""Runs ASGI applications until a signal; several in one process share its signals."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from amparo.cli.gathered import AnswersAtOnce, Gathered
from amparo.cli.logs import configure
from amparo.cli.patience import PatientProtocol
from amparo.core.errors import Conflict, InvalidInput


@dataclass(frozen=True, slots=True)
class Listener:
    """One application and where it listens."""

    app: ASGIApp
    host: str
    port: int


def serve(listeners: Sequence[Listener], on_stop: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way. ``on_stop`` runs first, to wake waiting requests.

    Raises Conflict ``port_taken`` before anything is served.
    """
    configure()
    sockets = [_bind(listener.host, listener.port) for listener in listeners]
    servers = [uvicorn.Server(config_of(listener)) for listener in listeners]
    with asyncio.Runner(loop_factory=_new_loop()) as runner:
        runner.run(_run(servers, sockets, on_stop))


def require_free(host: str, port: int) -> None:
    """Raises Conflict ``port_taken``."""
    _bind(host, port).close()


def require_loopback(host: str) -> None:
    """Raises InvalidInput ``host_not_loopback`` for an address that other machines could reach, and for a name."""
    try:
        near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = False
    if not near:
        raise InvalidInput("host_not_loopback", "Without keys, a gate listens on 127.0.0.1 or ::1 only.")


async def _run(servers: list[uvicorn.Server], sockets: list[socket.socket], on_stop: Callable[[], None]) -> None:
    def stop() -> None:
        on_stop()
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    # _serve: uvicorn's own ``serve`` installs its signal handlers over ours.
    running = [server._serve([own]) for server, own in zip(servers, sockets, strict=True)]  # pyright: ignore[reportPrivateUsage]
    await asyncio.gather(*running)


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed; we run the loop ourselves, so uvicorn's own choice is never asked."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def config_of(listener: Listener) -> uvicorn.Config:
    """How every server of ours is run."""
    app: object = listener.app
    gathered = Gathered(app) if isinstance(app, AnswersAtOnce) else None
    # No access log: it would hold the addresses of the people who ask for help.
    return uvicorn.Config(
        listener.app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        http=cast("type[asyncio.Protocol]", partial(PatientProtocol, gathered=gathered)),
        ws="none",
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is: else answers wait 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise Conflict("port_taken", f"Port {port} on {host} cannot be used.", detail=str(error)) from error
    bound.set_inheritable(True)
    return bound
