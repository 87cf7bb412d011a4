"""Whether a file says of itself that it is a video: its first bytes, and the boxes of an MP4.

Sources: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (HEIF), RFC 9559 (Matroska), ISO/IEC 13818-1 (MPEG streams).
"""

from __future__ import annotations

from typing import Final

_MAGIC: Final = (
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"FLV\x01"),
    (0, b"OggS"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF, WMV
    (0, b"\0\0\x01\xba"),  # MPEG program stream
    (0, b"\0\0\x01\xb3"),  # MPEG video
)
_PACKETS: Final = ((0, 188), (4, 192))
"""MPEG transport streams: where the first packet's mark stands, and how far apart packets are (192 on discs)."""
_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"styp", b"uuid"})
_MOVING: Final = frozenset({b"moov", b"moof"})
_PICTURE_BRANDS: Final = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_MOST_BOXES: Final = 1000
_MOST_BRANDS: Final = 100_000


def claims_video(content: bytes) -> bool:
    """Whether this may be a file of one of the containers that ``amparo.signal.video`` reads; not whether it can be read.

    A HEIC or AVIF still is in MP4's boxes too, and is none; one with a film beside the still is.
    """
    if _has_magic(content):
        return True
    if any(content[at : at + 2 * apart + 1 : apart] == b"GGG" for at, apart in _PACKETS):
        return True
    kinds = _boxes(content)
    return bool(kinds) and (not _may_be_still(content) or not _MOVING.isdisjoint(kinds))


def excludes_picture(content: bytes) -> bool:
    """Whether this begins as no picture does that a browser shows.

    A transport stream's mark is a G, which a GIF begins with, and the other place is in a JPEG's free choice: neither says
    anything against a picture.
    """
    return _has_magic(content) or (bool(_boxes(content)) and not _may_be_still(content))


def _has_magic(content: bytes) -> bool:
    return any(content.startswith(mark, at) for at, mark in _MAGIC)


def _may_be_still(content: bytes) -> bool:
    """Whether the brands of the first box name a picture, or stand where we do not look."""
    if content[4:8] != b"ftyp":
        return False
    length = int.from_bytes(content[:4])
    if not 8 <= length <= _MOST_BRANDS:
        return True
    return not _PICTURE_BRANDS.isdisjoint(content[at : at + 4] for at in range(8, length, 4))


def _boxes(content: bytes) -> set[bytes]:
    """The kinds of the boxes on the first level; none where the first is none of MP4's."""
    kinds: set[bytes] = set()
    at = 0
    for _ in range(_MOST_BOXES):
        kind = content[at + 4 : at + 8]
        if len(kind) < 4 or (at == 0 and kind not in _BOXES):
            break
        kinds.add(kind)
        length = int.from_bytes(content[at : at + 4])
        if length == 1:
            length = int.from_bytes(content[at + 8 : at + 16])
        if length < 8:  # "to the end of the file", or nonsense
            break
        at += length
    return kinds
