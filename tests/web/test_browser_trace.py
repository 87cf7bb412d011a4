"""The same pixels give the same trace in Chromium and in Python, and the page shows and sends nothing else."""

from __future__ import annotations

import io
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from amparo.signal.trace import Relation, codec, compare, query, register
from tests.browser import press
from tests.pictures import photo_like
from tests.walk.looking import assert_accessible
from tests.walk.requests import RequestWatch
from tests.walk.running import amparo_up
from tests.walk.test_walk import to_choosing
from tests.web.fingerprint_page import FingerprintPage, open_page
from tests.web.ordinary_page import CODE, REQUEST, OrdinaryServer, ordinary_page

pytestmark = pytest.mark.browser


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def chosen(content: bytes, name: str = "photo") -> FilePayload:
    return FilePayload(name=name, mimeType="", buffer=content)


@pytest.fixture
def page(chromium: Browser) -> Generator[FingerprintPage]:
    with open_page(chromium) as opened:
        yield opened


def test_lossless_pictures_have_the_same_bytes(page: FingerprintPage) -> None:
    sizes = ((480, 640), (300, 200), (512, 512), (900, 1300), (1537, 1025))
    files = [encoded(photo_like(height, width, 3)) for height, width in sizes]
    files.append(encoded(photo_like(400, 300, 4)[:, :, 0]))
    files.append(encoded(photo_like(600, 800, 5), "WEBP", lossless=True))
    outcomes = page.choose([chosen(content) for content in files], kind="trace")["outcomes"]
    assert [b64decode(one["trace"]) for one in outcomes] == [codec.encode(register(content)) for content in files]
    assert page.faults == []


def test_jpegs_of_every_make_compare_as_copies(page: FingerprintPage) -> None:
    pixels = photo_like(600, 800, 21)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [encoded(pixels, "JPEG", quality=quality) for quality in (50, 75, 90)]
    files += [encoded(pixels, "JPEG", quality=80, subsampling=subsampling) for subsampling in (0, 2)]
    files.append(encoded(pixels, "JPEG", quality=85, exif=exif))
    files.append(encoded(photo_like(1500, 2100, 22), "JPEG", quality=85, progressive=True))
    outcomes = page.choose([chosen(content) for content in files], kind="trace")["outcomes"]
    for one, content in zip(outcomes, files, strict=True):
        assert compare(codec.decode(b64decode(one["trace"])), query(content)).relation is Relation.COPY


def test_what_cannot_be_traced_is_named(page: FingerprintPage) -> None:
    files = {
        "picture_too_plain": encoded(np.full((300, 400, 3), 90, np.uint8)),
        "picture_too_small": encoded(photo_like(40, 45, 1)),
        "picture_unreadable": b"this is no picture",
        "picture_empty": b"",
    }
    outcomes = page.choose([chosen(content) for content in files.values()], kind="trace")["outcomes"]
    assert [one.get("code") for one in outcomes] == list(files)


def test_fingerprints_and_traces_can_be_asked_of_one_page(page: FingerprintPage) -> None:
    content = encoded(photo_like(300, 400, 6))
    record = register(content)
    traced = page.choose([chosen(content)], kind="trace")["outcomes"][0]
    printed = page.choose([chosen(content)])["outcomes"][0]
    assert codec.decode(b64decode(traced["trace"])) == record
    # The fingerprint is made from colours, the trace's own from grey: rounding once or twice.
    assert type(record.pdq).from_hex(printed["value"], printed["quality"]).distance(record.pdq) <= 2


# The page itself.


def photos(count: int, first: int = 50) -> list[FilePayload]:
    return [chosen(encoded(photo_like(300, 400, first + n)), f"photo {n}.png") for n in range(count)]


SAID = {"door": ["picture"], "age": ["unsaid"]}
"""What the page hands on of the way to it, where nothing was answered."""


def traces_of(saved: list[dict[str, list[str]]]) -> list[bytes]:
    texts = [text for fields in saved for text in fields.get("trace", [])]
    return [urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in texts]


