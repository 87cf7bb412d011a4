"""The short way through ordinary JPEGs: the library's plane bit for bit, or none and the library's own.

Quick here; ``AMPARO_FUZZ_SECONDS=600 pytest -s tests/signal/test_jpeg_skip.py -k bent`` for the long run (``AMPARO_FUZZ_SEED``
chooses another sequence, ``AMPARO_FUZZ_LAST`` names a file to keep the picture in that is being decoded). Where a kernel
might read beyond an array, ``NUMBA_BOUNDSCHECK=1`` with a fresh ``NUMBA_CACHE_DIR`` tells.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias
from unittest.mock import patch

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from amparo.core.errors import InvalidInput
from amparo.core.kernels import compiles
from amparo.signal import decode, jpeg_skip, pdq
from amparo.signal.decode_header import jpeg_header
from amparo.signal.limits import Limits
from tests.pictures import photo_like
from tests.signal.jpegs import Symbols, segments, written
from tests.signal.pictures import stored, ycck_jpeg

pytestmark = [
    pytest.mark.skipif(not compiles(), reason="without a compiler there is no short way"),
    pytest.mark.filterwarnings("ignore:::PIL"),
]

SMALL = Limits(max_bytes=200_000, max_pixels=1_000_000, max_side=20_000, max_seconds=5)
SECONDS = float(os.environ.get("AMPARO_FUZZ_SECONDS", "0"))
LAST = os.environ.get("AMPARO_FUZZ_LAST")
Outcome: TypeAlias = "tuple[str, bytes, tuple[int, ...]]"


def short(source: bytes) -> NDArray[np.uint8] | None:
    return jpeg_skip.eighth(source, jpeg_header(source))


def library(source: bytes) -> NDArray[np.uint8]:
    """One side has to be above four pixels: of less, a quarter is as small as an eighth, and that is what simplejpeg takes."""
    header = jpeg_header(source)
    height, width = -(-header.height // 8), -(-header.width // 8)
    pixels = simplejpeg.decode_jpeg(source, "GRAY", min_height=height, min_width=width)
    assert pixels.shape == (height, width, 1)
    return pixels[..., 0]


def same(source: bytes) -> bool:
    """Whether the short way is taken and leads to the library's plane."""
    found = short(source)
    return found is not None and found.flags.c_contiguous and np.array_equal(found, library(source))


def outcome(source: bytes) -> Outcome:
    """What becomes of a file that is to be decoded at an eighth: the plane, or the error's code."""
    try:
        with patch.object(decode, "_scale_for", return_value=8):
            plane = decode.luma(source, SMALL)
    except InvalidInput as error:
        return error.code, b"", ()
    return "decoded", plane.pixels.tobytes(), (*plane.pixels.shape, plane.full_width, plane.full_height, plane.scale)


def both_outcomes(source: bytes) -> tuple[Outcome, Outcome, bool]:
    """With the short way, without it, and whether it was taken."""
    taken = False

    def watched(source: bytes, header: decode.JpegHeader) -> NDArray[np.uint8] | None:
        nonlocal taken
        found = untouched(source, header)
        taken = found is not None
        return found

    untouched = jpeg_skip.eighth
    with patch.object(jpeg_skip, "eighth", watched):
        shorter = outcome(source)
    with patch.object(jpeg_skip, "eighth", return_value=None):
        return shorter, outcome(source), taken


