"""Bytes of a picture → upright pixels: grey for fingerprints, colours for traces and plots.

JPEG, PNG, WebP, AVIF, HEIC, GIF and TIFF; of several frames the first. JPEG takes the
fast way: libjpeg-turbo hands out the Y plane without ever making colours, at 1/2, 1/4 or 1/8 of the size
where the picture is large; at 1/8, and of a whole and ordinary file, ``jpeg_skip`` gives the same plane in half
the time. Everything else goes through ``decode_pillow``. All ways give the same grey: JPEG's Y is BT.601 luma,
and RGB is brought to grey by the same integer formula.

Decisions that move bits, so that nobody changes them by accident:

- Transparency is laid over white. Where the colours under a transparent pixel are kept, the picture would
  otherwise depend on the program that saved it.
- CMYK JPEGs are taken as inverted, Adobe marker or not, as browsers and Pillow do; CMYK becomes RGB by the
  plain formula.
- ICC profiles are ignored. Over 102 photos, a picture stored in Display P3 (phones), Adobe RGB or ProPhoto
  RGB and fingerprinted without its profile is on average 1.4, 3.4 or 7.3 of 256 bits (at most 16, 14, 18)
  from the same picture in sRGB: inside the radius of 31. Applying the profile would need the colours, and
  so cost the fast way; and a stranger's profile is one more parser to feed. Sites strip or keep profiles as
  they like, so a copy would be compared across that difference in any case.
- Sixteen bits go to eight by rounding.

Pillow is loaded with the first picture that needs it: a gate that starts answers lookups before it needs pictures.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput, NotFound
from amparo.signal import jpeg_skip, orientation
from amparo.signal.decode_header import JpegHeader, jpeg_header, kind_of, truncated
from amparo.signal.limits import DEFAULT, Limits

FULL_DECODE_UP_TO: Final = 2_000
"""Longer side in pixels up to which a JPEG is decoded in full. Scaling smaller ones saves nothing and moves bits."""

SCALED_SHORTER_SIDE: Final = 360
"""A scaled plane keeps at least this many pixels on its shorter side: over five for each of PDQ's 64.