def opened(context: BrowserContext, server: OrdinaryServer) -> tuple[Page, RequestWatch, list[str]]:
    watch = RequestWatch(server.origin)
    watch.attach(context)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(server.origin)
    return page, watch, faults


def ink(page: Page) -> int:
    """Pixels of the first drawing that are not empty."""
    script = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 3 && value > 0).length;
    }"""
    found = page.locator("canvas").first.evaluate(script)
    assert isinstance(found, int)
    return found


def test_she_sees_what_would_be_sent_and_sends_what_she_left_in(chromium: Browser) -> None:
    with ordinary_page() as server, chromium.new_context() as context:
        page, watch, faults = opened(context, server)
        assert_accessible(page)
        page.set_input_files("#pictures", files=photos(3))
        expect(page.locator(".trace")).to_have_count(3)
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#review-title")).to_be_focused()
        assert_accessible(page)
        expected = [codec.encode(register(photo["buffer"])) for photo in photos(3)]
        page.locator("main summary").first.click()
        expect(page.locator("pre").first).to_have_text(expected[0].hex())
        points = len(codec.decode(expected[0]).descriptors)
        label = page.locator("canvas").first.get_attribute("aria-label") or ""
        assert re.findall(r"\d+", label) == [str(points), "256"]
        assert ink(page) > 5_000
        assert server.saved == []
        page.get_by_role("button", name="Leave out photo 1.png").click()
        expect(page.locator(".trace")).to_have_count(2)
        expect(page.locator("#count")).to_have_text("Photos chosen: 2")
        press(page, "#keep")
        expect(page.locator("h1")).to_have_text("Opened")
        assert traces_of(server.saved) == [expected[0], expected[2]]
        named = {key: value for key, value in server.saved[0].items() if key != "trace"}
        assert named == {"request": [REQUEST], "lang": ["en"], "code": [""]} | SAID
        assert server.opened == [{"do": ["open"], "lang": ["en"], "code": [CODE], "fresh": ["1"]} | SAID]
        assert watch.faults == faults == []


def test_the_drawing_has_no_tones_of_the_photo(chromium: Browser) -> None:
    pixels = photo_like(300, 400, 71)[:, :, 0]
    files = [chosen(encoded(pixels), "a.png"), chosen(encoded(np.dstack([pixels] * 3)), "b.png")]
    with ordinary_page() as server, chromium.new_context() as context:
        page, _, _ = opened(context, server)
        page.set_input_files("#pictures", files=files)
        expect(page.locator("#progress")).to_be_hidden()
        # Two files with one trace are one choice.
        expect(page.locator(".trace")).to_have_count(1)
        colours = page.locator("canvas").evaluate("""canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = [];
          for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) seen.push([...data.slice(at, at + 3)]);
          return seen;
        }""")
    # The ink of edges, #51606d, that of points, #1d5d6e, and their mixtures where they cross.
    seen = np.array(colours)
    assert len(seen) > 1_000
    assert (seen.min(axis=0) >= np.array([0x1D, 0x5D, 0x6D]) - 6).all()
    assert (seen.max(axis=0) <= np.array([0x51, 0x60, 0x6E]) + 6).all()
    assert np.ptp(seen[:, 0]) > 40


def test_many_photos_go_in_requests_of_ten_and_a_bad_line_sends_none_twice(chromium: Browser) -> None:
    with ordinary_page("es") as server, chromium.new_context() as context:
        server.statuses += [503]
        page, watch, _ = opened(context, server)
        page.set_input_files("#pictures", files=photos(12))
        expect(page.locator(".trace")).to_have_count(12, timeout=30_000)
        press(page, "#keep")
        expect(page.locator("h1")).to_have_text("Opened")
        first, again, rest = server.saved
        assert first == again
        assert (len(first["trace"]), len(rest["trace"])) == (10, 2)
        assert (first["code"], rest["code"]) == ([""], [CODE])
        assert rest["request"] != first["request"]
        assert len(set(traces_of([first, rest]))) == 12
        assert watch.faults == []


def test_a_refusal_is_told_and_what_was_kept_before_can_be_opened(chromium: Browser) -> None:
    with ordinary_page(code=CODE) as server, chromium.new_context() as context:
        server.statuses += [200, 422]
        page, _, _ = opened(context, server)
        page.set_input_files("#pictures", files=photos(11))
        expect(page.locator(".trace")).to_have_count(11, timeout=30_000)
        page.click("#keep")
        expect(page.locator("#failure")).to_be_visible()
        expect(page.locator("#again")).to_be_hidden()
        expect(page.locator("#review")).to_be_hidden()
        press(page, "#continue")
        expect(page.locator("h1")).to_have_text("Opened")
        assert server.opened == [{"do": ["open"], "lang": ["en"], "code": [CODE], "fresh": [""]} | SAID]


def test_a_bad_file_is_named_and_too_many_are_not_read(chromium: Browser) -> None:
    with ordinary_page() as server, chromium.new_context() as context:
        page, _, faults = opened(context, server)
        flat = encoded(np.full((200, 200, 3), 9, np.uint8))
        page.set_input_files("#pictures", files=[chosen(b"no picture", "notes.txt"), chosen(flat, "wall.png")])
        expect(page.locator("#problems li")).to_have_count(2)
        assert [text.partition(":")[0] for text in page.locator("#problems li").all_inner_texts()] == [
            "notes.txt",
            "wall.png",
        ]
        expect(page.locator("#review")).to_be_hidden()
        assert_accessible(page)
        page.set_input_files("#pictures", files=[chosen(flat, "wall.png")] * 51)
        expect(page.locator("#failure")).to_have_text("Please choose at most 50 photos at a time.")
        assert (server.saved, faults) == ([], [])


def test_she_can_stop_the_reading_and_nothing_is_sent(chromium: Browser) -> None:
    large = encoded(photo_like(2200, 3000, 81), "JPEG", quality=80)
    with ordinary_page() as server, chromium.new_context() as context:
        page, _, faults = opened(context, server)
        page.set_input_files("#pictures", files=[chosen(large, f"{n}.jpg") for n in range(9)])
        page.click("#cancel")
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("label.choose")).to_be_visible()
        done = page.locator("#progress-bar").evaluate("bar => bar.value")
        assert done < 1
        assert server.saved == faults == []


def test_a_narrow_dark_page_does_not_scroll_sideways(chromium: Browser) -> None:
    with ordinary_page("es") as server:
        context = chromium.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark")
        page, _, _ = opened(context, server)
        page.set_input_files("#pictures", files=[chosen(photos(1)[0]["buffer"], "una-foto-" * 12 + ".png")])
        expect(page.locator(".trace")).to_have_count(1)
        page.locator("main summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        expect(page.locator("#progress")).to_be_hidden()
        assert_accessible(page)
        context.close()


def test_nothing_but_scripts_is_asked_of_the_server(page: FingerprintPage) -> None:
    page.choose([chosen(encoded(photo_like(300, 300, 6)))], kind="trace")
    asked = {request for request in page.server.requests if not re.fullmatch(r"GET /built/[a-z-]+\.js", request)}
    assert asked <= {"GET /", "GET /page.js", "GET /favicon.ico"}
    assert page.faults == []


def test_the_hub_keeps_what_the_page_sends(chromium: Browser, tmp_path: Path) -> None:
    """The page at a running hub, by its door: two requests, one of them of a single photo, and one case."""
    with amparo_up(tmp_path) as addresses, chromium.new_context(locale="en") as context:
        watch = RequestWatch(addresses.hub)
        watch.attach(context)
        page = context.new_page()
        page.goto(addresses.hub)
        to_choosing(page, "ordinary")
        page.set_input_files("#pictures", files=photos(11))
        expect(page.locator(".trace")).to_have_count(11, timeout=60_000)
        with page.expect_request(f"{addresses.hub}/") as sent:
            press(page, "#keep")
        assert "do=open" in (sent.value.post_data or "")
        assert len(page.inner_text("#case-code").split()) == 8
        assert sum(line.endswith("/save") for line in watch.seen) == 2
        assert watch.faults == []
