"""Ways round the middleware that once worked: each must meet a gate that really knows the picture."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from amparo.gate import Gate, GateMiddleware, GateWsgiMiddleware
from amparo.signal import pdq
from tests.gate.feeding import AppClient, Feed, jpeg, new_gate

KNOWN, OTHER = jpeg(1), jpeg(2)
Ask = Callable[..., httpx.Response]


async def _asgi_site(scope: Any, _receive: Any, send: Any) -> None:
    action = scope["state"]["amparo"].action.value.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": action})


def _wsgi_site(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["amparo"].action.value.encode()]


@pytest.fixture(params=["asgi", "wsgi"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Ask]:
    """Uploads to a site that answers with what its handler was told."""
    runtime = new_gate(tmp_path / "gate")
    Feed(runtime).add(pdq.fingerprint(KNOWN))
    gate = Gate.embedded(runtime)
    if request.param == "asgi":
        asgi = AppClient(GateMiddleware(_asgi_site, gate, ("/upload",), seconds=60), {})
        yield asgi.request
        asgi.close()
    else:
        transport = httpx.WSGITransport(GateWsgiMiddleware(_wsgi_site, gate, ("/upload",), seconds=60))
        with httpx.Client(transport=transport, base_url="http://site.test") as wsgi:
            yield wsgi.request
    runtime.stop()


def form(picture: bytes, *headers: str) -> bytes:
    lines = ('Content-Disposition: form-data; name="photo"; filename="p.jpg"', "Content-Type: image/jpeg", *headers)
    return b"--x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + picture + b"\r\n--x--\r\n"


def sent(ask: Ask, body: bytes, kind: str, method: str = "POST") -> tuple[int, str]:
    """The status, and the handler's word or the code of the refusal."""
    answer = ask(method, "/upload", content=body, headers={"Content-Type": kind})
    return answer.status_code, answer.text if answer.status_code == 200 else answer.json()["code"]


REFUSED, PASSED = (403, "upload_blocked"), (200, "allow")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "MULTIPART/FORM-DATA; boundary=x"])
def test_a_form_in_capitals_is_a_form(ask: Ask, kind: str) -> None:
    assert sent(ask, form(KNOWN), kind) == REFUSED
    assert sent(ask, form(OTHER), kind) == PASSED


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/JPEG", "application/octet-stream", "Application/Octet-Stream"])
def test_a_body_that_is_the_picture_itself_is_looked_at_in_whatever_letters(ask: Ask, kind: str) -> None:
    assert sent(ask, KNOWN, kind) == REFUSED
    assert sent(ask, OTHER, kind) == PASSED


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_methods_bring_pictures_too(ask: Ask, method: str) -> None:
    assert sent(ask, KNOWN, "image/jpeg", method) == REFUSED
    assert sent(ask, form(KNOWN), "multipart/form-data; boundary=x", method) == REFUSED
    assert sent(ask, OTHER, "image/jpeg", method) == PASSED


def test_a_part_in_an_encoding_that_a_handler_may_undo_is_refused(ask: Ask) -> None:
    kind = "multipart/form-data; boundary=x"
    encoded = form(base64.encodebytes(KNOWN), "Content-Transfer-Encoding: BASE64")
    assert sent(ask, encoded, kind) == (422, "upload_malformed")
    assert sent(ask, form(KNOWN, "Content-Transfer-Encoding: BINARY"), kind) == REFUSED
    assert sent(ask, form(OTHER, "Content-Transfer-Encoding: binary"), kind) == PASSED


@pytest.mark.parametrize("missing", [1, 2, 20, 500])
def test_a_picture_without_its_last_bytes_does_not_pass_as_unknown(ask: Ask, missing: int) -> None:
    for status, said in (
        sent(ask, KNOWN[:-missing], "image/jpeg"),
        sent(ask, form(KNOWN[:-missing]), "multipart/form-data; boundary=x"),
    ):
        assert (status, said) in (REFUSED, (200, "review"))
