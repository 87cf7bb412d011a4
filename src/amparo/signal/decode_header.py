"""What a picture file says of itself before a pixel of it is decoded: format, size, and a JPEG's own
particulars.

Formats are told by their first bytes, never by a file's name, and only those of the allow-list are opened
at all. Sizes are read here, by ourselves, for the formats whose decoders allocate while they open (GIF,
WebP) and for the two common ones; for TIFF, AVIF and HEIC opening reads the boxes or tags only.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeAlias

from amparo.core.errors import InvalidInput
from amparo.signal import orientation
from amparo.signal.limits import Limits

PictureKind: TypeAlias = Literal["jpeg", "png", "webp", "avif", "heic", "gif", "tiff"]

MAX_SCANS: Final = 200
"""Passes over the picture that a progressive JPEG may ask for. Encoders write about ten; a file can ask for thousands in
a few bytes each, and every one costs a walk over all coefficients (0.26 seconds at 119 million pixels)."""
MAX_SCANS_OF_THE_LARGEST: Final = 20
"""The same for a picture of the most pixels allowed; smaller ones may have more in proportion, up to ``MAX_SCANS``."""

_ALONE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
"""Second bytes of JPEG markers without a body (and of 0xFF as it is written within picture data)."""
_NEXT_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_KNOWN_BUT_CLOSED: Final = (
    (b"BM", "BMP"),
    (b"8BPS", "Photoshop"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\1\0", "icon"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
)


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """A JPEG's frame header and what precedes it. orientation: 1..8; scans: passes over the picture, 1 unless progressive."""

    width: int
    height: int
    orientation: int
    scans: int

    def check(self, limits: Limits) -> None:
        """Raises InvalidInput ``picture_too_large``, or ``picture_unsupported`` for more scans than are decoded."""
        limits.check_size(self.width, self.height)
        affordable = MAX_SCANS_OF_THE_LARGEST * limits.max_pixels // (self.width * self.height)
        if self.scans > min(MAX_SCANS, affordable):
            raise unsupported(f"A progressive JPEG of {self.scans} scans")


def unreadable(detail: str = "") -> InvalidInput:
    """The error for bytes that no decoder of ours understands as a picture."""
    return InvalidInput("picture_unreadable", "The file is not a picture that can be read.", detail=detail)


def truncated(detail: str = "") -> InvalidInput:
    """The error for a picture whose end is missing."""
    return InvalidInput("picture_truncated", "The picture is cut short: its end is missing.", detail=detail)


def unsupported(what: str, detail: str = "") -> InvalidInput:
    """The error for a picture that is, or may be, sound, in a format or variant that is not decoded."""
    return InvalidInput("picture_unsupported", f"{what} is not supported.", detail=detail)


