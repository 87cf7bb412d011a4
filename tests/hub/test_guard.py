"""The hub's outer wall against bodies that drip."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from amparo.hub import guard
from amparo.hub.app import public_app
from amparo.hub.commands import partners
from amparo.hub.context import Hub
from amparo.hub.guard import Guard
from tests.gate.listening import serving


@pytest.mark.parametrize("path", ["/", "/save", "/partner/v1/sightings"])
def test_a_body_that_drips_is_cut_off(hub: Hub, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    key = partners.add_partner(hub, "Drip").key
    kind = "application/json" if path.startswith("/partner") else "application/x-www-form-urlencoded"
    with serving(public_app(hub)) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            more = f"Authorization: Bearer {key}\r\nContent-Length: 9999"
            head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\n{more}\r\n\r\n"
            connection.sendall(head.encode())
            connection.settimeout(0.05)
            answer, end = b"", time.monotonic() + 20
            while b"\r\n" not in answer and time.monotonic() < end:
                try:
                    connection.sendall(b"a")
                    answer += connection.recv(4096)
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        hub.bell.close()
    assert answer.startswith(b"HTTP/1.1 422"), answer


def test_who_waits_for_news_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    messages = [{"type": "http.request", "body": b"", "more_body": False}]
    told: list[str] = []

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    async def waits(_scope: Any, receive: Any, _send: Any) -> None:
        told.extend([(await receive())["type"], (await receive())["type"]])

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is answered")

    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Guard(waits)(scope, receive, send))
    assert told == ["http.request", "http.disconnect"]
