"""Every framework reads forms by its own rules: what one of them would store, the gate must have seen."""

from __future__ import annotations

import base64
import gc
import gzip
import io
from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import Client

from amparo.core.errors import InvalidInput
from amparo.gate import Gate, GateMiddleware, GateWsgiMiddleware
from amparo.gate.strict_form import files_of_form, is_text
from tests.gate.sdk.scripted import Scripted
from tests.gate.sdk.sites import ASGI, WSGI, Ask, asking, digests, site
from tests.pictures import photo_like

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

KNOWN, OTHER = b"block\xff\xd8\x00", b"other\xff\xd8\x00"
"""What ``Scripted`` blocks, and what it does not."""
FORM = "multipart/form-data; boundary=x"
NAMED = 'Content-Disposition: form-data; name="p"; filename="p.jpg"'


def part(*headers: str, content: bytes = KNOWN, end: str = "\r\n") -> bytes:
    return end.join(("--x", *headers, "", "")).encode() + content + end.encode()


def form(*headers: str, content: bytes = KNOWN, end: str = "\r\n") -> bytes:
    return part(*headers, content=content, end=end) + f"--x--{end}".encode()


WHOLE = form(NAMED)
TRICKS: dict[str, tuple[str, bytes]] = {
    "name in RFC 2231": (FORM, form("Content-Disposition: form-data; name=p; filename*=utf-8''p.jpg")),
    "name in pieces": (FORM, form('Content-Disposition: form-data; name=p; filename*0="p.jpg"')),
    "two boundaries": ("multipart/form-data; boundary=y; boundary*=utf-8''x", WHOLE),
    "boundary again": ("multipart/form-data; boundary=y; boundary=x", WHOLE),
    "boundary in capitals again": ("multipart/form-data; boundary=y; BOUNDARY=x", WHOLE),
    "end before the first part": (FORM, b"--x--\r\n" + WHOLE),
    "end twice": (FORM, form(NAMED, content=OTHER) + WHOLE),
    "part after the end": (FORM, form(NAMED, content=OTHER) + part(NAMED)),
    "words before": (FORM, b"words\r\n" + WHOLE),
    "words after": (FORM, WHOLE + b"words"),
    "no end": (FORM, part(NAMED)),
    "boundary within a line": (FORM, form(NAMED, content=b"other--x\r\n" + NAMED.encode() + b"\r\n\r\n" + KNOWN)),
    "boundary behind a line feed": (FORM, form(NAMED, content=b"a\n--x\n" + NAMED.encode() + b"\n\n" + KNOWN)),
    "boundary and a space": (FORM, WHOLE.replace(b"--x\r\n", b"--x \r\n")),
    "line feeds alone": (FORM, form(NAMED, end="\n")),
    "returns alone": (FORM, form(NAMED, end="\r")),
    "line feed in a header": (FORM, form("X-A: a\n" + NAMED)),
    "two encodings": (
        FORM,
        form(
            NAMED,
            *("Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: base64"),
            content=base64.b64encode(KNOWN),
        ),
    ),
    "base64": (FORM, form(NAMED, "Content-Transfer-Encoding: base64", content=base64.b64encode(KNOWN))),
    "two dispositions": (FORM, form("Content-Disposition: form-data; name=p", NAMED)),
    "two dispositions, turned": (FORM, form(NAMED, "Content-Disposition: form-data; name=p")),
    "two names of a file": (FORM, form("Content-Disposition: form-data; name=p; filename=a; filename=b")),
    "file's name in capitals": (FORM, form("Content-Disposition: form-data; name=p; FILENAME=p.jpg")),
    "folded header": (FORM, form("Content-Disposition: form-data;", ' name="p"; filename="p.jpg"')),
    "space before the colon": (FORM, form(NAMED.replace(":", " :"))),
    "no disposition": (FORM, form("Content-Type: image/jpeg")),
    "no header": (FORM, form()),
    "escaped quotation mark": (FORM, form(r'Content-Disposition: form-data; name="a\"; filename="p.jpg"')),
    "form within a form": (FORM, form(NAMED, "Content-Type: multipart/mixed; boundary=y")),
    "boundary with a space": ('multipart/form-data; boundary="x "', WHOLE.replace(b"--x", b"--x ")),
    "boundary with an apostrophe": ("multipart/form-data; boundary='x'", WHOLE),
    "two types": ("text/plain, multipart/form-data; boundary=x", WHOLE),
    "type in quotation marks": ('multipart/form-data; a="; boundary=x', WHOLE),
    "nameless boundary": ("multipart/form-data", WHOLE),
}
Over = Callable[..., Ask]