def kind_of(source: bytes) -> PictureKind:
    """The format that the first bytes name.

    Raises InvalidInput ``picture_unreadable``, or ``picture_unsupported`` for formats known but not opened.
    """
    if source[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if source[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if source[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if source[:4] == b"RIFF" and source[8:12] == b"WEBP":
        return "webp"
    if source[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if source[4:8] == b"ftyp":
        return _brand_of(source)
    for signature, name in _KNOWN_BUT_CLOSED:
        if source.startswith(signature):
            raise unsupported(f"The format {name}")
    raise unreadable("no known signature")


def _brand_of(source: bytes) -> PictureKind:
    length = min(int.from_bytes(source[:4]), 512)
    brands = {source[8:12], *(source[at : at + 4] for at in range(16, length - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    if brands & _HEIC_BRANDS:
        return "heic"
    raise unsupported("A video or another file of the MP4 family")


def size_of(kind: PictureKind, source: bytes) -> tuple[int, int] | None:
    """Width and height as stored, from the header alone; None for the formats whose decoder is safe to ask.

    Raises InvalidInput ``picture_truncated`` when the file ends before saying it, ``picture_unreadable``
    where it is garbled.
    """
    try:
        if kind == "png":
            width, height = struct.unpack_from(">II", source, 16)
            return width, height
        if kind == "gif":
            width, height = struct.unpack_from("<HH", source, 6)
            return width, height
        if kind == "webp":
            return _size_of_webp(source)
    except struct.error as error:
        raise truncated("the file ends within its header") from error
    return None


def _size_of_webp(source: bytes) -> tuple[int, int]:
    chunk = source[12:16]
    if chunk == b"VP8X":
        low_x, high_x, low_y, high_y = struct.unpack_from("<HBHB", source, 24)
        return (high_x << 16 | low_x) + 1, (high_y << 16 | low_y) + 1
    if chunk == b"VP8L":
        (packed,) = struct.unpack_from("<I", source, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", source, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise unreadable("a WebP container without a picture")


class JpegSegment(NamedTuple):
    """A marker of a JPEG and what belongs to it. start, end: where in the file; end: behind its body, if it has one."""

    marker: int
    start: int
    end: int

    def body(self, source: bytes) -> bytes:
        """What follows the length."""
        return source[self.start + 4 : self.end]


def jpeg_segments(source: bytes) -> Iterator[JpegSegment]:
    """A JPEG's segments (ITU-T T.81, annex B) up to the end of the image or of the file, picture data left out.

    As libjpeg reads: stray and fill bytes and markers that stand alone are passed over, within picture data too; an
    application's or a comment's impossible length counts as an empty body. Raises InvalidInput ``picture_unreadable``
    for another segment of impossible length.
    """
    at, end = 2, len(source)
    while at + 4 <= end:
        if source[at] != 0xFF:
            at = source.find(b"\xff", at)
            if at < 0:
                return
            continue
        marker = source[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            return
        length = source[at + 2] << 8 | source[at + 3]
        if length < 2:
            if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
                raise unreadable("a JPEG segment of impossible length")
            length = 2
        yield JpegSegment(marker, at, at + 2 + length)
        at += 2 + length
        if marker == 0xDA:
            following = _NEXT_MARKER.search(source, at)
            if following is None:
                return
            at = following.start()


def jpeg_header(source: bytes) -> JpegHeader:
    """What the segments of a JPEG up to its frame header say, and how many scans follow.

    Raises InvalidInput ``picture_truncated`` or ``picture_unreadable``, ``picture_unsupported`` for kinds
    of JPEG that no decoder of ours reads (lossless, hierarchical, 12 bits a sample).
    """
    turn = orientation.UPRIGHT
    segments = jpeg_segments(source)
    for segment in segments:
        if segment.marker == 0xDA:
            raise unreadable("a JPEG without a frame header")
        if segment.marker == 0xE1 and turn == orientation.UPRIGHT:
            body = segment.body(source)
            turn = orientation.from_exif(body) if body.startswith(b"Exif\0\0") else turn
        elif 0xC0 <= segment.marker <= 0xCF and segment.marker not in (0xC4, 0xC8, 0xCC):
            return _frame(source, segment, turn, segments)
    if b"\xff\xd9" in source[-4096:]:
        raise unreadable("a JPEG without a frame header")
    raise truncated("the file ends before its frame header")


def _frame(source: bytes, segment: JpegSegment, turn: int, following: Iterator[JpegSegment]) -> JpegHeader:
    try:
        bits, height, width = struct.unpack_from(">BHH", source, segment.start + 4)
    except struct.error as error:
        raise truncated("the file ends within its frame header") from error
    if segment.marker not in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA) or bits != 8:
        raise unsupported("This kind of JPEG (lossless, hierarchical or with more than 8 bits)")
    if width == 0 or height == 0:
        raise unreadable("a JPEG without width or height")
    scans = 1
    if segment.marker in (0xC2, 0xCA):
        started = (one for one in following if one.marker == 0xDA)
        scans = sum(1 for _ in islice(started, MAX_SCANS + 1))
    return JpegHeader(width, height, turn, scans)


def is_cut_short(kind: PictureKind, source: bytes) -> bool:
    """Whether the container itself says that bytes are missing at its end. Looked at only after decoding failed."""
    if kind == "jpeg":
        return b"\xff\xd9" not in source[-4096:]
    if kind == "png":
        return b"IEND" not in source[-4096:]
    if kind == "gif":
        return not source.rstrip(b"\0").endswith(b"\x3b")
    if kind == "webp":
        return int.from_bytes(source[4:8], "little") + 8 > len(source)
    if kind in ("avif", "heic"):
        return _boxes_overrun(source)
    return _directory_overruns(source)


def _boxes_overrun(source: bytes) -> bool:
    at = 0
    while at + 8 <= len(source):
        length = int.from_bytes(source[at : at + 4])
        if length == 1:
            length = int.from_bytes(source[at + 8 : at + 16])
        if length == 0:
            return False  # "to the end of the file"
        at += max(length, 8)
    return at != len(source)


def _directory_overruns(source: bytes) -> bool:
    """Whether a TIFF's first directory lies, wholly or in part, behind the file's end."""
    order = "<" if source[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "I", source, 4)
        (entries,) = struct.unpack_from(order + "H", source, start)
    except struct.error:
        return True
    return start + 2 + 12 * entries > len(source)
