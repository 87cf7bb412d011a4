"""What does not concern the pixels of a PNG or JPEG neither hides them nor costs anything."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from amparo.core.errors import InvalidInput
from amparo.signal import pdq
from amparo.signal.decode import luma, rgb
from amparo.signal.decode_header import MAX_SCANS
from amparo.signal.limits import DEFAULT, Limits
from tests.pictures import photo_like
from tests.signal.pictures import pattern, png_chunk, png_of_size, stored, ycck_jpeg

PICTURE = Image.fromarray(photo_like(240, 320, 11))
PNG = stored(PICTURE, "PNG")


def code_of(source: bytes, limits: Limits = DEFAULT) -> str:
    with pytest.raises(InvalidInput) as caught:
        luma(source, limits)
    return caught.value.code


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_compressed_text_in_a_png_is_never_unfolded(name: bytes) -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    body = b"key\0\1\0\0\0" + bomb if name == b"iTXt" else b"key\0\0" + bomb
    plain = stored(Image.fromarray(pattern(16, 16)), "PNG")
    source = plain[:33] + png_chunk(name, body) + plain[33:]
    expected = luma(plain).pixels
    tracemalloc.start()
    try:
        pixels = luma(source).pixels
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(pixels, expected)
    assert peak < 3_000_000


FRAME_CONTROL = png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 900, 900, 5, 5, 1, 1, 0, 0))
HARMLESS_IN_PNG = {
    "wrong checksum": png_chunk(b"tEXt", b"key\0word")[:-1] + b"!",
    "two megabytes of zTXt": png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(2_000_000))),
    "two megabytes of iTXt": png_chunk(b"iTXt", b"key\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
    "two megabytes of iCCP": png_chunk(b"iCCP", b"key\0\0" + zlib.compress(bytes(2_000_000))),
    "many long texts": png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(1_000_000))) * 70,
    "unknown way of iCCP": png_chunk(b"iCCP", b"key\0\7" + zlib.compress(b"x")),
    "unknown way of zTXt": png_chunk(b"zTXt", b"key\0\7" + zlib.compress(b"x")),
    "a frame's control alone": FRAME_CONTROL,
    "an animation of nothing": png_chunk(b"acTL", bytes(3)),
    "times of frames": png_chunk(b"fdAT", bytes(2)),
    "short remarks": b"".join(png_chunk(name, b"") for name in (b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tRNS", b"iCCP")),
    "an unknown chunk": png_chunk(b"juNk", b"what?"),
    "a palette beside colours": png_chunk(b"PLTE", b"\1\2\3\4"),
    "transparency with a wrong checksum": png_chunk(b"tRNS", bytes(6))[:-1] + b"!",
}


@pytest.mark.parametrize("remark", HARMLESS_IN_PNG)
@pytest.mark.parametrize("where", ["before the pixels", "behind the pixels"])
def test_a_broken_remark_does_not_hide_the_picture_of_a_png(remark: str, where: str) -> None:
    at = 33 if where == "before the pixels" else len(PNG) - 12
    source = PNG[:at] + HARMLESS_IN_PNG[remark] + PNG[at:]
    assert np.array_equal(luma(source).pixels, luma(PNG).pixels)
    assert np.array_equal(rgb(source).pixels, rgb(PNG).pixels)


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


JPEGS = {
    "jpeg": stored(PICTURE, "JPEG"),
    "progressive": stored(PICTURE, "JPEG", progressive=True),
    "grey": stored(PICTURE.convert("L"), "JPEG"),
    "rgb": stored(PICTURE, "JPEG", keep_rgb=True),
    "cmyk": stored(PICTURE.convert("CMYK"), "JPEG"),
    "ycck": ycck_jpeg(np.array(PICTURE)),
}
HARMLESS_IN_JPEG = {
    "short JFIF": _segment(0xE0, b"JFIF\0\1"),
    "shorter JFIF": _segment(0xE0, b"JFIF"),
    "empty APP0": _segment(0xE0, b""),
    "impossible APP0": b"\xff\xe0\0\0",
    "impossible comment": b"\xff\xfe\0\1",
    "short Adobe": _segment(0xEE, b"Adobe"),
    "short ICC": _segment(0xE2, b"ICC_PROFILE\0\1"),
    "short MPF": _segment(0xE2, b"MPF\0"),
    "short Photoshop": _segment(0xED, b"Photoshop 3.0\x008BIM\0"),
    "an end of image in a comment": _segment(0xFE, b"\xff\xd9" * 9),
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("remark", HARMLESS_IN_JPEG)
def test_a_broken_remark_and_stray_bytes_do_not_hide_the_picture_of_a_jpeg(kind: str, remark: str) -> None:
    plain = JPEGS[kind]
    at = max(plain.find(b"\xff\xc0"), plain.find(b"\xff\xc2"))
    for source in (
        plain[:at] + b"\1\2\3" + HARMLESS_IN_JPEG[remark] + plain[at:],
        plain[:2] + HARMLESS_IN_JPEG[remark] + plain[2:at] + b"\1\2\3" + plain[at:],
    ):
        assert np.abs(luma(source).pixels.astype(int) - luma(plain).pixels).max() <= 1
        assert pdq.fingerprint(source).distance(pdq.fingerprint(plain)) <= 2


@pytest.mark.parametrize("behind", [b"", b"junk"])
def test_a_wrong_checksum_of_the_pixels_does_not_hide_them(behind: bytes) -> None:
    packed = zlib.compress(b"".join(b"\0" + bytes(range(48)) for _ in range(16)))
    wrong = packed[:-1] + bytes([packed[-1] ^ 1]) + behind
    assert np.array_equal(luma(png_of_size(16, 16, wrong)).pixels, luma(png_of_size(16, 16, packed)).pixels)


def test_pixels_that_cannot_be_unpacked_are_unreadable() -> None:
    packed = bytearray(zlib.compress(np.random.default_rng(1).bytes(49 * 16)))
    packed[2] |= 0b110  # a block of the kind that does not exist
    assert code_of(png_of_size(16, 16, bytes(packed))) == "picture_unreadable"


def test_the_remarks_of_a_picture_are_read_in_bounded_time() -> None:
    many = png_chunk(b"tEXt", b"") * 200_000
    assert code_of(PNG[:33] + many + PNG[33:], Limits(max_seconds=1e-9)) == "picture_timeout"


def test_what_follows_the_end_of_a_progressive_jpeg_is_no_scan() -> None:
    source = stored(PICTURE, "JPEG", progressive=True)
    scans = b"\xff\xda" * (MAX_SCANS + 1)
    assert np.array_equal(luma(source + scans).pixels, luma(source).pixels)


def test_scans_behind_a_comment_that_looks_like_the_end_are_counted() -> None:
    source = stored(PICTURE, "JPEG", progressive=True)
    last = source.rindex(b"\xff\xda")
    scan = _segment(0xFE, b"\xff\xd9") + source[last:-2]
    assert code_of(source[:-2] + scan * (MAX_SCANS + 1) + b"\xff\xd9") == "picture_unsupported"


def _grey_png(depth: int, samples: list[int], transparent: int) -> bytes:
    """One row of grey samples; those that are as ``transparent`` show the paper."""
    row = int("".join(f"{sample:0{depth}b}" for sample in samples), 2).to_bytes(len(samples) * depth // 8)
    plain = png_of_size(len(samples), 1, zlib.compress(b"\0" + row), depth, 0)
    return plain[:33] + png_chunk(b"tRNS", struct.pack(">H", transparent)) + plain[33:]


@pytest.mark.parametrize(
    ("depth", "samples", "transparent", "expected"),
    [
        (16, [0, 257, 258, 514], 257, [0, 255, 1, 2]),
        (8, [0, 1, 2, 255], 1, [0, 255, 2, 255]),
        (4, [0, 1, 2, 15], 1, [0, 255, 34, 255]),
        (2, [0, 1, 2, 3], 2, [0, 85, 255, 255]),
        (1, [0, 1, 0, 1, 1, 1, 0, 0], 0, [255] * 8),
        (8, [0, 1, 2, 255], 0xFF01, [0, 255, 2, 255]),
    ],
)
def test_a_transparent_grey_shows_the_paper(
    depth: int, samples: list[int], transparent: int, expected: list[int]
) -> None:
    source = _grey_png(depth, samples, transparent)
    assert luma(source).pixels.tolist() == [expected]
    assert rgb(source).pixels.tolist() == [[[grey] * 3 for grey in expected]]


def test_a_transparent_colour_of_sixteen_bits_shows_the_paper() -> None:
    samples = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0, 0, 0)
    plain = png_of_size(2, 1, zlib.compress(b"\0" + samples), 16, 2)
    source = plain[:33] + png_chunk(b"tRNS", samples[:6]) + plain[33:]
    assert rgb(source).pixels.tolist() == [[[255] * 3, [0] * 3]]
