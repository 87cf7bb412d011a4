"""A mail server of the demo's own, on loopback: it takes every message and shows it on a page. Nothing is sent on.

Just enough of SMTP (RFC 5321) for one sender at a time; ``docs/how-to/demo.md`` says what it is for.
"""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

_LONGEST_LINE: Final = 8192
_LONGEST_MESSAGE: Final = 10_000_000
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Letter:
    to: str
    subject: str
    text: str


class Mailbox:
    """What has come in. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._letters: list[Letter] = []

    def take(self, to: str, message: bytes) -> None:
        read = email.message_from_bytes(message, policy=email.policy.default)
        body = read.get_body(("plain",))
        text = "" if body is None else str(body.get_content()).replace("\r\n", "\n")
        with self._lock:
            self._letters.append(Letter(to, str(read["Subject"]), text))

    def letters(self) -> list[Letter]:
        """The oldest first."""
        with self._lock:
            return list(self._letters)


@contextmanager
def receiving(mailbox: Mailbox, port: int) -> Generator[None]:
    """Take mail on 127.0.0.1 until the block ends."""

    class Conversation(socketserver.StreamRequestHandler):
        timeout = _SECONDS

        def handle(self) -> None:
            to = ""
            self._say("220 demo")
            while line := self.rfile.readline(_LONGEST_LINE):
                match line.upper().split()[:1]:
                    case [b"EHLO" | b"HELO"]:
                        self._say("250 demo")
                    case [b"MAIL"]:
                        self._say("250 2.1.0 go on")
                    case [b"RCPT"]:
                        to = line.decode("ascii", "replace").partition("<")[2].partition(">")[0]
                        self._say("250 2.1.5 go on")
                    case [b"DATA"]:
                        self._say("354 end with a single dot")
                        mailbox.take(to, self._message())
                        self._say("250 2.0.0 taken")
                    case [b"QUIT"]:
                        self._say("221 2.0.0 bye")
                        return
                    case _:
                        self._say("250 2.0.0 very well")

        def _message(self) -> bytes:
            lines: list[bytes] = []
            room = _LONGEST_MESSAGE
            while (line := self.rfile.readline(_LONGEST_LINE)) not in (b".\r\n", b"") and room > 0:
                room -= len(line)
                lines.append(line[1:] if line.startswith(b".") else line)
            return b"".join(lines)

        def _say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", port), Conversation) as server:
        thread = threading.Thread(target=server.serve_forever, name="demo-mail", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def create_app(mailbox: Mailbox) -> Starlette:
    """The letters on one page, as whoever reads a platform's mail sees them."""

    async def shown(_request: Request) -> Response:
        letters = "".join(
            f"<article><h2>{escape(one.subject)}</h2><p>To {escape(one.to)}</p><pre>{escape(one.text)}</pre></article>"
            for one in reversed(mailbox.letters())
        )
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Mail of the demo</title></head>'
            f"<body><main><h1>Mail that the platforms got</h1>{letters or '<p>None so far.</p>'}</main></body></html>"
        )
        headers = {"Content-Security-Policy": "default-src 'none'; base-uri 'none'", "Cache-Control": "no-store"}
        return HTMLResponse(page, headers=headers)

    async def live(_request: Request) -> Response:
        return PlainTextResponse("I-AM-ALIVE")

    return Starlette(routes=[Route("/", shown), Route("/status/live", live)])
