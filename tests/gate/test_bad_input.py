"""Bad input at every door of a gate: keys of another role, bodies that drip, forms without end, bombs, hubs that send bombs."""

from __future__ import annotations

import asyncio
import gzip
import io
import selectors
import socket
import struct
import time
import zlib
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amparo.bank import Action
from amparo.core.clock import SystemClock
from amparo.core.errors import InvalidInput, Unavailable
from amparo.core.ids import PartnerId
from amparo.core.keys import SigningKey
from amparo.gate import Gate
from amparo.gate.access import Role
from amparo.gate.card import PartnerCard
from amparo.gate.runtime import GateRuntime
from amparo.gate.screening import Screening
from amparo.gate.server import create_app
from amparo.gate.sources.http import Asker
from amparo.gate.uploads import BodyPace, parse_form, read_body
from tests.gate.feeding import AppClient, client_for
from tests.gate.listening import serving

# Keys of another role

OPEN = {"/status", "/status/live", "/site-map", "/v1/openapi.json", "/openapi/openapi.json"}
ROLES: dict[tuple[str, str], Role] = {
    ("POST", "/v1/check"): Role.MATCH,
    ("POST", "/v1/lookup"): Role.MATCH,
    ("POST", "/v1/video"): Role.MATCH,
    ("GET", "/v1/status"): Role.MATCH,
    ("POST", "/v1/reviews/{review}"): Role.CURATE,
    ("POST", "/v1/opinions"): Role.CURATE,
    ("GET", "/v1/entries"): Role.CURATE,
    ("PUT", "/v1/entries/{entry}"): Role.CURATE,
    ("GET", "/v1/report"): Role.ADMIN,
    ("GET", "/metrics"): Role.ADMIN,
    ("GET", "/h/hash"): Role.HASH,
    ("POST", "/h/hash"): Role.HASH,
    ("GET", "/m/lookup"): Role.MATCH,
    ("POST", "/m/lookup"): Role.MATCH,
    ("GET", "/m/raw_lookup"): Role.MATCH,
    ("POST", "/m/compare"): Role.MATCH,
    ("GET", "/m/index/status"): Role.MATCH,
    ("GET", "/c/banks"): Role.CURATE,
    ("POST", "/c/banks"): Role.ADMIN,
    ("GET", "/c/bank/{bank}"): Role.CURATE,
    ("PUT", "/c/bank/{bank}"): Role.ADMIN,
    ("DELETE", "/c/bank/{bank}"): Role.ADMIN,
    ("POST", "/c/bank/{bank}/content"): Role.CURATE,
    ("POST", "/c/bank/{bank}/signal"): Role.CURATE,
    **{(method, "/c/bank/{bank}/content/{content}"): Role.CURATE for method in ("GET", "PUT", "DELETE")},
    ("GET", "/c/exchanges/apis"): Role.ADMIN,
    ("GET", "/c/exchanges/api/{api}/schema"): Role.ADMIN,
    **{(method, "/c/exchanges/api/{api}"): Role.ADMIN for method in ("GET", "POST")},
    **{(method, "/c/exchanges"): Role.ADMIN for method in ("GET", "POST")},
    ("GET", "/c/exchange/{exchange}/status"): Role.ADMIN,
    **{(method, "/c/exchange/{exchange}"): Role.ADMIN for method in ("GET", "PUT", "DELETE")},
    ("GET", "/c/signal_type"): Role.CURATE,
    ("GET", "/c/signal_type/index"): Role.CURATE,
    ("PUT", "/c/signal_type/{signal}"): Role.ADMIN,
    ("GET", "/c/content_type"): Role.CURATE,
}


def routes_of(gate: GateRuntime) -> set[tuple[str, str]]:
    return {(method, route.path) for route in create_app(gate).routes for method in (route.methods or set()) - {"HEAD"}}


def test_every_route_asks_for_a_role_or_is_open_on_purpose(gate: GateRuntime) -> None:
    assert routes_of(gate) == set(ROLES) | {("GET", path) for path in OPEN}