Measured on enlarged photos with added detail against the full decode: 2 bits at most (mean 0.2 to 0.8) with
367 and more pixels, up to 4 with 251 and 6 with 184.
"""

_ENDS_EARLY: Final = re.compile(r"premature end|marker 0xd9 instead", re.IGNORECASE)
_PILLOW_MODES: Final = {"GRAY": "L", "RGB": "RGB"}


@dataclass(frozen=True, slots=True)
class LumaPlane:
    """An upright grey picture, perhaps scaled down while it was decoded.

    pixels: (h, w) uint8, C-contiguous, BT.601 luma.
    full_width, full_height: size of the upright picture before scaling.
    scale: 1, 2, 4 or 8. Pixel (y, x) of the plane is the mean of the full picture's rows
        ``scale * y - lead_y`` to ``scale * (y + 1) - lead_y - 1`` and likewise of its columns, as far as
        they exist.
    lead_x, lead_y: 0..scale-1; above zero only where a scaled plane was turned.
    """

    pixels: NDArray[np.uint8]
    full_width: int
    full_height: int
    scale: int = 1
    lead_x: int = 0
    lead_y: int = 0


@dataclass(frozen=True, slots=True)
class RgbPicture:
    """An upright picture in colour. pixels: (h, w, 3) uint8, C-contiguous, red first."""

    pixels: NDArray[np.uint8]


def luma(source: bytes, limits: Limits = DEFAULT) -> LumaPlane:
    """Decode to grey.

    Raises InvalidInput: ``picture_empty`` (no bytes), ``picture_too_many_bytes``, ``picture_too_large``
    (pixels, from the header), ``picture_unreadable`` (not a picture, or garbled), ``picture_truncated``,
    ``picture_unsupported`` (a format or variant left out on purpose), ``picture_timeout``.
    """
    _check_bytes(source, limits)
    kind = kind_of(source)
    if kind == "jpeg":
        return _luma_of_jpeg(source, limits)
    from amparo.signal import decode_pillow

    pixels, turn = decode_pillow.grey(kind, source, limits)
    return _plane(pixels, turn)


def prepare() -> None:
    """Load what decoding pictures needs, and compile it at an installation's first use (some seconds), before anybody waits.

    PDQ's own kernels load with the first fingerprint of any picture; those of large JPEGs would with the first one of thousands
    of pixels, and Pillow with the first picture of another format.
    """
    import_module("amparo.signal.decode_pillow")
    smallest = simplejpeg.encode_jpeg(np.zeros((8, 8, 1), np.uint8), colorspace="GRAY", colorsubsampling="Gray")
    jpeg_skip.eighth(smallest, jpeg_header(smallest))


def rgb(source: bytes, limits: Limits = DEFAULT) -> RgbPicture:
    """Decode to colours, in full size. Raises as ``luma`` does."""
    from amparo.signal import decode_pillow

    _check_bytes(source, limits)
    kind = kind_of(source)
    if kind == "jpeg":
        header = jpeg_header(source)
        header.check(limits)
        fast = _turbo(source, header, "RGB", scale=1)
        pixels = fast if fast is not None else decode_pillow.rgb(kind, source, limits)[0]
        return RgbPicture(orientation.turned(pixels, header.orientation))
    pixels, turn = decode_pillow.rgb(kind, source, limits)
    return RgbPicture(orientation.turned(pixels, turn))


def read(path: Path, limits: Limits = DEFAULT) -> bytes:
    """The bytes of a picture file, never more than the limit allows.

    Raises NotFound ``file_missing``; InvalidInput ``file_unreadable`` for a folder, a pipe, a device or a
    file that may not be read, ``picture_too_many_bytes``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for its other end for ever
            raise InvalidInput("file_unreadable", "This is not a regular file.", detail=str(path))
        limits.check_bytes(status.st_size)
        with path.open("rb") as stream:
            source = stream.read(limits.max_bytes + 1)  # the file may have grown since
    except FileNotFoundError as error:
        raise NotFound("file_missing", "There is no such file.", detail=str(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        raise InvalidInput("file_unreadable", "The file cannot be read.", detail=str(error)) from error
    limits.check_bytes(len(source))
    return source


def _check_bytes(source: bytes, limits: Limits) -> None:
    if not source:
        raise InvalidInput("picture_empty", "The file is empty.")
    limits.check_bytes(len(source))


def _luma_of_jpeg(source: bytes, limits: Limits) -> LumaPlane:
    header = jpeg_header(source)
    header.check(limits)
    scale = _scale_for(header.width, header.height)
    pixels = jpeg_skip.eighth(source, header) if scale == 8 else None
    if pixels is None:
        pixels = _turbo(source, header, "GRAY", scale)
    if pixels is None:
        # Slower, and more patient: it skips stray bytes between segments, which the fast way takes for
        # damage.
        from amparo.signal import decode_pillow

        pixels, _ = decode_pillow.grey("jpeg", source, limits, scale)
        if pixels.shape == (header.height, header.width):
            scale = 1  # Pillow scales no CMYK
    return _plane(pixels, header.orientation, header, scale)


def _scale_for(width: int, height: int) -> int:
    if max(width, height) <= FULL_DECODE_UP_TO:
        return 1
    for scale in (8, 4, 2):
        if -(-min(width, height) // scale) >= SCALED_SHORTER_SIDE:
            return scale
    return 1


def _turbo(source: bytes, header: JpegHeader, wanted: Literal["GRAY", "RGB"], scale: int) -> NDArray[np.uint8] | None:
    """Pixels by libjpeg-turbo, or None when it finds fault with this JPEG and Pillow should have a look.

    Raises InvalidInput ``picture_truncated`` where the data end before the picture does, as they do when
    the header claims more lines than there are: Pillow would fill the rest with grey.
    """
    height, width = -(-header.height // scale), -(-header.width // scale)
    try:
        inks = simplejpeg.decode_jpeg_header(source)[2] in ("CMYK", "YCCK")
        space = "CMYK" if inks else wanted
        pixels = simplejpeg.decode_jpeg(source, space, min_height=height, min_width=width)
    except ValueError as error:
        if _ENDS_EARLY.search(str(error)):
            raise truncated(str(error)) from error
        return None
    except MemoryError as error:
        raise InvalidInput("picture_too_large", "The picture needs more memory than there is.") from error
    if pixels.shape[:2] != (height, width):
        return None  # a second frame header contradicts the first
    if inks:
        from PIL import Image

        return np.array(Image.fromarray(~pixels, "CMYK").convert("RGB").convert(_PILLOW_MODES[wanted]))
    return pixels[..., 0] if wanted == "GRAY" else pixels


def _plane(pixels: NDArray[np.uint8], turn: int, header: JpegHeader | None = None, scale: int = 1) -> LumaPlane:
    height, width = (header.height, header.width) if header else pixels.shape
    lead_x, lead_y = orientation.leading(turn, -width % scale, -height % scale)
    if orientation.swaps_sides(turn):
        width, height = height, width
    return LumaPlane(orientation.turned(pixels, turn), width, height, scale, lead_x, lead_y)
