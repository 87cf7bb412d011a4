"""Forms as a browser without scripts would send them."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from amparo.core.clock import SystemClock
from amparo.core.errors import Unavailable
from amparo.demo.clock import ShiftedClock
from amparo.demo.visitor import Visitor
from tests.gate.serving import served
from tests.walk.running import free_ports

PAGE = """
<form method="get" action="/search"><input name="q"></form>
<form method="post" action="/said">
<input type="hidden" name="kept" value="a &amp; b"><input type="text" name="title" value="old">
<input type="checkbox" name="case" value="1" checked><input type="checkbox" name="case" value="2" checked>
<input type="checkbox" name="case" value="3"><input type="radio" name="into" value="x" checked>
<input type="radio" name="into" value="y"><input type="file" name="photo">
<select name="one"><option value="p">P</option><option value="q" selected>Q</option></select>
<select name="other"><option value="r">R</option><option value="s">S</option></select>
<textarea name="long">
some words</textarea>
<button name="do" value="this">This</button><button name="do" value="that">That</button>
</form>
"""


@pytest.fixture
def visitor() -> Generator[Visitor]:
    async def page(_request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def said(request: Request) -> Response:
        return PlainTextResponse((await request.body()).decode())

    app = Starlette(routes=[Route("/", page), Route("/said", said, methods=["POST"])])
    with served(app, free_ports(1)[0]) as address:
        made = Visitor(address)
        yield made
        made.close()


SENT = [
    ("kept", "a & b"),
    ("case", "1"),
    ("case", "2"),
    ("into", "x"),
    ("one", "q"),
    ("other", "r"),
    ("long", "some words"),
]


def test_a_button_sends_its_form_with_what_stands_in_it_and_what_is_typed(visitor: Visitor) -> None:
    visitor.go("/").press("do", "that", title="new")
    assert parse_qsl(visitor.text) == [*SENT, ("title", "new"), ("do", "that")]


def test_a_form_is_sent_without_a_button_as_by_the_enter_key(visitor: Visitor) -> None:
    visitor.go("/").submit("/said", said__more="x")
    assert set(parse_qsl(visitor.text)) == {*SENT, ("title", "old"), ("said-more", "x")}


def test_a_page_without_the_button_or_the_form_is_an_error(visitor: Visitor) -> None:
    visitor.go("/")
    for act in (lambda: visitor.press("do", "else"), lambda: visitor.submit("/search"), lambda: visitor.go("/none")):
        with pytest.raises(Unavailable):
            act()


def test_the_shifted_clock_goes_on_from_where_it_was_put(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path / "ahead")
    clock.advance(timedelta(hours=50))
    for one in (clock, ShiftedClock(tmp_path / "ahead")):
        assert timedelta(hours=49) < one.now() - SystemClock().now() < timedelta(hours=51)