def photo(height: int = 203, width: int = 269, seed: int = 3) -> NDArray[np.uint8]:
    return photo_like(height, width, seed)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Black and white pixels, each by chance: the largest coefficients there are."""
    return (np.random.default_rng(seed).integers(0, 2, (height, width, 3)) * 255).astype(np.uint8)


# -- the library's plane
# -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", [False, True], ids=["usual tables", "own tables"])
@pytest.mark.parametrize("quality", [1, 5, 20, 50, 75, 90, 95, 100])
def test_every_quality_gives_the_librarys_plane(quality: int, optimize: bool) -> None:
    for pixels in (photo(), noise(61, 83)):
        for subsampling in (0, 1, 2):
            options = {"quality": quality, "optimize": optimize, "subsampling": subsampling}
            assert same(stored(Image.fromarray(pixels), "JPEG", **options))


@pytest.mark.parametrize("sampling", ["444", "422", "420", "440", "411"])
@pytest.mark.parametrize(
    ("height", "width"), [(1, 5), (1, 300), (300, 1), (8, 8), (9, 33), (17, 15), (64, 64), (203, 269)]
)
def test_every_size_and_sampling_gives_the_librarys_plane(sampling: str, height: int, width: int) -> None:
    for pixels in (
        np.ascontiguousarray(photo()[:height, :width]) if width < 270 else photo(8, width),
        noise(height, width),
    ):
        assert same(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), 85, "RGB", sampling))


@pytest.mark.parametrize(("height", "width"), [(1, 5), (31, 17), (203, 269)])
def test_grey_gives_the_librarys_plane_whatever_its_sampling_says(height: int, width: int) -> None:
    source = bytearray(stored(Image.fromarray(photo()[:height, :width]).convert("L"), "JPEG", quality=90))
    at = source.index(b"\xff\xc0") + 11
    for factors in (0x11, 0x21, 0x12, 0x22):
        source[at] = factors
        assert same(bytes(source))


@pytest.mark.parametrize("blocks", [1, 2, 7, 100, 1_000])
def test_restarts_give_the_librarys_plane(blocks: int) -> None:
    picture = Image.fromarray(photo())
    for options in ({"subsampling": 2}, {"subsampling": 0, "optimize": True}):
        source = stored(picture, "JPEG", quality=90, restart_marker_blocks=blocks, **options)
        assert (b"\xff\xd0" in source) == (blocks < 500)
        assert same(source)
    assert same(stored(picture, "JPEG", restart_marker_rows=1))
    assert same(stored(picture.convert("L"), "JPEG", restart_marker_blocks=blocks))


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(5, 70),
    seed=st.integers(0, 2**32 - 1),
    contrast=st.integers(0, 255),
    quality=st.integers(1, 100),
    subsampling=st.sampled_from([0, 1, 2]),
    optimize=st.booleans(),
    restarts=st.integers(0, 9),
)
def test_any_picture_gives_the_librarys_plane(
    height: int, width: int, seed: int, contrast: int, quality: int, subsampling: int, optimize: bool, restarts: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, contrast + 1, (height, width, 3)).astype(np.uint8)
    source = stored(
        Image.fromarray(pixels),
        "JPEG",
        quality=quality,
        subsampling=subsampling,
        optimize=optimize,
        restart_marker_blocks=restarts,
    )
    assert same(source)


def test_what_stands_around_the_picture_does_not_matter() -> None:
    picture = Image.fromarray(photo())
    exif = Image.Exif()
    exif[0x0112] = 6
    source = stored(picture, "JPEG", exif=exif, comment=b"\xff\xd8\xff\xd9", icc_profile=bytes(100_000))
    assert same(source)
    assert same(source + b"\xff\xd8\xff another picture behind its end")
    adobe = source[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1" + source[2:]
    assert same(adobe)


def test_a_large_picture_takes_the_short_way_to_the_same_fingerprint() -> None:
    tile = photo(360, 360)
    exif = Image.Exif()
    exif[0x0112] = 6
    source = stored(Image.fromarray(np.tile(tile, (8, 9, 1))[:, :3_001]), "JPEG", quality=80, exif=exif)
    untouched = jpeg_skip.eighth
    with patch.object(jpeg_skip, "eighth", side_effect=untouched) as watched:
        found = decode.luma(source)
        assert pdq.fingerprint(source).quality > 0
    assert watched.call_count == 2
    assert untouched(source, jpeg_header(source)) is not None
    with patch.object(jpeg_skip, "eighth", return_value=None):
        usual = decode.luma(source)
    assert np.array_equal(found.pixels, usual.pixels)
    assert (found.scale, found.lead_x, found.lead_y) == (usual.scale, usual.lead_x, usual.lead_y) == (8, 0, 0)
    assert pdq.fingerprint(found) == pdq.fingerprint(usual)


def test_prepare_leads_a_picture_all_the_way() -> None:
    with patch.object(jpeg_skip, "eighth") as watched:
        decode.prepare()
    (source, header), _ = watched.call_args
    found = jpeg_skip.eighth(source, header)
    assert found is not None
    assert found.shape == (1, 1)


def test_without_a_compiler_the_library_decodes() -> None:
    source = stored(Image.fromarray(photo()), "JPEG")
    with patch.object(jpeg_skip, "ready", return_value=False):
        assert short(source) is None
        assert outcome(source)[0] == "decoded"


# -- blocks that no encoder writes
# -------------------------------------------------------------------------------------------------------

END, ZEROS = 0x00, 0xF0


def same_or_none(source: bytes) -> bool:
    """Whether the outcome is the library's; and the short way's plane, where there is one."""
    shorter, usual, _ = both_outcomes(source)
    return shorter == usual


@pytest.mark.parametrize("length", [None, 12, 16])
def test_the_ends_of_every_range_give_the_librarys_plane(length: int | None) -> None:
    for size in range(12):
        for value in {0, 1, (1 << size) >> 1, (1 << size) - 1}:
            if value >> size:
                continue
            blocks: list[Symbols] = [
                [(size, value), (END, 0)],
                [(0, 0), (END, 0)],
                [(size, (1 << size) - 1 - value), (END, 0)],
            ]
            assert same(written(blocks, step=1, length=length))


@pytest.mark.parametrize("length", [None, 12, 16])
def test_blocks_that_are_full_need_no_end(length: int | None) -> None:
    full: list[Symbols] = [
        [(3, 5), *[(0x0A, 1000)] * 63],
        [(3, 2), *[(ZEROS, 0)] * 3, *[(0xE1, 1)]],
        [(3, 2), *[(ZEROS, 0)] * 3, (0x71, 1), (0x61, 0)],
        [(0, 0), *[(0x01, 1)] * 62, (END, 0)],
    ]
    assert same(written(full * 3, length=length))


def test_blocks_may_be_passed_with_one_look_into_a_table() -> None:
    """Codes so short that twelve bits reach a block's last coefficient and, where that is the end, the next block."""
    blocks: list[Symbols] = [
        [(0, 0), *[(ZEROS, 0)] * 3, (0xE1, 1)],
        [(0, 0), *[(ZEROS, 0)] * 3, (END, 0)],
        [(1, 1), (0xE1, 0), *[(ZEROS, 0)] * 3],
        [(0, 0), (END, 0)],
        [(2, 3), (0xE1, 0), *[(ZEROS, 0)] * 2, (0xE1, 0), (END, 0)],
    ]
    assert same(written(blocks * 5, others=[END, ZEROS, 0xE1]))
    assert same(written(blocks * 5, others=[0xE1, END, ZEROS]))
    beyond = written([[(0, 0), *[(ZEROS, 0)] * 4], *blocks], others=[END, ZEROS, 0xE1])
    assert short(beyond) is None
    assert same_or_none(beyond)


