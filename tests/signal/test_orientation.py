"""EXIF orientation: parsed from hostile blocks, turned once and only once in every format."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from amparo.signal import orientation, pdq
from amparo.signal.decode import luma, rgb
from tests.pictures import photo_like
from tests.signal.pictures import pattern, stored

# How an upright picture has to be stored so that the tag turns it back: written out by hand from the
# standard's table ("row 0 is the visual ..., column 0 is the visual ..."), not derived from the code.
STORED_AS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[:, ::-1],
}


def exif_block(value: int, *, order: str = "<", kind: int = 3, count: int = 1, prefix: bytes = b"") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    packed = struct.pack(order + {1: "B", 3: "H", 4: "I"}.get(kind, "I"), value).ljust(4, b"\0")
    entry = struct.pack(order + "HHI", 0x0112, kind, count) + packed
    return prefix + mark + struct.pack(order + "IH", 8, 1) + entry + b"\0\0\0\0"


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_every_spelling_of_the_tag_is_read(value: int, order: str, kind: int, prefix: bytes) -> None:
    assert orientation.from_exif(exif_block(value, order=order, kind=kind, prefix=prefix)) == value


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"nonsense",
        exif_block(0),
        exif_block(9),
        exif_block(6, kind=2),
        exif_block(6, count=2),
        exif_block(6)[:17],
        b"II*\0" + struct.pack("<I", 0xFFFFFFFF),
        b"II*\0" + struct.pack("<IH", 8, 0xFFFF),
    ],
)
def test_a_block_that_does_not_say_turns_nothing(block: bytes) -> None:
    assert orientation.from_exif(block) == orientation.UPRIGHT


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0\x08\0\0\0"]))
def test_any_block_gives_an_orientation(noise: bytes, head: bytes) -> None:
    assert 1 <= orientation.from_exif(head + noise) <= 8


@pytest.mark.parametrize("value", range(1, 9))
def test_turned_brings_back_the_upright_picture(value: int) -> None:
    for upright in (pattern(17, 11), pattern(17, 11)[..., 0]):
        there = np.ascontiguousarray(STORED_AS[value](upright))
        back = orientation.turned(there, value)
        assert np.array_equal(back, upright)
        assert back.flags.c_contiguous


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF", "HEIF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_pictures_come_out_upright_in_every_format(kind: str, value: int) -> None:
    upright = photo_like(64, 96, 5)
    exif = Image.Exif()
    exif[0x0112] = value
    picture = Image.fromarray(np.ascontiguousarray(STORED_AS[value](upright)))
    # HEIC: pillow-heif writes the turn as boxes (irot, imir) from the EXIF block it is given.
    options = {"quality": 95} if kind in ("WEBP", "JPEG", "AVIF", "HEIF") else {}
    source = stored(picture, kind, exif=exif.tobytes(), **options)
    plane = luma(source)
    assert (plane.full_width, plane.full_height) == (96, 64)
    assert np.abs(plane.pixels.astype(int) - np.array(Image.fromarray(upright).convert("L"))).mean() < 5
    assert np.abs(rgb(source).pixels.astype(int) - upright).mean() < 20
    assert pdq.fingerprint(source).distance(pdq.fingerprint(upright)) <= 6


def test_an_orientation_in_xmp_alone_is_not_followed() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    source = stored(Image.fromarray(pattern(40, 30)), "JPEG", xmp=xmp)
    assert luma(source).pixels.shape == (30, 40)


@pytest.mark.parametrize("value", range(1, 9))
def test_a_scaled_plane_knows_where_its_incomplete_cells_went(value: int) -> None:
    """A dark picture with a bright frame of 3 pixels: 2,043 x 3,003 is no multiple of the scale, so the
    last cells are partly outside. The cell at each edge must hold the bright pixels that the plane's
    numbers say it covers.
    """
    width, height, frame = 2_043, 3_003, 3
    upright = np.full((height, width), 40, np.uint8)
    upright[:frame] = upright[-frame:] = upright[:, :frame] = upright[:, -frame:] = 220
    exif = Image.Exif()
    exif[0x0112] = value
    picture = Image.fromarray(np.ascontiguousarray(STORED_AS[value](upright)))
    plane = luma(stored(picture, "JPEG", quality=100, exif=exif.tobytes()))
    assert plane.scale == 4
    assert (plane.full_width, plane.full_height) == (width, height)
    middle = plane.pixels.shape[0] // 2
    first_cell_covers = plane.scale - plane.lead_x
    last_cell_covers = width + plane.lead_x - plane.scale * (plane.pixels.shape[1] - 1)
    assert 1 <= first_cell_covers <= plane.scale
    assert 1 <= last_cell_covers <= plane.scale
    # A cell that covers three pixels or fewer is as bright as the frame; one of four has a dark pixel in
    # it.
    assert (plane.pixels[middle, 0] > 200) == (first_cell_covers <= frame)
    assert (plane.pixels[middle, -1] > 200) == (last_cell_covers <= frame)
    across = plane.pixels.shape[1] // 2
    assert (plane.pixels[0, across] > 200) == (plane.scale - plane.lead_y <= frame)