@pytest.mark.parametrize("role", list(Role))
def test_a_key_of_another_role_opens_nothing(gate: GateRuntime, role: Role) -> None:
    client = client_for(gate, create_app(gate), role)
    for (method, path), needed in ROLES.items():
        asked = path.replace("{", "").replace("}", "")
        status = client.request(method, asked).status_code
        if role in (needed, Role.ADMIN):
            assert status not in (401, 403), (method, path, status)
        else:
            assert status == 403, (method, path, status)
    client.close()


def test_without_a_key_only_what_is_open_answers(gate: GateRuntime) -> None:
    client = client_for(gate, create_app(gate))
    for method, path in ROLES:
        assert client.request(method, path.replace("{", "").replace("}", "")).status_code == 401, path
    for path in OPEN:
        assert client.get(path).status_code in (200, 503), path
    client.close()


# Bodies that drip, and forms without end


class Line:
    """A sender's chunks, each with the seconds before it, on a clock that only the line moves: no test waits for it."""

    def __init__(self, chunks: Iterable[tuple[float, int]]) -> None:
        self._chunks = iter([*chunks, (0.0, 0)])
        self.loop = _Skipping()

    async def _receive(self) -> Any:
        pause, length = next(self._chunks)
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"a" * length, "more_body": length > 0}

    def read(self, pace: BodyPace) -> int:
        request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, self._receive)
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            return len(runner.run(read_body(request, 100_000_000, pace)))


class _Skipping(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps to the next timer where nothing else is left to do."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Never(self))

    def time(self) -> float:
        return self._now

    def leap(self, seconds: float) -> None:
        self._now += seconds


class _Never(selectors.DefaultSelector):
    def __init__(self, loop: _Skipping) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self._loop.leap(timeout)
        return ready


def test_a_photo_over_a_poor_line_arrives() -> None:
    line = Line([(0.08, 10_000)] * 500)
    assert line.read(BodyPace()) == 5_000_000
    assert line.loop.time() == pytest.approx(40)


@pytest.mark.parametrize(
    ("chunks", "end"),
    [([(1.0, 1)] * 10_000, 30.0), ([(0.0, 10_000)] + [(7.0, 1)] * 10_000, 40.0), ([(10_000.0, 1)], 30.0)],
    ids=["drips", "begins fast and drips", "sends nothing"],
)
def test_a_body_that_drips_is_cut_off(chunks: list[tuple[float, int]], end: float) -> None:
    line = Line(chunks)
    with pytest.raises(InvalidInput, match="body_too_slow"):
        line.read(BodyPace(grace=30.0, bytes_per_second=1_000.0))
    assert line.loop.time() == pytest.approx(end, abs=0.1)


@pytest.mark.parametrize("wrong", [{"grace": 0.0}, {"bytes_per_second": 0.0}, {"grace": float("nan")}])
def test_a_pace_is_above_zero(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="body_pace_invalid"):
        BodyPace(**wrong)


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/check", b"422"), ("/v1/lookup", b"422"), ("/m/lookup", b"408"), ("/v1/video", b"422")]
)
def test_a_slow_upload_ends_at_the_server_too(
    gate: GateRuntime, monkeypatch: pytest.MonkeyPatch, path: str, status: bytes
) -> None:
    monkeypatch.setattr("amparo.gate.uploads.read_body.__defaults__", (BodyPace(grace=0.2, bytes_per_second=1e9),))
    monkeypatch.setattr("amparo.gate.api._VIDEO_SECONDS", 0.2)
    with serving(create_app(gate, open_to_all=True)) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            kind = "multipart/form-data; boundary=x"
            head = f"POST {path} HTTP/1.1\r\nHost: g\r\nContent-Type: {kind}\r\nContent-Length: 9999\r\n\r\n"
            connection.sendall(head.encode())
            answer, end = b"", time.monotonic() + 20
            connection.settimeout(0.05)
            while b"\r\n" not in answer and time.monotonic() < end:
                try:
                    connection.sendall(b"a")
                    answer += connection.recv(4096)
                except TimeoutError:
                    continue
    assert answer.startswith(b"HTTP/1.1 " + status), answer


