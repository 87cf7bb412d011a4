"""What a file says it is, for files that say so truly and for those that do not."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from amparo.signal.video_kind import claims_video, excludes_picture
from tests.pictures import photo_like
from tests.signal.videos import scenes, write_sound, write_video

MAKES = {
    "v.mp4": "mpeg4",
    "v.mov": "mpeg4",
    "v.mkv": "mpeg4",
    "v.avi": "mpeg4",
    "v.ts": "mpeg4",
    "v.flv": "flv1",
    "v.webm": "vp8",
}


def still(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo_like(64, 64, 3)).save(file, kind)
    return file.getvalue()


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


@pytest.mark.parametrize("name", MAKES)
def test_every_container_that_is_read_is_known(tmp_path: Path, name: str) -> None:
    content = write_video(tmp_path / name, scenes((1,), 25), MAKES[name]).read_bytes()
    assert claims_video(content)
    assert excludes_picture(content) == (name != "v.ts")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_a_picture_is_no_video(kind: str) -> None:
    assert not claims_video(still(kind))
    assert not excludes_picture(still(kind))


@pytest.mark.parametrize("content", [b"", b"G", b"some words", b"%PDF-1.7", b"PK\3\4" + bytes(50), bytes(2000)])
def test_other_files_are_neither(content: bytes) -> None:
    assert not claims_video(content)
    assert not excludes_picture(content)


def test_sound_in_boxes_is_shown_as_a_video_too(tmp_path: Path) -> None:
    assert claims_video(write_sound(tmp_path / "s.mp4").read_bytes())


def test_a_still_with_a_film_beside_it_is_both() -> None:
    brands = box(b"ftyp", b"avif\0\0\0\0mif1miaf")
    assert not claims_video(brands + box(b"meta") + box(b"mdat"))
    both = brands + box(b"meta") + box(b"mdat") + box(b"moov")
    assert claims_video(both)
    assert not excludes_picture(both)


@pytest.mark.parametrize(
    "head",
    [
        box(b"ftyp", b"mp42\0\0\0\0" + b"isom" * 500 + b"avif"),
        struct.pack(">I4sQ", 1, b"ftyp", 24) + b"avif\0\0\0\0",
        struct.pack(">I4s", 0, b"ftyp") + b"mp42\0\0\0\0",
        struct.pack(">I4s", 2**31, b"ftyp") + b"mp42\0\0\0\0",
    ],
    ids=["late brand", "long length", "to the end", "longer than the file"],
)
def test_what_may_be_a_picture_is_never_called_none(head: bytes) -> None:
    """Else a picture with odd brands would be shown to nobody who knows it."""
    assert not excludes_picture(head + box(b"meta") + box(b"mdat"))


def test_letters_of_a_gif_or_a_jpeg_that_look_like_packets_exclude_no_picture() -> None:
    gif = bytearray(b"GIF89a" + bytes(600))
    gif[188] = gif[376] = ord("G")
    assert claims_video(bytes(gif))
    assert not excludes_picture(bytes(gif))
