"""The careful way through Pillow: one plugin, one frame, every colour mode, no error but ours.

``Image.open`` is not used: its guess tries decoders in turn, its size check hangs on a global that belongs
to the application around us, and it warns where we must refuse. The plugin that the first bytes name is
called directly. Warnings are not turned into errors with ``warnings.catch_warnings`` either: its filters
are shared by all threads of the process, so two pictures decoded at once would leave each other's filters
behind. Of PNG and JPEG Pillow sees only what counts for the pixels (``decode_essential``): it refuses whole
pictures over broken remarks that others pass over. What it merely warns of does not concern the first frame's
pixels; where the application runs with warnings as errors, they end here as ``picture_unreadable``.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from amparo.core.errors import InvalidInput
from amparo.signal import decode_essential, orientation
from amparo.signal.decode_header import PictureKind, is_cut_short, size_of, truncated, unreadable, unsupported
from amparo.signal.limits import Deadline, Limits

_Tone: TypeAlias = Callable[[Image.Image], NDArray[np.uint8]]

FAILURES: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    BufferError,
    RuntimeError,
    Warning,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""All that Pillow, pillow-heif and the libraries under them were seen to raise on broken files, or document."""

_PLUGINS: Final[dict[PictureKind, type[ImageFile]]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "avif": AvifImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
}
_TURNED_BY_DECODER: Final = {"tiff", "heic"}
"""Pillow turns a TIFF while loading it, libheif applies `irot` and `imir`; to turn again would undo it or worse."""