def form(parts: int, *, files: bool) -> bytes:
    name = b'name="a"; filename="a.jpg"' if files else b'name="a"'
    return (b"--x\r\nContent-Disposition: form-data; " + name + b"\r\n\r\nab\r\n") * parts + b"--x--\r\n"


@pytest.mark.parametrize(
    "body",
    [
        form(21, files=True),
        form(101, files=False),
        b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 2_000_000 + b'"\r\n\r\nab\r\n--x--\r\n',
        b"--x\r\n" + b"X-More: a\r\n" * 100_000 + b"\r\nab\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 2_000_000 + b"\r\n--x--\r\n",
    ],
    ids=["files", "fields", "a long name", "headers", "a long field"],
)
def test_forms_without_end_are_refused(client: AppClient, body: bytes) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for path in ("/m/lookup", "/h/hash"):
        response = client.post(path, content=body, headers=kind)
        assert response.status_code in (400, 413), response.text
    with pytest.raises(InvalidInput, match="upload_malformed"):
        asyncio.run(parse_form(body, Request({"type": "http", "headers": [
            (name.encode(), value.encode()) for name, value in kind.items()]}).headers))  # fmt: skip


# Bombs


def png_bomb() -> bytes:
    """50,000 x 50,000 pixels in a few bytes."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    chunks = [head, b"IDAT" + packed, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


def test_a_bomb_in_an_upload_goes_to_people_and_blocks_nobody_else(gate: GateRuntime) -> None:
    judging = Screening(Gate.embedded(gate), ("/upload",))
    assert judging.judge([png_bomb()]).action is Action.REVIEW
    assert judging.counts == {"unreadable": 1, "review": 1}


def test_a_packed_body_is_not_unpacked(client: AppClient) -> None:
    """No route unpacks what says that it is gzip: it is only bytes that are no picture."""
    bomb = gzip.compress(bytes(30_000_000), 9)
    headers = {"Content-Encoding": "gzip"}
    assert client.post("/v1/check", content=bomb, headers=headers).json()["code"] == "picture_unreadable"
    assert client.post("/v1/lookup", content=bomb, headers=headers).json()["code"] == "lookup_malformed"


@pytest.fixture
def bombing() -> Generator[str]:
    """A server that answers everything with 60 MB packed into 60 kB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        for _ in range(60):
            file.write(bytes(1_000_000))

    async def bomb(_request: Request) -> Response:
        return Response(packed.getvalue(), headers={"Content-Encoding": "gzip"})

    with serving(Starlette(routes=[Route("/{path:path}", bomb)])) as url:
        yield url


def test_a_packed_answer_of_a_hub_is_bounded_by_what_it_unpacks_to(bombing: str, tmp_path: Path) -> None:
    card = PartnerCard(bombing, SigningKey(bytes(32)).public.hex, PartnerId("a" * 32), "Tests", "no-secret")
    gate = GateRuntime(card, tmp_path / "gate", SystemClock())
    with pytest.raises(Unavailable, match="hub_answer_too_long"):
        gate.follower.sync_once()
    gate.stop()


@pytest.mark.parametrize("body", [b"", b"<html>Welcome</html>", b"[]", b"{}", b'{"stopped_everywhere": "yes"}'])
def test_a_portal_that_answers_for_the_hub_has_stored_no_decision(body: bytes, tmp_path: Path) -> None:
    async def answer(_request: Request) -> Response:
        return Response(body)

    with serving(Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])) as url:
        card = PartnerCard(url, SigningKey(bytes(32)).public.hex, PartnerId("a" * 32), "Tests", "no-secret")
        gate = GateRuntime(card, tmp_path / "gate", SystemClock())
        with pytest.raises(Unavailable, match="hub_unreachable"):
            gate.tracer.decide("0" * 32, confirmed=True)
        gate.stop()


def test_a_packed_answer_of_a_source_is_bounded_too(bombing: str) -> None:
    with Asker(bombing, 1_000_000, {}).connected() as ask, pytest.raises(Unavailable, match="source_answer_too_long"):
        ask.get("/FetchHashes")
