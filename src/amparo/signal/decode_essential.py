"""What of a PNG's or a JPEG's file its pixels depend on, without the rest.

Pillow refuses a whole picture over a remark beside it: a wrong checksum, a comment that would unfold to megabytes, a
profile packed in an unknown way. Browsers and other programs show such a picture, so a copy with one flipped bit in its
comment would pass a gate as unreadable. What does not concern the pixels is therefore left out before Pillow sees it,
unread. Sources: PNG, third edition, 5.3, 11.3 and 13.1, and what libpng does with broken ancillary chunks (it passes over
them); ITU-T T.81, annex B.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from amparo.signal import orientation
from amparo.signal.decode_header import JpegSegment, jpeg_segments
from amparo.signal.limits import Deadline

_GREY, _COLOURS, _PALETTE = 0, 2, 3
_PIXELS: Final = frozenset({b"IHDR", b"IDAT", b"IEND"})
_SIGNATURE: Final = 8
_FRAME: Final = 12  # a chunk's length, name and checksum


def of_png(source: bytes, deadline: Deadline) -> tuple[bytes, int]:
    """The PNG with nothing but its header, palette, transparency and pixels, and the orientation (1..8) it states.

    An animation is reduced to the picture that programs without animations show. Never longer than ``source``. Raises
    InvalidInput ``picture_timeout``.
    """
    depth, colour = source[24:25], source[25:26]
    kept, at, turn = bytearray(source[:_SIGNATURE]), _SIGNATURE, orientation.UPRIGHT
    seen: set[bytes] = set()
    colours = 0
    while at + 8 <= len(source):
        deadline.check_picture()
        name = source[at + 4 : at + 8]
        end = at + _FRAME + int.from_bytes(source[at : at + 4])
        if name in _PIXELS:
            kept += source[at:end]
        elif name == b"PLTE" and colour == bytes([_PALETTE]):
            kept += source[at:end]
            colours = (end - at - _FRAME) // 3
        elif name in (b"tRNS", b"eXIf") and name not in seen:
            body = _sound_body(source, at, end)
            if name == b"eXIf":
                turn = orientation.from_exif(body)
            elif b"IDAT" not in seen and (transparent := _transparency(body, colour, depth, colours)):
                kept += _chunk(name, transparent)
        seen.add(name)
        at = end
        if name == b"IEND":
            break
    return bytes(kept), turn


def with_new_checksum(png: bytes, deadline: Deadline) -> bytes:
    """``of_png``'s result with its pixels' own checksum (Adler-32, RFC 1950) made right, where it alone is wrong.

    libpng does not look at it. Memory: the file's, and a megabyte. Raises InvalidInput ``picture_timeout``.
    """
    pixels, at, first = bytearray(), _SIGNATURE, 0
    while at + 8 <= len(png):
        end = at + _FRAME + int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            first = first or at
            pixels += png[at + 8 : end - 4]
        at = end
    inflater, checksum, packed = zlib.decompressobj(-zlib.MAX_WBITS), 1, bytes(pixels[2:])
    try:
        while packed and not inflater.eof:
            deadline.check_picture()
            checksum = zlib.adler32(inflater.decompress(packed, 1 << 20), checksum)
            packed = inflater.unconsumed_tail
    except zlib.error:
        return png
    if not inflater.eof:
        return png
    body = bytes(pixels[: len(pixels) - len(inflater.unused_data)]) + struct.pack(">I", checksum)
    return png[:first] + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _sound_body(source: bytes, at: int, end: int) -> bytes:
    """The body of an ancillary chunk, or nothing where its checksum is wrong."""
    body, checksum = source[at + 8 : end - 4], source[end - 4 : end]
    return body if zlib.crc32(body, zlib.crc32(source[at + 4 : at + 8])) == int.from_bytes(checksum) else b""


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def _transparency(body: bytes, colour: bytes, depth: bytes, colours: int) -> bytes:
    """A tRNS body in the units of the samples that Pillow makes, or nothing where the chunk does not fit its picture.

    Pillow spreads grey of two and four bits over a byte, and cuts colours of sixteen bits to their upper byte, but leaves
    the transparent sample as it is written.
    """
    if colour == bytes([_PALETTE]):
        return body if 0 < len(body) <= colours else b""
    if len(body) != {bytes([_GREY]): 2, bytes([_COLOURS]): 6}.get(colour, 0):
        return b""
    bits = depth[0]
    samples = [sample & ((1 << bits) - 1) for sample in struct.unpack(f">{len(body) // 2}H", body)]
    if colour == bytes([_GREY]) and bits in (2, 4):
        samples = [sample * 255 // ((1 << bits) - 1) for sample in samples]
    elif colour == bytes([_COLOURS]) and bits == 16:
        samples = [sample >> 8 for sample in samples]
    return struct.pack(f">{len(samples)}H", *samples)


def of_jpeg(source: bytes, deadline: Deadline) -> bytes:
    """The JPEG without stray bytes, comments and applications' segments; of these stay the two that tell colours.

    Its EXIF orientation is in ``jpeg_header``. Never longer than ``source``. Raises InvalidInput ``picture_timeout``, and
    ``picture_unreadable`` as ``jpeg_segments`` does.
    """
    kept = bytearray(source[:2])
    for segment in jpeg_segments(source):
        deadline.check_picture()
        if segment.marker == 0xDA:
            return bytes(kept + source[segment.start :])
        if _tells_pixels(segment, source):
            kept += source[segment.start : segment.end]
    return bytes(kept)


def _tells_pixels(segment: JpegSegment, source: bytes) -> bool:
    """Whether a segment counts for the pixels. JFIF and Adobe's say which colours are stored (as libjpeg reads them)."""
    if segment.marker == 0xE0:
        return segment.end - segment.start >= 4 + 14 and segment.body(source).startswith(b"JFIF\0")
    if segment.marker == 0xEE:
        return segment.end - segment.start >= 4 + 12 and segment.body(source).startswith(b"Adobe")
    return not (0xE0 <= segment.marker <= 0xEF or segment.marker == 0xFE)
