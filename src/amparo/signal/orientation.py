"""EXIF orientation: which of the eight ways a camera was held, and how to turn the pixels back.

Only the EXIF tag counts (CIPA DC-008, tag 0x0112, IFD0), as in browsers: an orientation in XMP is not
followed. HEIC and AVIF say it by `irot` and `imir` boxes, which the specification (ISO 23008-12) puts above
EXIF; their decoders see to it.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

UPRIGHT: Final = 1

_TAG: Final = 0x0112
_FORMATS: Final = {
    1: "B",
    3: "H",
    4: "I",
}  # TIFF BYTE, SHORT (what the standard asks for) and LONG (what some write)
_TURNS: Final = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""In the words of ``PIL.Image.Transpose``."""


def from_exif(block: bytes) -> int:
    """The orientation 1..8 that an EXIF block states, 1 where it states none or nonsense (never an error).

    block: TIFF structure, with or without the ``Exif\\0\\0`` in front.
    """
    tiff = block[6:] if block[:6] == b"Exif\0\0" else block
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(order + "HHI", tiff, entry)
            if tag == _TAG:
                if kind not in _FORMATS or values != 1:
                    return UPRIGHT
                (value,) = struct.unpack_from(order + _FORMATS[kind], tiff, entry + 8)
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:
        pass  # the block ends early: what it does not say does not turn anything
    return UPRIGHT


def swaps_sides(orientation: int) -> bool:
    """Whether width and height change places when a picture is turned upright."""
    return orientation >= 5


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """``pixels`` (h, w) or (h, w, 3), stored with ``orientation``, turned upright; C-contiguous.

    Pillow's transposition walks in blocks that fit the cache: several times faster than a strided numpy copy.
    """
    if orientation not in _TURNS:
        return np.ascontiguousarray(pixels)
    from PIL import Image

    return np.array(Image.fromarray(pixels).transpose(Image.Transpose[_TURNS[orientation]]))


def leading(orientation: int, spare_x: int, spare_y: int) -> tuple[int, int]:
    """Where the spare pixels of a scaled decode end up: how many lie before the left and the top edge.

    A plane scaled by 1/8 has a last column that stands for fewer than eight columns when the width is no
    multiple of eight (``spare_x`` are missing), and so with rows. Turning the plane may bring that column
    to the front.
    """
    before_left = {2: spare_x, 3: spare_x, 6: spare_y, 7: spare_y}
    before_top = {3: spare_y, 4: spare_y, 7: spare_x, 8: spare_x}
    return before_left.get(orientation, 0), before_top.get(orientation, 0)
