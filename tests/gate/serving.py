"""Applications behind a real uvicorn on loopback, in a thread of the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def served(app: ASGIApp, port: int, on_stop: Callable[[], None] = lambda: None) -> Generator[str]:
    """Answers at the yielded address until the block ends; then nothing listens on the port any more.

    on_stop: as in ``amparo.cli.serve``, wakes requests that wait for news.
    """
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="error", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    # A gate's first start on a machine compiles before it answers.
    end = time.monotonic() + 120
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < end
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        on_stop()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
