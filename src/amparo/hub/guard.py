"""The hub's outer wall, around every surface: no picture comes in, no other site's page posts, nothing is cached."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError, InvalidInput, Rejected
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of

BODY_LIMIT: Final = 128_000
"""Bytes: 200 fingerprints or 500 sightings fit; hardly any photo does, and no type of a photo is let in at all."""
BODY_SECONDS: Final = 120.0
"""For a whole body. A full one takes 50 s on the slowest of phone lines; whoever takes longer only keeps a connection open."""
_TYPES: Final = ("application/x-www-form-urlencoded", "application/json")
_XML: Final = ("application/xml", "text/xml")
_XML_PATH: Final = re.compile(r"/ncmec/v2/entries/[0-9]{1,9}/[0-9a-f]{32}/[A-Z0-9_]{1,20}/feedback")
"""The one place where XML comes in: a vote of a few hundred bytes, in a format that knows nothing else."""
_XML_LIMIT: Final = 4_000
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    # Not "no-referrer": under that a browser sends ``Origin: null`` with our own forms (Fetch, "append a request Origin
    # header"), which browsers without Sec-Fetch-Site, or on a plain http host, cannot be told from another site's. Other sites
    # learn nothing by this one either.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
}


class Guard:
    """ASGI middleware. Bodies are refused by their announced type and length, and cut off at the limits of length and time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            if scope["method"] not in _SAFE:
                self._check(scope["method"], scope["path"], Headers(scope=scope))
        except AmparoError as error:
            refusal = JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, _bounded(receive), send_guarded)

    def _check(self, method: str, path: str, headers: Headers) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        vote = method == "PUT" and kind in _XML and _XML_PATH.fullmatch(path) is not None
        if kind not in _TYPES and not vote:
            raise InvalidInput("body_type_refused", "This hub takes fingerprints and words, never a picture or file.")
        announced = headers.get("content-length", "0")
        limit = _XML_LIMIT if vote else BODY_LIMIT
        if not announced.isdecimal() or int(announced) > limit:
            raise InvalidInput("body_too_long", f"At most {limit:,} bytes can be sent here.")
        # Token-free protection against forged requests: browsers say where a request comes from, programs say nothing.
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        forged = site not in (None, "same-origin", "none") if site else _foreign(origin, headers.get("host", ""))
        if forged:
            raise Rejected("request_from_elsewhere", "This request came from another site's page.")


def _foreign(origin: str | None, host: str) -> bool:
    return origin is not None and origin.partition("://")[2] != host


def _bounded(receive: Receive) -> Receive:
    seen = 0
    whole = False
    end = monotonic() + BODY_SECONDS

    async def bounded() -> Message:
        nonlocal seen, whole
        if whole:
            # What comes behind a body is the end of the connection, and whoever waits for news waits for that.
            return await receive()
        try:
            async with asyncio.timeout(end - monotonic()):
                message = await receive()
        except TimeoutError as error:
            raise InvalidInput("body_too_slow", f"The body did not arrive within {BODY_SECONDS:g} seconds.") from error
        seen += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if seen > BODY_LIMIT:
            raise InvalidInput("body_too_long", f"At most {BODY_LIMIT:,} bytes can be sent here.")
        return message

    return bounded
