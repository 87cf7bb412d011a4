"""A server as the command line runs it, on a free port of loopback, for the time of a test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from amparo.cli.serve import Listener, config_of


@contextmanager
def serving(app: ASGIApp) -> Generator[str]:
    """The address where ``app`` answers."""
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    server = uvicorn.Server(config_of(Listener(app, "127.0.0.1", port)))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()