_TIFF_COMPRESSIONS: Final = frozenset(
    ("raw", "tiff_raw_16", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg")
)
"""Left out on purpose: LZMA (a few bytes may ask for a dictionary of 4 GB), fax codes (documents, not
photographs; and libtiff writes a line to the process's log for every broken row), and what cameras and
scanners do not use.
"""

_TRUNCATION: Final = re.compile(
    r"truncated|unexpected end|end of file|not enough (image )?data|premature", re.IGNORECASE
)

_TAG_BITS: Final = 258
_TAG_PHOTOMETRIC: Final = 262
_TAG_TILE_WIDTH: Final = 322
_TAG_TILE_LENGTH: Final = 323


class _Watched(io.BytesIO):
    """Bytes whose reader is stopped when the time is up. Decoders that read block by block thereby notice a deadline."""

    def __init__(self, source: bytes, deadline: Deadline) -> None:
        super().__init__(source)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check_picture()
        return super().read(size)


@contextmanager
def failures_named(kind: PictureKind, source: bytes) -> Generator[None]:
    """Whatever a decoder throws inside the block leaves it as InvalidInput ``picture_*``."""
    try:
        yield
    except MemoryError as error:
        raise InvalidInput("picture_too_large", "The picture needs more memory than there is.") from error
    except Image.DecompressionBombError as error:
        raise InvalidInput("picture_too_large", "A frame of the picture has too many pixels.") from error
    except FAILURES as error:
        detail = f"{kind}: {type(error).__name__}: {error}"[:300]
        if is_cut_short(kind, source) or _TRUNCATION.search(str(error)):
            raise truncated(detail) from error
        raise unreadable(detail) from error


def grey(kind: PictureKind, source: bytes, limits: Limits, scale: int = 1) -> tuple[NDArray[np.uint8], int]:
    """The first frame as (h, w) grey, not yet turned, and the orientation (1..8) it is stored with.

    scale: 1, 2, 4 or 8; a JPEG is decoded to that fraction, rounded up; other formats only know 1.
    Raises InvalidInput ``picture_*``, nothing else.
    """
    with failures_named(kind, source):
        picture, turn = _loaded(kind, source, limits, draft_scale=scale)
        return _grey_plane(picture), turn


def rgb(kind: PictureKind, source: bytes, limits: Limits) -> tuple[NDArray[np.uint8], int]:
    """The first frame as (h, w, 3) colours, not yet turned, and its orientation. Raises as ``grey`` does."""
    with failures_named(kind, source):
        picture, turn = _loaded(kind, source, limits)
        return _colour_plane(picture), turn


def _loaded(kind: PictureKind, source: bytes, limits: Limits, draft_scale: int | None = None) -> tuple[ImageFile, int]:
    """A decoded first frame, and its orientation (not a JPEG's: ``jpeg_header`` says it).

    draft_scale: ask libjpeg for a grey plane of that fraction; None: leave it be.
    """
    if size := size_of(kind, source):
        limits.check_size(*size)
    deadline = Deadline(limits.max_seconds)
    turn = orientation.UPRIGHT
    if kind == "png":
        source, turn = decode_essential.of_png(source, deadline)
    elif kind == "jpeg":
        source = decode_essential.of_jpeg(source, deadline)
    picture = _opened(kind, _Watched(source, deadline))
    limits.check_size(*picture.size)
    if isinstance(picture, TiffImageFile):
        _check_tiff(picture, limits)
    if isinstance(picture, JpegImageFile) and draft_scale is not None and picture.mode in ("L", "RGB"):
        width, height = picture.size
        picture.draft("L", (max(1, width // draft_scale), max(1, height // draft_scale)))
    try:
        picture.load()
    except OSError:
        if kind != "png":
            raise
        picture = _opened(kind, _Watched(decode_essential.with_new_checksum(source, deadline), deadline))
        picture.load()
    limits.check_size(*picture.size)
    block = picture.info.get("exif")
    if kind not in _TURNED_BY_DECODER and isinstance(block, bytes):
        turn = orientation.from_exif(block)
    return picture, turn


def _opened(kind: PictureKind, stream: io.BytesIO) -> ImageFile:
    if kind == "heic":
        from pillow_heif import HeifImageFile  # loads libheif: only where a HEIC comes along

        return cast("type[ImageFile]", HeifImageFile)(stream)
    return _PLUGINS[kind](stream)


def _check_tiff(picture: TiffImageFile, limits: Limits) -> None:
    """TIFF can ask for more than its width and height say: tiles of any size, decompressors with any dictionary."""
    compression = picture.info.get("compression", "raw")
    if compression not in _TIFF_COMPRESSIONS:
        raise unsupported(f"The TIFF compression {compression}")
    tile_width, tile_length = picture.tag_v2.get(_TAG_TILE_WIDTH, 1), picture.tag_v2.get(_TAG_TILE_LENGTH, 1)
    if not (isinstance(tile_width, int) and isinstance(tile_length, int)):
        raise unreadable("a TIFF with tiles of no clear size")
    limits.check_size(tile_width, tile_length)


def _grey_plane(picture: ImageFile) -> NDArray[np.uint8]:
    return _by_bands(picture, _grey_tone_of(picture), ())


def _colour_plane(picture: ImageFile) -> NDArray[np.uint8]:
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.repeat(_grey_plane(picture)[:, :, None], 3, axis=2)
    return _by_bands(picture, lambda band: np.asarray(_colours(band)), (3,))


def _by_bands(picture: ImageFile, tone: _Tone, channels: tuple[int, ...]) -> NDArray[np.uint8]:
    """``tone`` of the whole picture, a million pixels at a time: conversions of a large picture in one piece would
    need its memory three or four times over."""
    width, height = picture.size
    plane = np.empty((height, width, *channels), np.uint8)
    for top, bottom in _bands(picture):
        plane[top:bottom] = tone(picture.crop((0, top, width, bottom)))
    return plane


def _bands(picture: ImageFile) -> Iterator[tuple[int, int]]:
    width, height = picture.size
    rows = max(1, 1_000_000 // width)
    for top in range(0, height, rows):
        yield top, min(height, top + rows)


def _grey_tone_of(picture: ImageFile) -> _Tone:
    """How a band of this picture becomes grey."""
    if picture.mode.startswith("I;16"):
        return _from_sixteen_bits(picture)
    if picture.mode in ("I", "F"):
        return _stretched(picture)
    # Pillow's integer luma: (19595 R + 38470 G + 7471 B + 0x8000) >> 16 (ITU-R BT.601), the same as libjpeg's.
    return lambda band: np.asarray(_colours(band).convert("L"))


def _colours(band: Image.Image) -> Image.Image:
    """RGB, with whatever is transparent laid over white, the paper that most
    pages and viewers have."""
    if band.mode == "LAB":
        return _from_lab(band)
    if band.mode == "La":
        return _over_white(band.convert("LA").convert("RGBA"))
    if band.has_transparency_data or band.mode == "RGBa":
        return _over_white(band.convert("RGBA"))
    return band.convert("RGB")


def _over_white(picture: Image.Image) -> Image.Image:
    paper = Image.new("RGB", picture.size, (255, 255, 255))
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _from_sixteen_bits(picture: ImageFile) -> _Tone:
    """Sixteen bits (or what a TIFF says: 12) to eight, to the nearest, as libpng's png_set_scale_16 does."""
    white, inverted = 0xFFFF, False
    transparent = picture.info.get("transparency")  # one sample, in a PNG
    if isinstance(picture, TiffImageFile):
        bits = cast("tuple[int, ...]", picture.tag_v2.get(_TAG_BITS, (16,)))
        white = (1 << bits[0]) - 1
        # "White is zero": Pillow inverts it for 1 and 8 bits only.
        inverted = picture.tag_v2.get(_TAG_PHOTOMETRIC) == 0

    def tone(band: Image.Image) -> NDArray[np.uint8]:
        values = np.minimum(np.asarray(band).astype(np.uint32), white)
        if isinstance(transparent, int):
            values[values == transparent] = white
        return (((white - values if inverted else values) * 255 + white // 2) // white).astype(np.uint8)

    return tone


def _stretched(picture: ImageFile) -> _Tone:
    """Whole numbers of 32 bits and floating point have no agreed white: their own darkest and lightest become 0 and
    255. PDQ compares with a median, so this choice moves the quality at most, hardly a bit.
    """
    width, _ = picture.size
    low, high = math.inf, -math.inf
    for top, bottom in _bands(picture):
        values = np.asarray(picture.crop((0, top, width, bottom)), np.float64)
        finite = values[np.isfinite(values)]
        low, high = min(low, finite.min(initial=math.inf)), max(high, finite.max(initial=-math.inf))
    if low > high:
        low, high = 0.0, 0.0  # not one number in it: all dark
    span = (high - low) or 1.0

    def tone(band: Image.Image) -> NDArray[np.uint8]:
        clean = np.nan_to_num(np.asarray(band, np.float64), nan=low, posinf=high, neginf=low)
        return np.rint((clean / span - low / span) * 255.0).clip(0, 255).astype(np.uint8)

    return tone


def _from_lab(picture: Image.Image) -> Image.Image:
    """CIE L*a*b* (TIFF photometric 8) has no conversion in Pillow itself; Little CMS has one."""
    lab, srgb = (ImageCms.ImageCmsProfile(ImageCms.core.createProfile(name)) for name in ("LAB", "sRGB"))
    turned = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert turned is not None  # None only with inPlace=True, which its annotation cannot tell
    return turned