def test_codes_that_do_not_exist_are_left_to_the_library() -> None:
    sound = written([[(0, 0), (END, 0)]], others=[0x01, 0x02, 0x11, 0x21, ZEROS, 0x31, END])
    assert same(sound)
    # The code of ones in place of DC's, and of AC's: 0000 110 and a bit to fill the byte.
    for octet in (0b1100_1111, 0b0000_1111):
        broken = sound[:-3] + bytes([octet]) + sound[-2:]
        assert short(broken) is None
        assert same_or_none(broken)


@pytest.mark.parametrize(
    "block",
    [
        [(3, 5), *[(ZEROS, 0)] * 3, (0xF1, 1)],
        [(3, 5), *[(0x01, 1)] * 60, (0x31, 1)],
        [(3, 5), *[(ZEROS, 0)] * 4],
    ],
    ids=["by one", "by one, after many", "by zeros alone"],
)
def test_blocks_that_run_over_are_left_to_the_library(block: Symbols) -> None:
    source = written([block, [(3, 5), (END, 0)]])
    assert short(source) is None
    assert same_or_none(source)


def test_values_that_come_round_again_are_left_to_the_library() -> None:
    steep: list[Symbols] = [[(11, 2047), (END, 0)]] * 9
    for step in (1, 2, 16, 255):
        assert same_or_none(written(steep, step=step))
    assert short(written(steep, step=255)) is None
    # The last values before they do, pixels of 639 and -384 if there were such, and the first ones.
    high: list[Symbols] = [[(11, 2047), (END, 0)], [(11, 2044), (END, 0)]]
    low: list[Symbols] = [[(11, 0), (END, 0)], [(11, 0), (END, 0)], [(3, 1), (END, 0)]]
    for blocks, more in ((high, (1, 1)), (low, (1, 0))):
        assert same(written(blocks, step=1))
        beyond = written([*blocks, [more, (END, 0)]], step=1)
        assert short(beyond) is None
        assert same_or_none(beyond)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.integers(1, 255),
    length=st.sampled_from([None, 9, 13, 16]),
    longest=st.integers(0, 40),
)
def test_any_symbols_give_the_librarys_outcome(seed: int, step: int, length: int | None, longest: int) -> None:
    rng = random.Random(seed)
    blocks: list[Symbols] = []
    for _ in range(rng.randrange(1, 10)):
        opening = rng.randrange(7)
        symbols = [
            rng.choice((ZEROS, rng.randrange(16) << 4 | rng.randrange(1, 11))) for _ in range(rng.randint(0, longest))
        ]
        blocks.append([(size, rng.randrange(1 << (size & 15))) for size in (opening, *symbols)])
        blocks[-1].append((END, 0))
    assert same_or_none(written(blocks, step=step, length=length))


