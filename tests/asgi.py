"""Asking an ASGI application without a socket. Cookies are kept from one request to the next, as a browser does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
from starlette.types import ASGIApp


class Asked:
    """Errors that the application lets escape are answers of status 500, as they would be behind a server."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._address = address
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        return asyncio.run(self._request(method, path, content))

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
        if isinstance(content.get("content"), Iterator):
            content["content"] = _chunks(content["content"])
        async with httpx.AsyncClient(transport=self._transport, base_url=self._address, cookies=self.cookies) as client:
            answer = await client.request(method, path, **content)
            self.cookies = client.cookies
            return answer


async def _chunks(parts: Iterator[bytes]) -> AsyncGenerator[bytes]:
    for part in parts:
        yield part