@pytest.fixture(params=[*ASGI, *WSGI])
def over(request: pytest.FixtureRequest) -> Over:
    """Makes a site of this framework, behind the middleware or not."""

    def made(*, gate: bool = True, **options: Any) -> Ask:
        app, asked = site(request.param), Gate(Scripted())
        if gate:
            kind = GateWsgiMiddleware if request.param in WSGI else GateMiddleware
            app = kind(app, asked, ("/upload",), **options)
        return asking(request.param, app)

    return made


@pytest.fixture(scope="module")
def every_site() -> Generator[dict[str, Ask]]:
    yield {name: asking(name, site(name)) for name in (*ASGI, *WSGI)}
    # A framework that gives a form up leaves its files open: look for them here, where that is nobody's fault.
    gc.collect()


def stored(ask: Ask, kind: str, body: bytes, method: str = "POST", where: str = "/upload") -> list[str] | str:
    """The digests of what the site stored, or why it did not."""
    answer = ask(method, where, content=body, headers={"Content-Type": kind})
    return answer.json() if answer.status_code == 200 else answer.json().get("code", "the site's own refusal")


def test_a_known_picture_reaches_no_site_by_any_trick(over: Over) -> None:
    ask = over()
    assert {name: stored(ask, kind, body) for name, (kind, body) in TRICKS.items()} == dict.fromkeys(
        TRICKS, "upload_malformed"
    )


def test_the_worst_tricks_are_none_of_our_invention(every_site: dict[str, Ask]) -> None:
    """Some framework stores the known picture by each of these, where no gate stands before it."""
    digest = digests([KNOWN])[0]
    works = {
        name
        for name, (kind, body) in TRICKS.items()
        if any(
            digest in (answer.json() if answer.status_code == 200 else [])
            for answer in (
                ask("POST", "/upload", content=body, headers={"Content-Type": kind}) for ask in every_site.values()
            )
        )
    }
    assert works >= {
        *("name in RFC 2231", "name in pieces", "two boundaries", "end before the first part", "two encodings"),
        *("two dispositions", "base64"),
    }


SENT = {
    "a browser": (FORM, form('Content-Disposition: form-data; name="p"; filename="a ñ; b=c.jpg"', "Content-Type: image/jpeg")),
    "curl": ("multipart/form-data; boundary=x", form('Content-Disposition: form-data; name="p"; filename="%22.jpg"')),
    ".NET": (
        'multipart/form-data; boundary="x"',
        form("Content-Type: image/jpeg", "Content-Disposition: form-data; name=p; filename=a.jpg; filename*=utf-8''a.jpg"),
    ),
    "OkHttp": (FORM, form(NAMED, "Content-Type: image/jpeg", "Content-Length: 8")),
    "Java": (
        "multipart/form-data;charset=UTF-8;boundary=x",
        form(NAMED, "Content-Type: image/jpeg", "Content-Transfer-Encoding: binary"),
    ),
    "with an empty line first": (FORM, b"\r\n" + WHOLE),
}  # fmt: skip


@pytest.mark.parametrize("client", SENT)
def test_what_ordinary_clients_send_is_screened_and_reaches_the_site_unchanged(over: Over, client: str) -> None:
    kind, body = SENT[client]
    assert stored(over(), kind, body) == "upload_blocked"
    other = body.replace(KNOWN, OTHER)
    assert stored(over(), kind, other) == stored(over(gate=False), kind, other) == digests([OTHER])


def test_several_files_and_fields_reach_the_site(over: Over) -> None:
    words = part('Content-Disposition: form-data; name="words"', content="también".encode())
    empty = part('Content-Disposition: form-data; name="none"; filename=""', content=b"")
    body = words + part(NAMED, content=OTHER) + empty + form(NAMED, content=OTHER + b"2")
    assert stored(over(), FORM, body) == digests([OTHER, OTHER + b"2"])
    assert stored(over(), FORM, words + empty + form(NAMED)) == "upload_blocked"
    assert stored(over(), FORM, b"--x--\r\n") == []


