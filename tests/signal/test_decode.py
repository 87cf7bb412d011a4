"""Decoding: every colour mode to the right grey, every bound kept, every fault named."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from amparo.core.errors import InvalidInput, NotFound
from amparo.signal import decode, pdq
from amparo.signal.decode import luma, rgb
from amparo.signal.decode_header import MAX_SCANS, MAX_SCANS_OF_THE_LARGEST
from amparo.signal.limits import Limits
from tests.pictures import photo_like
from tests.signal.pictures import every_kind, pattern, png_of_size, stored, ycck_jpeg

PHOTO = photo_like(240, 320, 11)
PICTURE = Image.fromarray(PHOTO)
GREY = PICTURE.convert("L")


def code_of(source: bytes, limits: Limits = decode.DEFAULT) -> str:
    with pytest.raises(InvalidInput) as caught:
        luma(source, limits)
    with pytest.raises(InvalidInput) as again:
        rgb(source, limits)
    assert again.value.code == caught.value.code
    return caught.value.code


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.array(GREY).astype(np.uint16) * 257)


def lab() -> Image.Image:
    srgb, space = (ImageCms.ImageCmsProfile(ImageCms.core.createProfile(name)) for name in ("sRGB", "LAB"))
    picture = ImageCms.profileToProfile(PICTURE, srgb, space, outputMode="LAB")
    assert picture is not None
    return picture


# The same picture in every mode and format. Bits: how far the fingerprint may be from that of the plain RGB
# pixels; 0 where nothing is lost, more where the format itself throws away colours or detail.
STORED = {
    "png": (0, stored(PICTURE, "PNG")),
    "png alpha": (0, stored(PICTURE.convert("RGBA"), "PNG")),
    "png grey": (0, stored(GREY, "PNG")),
    "png grey alpha": (0, stored(GREY.convert("LA"), "PNG")),
    "png sixteen bits": (0, stored(sixteen_bits(), "PNG")),
    "png palette": (6, stored(PICTURE.quantize(256), "PNG")),
    "png palette alpha": (6, stored(PICTURE.quantize(255), "PNG", transparency=b"\xff" * 255)),
    "png one bit": (16, stored(PICTURE.convert("1"), "PNG")),
    "tiff": (0, stored(PICTURE, "TIFF")),
    "tiff lzw": (0, stored(PICTURE, "TIFF", compression="tiff_lzw")),
    "tiff cmyk": (2, stored(PICTURE.convert("CMYK"), "TIFF")),
    "tiff ycbcr": (4, stored(PICTURE.convert("YCbCr"), "TIFF")),
    "tiff sixteen bits": (0, stored(sixteen_bits(), "TIFF")),
    "tiff whole numbers": (2, stored(Image.fromarray(np.array(GREY).astype(np.int32) * 1000 - 7), "TIFF")),
    "tiff floating point": (2, stored(Image.fromarray(np.array(GREY).astype(np.float32) / 255), "TIFF")),
    "tiff lab": (4, stored(lab(), "TIFF")),
    "gif": (6, stored(PICTURE, "GIF")),
    "webp": (4, stored(PICTURE, "WEBP", quality=90)),
    "webp lossless": (0, stored(PICTURE, "WEBP", lossless=True)),
    "avif": (4, stored(PICTURE, "AVIF", quality=90)),
    "heic": (4, stored(PICTURE, "HEIF", quality=90)),
    "jpeg": (2, stored(PICTURE, "JPEG", quality=92)),
    "jpeg progressive": (2, stored(PICTURE, "JPEG", quality=92, progressive=True)),
    "jpeg grey": (2, stored(GREY, "JPEG", quality=92)),
    "jpeg rgb": (2, stored(PICTURE, "JPEG", quality=92, keep_rgb=True)),
    "jpeg cmyk": (2, stored(PICTURE.convert("CMYK"), "JPEG", quality=92)),
    "jpeg ycck": (2, ycck_jpeg(PHOTO, 92)),
}


@pytest.mark.parametrize("name", STORED)
def test_the_same_picture_has_the_same_fingerprint_however_it_is_stored(name: str) -> None:
    bits, source = STORED[name]
    assert pdq.fingerprint(source).distance(pdq.fingerprint(PHOTO)) <= bits


@pytest.mark.parametrize("name", ["png", "png grey", "tiff", "webp lossless", "gif", "jpeg cmyk", "png palette"])
def test_grey_is_the_luma_of_the_colours(name: str) -> None:
    source = STORED[name][1]
    red, green, blue = rgb(source).pixels.astype(np.uint32).transpose(2, 0, 1)
    expected = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    assert np.array_equal(luma(source).pixels, expected)


@pytest.mark.parametrize("name", STORED)
def test_planes_are_contiguous_bytes_of_the_full_size(name: str) -> None:
    plane, picture = luma(STORED[name][1]), rgb(STORED[name][1])
    assert (plane.full_width, plane.full_height, plane.scale) == (320, 240, 1)
    assert plane.pixels.shape == (240, 320)
    assert picture.pixels.shape == (240, 320, 3)
    for pixels in (plane.pixels, picture.pixels):
        assert pixels.dtype == np.uint8
        assert pixels.flags.c_contiguous


def test_the_fast_and_the_careful_way_give_the_same_grey() -> None:
    """Stray bytes between two segments: the fast way takes them for damage and hands over to Pillow."""
    source = stored(PICTURE, "JPEG", quality=92)
    at = source.index(b"\xff\xc0")
    assert np.array_equal(luma(source[:at] + b"\0\0\0" + source[at:]).pixels, luma(source).pixels)


def test_transparency_lies_over_white() -> None:
    colours = np.zeros((8, 8, 4), np.uint8)
    colours[..., 3] = np.arange(0, 256, 4).reshape(8, 8)
    plane = luma(stored(Image.fromarray(colours), "PNG"))
    assert np.array_equal(plane.pixels, 255 - colours[..., 3])


def test_what_lies_under_full_transparency_does_not_show() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    hidden = np.dstack([noise, np.zeros((32, 32), np.uint8)])
    for kind in ("PNG", "TIFF"):
        assert luma(stored(Image.fromarray(hidden), kind)).pixels.min() == 255


def test_a_palette_with_transparent_entries_lies_over_white() -> None:
    indices = np.zeros((16, 16), np.uint8)
    indices[:, 8:] = 1
    picture = Image.fromarray(indices, "P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    plane = luma(stored(picture, "PNG", transparency=b"\x00\xff"))
    assert plane.pixels[:, :8].min() == 255
    assert plane.pixels[:, 8:].max() == 0


def test_sixteen_bits_are_rounded_not_cut() -> None:
    values = np.array([[0, 128, 129, 0x7FFF, 0x8080, 0xFEFF, 0xFFFF]], np.uint16)
    expected = np.rint(values / 257)
    assert np.array_equal(luma(stored(Image.fromarray(values), "PNG")).pixels, expected)


def test_not_a_number_is_dark_and_infinity_is_light() -> None:
    values = np.array([[0.0, 1.0, np.nan, np.inf, -np.inf]], np.float32)
    assert luma(stored(Image.fromarray(values), "TIFF")).pixels.tolist() == [[0, 255, 0, 255, 0]]
    blank = np.full((2, 2), np.nan, np.float32)
    assert luma(stored(Image.fromarray(blank), "TIFF")).pixels.max() == 0


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_of_several_frames_the_first_counts(kind: str) -> None:
    frames = [Image.fromarray(photo_like(60, 80, seed)) for seed in (1, 2, 3)]
    moving = stored(frames[0], kind, save_all=True, append_images=frames[1:])
    distance = pdq.fingerprint(moving).distance(pdq.fingerprint(stored(frames[0], "PNG")))
    assert distance <= 10
    assert pdq.fingerprint(moving).distance(pdq.fingerprint(stored(frames[1], "PNG"))) > 60


@pytest.mark.parametrize(
    ("width", "height", "scale"), [(2000, 1500, 1), (2001, 1500, 4), (4032, 3024, 8), (2200, 700, 1)]
)
def test_large_jpegs_are_scaled_while_decoding_and_stay_within_two_bits(width: int, height: int, scale: int) -> None:
    big = np.array(Image.fromarray(photo_like(300, 400, 8)).resize((width, height), Image.Resampling.BICUBIC))
    source = stored(Image.fromarray(big), "JPEG", quality=85)
    plane = luma(source)
    assert plane.scale == scale
    assert plane.pixels.shape == (-(-height // scale), -(-width // scale))
    assert (plane.full_width, plane.full_height) == (width, height)
    assert pdq.fingerprint(source).distance(pdq.fingerprint(rgb(source).pixels)) <= 2


def test_a_large_cmyk_jpeg_is_scaled_too() -> None:
    big = np.array(Image.fromarray(PHOTO).resize((2400, 1800), Image.Resampling.BICUBIC))
    source = stored(Image.fromarray(big).convert("CMYK"), "JPEG", quality=90)
    assert luma(source).scale == 4
    assert pdq.fingerprint(source).distance(pdq.fingerprint(big)) <= 4
    at = source.index(b"\xff\xc0")
    damaged = luma(source[:at] + b"\0\0\0" + source[at:])  # this goes to Pillow, which scales no CMYK
    assert damaged.scale == 1
    assert damaged.pixels.shape == (1800, 2400)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 20_000), (20_000, 1), (3, 2), (2, 4000)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_pictures_of_extreme_shape_decode(width: int, height: int, kind: str) -> None:
    source = stored(Image.fromarray(np.full((height, width, 3), 77, np.uint8)), kind)
    plane = luma(source)
    assert (plane.full_width, plane.full_height) == (width, height)
    assert set(np.unique(plane.pixels)) == {77}
    assert pdq.fingerprint(source).quality == 0


# -- what is refused
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"", "picture_empty"),
        (b"\0", "picture_unreadable"),
        (b"Not an image at all, just words.", "picture_unreadable"),
        (b"%PDF-1.7", "picture_unsupported"),
        (b"BM" + b"\0" * 60, "picture_unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_unsupported"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "picture_unsupported"),
        (b"\xff\xd8\xff", "picture_truncated"),
        (b"\x89PNG\r\n\x1a\n", "picture_truncated"),
        (b"GIF89a", "picture_truncated"),
        (b"RIFF\x10\0\0\0WEBPVP8X", "picture_truncated"),
        (b"II*\0", "picture_truncated"),
        (b"\xff\xd8\xff\xd9" + b"\0" * 8, "picture_unreadable"),
        (b"RIFF\x10\0\0\0WEBPJUNK" + b"\0" * 40, "picture_unreadable"),
    ],
)
def test_what_is_no_picture_is_named(source: bytes, code: str) -> None:
    assert code_of(source) == code


@pytest.mark.parametrize("name", sorted(every_kind().keys() - {"gif animated"}))  # its first frame may be whole
@pytest.mark.filterwarnings("ignore:::PIL")  # whether Pillow also warns is not the matter here
def test_a_picture_cut_in_the_middle_is_truncated(name: str) -> None:
    source = every_kind()[name]
    for cut in (len(source) // 2, len(source) * 2 // 5):
        assert code_of(source[:cut]) == "picture_truncated"


def test_too_many_bytes_are_refused_before_anything_else() -> None:
    assert code_of(b"x" * 101, Limits(max_bytes=100)) == "picture_too_many_bytes"


@pytest.mark.parametrize(
    "source",
    [
        png_of_size(50_000, 50_000, zlib.compress(b"\0" * 1000)),
        png_of_size(2**31 - 1, 2**31 - 1),
        png_of_size(120_000_000, 1),
        b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\0\0\0;",
        b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff" * 6 + b"\0" * 8,
        b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 65_535, 65_535) + b"\x03\1\x22\0\2\x11\1\3\x11\1\xff\xd9",
    ],
    ids=["png", "png largest", "png one line", "gif", "webp", "jpeg"],
)
def test_a_header_that_claims_too_much_is_refused_at_once(source: bytes) -> None:
    assert code_of(source) == "picture_too_large"


def _tiff(**changed: int) -> bytes:
    """A little-endian TIFF of 16 x 16 grey with some tags (by number, as tNNN) set to something else."""
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 16, 279: 256}
    tags |= {int(name[1:]): value for name, value in changed.items()}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<I", 264) + bytes(range(256)) + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def test_the_hand_made_tiff_is_sound() -> None:
    assert np.array_equal(luma(_tiff()).pixels, np.arange(256).reshape(16, 16))


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize(
    ("source", "codes"),
    [
        (_tiff(t256=60_000, t257=60_000), {"picture_too_large"}),
        (_tiff(t257=60_000, t278=60_000), {"picture_truncated", "picture_unreadable"}),
        (_tiff(t273=0xFFFFFFF0), {"picture_truncated", "picture_unreadable"}),
        (_tiff(t259=34925), {"picture_unsupported"}),
        (_tiff(t259=4), {"picture_unsupported"}),
        (_tiff(t259=8), {"picture_unreadable"}),
        (_tiff(t322=60_000, t323=60_000, t324=8, t325=256), {"picture_too_large"}),
        (_tiff(t277=60_000), {"picture_unreadable"}),
    ],
    ids=["huge", "strips missing", "strips far off", "lzma", "fax", "not deflated", "huge tiles", "many samples"],
)
def test_a_tiff_whose_tags_lie_is_refused(source: bytes, codes: set[str]) -> None:
    assert code_of(source) in codes


def test_avif_and_heic_sizes_are_checked_before_decoding() -> None:
    small = Limits(max_pixels=40 * 30 - 1)
    for name, source in every_kind().items():
        assert code_of(source, small) == "picture_too_large", name
        luma(source, Limits(max_pixels=40 * 30))


def test_a_box_that_claims_a_huge_heic_or_avif_is_refused() -> None:
    for name in ("heic", "avif"):
        source = bytearray(every_kind()[name])
        at = source.index(b"ispe") + 8
        source[at : at + 8] = struct.pack(">II", 60_000, 60_000)
        assert code_of(bytes(source)) in ("picture_too_large", "picture_unreadable", "picture_truncated")


def test_a_png_bomb_costs_no_more_than_the_pixels_it_declares() -> None:
    """60 MB of zeros behind a header that says 4 x 4: the decoder stops when the picture is full."""
    source = png_of_size(4, 4, zlib.compress(bytes(60_000_000), 9))
    assert len(source) < 100_000
    assert luma(source).pixels.shape == (4, 4)


def test_a_gif_frame_beyond_its_screen_is_measured_too() -> None:
    source = bytearray(stored(GREY.resize((16, 16)), "GIF"))
    at = source.index(b"\x2c\0\0\0\0\x10\0\x10\0")
    source[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    assert code_of(bytes(source)) == "picture_too_large"


def test_a_progressive_jpeg_of_endless_scans_is_refused() -> None:
    source = stored(PICTURE, "JPEG", progressive=True)
    last = source.rindex(b"\xff\xda")
    scan = source[last:-2]
    assert code_of(source[:-2] + scan * (MAX_SCANS + 1) + b"\xff\xd9") == "picture_unsupported"
    assert luma(source).pixels.shape == (240, 320)
    many = source[:-2] + scan * MAX_SCANS_OF_THE_LARGEST + b"\xff\xd9"
    assert luma(many).pixels.shape == (240, 320)
    assert code_of(many, Limits(max_pixels=240 * 320)) == "picture_unsupported"


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "jpeg grey", "jpeg rgb", "jpeg cmyk", "jpeg ycck"])
def test_a_jpeg_with_fewer_lines_than_its_header_says_is_truncated(name: str) -> None:
    source = bytearray(STORED[name][1])
    at = max(source.find(b"\xff\xc0"), source.find(b"\xff\xc2")) + 5
    source[at : at + 2] = struct.pack(">H", 6_000)
    assert code_of(bytes(source)) == "picture_truncated"


def test_a_jpeg_with_restart_markers_and_too_few_lines_is_truncated() -> None:
    source = bytearray(stored(PICTURE, "JPEG", restart_marker_blocks=4))
    at = source.index(b"\xff\xc0") + 5
    source[at : at + 2] = struct.pack(">H", 6_000)
    assert code_of(bytes(source)) == "picture_truncated"


def test_kinds_of_jpeg_that_nobody_decodes_are_named() -> None:
    source = stored(PICTURE, "JPEG")
    at = source.index(b"\xff\xc0")
    for marker in (0xC3, 0xC5, 0xCB):
        assert code_of(source[: at + 1] + bytes([marker]) + source[at + 2 :]) == "picture_unsupported"
    assert code_of(source[: at + 4] + b"\x0c" + source[at + 5 :]) == "picture_unsupported"
    assert code_of(source[: at + 5] + b"\0\0" + source[at + 7 :]) == "picture_unreadable"


def test_an_embedded_thumbnail_is_not_taken_for_the_picture() -> None:
    thumbnail = stored(Image.fromarray(pattern(16, 12)), "JPEG")
    source = stored(PICTURE, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert luma(source[:2] + segment + source[2:]).pixels.shape == (240, 320)


def test_time_runs_out_in_decoders_that_read_block_by_block() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    source = stored(Image.fromarray(noise), "PNG")
    assert code_of(source, Limits(max_seconds=1e-9)) == "picture_timeout"


@pytest.mark.parametrize("name", ["max_bytes", "max_pixels", "max_side", "max_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_must_be_above_zero(name: str, value: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        Limits(**{name: value})  # pyright: ignore[reportArgumentType]  # NaN for a whole number is the point
    assert caught.value.code == "limits_invalid"


def test_decoding_touches_no_setting_of_the_process() -> None:
    """A platform embeds us: its own Pillow limits and warning filters stay as they are, and no opener is
    registered.
    """
    before = (Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN))
    for source in every_kind().values():
        luma(source)
    assert (Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN)) == before


def test_threads_decode_at_the_same_time_without_disturbing_each_other() -> None:
    kinds = every_kind()
    expected = {name: luma(source).pixels for name, source in kinds.items()}
    wrong: list[str] = []

    def work() -> None:
        wrong.extend(name for name, source in kinds.items() if not np.array_equal(luma(source).pixels, expected[name]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- files
# -------------------------------------------------------------------------------------------------------


def test_read_gives_the_bytes_of_a_file_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"x" * 100)
    assert decode.read(path, Limits(max_bytes=100)) == b"x" * 100
    with pytest.raises(InvalidInput) as caught:
        decode.read(path, Limits(max_bytes=99))
    assert caught.value.code == "picture_too_many_bytes"


def test_read_refuses_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(InvalidInput) as caught:
            decode.read(path)
        assert caught.value.code == "file_unreadable"
    with pytest.raises(NotFound) as missing:
        decode.read(tmp_path / "nothing")
    assert missing.value.code == "file_missing"