# -- the library's way
# -------------------------------------------------------------------------------------------------------


def _other_kinds() -> dict[str, bytes]:
    picture = Image.fromarray(photo())
    usual = stored(picture, "JPEG")
    frame = usual.index(b"\xff\xc0")
    scan = usual.index(b"\xff\xda")
    end = len(usual) - 2
    bare = usual[:2] + usual[2 + 18 :]  # without JFIF's segment
    named = bytearray(bare)
    for at, name in ((frame - 18 + 10, 1), (scan - 18 + 5, 1)):
        for number in range(3):
            named[at + number * (3 if at < scan - 18 else 2)] = ord("RGB"[number]) if name else 0

    def changed(at: int, *values: int) -> bytes:
        return usual[:at] + bytes(values) + usual[at + len(values) :]

    restarts = stored(picture, "JPEG", restart_marker_blocks=20)
    second = restarts.index(b"\xff\xd1")
    return {
        "progressive": stored(picture, "JPEG", progressive=True),
        "cmyk": stored(picture.convert("CMYK"), "JPEG"),
        "ycck": ycck_jpeg(photo()),
        "rgb": stored(picture, "JPEG", keep_rgb=True),
        "rgb by its names": bytes(named),
        "arithmetic": changed(frame + 1, 0xC9),
        "lossless": changed(frame + 1, 0xC3),
        "twelve bits": changed(frame + 4, 12),
        "no lines": changed(frame + 5, 0, 0),
        "luma smaller than chroma": changed(frame + 11, 0x11, 0, 2, 0x22, 1, 3, 0x22),
        "three by one": changed(frame + 11, 0x31),
        "adobe says rgb": usual[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + usual[2:],
        "bytes between segments": usual[:frame] + b"\0\0" + usual[frame:],
        "fill bytes": usual[:frame] + b"\xff" + usual[frame:],
        "a second frame": usual[:frame] + usual[frame : frame + 19] + usual[frame:],
        "a second scan": usual[:end] + usual[scan:],
        "number of lines": usual[:end] + b"\xff\xdc\0\4\0\xcb" + usual[end:],
        "no end": usual[:end],
        "half an end": usual[: end + 1],
        "another end": changed(end + 1, 0xD8),
        "a byte before the end": usual[:end] + b"\0" + usual[end:],
        "a restart before the end": usual[:end] + b"\xff\xd0" + usual[end:],
        "a byte too few": usual[: end - 1] + usual[end:],
        "a marker within": usual[: scan + 400] + b"\xff\xd0" + usual[scan + 400 :],
        "restarts out of order": restarts[: second + 1] + b"\xd3" + restarts[second + 2 :],
        "a restart missing": restarts[:second] + restarts[second + 2 :],
        "a restart too early": restarts[: second - 4] + restarts[second:],
        "other scan": changed(scan + 11, 1),
        "a thousand comments": usual[:frame] + b"\xff\xfe\0\2" * 1_000 + usual[frame:],
    }


@pytest.mark.parametrize("name", _other_kinds())
def test_what_is_not_ordinary_is_left_to_the_library(name: str) -> None:
    source = _other_kinds()[name]
    shorter, usual, taken = both_outcomes(source)
    assert not taken
    assert shorter == usual


def test_tables_with_a_fault_are_left_to_the_library() -> None:
    source = written([[(3, 5), (END, 0)]])
    assert short(source) is not None
    for marker, _, at in segments(source):
        if marker not in (0xC4, 0xDB):
            continue
        for offset, value in ((4, 0x24), (4, 0x40), (8, 255), (20, 1), (5, 0), (5, 3)):
            changed = source[: at + offset] + bytes([value]) + source[at + offset + 1 :]
            assert same_or_none(changed)
    full = written([[(3, 5), (END, 0)]], complete=True)
    assert short(full) is None  # a code of ones alone, which the standard forbids
    assert same_or_none(full)


def test_sides_that_the_library_refuses_are_left_to_it() -> None:
    block: list[Symbols] = [[(0, 0), (END, 0)]]
    assert same(written(block * 8_187))
    longer = written(block * 8_188)
    assert short(longer) is None
    with pytest.raises(InvalidInput) as refused:
        decode.luma(longer)
    assert refused.value.code == "picture_unreadable"


def test_a_header_of_another_size_is_left_to_the_library() -> None:
    source, other = (stored(Image.fromarray(photo(size, 64)), "JPEG") for size in (64, 72))
    assert jpeg_skip.eighth(source, jpeg_header(other)) is None


# -- files bent in every way
# -------------------------------------------------------------------------------------------------------


@lru_cache
def seeds() -> tuple[bytes, ...]:
    """Small files, each written another way."""
    picture, rough = Image.fromarray(photo(61, 83)), Image.fromarray(noise(40, 50))
    return (
        *(stored(picture, "JPEG", quality=quality, subsampling=s) for quality in (30, 75, 95) for s in (0, 1, 2)),
        *(stored(picture, "JPEG", quality=quality, optimize=True) for quality in (60, 90)),
        *(stored(picture, "JPEG", restart_marker_blocks=blocks) for blocks in (1, 3)),
        stored(picture.convert("L"), "JPEG", optimize=True),
        stored(rough, "JPEG", quality=100, subsampling=0),
        stored(rough, "JPEG", quality=90, restart_marker_rows=1),
        simplejpeg.encode_jpeg(photo(61, 83).copy(), 80, "RGB", "411"),
        simplejpeg.encode_jpeg(photo(61, 83).copy(), 80, "RGB", "440"),
    )


def test_the_seeds_take_the_short_way() -> None:
    for source in seeds():
        assert same(source)


@settings(max_examples=400, deadline=None)
@given(
    source=st.sampled_from(range(len(seeds()))),
    place=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from(["flip", "cut", "insert", "delete", "replace"]),
    octets=st.binary(min_size=1, max_size=4),
)
def test_a_file_changed_anywhere_comes_out_as_without_the_short_way(
    source: int, place: float, change: str, octets: bytes
) -> None:
    whole = seeds()[source]
    at = int(place * len(whole))
    changed = {
        "flip": whole[:at] + bytes([whole[at] ^ octets[0]]) + whole[at + 1 :],
        "cut": whole[:at],
        "insert": whole[:at] + octets + whole[at:],
        "delete": whole[:at] + whole[at + len(octets) :],
        "replace": whole[:at] + octets + whole[at + len(octets) :],
    }[change]
    shorter, usual, _ = both_outcomes(changed)
    assert shorter == usual


def _within(source: bytearray, rng: random.Random, wanted: Callable[[int], bool]) -> int:
    """A place in a segment of a kind, or anywhere."""
    found = [(at, end) for marker, end, at in segments(bytes(source)) if wanted(marker)]
    if not found:
        return rng.randrange(len(source))
    at, end = rng.choice(found)
    return min(rng.randrange(at, max(at + 1, end)), len(source) - 1)


def bent(source: bytes, rng: random.Random) -> bytes:
    """A copy with one to a few injuries, most of them to the picture data and the tables."""
    copy = bytearray(source)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if len(copy) < 4:
            break
        kind = rng.random()
        if kind < 0.5:
            scan = copy.rfind(b"\xff\xda")
            at = rng.randrange(max(0, scan), len(copy))
        elif kind < 0.8:
            at = _within(copy, rng, lambda marker: marker in (0xC4, 0xDB, 0xDD))
        else:
            at = _within(copy, rng, lambda marker: marker in (0xC0, 0xDA, 0xE0))
        way = rng.randrange(9)
        if way <= 2:
            copy[at] ^= 1 << rng.randrange(8)
        elif way == 3:
            copy[at] = rng.choice((0, 1, 0x11, 0x7F, 0x80, 0xD0, 0xD9, 0xF0, 0xFF, rng.randrange(256)))
        elif way == 4:
            other = rng.randrange(len(copy))
            copy[at], copy[other] = copy[other], copy[at]
        elif way == 5:
            del copy[at : at + rng.choice((1, 1, 2, 30))]
        elif way == 6:
            copy[at:at] = rng.choice((b"\0", b"\xff\0", b"\xff", b"\xff\xd0", b"\xff\xd9", rng.randbytes(3)))
        elif way == 7:
            copy[at:at] = copy[at : at + rng.randrange(1, 40)]
        else:
            swapped = rng.randrange(max(0, at - 8), min(len(copy), at + 8))
            copy[at], copy[swapped] = copy[swapped], copy[at]
    return bytes(copy)


def injuries(seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    while True:
        for source in seeds():
            yield bent(source, rng)


def test_bent_files_come_out_as_without_the_short_way() -> None:
    started = time.monotonic()
    seen: Counter[str] = Counter()
    for number, source in enumerate(injuries(int(os.environ.get("AMPARO_FUZZ_SEED", "0")))):
        if time.monotonic() - started > SECONDS and number >= 600:
            break
        if LAST:
            Path(LAST).write_bytes(source)
        shorter, usual, taken = both_outcomes(source)
        if shorter != usual and LAST:
            Path(LAST).with_suffix(".different").write_bytes(source)
        assert shorter == usual
        seen[usual[0] + (", the short way" if taken else "")] += 1
    assert seen["decoded, the short way"] > 30
    assert seen["decoded"] > 10
    assert seen["picture_truncated"]
    if SECONDS:
        print(f"\n{seen.total()} files, {dict(seen)}")
