"""The same file gives (nearly) the same fingerprint in Chromium and in Python."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, FilePayload

from amparo.signal import pdq
from tests.pictures import photo_like
from tests.web.fingerprint_page import FingerprintPage, open_page

pytestmark = pytest.mark.browser

AGREEMENT = 10
"""Bits that two decoders of one file may put between its fingerprints: what the field calls a correct port."""


@pytest.fixture
def page(chromium: Browser) -> Generator[FingerprintPage]:
    with open_page(chromium) as opened:
        yield opened


def encoded(pixels: NDArray[np.uint8], kind: str, mode: str | None = None, **options: object) -> bytes:
    picture = Image.fromarray(pixels)
    stream = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(photo_like(300, 420, 11), "JPEG", quality=85, exif=exif)


def chosen(content: bytes, name: str = "picture") -> FilePayload:
    # No media type: it is the content that counts, a phone's file name and type are often wrong.
    return FilePayload(name=name, mimeType="", buffer=content)


def distances(page: FingerprintPage, files: list[bytes]) -> list[int]:
    found = page.choose([chosen(content) for content in files])["outcomes"]
    pairs = zip(found, files, strict=True)
    return [pdq.Pdq.from_hex(one["value"], one["quality"]).distance(pdq.fingerprint(content)) for one, content in pairs]


def test_lossless_pictures_have_the_same_bits(page: FingerprintPage) -> None:
    sizes = ((480, 640), (64, 64), (5, 900), (900, 5), (333, 1001), (1100, 1300), (1, 1), (3, 700))
    files = [encoded(photo_like(height, width, 3), "PNG") for height, width in sizes]
    files.append(encoded(photo_like(200, 300, 4), "PNG", "L"))
    files.append(encoded(photo_like(200, 300, 5), "WEBP", lossless=True))
    outcomes = page.choose([chosen(content) for content in files])["outcomes"]
    expected = [pdq.fingerprint(np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))) for content in files]
    assert outcomes == [{"value": one.hex, "quality": one.quality} for one in expected]
    assert page.faults == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned(page: FingerprintPage, orientation: int) -> None:
    assert distances(page, [turned(orientation)])[0] <= AGREEMENT


def test_orientations_are_different_pictures() -> None:
    """Otherwise the test above would also pass where nothing is turned."""
    values = [pdq.fingerprint(turned(orientation)) for orientation in range(1, 9)]
    for first in range(8):
        for second in range(first):
            assert values[first].distance(values[second]) > 60


def test_jpegs_of_every_make_agree(page: FingerprintPage) -> None:
    pixels = photo_like(600, 800, 21)
    files = [encoded(pixels, "JPEG", quality=quality) for quality in (30, 60, 90)]
    files += [encoded(pixels, "JPEG", quality=80, subsampling=subsampling) for subsampling in (0, 1, 2)]
    files.append(encoded(pixels, "JPEG", progressive=True))
    files.append(encoded(pixels, "JPEG", "L"))
    files.append(encoded(photo_like(1500, 2100, 22), "JPEG", quality=85))
    files.append(encoded(pixels, "WEBP", quality=80))
    assert max(distances(page, files)) <= AGREEMENT


def test_transparency_is_laid_on_white(page: FingerprintPage) -> None:
    colours = photo_like(300, 400, 31)
    alpha = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1))
    see_through = encoded(np.dstack([colours, alpha]), "PNG")
    palette = io.BytesIO()
    small = Image.fromarray(colours).quantize(64)
    small.save(palette, "PNG", transparency=3)
    assert max(distances(page, [see_through, palette.getvalue(), encoded(colours, "GIF", "P")])) <= AGREEMENT


def linear_profile() -> bytes:
    """The smallest RGB profile (ICC.1:2022, 7 and 10): sRGB's primaries, but linear light, so that it matters."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65_536) for value in values))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*values)

    white, primaries = (
        (0.9642, 1.0, 0.8249),
        ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)),
    )
    text = b"desc\0\0\0\0\0\0\0\x07linear\0" + bytes(79)
    curve = b"curv\0\0\0\0\0\0\0\0"
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(*white)}
    tags |= {name + b"XYZ": xyz(*primary) for name, primary in zip((b"r", b"g", b"b"), primaries, strict=True)}
    tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += padded
    size = struct.pack(">I", start + len(body))
    head = size + b"lcms" + b"\x02\x40\0\0" + b"mntrRGB XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    return (head + bytes(28) + fixed(*white)).ljust(128, b"\0") + table + body


def test_a_colour_profile_moves_nothing(page: FingerprintPage) -> None:
    pixels = photo_like(300, 400, 41)
    plain, profiled = encoded(pixels, "PNG"), encoded(pixels, "PNG", icc_profile=linear_profile())
    assert plain != profiled
    assert distances(page, [plain, profiled]) == [0, 0]
    assert pdq.fingerprint(plain) == pdq.fingerprint(profiled)


def png_header(width: int, height: int) -> bytes:
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content))


def test_a_bad_file_is_named_and_the_others_are_still_done(page: FingerprintPage, tmp_path: Path) -> None:
    good = encoded(photo_like(100, 100, 1), "JPEG")
    files = {
        "picture_empty": b"",
        "picture_unreadable": b"this is no picture, whatever its name says" * 20,
        "picture_too_large": png_header(50_000, 50_000),
        "picture_unsupported": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400),
        "picture_too_many_bytes": b"\xff\xd8" + bytes(50_000_000),
    }
    paths = [tmp_path / name for name in (*files, "good.jpg")]
    for path, content in zip(paths, (*files.values(), good), strict=True):
        path.write_bytes(content)
    found = page.choose(paths)
    assert [one.get("code") for one in found["outcomes"]] == [*files, None]
    assert found["outcomes"][-1]["quality"] > 50
    assert found["steps"] == [[done, 6] for done in range(1, 7)]


def test_a_truncated_file_is_refused(page: FingerprintPage) -> None:
    whole = [encoded(photo_like(400, 600, 2), "JPEG", quality=90), encoded(photo_like(400, 600, 2), "PNG")]
    cut = [content[: len(content) // 2] for content in whole]
    codes = [one.get("code") for one in page.choose([chosen(content) for content in cut])["outcomes"]]
    assert codes == ["picture_truncated", "picture_truncated"]


def test_the_person_can_stop_it(page: FingerprintPage) -> None:
    files = [chosen(encoded(photo_like(100, 100, seed), "PNG")) for seed in range(4)]
    assert page.choose(files, abortAfter=2) == {"steps": [[1, 4], [2, 4]], "thrown": "AbortError"}


def test_a_worker_that_does_not_start_or_answer_is_an_outcome(page: FingerprintPage) -> None:
    files = [chosen(encoded(photo_like(100, 100, seed), "PNG")) for seed in range(2)]
    absent = page.choose(files, worker="/built/absent.js")
    assert absent["outcomes"] == [{"code": "worker_failed"}] * 2
    slow = page.choose(files, milliseconds=0)
    assert slow["outcomes"] == [{"code": "picture_timeout"}] * 2


def test_nothing_but_scripts_is_asked_of_the_server(page: FingerprintPage) -> None:
    page.choose([chosen(encoded(photo_like(300, 300, 6), "JPEG"))])
    asked = {request for request in page.server.requests if not re.fullmatch(r"GET /built/[a-z-]+\.js", request)}
    assert asked <= {"GET /", "GET /page.js", "GET /favicon.ico"}
    assert "GET /built/worker.js" in page.server.requests
    assert page.faults == []
