"""The inspector itself: what could carry a picture is found, and what the pages send is let through."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import urlencode

import numpy as np
import pytest

from amparo.signal.trace import codec, register
from tests.pictures import photo_like
from tests.walk.requests import RequestWatch

HUB = "http://127.0.0.1:8000"
FORM = {"content-type": "application/x-www-form-urlencoded"}
VALUE = "ab" * 32 + ":80"


@pytest.fixture
def watch() -> RequestWatch:
    return RequestWatch(HUB, typed=frozenset({"clase 3B"}))


def post(watch: RequestWatch, *pairs: tuple[str, str], path: str = "/save") -> list[str]:
    watch.look("POST", HUB + path, FORM, urlencode(pairs).encode())
    return watch.faults


def record() -> str:
    raw = codec.encode(register(np.ascontiguousarray(photo_like(480, 640, 3)[..., 1])))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_what_the_pages_send_is_let_through(watch: RequestWatch) -> None:
    watch.look(
        "GET", f"{HUB}/", {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept": "text/html,*/*;q=0.8"}, b""
    )
    watch.look("GET", f"{HUB}/static/person.css", {"referer": f"{HUB}/"}, b"")
    watch.look("GET", f"{HUB}/static/built/worker.js", {"referer": f"{HUB}/static/built/protect.js"}, b"")
    post(watch, ("do", "tell"), ("place", "clase 3B"), ("earlier", "one two"), ("earlier", "three"), path="/")
    watch.choose(2)
    for _ in range(2):
        post(watch, ("request", "ab" * 16), ("fingerprint", VALUE), ("fingerprint", "cd" * 32 + ":100"))
    post(watch, ("trace", record()))
    assert watch.faults == []
    assert len(watch.seen) == 7


@pytest.mark.parametrize(
    "url",
    [
        f"{HUB}/static/{'ab' * 50_000}",
        f"{HUB}/static/built/{'ab' * 20}.js",
        f"{HUB}/static/person.css?{'ab' * 20}",
        f"{HUB}/save",
        f"{HUB}/leave",
        "http://elsewhere.test/",
    ],
    ids=["long", "like a script", "query", "save", "leave", "elsewhere"],
)
def test_an_address_that_is_none_of_ours_is_found(watch: RequestWatch, url: str) -> None:
    watch.look("GET", url, {}, b"")
    assert watch.faults


@pytest.mark.parametrize(
    "header",
    [
        {"x-picture": "ab" * 32},
        {"cookie": "a=b"},
        {"accept": "ab" * 500},
        {"accept-language": "ab" * 100},
        {"referer": f"{HUB}/?{'ab' * 20}"},
        {"referer": f"{HUB}/{'ab' * 20}"},
        {"authorization": "Bearer abc"},
    ],
    ids=str,
)
def test_a_header_that_no_browser_sends_by_itself_is_found(watch: RequestWatch, header: dict[str, str]) -> None:
    watch.look("GET", f"{HUB}/", header, b"")
    assert watch.faults


@pytest.mark.parametrize("method", ["PUT", "HEAD", "GET"])
def test_a_body_where_none_belongs_is_found(watch: RequestWatch, method: str) -> None:
    watch.look(method, f"{HUB}/", FORM, b"a=b")
    assert watch.faults


def test_more_fingerprints_than_files_are_found(watch: RequestWatch) -> None:
    assert post(watch, ("fingerprint", VALUE)), "nothing was chosen"
    other = RequestWatch(HUB)
    other.choose(2)
    assert post(other, *((("fingerprint", f"{number:064x}:80")) for number in range(400)))


def test_other_fingerprints_with_every_request_are_found(watch: RequestWatch) -> None:
    watch.choose(1)
    assert post(watch, ("fingerprint", VALUE)) == []
    assert post(watch, ("fingerprint", "cd" * 32 + ":80"))


@pytest.mark.parametrize("length", [900, 4500])
def test_a_trace_that_is_no_record_is_found(watch: RequestWatch, length: int) -> None:
    watch.choose(1)
    header = b"AMTR\x01" + secrets.token_bytes(length)
    assert post(watch, ("trace", base64.urlsafe_b64encode(header).decode().rstrip("=")))


@pytest.mark.parametrize(
    ("name", "value"),
    [("place", "something else"), ("pixels", "1"), ("fingerprint", "ab" * 32 + ":101"), ("request", "ab" * 40)],
)
def test_a_field_that_is_not_what_it_should_be_is_found(watch: RequestWatch, name: str, value: str) -> None:
    watch.choose(1)
    assert post(watch, (name, value))


def test_a_field_that_is_repeated_is_found(watch: RequestWatch) -> None:
    assert post(watch, *(("request", f"{number:032x}") for number in range(50)))


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", "application/octet-stream", ""])
def test_another_type_of_body_is_found(watch: RequestWatch, kind: str) -> None:
    watch.look("POST", f"{HUB}/", {"content-type": kind}, b"do=home")
    assert watch.faults
