"""PDQ: a picture's 256-bit perceptual fingerprint, bit for bit the same here and in the browser
(``spec/pdq.md``).

Faithful to Meta's reference within two bits on photographs, with the same quality; a hundred times faster,
because the reference's blur and decimation are one linear operator (``pdq_taps``), applied to the bytes of
the picture directly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.signal import decode, pdq_transform
from amparo.signal.decode import LumaPlane
from amparo.signal.fingerprint import PDQ_BYTES, Pdq
from amparo.signal.limits import DEFAULT, Limits
from amparo.signal.pdq_plane import luma_block
from amparo.signal.pdq_taps import axis_taps, turned_axis_taps

__all__ = ["MINIMUM_SIDE", "Pdq", "Source", "dihedral", "fingerprint", "turned", "with_mirror"]

Source: TypeAlias = "bytes | Path | LumaPlane | NDArray[np.uint8]"
"""A picture: the bytes of a file, the path of one, a decoded grey plane, or pixels: (H, W) grey or (H, W, 3)
RGB, uint8.
"""

MINIMUM_SIDE: Final = 5
"""Pixels. A picture with a shorter side has the all-zero fingerprint of quality 0, as in the reference."""

_NOTHING: Final = Pdq(bytes(PDQ_BYTES), 0)


def fingerprint(source: Source, limits: Limits = DEFAULT) -> Pdq:
    """The PDQ fingerprint of a picture, upright as its EXIF orientation says.

    Raises InvalidInput: ``pixels_invalid`` for an array of another shape or type; what ``decode.read`` raises
    for a path that cannot be read, and ``decode.luma`` for bytes that are no picture, broken, or over the limits.
    """
    plane = _plane(source, limits)
    return _NOTHING if plane is None else _of_block(_block(plane))


def dihedral(source: Source, limits: Limits = DEFAULT) -> tuple[Pdq, ...]:
    """The reference's dihedral fingerprints: eight turns and mirrors of a picture, at the price of one transform.

    Order: original, rot90, rot180, rot270 (counter-clockwise), flipX (upside down), flipY (left and right exchanged),
    flipPlus1 (main diagonal), flipMinus1 (other diagonal). For exchange with other PDQ software. They lie about ten bits,
    at worst fifty, from the fingerprints of the turned pictures, because the reference's filter leans to one side: to
    look a picture up, use ``turned``. Raises as ``fingerprint`` does.
    """
    plane = _plane(source, limits)
    if plane is None:
        return (_NOTHING,) * 8
    block = _block(plane)
    quality = pdq_transform.quality(block)
    transforms = pdq_transform.turns(pdq_transform.cosine_transform(block))
    return tuple(Pdq(pdq_transform.bits(transform), quality) for transform in transforms)


def turned(source: Source, limits: Limits = DEFAULT) -> tuple[Pdq, ...]:
    """The fingerprints of a picture's eight turns and mirrors, those that the turned pictures have themselves.

    Order as in ``dihedral``. One decode and four passes over the plane, a small part of what decoding takes. Raises as
    ``fingerprint`` does.
    """
    plane = _plane(source, limits)
    if plane is None:
        return (_NOTHING,) * 8
    original, mirrored = _block(plane), _block(plane, turn_columns=True)
    upside_down, half_turn = _block(plane, turn_rows=True), _block(plane, turn_rows=True, turn_columns=True)
    blocks = (original, mirrored.T, half_turn, upside_down.T, upside_down, mirrored, original.T, half_turn.T)
    return tuple(_of_block(block) for block in blocks)


def with_mirror(source: Source, limits: Limits = DEFAULT) -> tuple[Pdq, Pdq]:
    """The fingerprints of a picture and of its mirror image (left and right exchanged). Raises as ``fingerprint`` does."""
    plane = _plane(source, limits)
    if plane is None:
        return _NOTHING, _NOTHING
    return _of_block(_block(plane)), _of_block(_block(plane, turn_columns=True))


def _plane(source: Source, limits: Limits) -> LumaPlane | None:
    """The pixels of a picture; None for one that is too small to have a fingerprint."""
    if isinstance(source, Path):
        source = decode.read(source, limits)
    if isinstance(source, bytes):
        source = decode.luma(source, limits)
    if not isinstance(source, LumaPlane):
        pixels = _checked(source)
        source = LumaPlane(pixels, full_width=pixels.shape[1], full_height=pixels.shape[0])
    return None if min(source.full_width, source.full_height) < MINIMUM_SIDE else source


def _block(plane: LumaPlane, *, turn_rows: bool = False, turn_columns: bool = False) -> NDArray[np.float64]:
    rows, columns = (turned_axis_taps if turn else axis_taps for turn in (turn_rows, turn_columns))
    return luma_block(
        plane.pixels,
        rows=rows(plane.full_height, plane.scale, plane.lead_y),
        columns=columns(plane.full_width, plane.scale, plane.lead_x),
    )


def _of_block(block: NDArray[np.float64]) -> Pdq:
    return Pdq(pdq_transform.bits(pdq_transform.cosine_transform(block)), pdq_transform.quality(block))


def _checked(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype != np.uint8:
        raise InvalidInput("pixels_invalid", f"Pixels are bytes (uint8), these are {pixels.dtype}.")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise InvalidInput("pixels_invalid", "Pixels have the shape (height, width) or (height, width, 3).")
    if pixels.size == 0:
        raise InvalidInput("pixels_invalid", "A picture without pixels has no fingerprint.")
    return pixels