def test_a_picture_in_a_field_without_a_files_name_is_screened(over: Over) -> None:
    assert stored(over(), FORM, form('Content-Disposition: form-data; name="p"')) == "upload_blocked"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/x-www-form-urlencoded", "", "image", "x"]
)
def test_a_body_that_calls_itself_something_else_is_screened(over: Over, kind: str) -> None:
    assert stored(over(), kind, KNOWN) == "upload_blocked"


def test_a_packed_body_is_refused(over: Over) -> None:
    headers = {"Content-Type": FORM, "Content-Encoding": "gzip"}
    answer = over()("POST", "/upload", content=gzip.compress(WHOLE), headers=headers)
    assert answer.json()["code"] == "upload_malformed"


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "UPLOAD"])
def test_a_body_is_screened_whatever_the_method(over: Over, method: str) -> None:
    assert stored(over(), FORM, WHOLE, method) == "upload_blocked"


def test_two_types_of_one_body_are_refused() -> None:
    app = GateMiddleware(site("starlette"), Gate(Scripted()), ("/upload",))
    headers = [("Content-Type", "text/plain"), ("Content-Type", FORM)]
    answer = asking("starlette", app)("POST", "/upload", content=WHOLE, headers=headers)
    assert answer.json()["code"] == "upload_malformed"


def test_a_path_with_more_slashes_is_the_same_path(over: Over) -> None:
    assert stored(over(), FORM, WHOLE, where="http://site.test//upload") == "upload_blocked"


def test_a_path_with_an_accent_is_screened() -> None:
    over_asgi = asking("starlette", GateMiddleware(site("starlette"), Gate(Scripted()), ("/subír",)))
    assert stored(over_asgi, FORM, WHOLE, where="/subír") == "upload_blocked"
    # httpx does not write paths as PEP 3333 has them.
    over_wsgi = Client(GateWsgiMiddleware(site("flask"), Gate(Scripted()), ("/subír",)))
    assert over_wsgi.post("/subír", data=WHOLE, content_type=FORM).status_code == 403


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_no_picture_is_plain_text(kind: str) -> None:
    file = io.BytesIO()
    Image.fromarray(photo_like(8, 8, 1)).save(file, kind)
    assert not is_text(file.getvalue())
    assert is_text("líneas\r\n\tde texto".encode())


_PIECE = st.sampled_from(
    [
        *(b"--x", b"--x--", b"\r\n", b"\n", b"\r", b" ", b"\t", b"--", b"-", b"x", b";", b":", b'"', b"\\", b"*", b"="),
        *(b"\xff\xd8", b"\0", b"words", NAMED.encode(), b'Content-Disposition: form-data; name="p"'),
        *(b"; filename=a", b"; filename*=utf-8''a", b"; filename*0=a", b"Content-Transfer-Encoding: base64"),
        *(b"Content-Type: image/jpeg", b"Content-Length: 1", b"\r\n\r\n", b"\r\n--x\r\n", b"\r\n--x--\r\n"),
    ]
)


_HEADERS = st.sampled_from([[NAMED], [NAMED, "X-A: b"], ['Content-Disposition: form-data; name="p"']])


def _part_of(headers: list[str], pieces: list[bytes]) -> bytes:
    return part(*headers, content=b"".join(pieces))


@given(data=st.data())
def test_no_site_stores_a_file_that_we_have_not_seen(every_site: dict[str, Ask], data: st.DataObject) -> None:
    """Of forms that were sound before somebody changed them in a few places."""
    body = b"".join(data.draw(st.lists(st.builds(_part_of, _HEADERS, st.lists(_PIECE, max_size=3)), max_size=2)))
    body += b"--x--\r\n"
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(body)))
        body = body[:place] + data.draw(_PIECE) + body[place + data.draw(st.integers(0, 2)) :]
    try:
        ours = digests(files_of_form(body, FORM))
    except InvalidInput:
        return
    for name, ask in every_site.items():
        answer = ask("POST", "/upload", content=body, headers={"Content-Type": FORM})
        theirs: list[str] = answer.json() if answer.status_code == 200 else []
        assert set(theirs) <= set(ours), name
