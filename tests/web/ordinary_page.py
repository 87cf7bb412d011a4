"""The page for ordinary photos, rendered by the hub's own template and served under the hub's own policy.

The hub's answers to ``POST /save`` are scripted here, so that a test can make the line bad; what the hub really does with
a trace is tested with the hub.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from amparo.hub.context import HubSettings
from amparo.hub.guard import BODY_LIMIT, CONTENT_SECURITY_POLICY
from amparo.hub.person.asked import Page
from amparo.hub.person.render import render
from amparo.hub.person.sitting import Sitting
from amparo.hub.person.words import Words
from tests.browser import BUILT

REQUEST: Final = "0123456789abcdef" * 2
CODE: Final = "uno dos tres cuatro cinco seis siete ocho"
_OPENED: Final = b'<!doctype html><title>Notes</title><link rel="icon" href="/static/neutral.svg"><h1>Opened</h1>'
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass
class OrdinaryServer:
    """origin: where it listens. saved, opened: fields of each POST to /save and to /. statuses: answers to give to the
    next calls of /save before it answers 200."""

    origin: str
    saved: list[dict[str, list[str]]] = field(default_factory=list[dict[str, list[str]]])
    opened: list[dict[str, list[str]]] = field(default_factory=list[dict[str, list[str]]])
    statuses: list[int] = field(default_factory=list[int])


def page_of(language: str, code: str) -> bytes:
    settings = HubSettings(exit_url="http://127.0.0.1/")
    page = Page("ordinary.html", {"request": REQUEST, "code": code, "sitting": Sitting()})
    return render(settings, Words(language, settings.time_zone), page).encode()


@contextmanager
def ordinary_page(language: str = "en", code: str = "") -> Generator[OrdinaryServer]:
    """Serves the page at ``/`` of 127.0.0.1, and what it loads."""
    body = page_of(language, code)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/static/")
            path = BUILT.parent / Path(*name.split("/"))
            if self.path == "/":
                self._answer(200, "text/html; charset=utf-8", body)
            elif self.path.startswith("/static/") and ".." not in name and path.is_file():
                self._answer(200, _TYPES[path.suffix], path.read_bytes())
            else:
                self._answer(404, "text/plain", b"")

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            fields = parse_qs(self.rfile.read(length).decode("ascii"), keep_blank_values=True)
            if self.path == "/":
                server.opened.append(fields)
                self._answer(200, "text/html; charset=utf-8", _OPENED)
                return
            server.saved.append(fields)
            status = 413 if length > BODY_LIMIT else server.statuses.pop(0) if server.statuses else 200
            answer = {"code": CODE if status == 200 else "not_this_time"}
            self._answer(status, "application/json", json.dumps(answer).encode())

        def _answer(self, status: int, media_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = OrdinaryServer(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
