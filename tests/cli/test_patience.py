from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from amparo.cli.gathered import Gathered
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

    def __init__(self, at_most: int = 1000) -> None:
        self.asked: list[tuple[bytes, bytes, bytes]] = []
        self.together: list[int] = []
        self.at_most = at_most

    def question_at_once(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> object:
        self.asked.append((method, url, body))
        if url == b"/fault":
            raise ZeroDivisionError
        if url not in (b"/quick", b"/late-fault", b"/not-after-all"):
            return None
        return url, b'{"first":"%b","body":"%b"}' % (headers[b"x-name"], body)

    def answers_at_once(self, questions: Sequence[tuple[bytes, bytes]]) -> list[bytes | None]:
        self.together.append(len(questions))
        if any(url == b"/late-fault" for url, _ in questions):
            raise ZeroDivisionError
        return [answer if url == b"/quick" else None for url, answer in questions[: self.at_most]]

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
    [(_head("GET /late-fault"), [b"called /late-fault "]), (_head("GET /quick"), [_AT_ONCE])],
    [(_head("POST /not-after-all", 5) + b"hello", [b"called /not-after-all hello"]), (_head("GET /quick"), [_AT_ONCE])],
    [(_head("POST /late-fault", 2) + b"hi" + _head("GET /quick"), [b"called /late-fault hi", _CALLED])],
    [(_head("POST /not-after-all", 2) + b"hi" + _head("GET /other"), [b"called /not-after-all hi", b"called /other "])],
    [
        (_head("GET /quick") + _head("POST /other", 2)[:30], [_AT_ONCE]),
        (_head("POST /other", 2)[30:] + b"hi", [b"called /other hi"]),
    ],
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


class Connection:
    """One that asks and remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, bytes | None]] = []

    def answered(self, question: object, answer: bytes | None) -> None:
        self.told.append((question, answer))


def _questions(*names: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, b"%d" % place) for place, name in enumerate(names)]


def _told(app: Quick, questions: list[tuple[bytes, bytes]], turns: int) -> list[bytes | None]:
    """What each of as many connections was told after so many turns of a loop."""

    async def ask() -> list[bytes | None]:
        gathered, connections = Gathered(app), [Connection() for _ in questions]
        for connection, question in zip(connections, questions, strict=True):
            gathered.ask(connection, question)
        for _ in range(turns):
            await asyncio.sleep(0)
        for connection, question in zip(connections, questions, strict=True):
            assert [asked for asked, _ in connection.told] in ([question], [])
        return [connection.told[0][1] if connection.told else b"nothing yet" for connection in connections]

    return asyncio.run(ask())


def test_the_first_of_a_turn_is_answered_at_once_and_what_comes_with_it_together_in_the_next() -> None:
    app = Quick()
    assert _told(app, _questions(*[b"/quick"] * 4), 0) == [b"0", b"nothing yet", b"nothing yet", b"nothing yet"]
    assert _told(app, _questions(*[b"/quick"] * 5), 1) == [b"0", b"1", b"2", b"3", b"4"]
    assert app.together[-2:] == [1, 4]


def test_what_an_application_leaves_for_later_is_asked_in_the_turns_that_follow() -> None:
    app = Quick(at_most=2)
    assert _told(app, _questions(*[b"/quick"] * 6), 1)[2:4] == [b"2", b"nothing yet"]
    assert _told(app, _questions(*[b"/quick"] * 6), 3) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert app.together[-4:] == [1, 5, 3, 1]


def test_who_asks_while_others_still_wait_comes_after_them() -> None:
    app = Quick(at_most=2)

    async def ask() -> list[tuple[object, bytes | None]]:
        gathered, connection = Gathered(app), Connection()
        for place in range(4):
            gathered.ask(connection, (b"/quick", b"%d" % place))
        await asyncio.sleep(0)
        gathered.ask(connection, (b"/quick", b"late"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gathered.ask(connection, (b"/quick", b"alone"))
        return connection.told

    assert [answer for _, answer in asyncio.run(ask())] == [b"0", b"1", b"2", b"3", b"late", b"alone"]
    assert app.together == [1, 3, 2, 1]


def test_a_fault_sends_all_that_asked_together_the_long_way() -> None:
    assert _told(Quick(), _questions(b"/quick", b"/quick", b"/late-fault", b"/quick"), 1) == [b"0", None, None, None]


def test_who_hangs_up_before_the_answer_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, app = Received(monkeypatch), Quick()
    with serving(app) as url, connected(url) as stays, stays.makefile("rb") as file:
        leaves = connected(url)
        leaves.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an orderly end
        leaves.sendall(_head("GET /quick"))
        leaves.close()
        stays.sendall(_head("GET /quick"))
        assert read_answer(file)[2] == _AT_ONCE
        seen.wait_for(len(_head("GET /quick")))


def test_who_has_no_more_to_say_is_still_answered() -> None:
    with serving(Quick()) as url, connected(url) as connection, connection.makefile("rb") as file:
        connection.sendall(_head("GET /quick"))
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(file)[2] == _AT_ONCE
