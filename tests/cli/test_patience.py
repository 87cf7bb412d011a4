from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import BinaryIO

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from amparo.cli.patience import PatientProtocol
from amparo.cli.serve import require_loopback
from amparo.core.errors import InvalidInput
from tests.gate.listening import serving

NEVER = 3600.0
"""Seconds that no test lasts: whatever has this much patience waits for more."""


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "], ids=["nothing", "half a head"])
def test_a_head_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.1)
    # Where the end comes first, what is sent into it may be refused.
    with serving(Quick()) as url, connected(url) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_the_head_of_a_second_request_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", NEVER)
    with serving(Quick()) as url, connected(url) as connection, connection.makefile("rb") as file:
        connection.sendall(_head("GET /other"))
        assert read_answer(file)[2] == b"called /other "
        monkeypatch.setattr(PatientProtocol, "head_seconds", 0.0)
        connection.sendall(b"GET")
        with suppress(ConnectionError):
            assert file.read() == b""


def test_a_slow_body_and_a_rest_between_requests_are_not_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", NEVER)
    seen = Received(monkeypatch)
    with serving(Quick()) as url, connected(url) as connection, connection.makefile("rb") as file:
        connection.sendall(_head("POST /other", 5))
        seen.wait_for(len(_head("POST /other", 5)))
        assert seen.waiting() == [False]
        connection.sendall(b"hello")
        assert read_answer(file)[2] == b"called /other hello"
        assert seen.waiting() == [False]
        connection.sendall(b"GET")
        seen.wait_for(len(_head("POST /other", 5)) + len(b"helloGET"))
        assert seen.waiting() == [True]


class Received:
    """How much the server's connections have been given to read so far, and whether they wait for a head."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._bytes = 0
        self._grown = threading.Condition()
        self._connections: list[PatientProtocol] = []
        read, made = PatientProtocol.data_received, PatientProtocol.connection_made

        def data_received(protocol: PatientProtocol, data: bytes) -> None:
            read(protocol, data)
            with self._grown:
                self._bytes += len(data)
                self._grown.notify_all()

        def connection_made(protocol: PatientProtocol, transport: asyncio.Transport) -> None:
            self._connections.append(protocol)
            made(protocol, transport)

        patch.setattr(PatientProtocol, "data_received", data_received)
        patch.setattr(PatientProtocol, "connection_made", connection_made)

    def wait_for(self, count: int) -> None:
        """Returns when the server has done what it does at once with so many bytes."""
        with self._grown:
            assert self._grown.wait_for(lambda: self._bytes >= count, 60)

    def waiting(self) -> list[bool]:
        """Of each connection, whether it waits for the end of a head."""
        return [protocol.waits_for_head for protocol in self._connections]


def connected(url: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_answer(file: BinaryIO) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Status line, headers, body."""
    status = file.readline()
    head: dict[bytes, bytes] = {}
    while (line := file.readline()) != b"\r\n":
        assert line, "the connection was closed"
        name, _, value = line.partition(b":")
        head[name.lower()] = value.strip()
    return status, head, file.read(int(head[b"content-length"]))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", "localhost", ""])
def test_a_gate_without_keys_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(InvalidInput):
        require_loopback(host)
    require_loopback("127.0.0.1")
    require_loopback("::1")


class Quick:
    """Answers GET /quick and POST /quick at once, and is called for the rest; tells which way a request took."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes, bytes]] = []

    def answer_at_once(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> bytes | None:
        self.asked.append((method, url, body))
        if url == b"/fault":
            raise ZeroDivisionError
        if url != b"/quick":
            return None
        return b'{"first":"%b","body":"%b"}' % (headers[b"x-name"], body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = await Request(scope, receive).body()
            await PlainTextResponse(b"called " + scope["path"].encode() + b" " + body)(scope, receive, send)


def _head(line: str, length: int = 0, more: str = "") -> bytes:
    return (
        f"{line} HTTP/1.1\r\nHost: a\r\nX-NAME: one\r\nX-Name: two\r\nContent-Length: {length}\r\n{more}\r\n".encode()
    )


_AT_ONCE = b'{"first":"one","body":""}'
_CALLED = b"called /quick "


_EXCHANGES: list[list[tuple[bytes, list[bytes]]]] = [
    [(_head("GET /quick"), [_AT_ONCE])],
    [(_head("POST /quick", 5) + b"hello", [b'{"first":"one","body":"hello"}'])],
    [(_head("GET /quick")[:20], []), (_head("GET /quick")[20:], [_AT_ONCE])],
    [(_head("POST /quick", 5) + b"he", []), (b"llo", [b"called /quick hello"])],
    [(_head("POST /quick", 5), []), (b"hello", [b"called /quick hello"])],
    [(_head("GET /other"), [b"called /other "])],
    [(_head("POST /other", 5) + b"hello", [b"called /other hello"])],
    [(_head("GET /quick") * 3, [_AT_ONCE, _CALLED, _CALLED])],
    [(_head("GET /other") + _head("GET /quick"), [b"called /other ", _CALLED]), (_head("GET /quick"), [_AT_ONCE])],
    [(_head("GET /quick", 0, "Connection: close\r\n"), [_CALLED])],
    [(_head("POST /quick", 300_000) + b"a" * 300_000, [_CALLED + b"a" * 300_000])],
    [(_head("GET /fault"), [b"called /fault "]), (_head("GET /quick"), [_AT_ONCE])],
    [
        (
            _head("POST /quick", 2, "Transfer-Encoding: nothing\r\n").replace(b"Content-Length: 2\r\n", b""),
            [b"Invalid HTTP request received."],
        )
    ],
]


@pytest.mark.parametrize("exchange", _EXCHANGES)
def test_answers_at_once_and_called_ones_come_in_order_and_only_whole_requests_are_answered_at_once(
    monkeypatch: pytest.MonkeyPatch, exchange: list[tuple[bytes, list[bytes]]]
) -> None:
    """exchange: what is sent, and the bodies that answer it; the next is sent when they have come."""
    seen, sent = Received(monkeypatch), 0
    with serving(Quick()) as url, connected(url) as connection, connection.makefile("rb") as file:
        for part, bodies in exchange:
            connection.sendall(part)
            sent += len(part)
            for body in bodies:
                status, head, answer = read_answer(file)
                assert answer == body
                assert status.startswith(b"HTTP/1.1 400" if body.startswith(b"Invalid") else b"HTTP/1.1 200")
                assert (head[b"content-type"] == b"application/json") == body.startswith(b"{")
                assert b"date" in head
            seen.wait_for(sent)
