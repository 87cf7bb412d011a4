"""How much of a stranger's file we are willing to read, hold and wait for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from amparo.core.clock import monotonic
from amparo.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one picture. Raises InvalidInput ``limits_invalid`` where a bound is not above zero.

    max_bytes: length of the file. 50 MB lets a 108-megapixel phone JPEG (25-35 MB) and a 16-bit scan through.
    max_pixels: width x height, read from the header before a pixel is decoded. 120 million is just above the largest
        common phone sensor (12,032 x 9,024). Measured peak at 119 million: a JPEG 0.3 GB at most, GIF 0.3, PNG and
        TIFF 0.7, WebP 1.5 (its decoder keeps two canvases). Where many are decoded at once in little memory, set it
        lower.
    max_side: the longer side in pixels. 65,535 is what JPEG itself can say; it also bounds the tap tables,
        which grow with a side and not with the area, against a picture of 120,000,000 x 1.
    max_seconds: soft deadline for one picture. It is looked at between the blocks that a decoder reads, so
        PNG, GIF, uncompressed TIFF and the slow path of JPEG stop near it. JPEG's fast paths,
        libwebp, libheif, libavif and libtiff take the whole file at once and cannot be interrupted: there
        the pixel bound, and the bound on progressive scans, are what limit the time. Whoever needs a hard
        limit decodes in a process of its own (``amparo.signal.batch`` does, and ends it).
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 120_000_000
    max_side: int = 65_535
    max_seconds: float = 20.0

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_side", "max_seconds"):
            if not getattr(self, name) > 0:  # "not above" instead of "below": also refuses NaN
                raise InvalidInput("limits_invalid", f"The limit {name} must be above zero.")

    def check_bytes(self, length: int) -> None:
        """Raises InvalidInput ``picture_too_many_bytes`` when a file of ``length`` bytes is over the bound."""
        if length > self.max_bytes:
            raise InvalidInput(
                "picture_too_many_bytes",
                f"The file has {length:,} bytes; at most {self.max_bytes:,} are read.",
            )

    def check_size(self, width: int, height: int) -> None:
        """Raises InvalidInput ``picture_too_large`` when a picture of this size is over a bound."""
        if max(width, height) > self.max_side:
            raise InvalidInput(
                "picture_too_large",
                f"The picture is {width:,} x {height:,} pixels; a side may have at most {self.max_side:,}.",
            )
        if width * height > self.max_pixels:
            raise InvalidInput(
                "picture_too_large",
                f"The picture is {width:,} x {height:,} pixels; at most {self.max_pixels:,} are decoded.",
            )


DEFAULT: Final = Limits()


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Bounds on one video. Raises InvalidInput ``limits_invalid`` where a bound is not above zero.

    max_bytes: length of the file; 4 GB is what the larger sites take.
    max_duration: seconds of play, by the declared length and by the frames themselves.
    max_frames: kept fingerprints; 20,000 are about 3 MB.
    max_decoded: frames decoded, which ends a file whose clock hardly moves.
    max_pixels: of one frame; 8K is 33 million.
    max_seconds: of our time, looked at between two packets of the file.
    """

    max_bytes: int = 4_000_000_000
    max_duration: float = 4 * 3600.0
    max_frames: int = 20_000
    max_decoded: int = 2_000_000
    max_pixels: int = 36_000_000
    max_seconds: float = 1800.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise InvalidInput("limits_invalid", f"The limit {name} must be above zero.")


class Deadline:
    """The moment by which one piece of work should be over. Asks the monotonic clock of the operating system."""

    __slots__ = ("_end", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = math.inf if math.isinf(seconds) else monotonic() + seconds

    def passed(self) -> bool:
        """Whether the moment is behind us."""
        return monotonic() > self._end

    def check_picture(self) -> None:
        """Raises InvalidInput ``picture_timeout`` when the moment is behind us."""
        if self.passed():
            raise InvalidInput(
                "picture_timeout",
                f"Decoding the picture took longer than the {self._seconds:g} seconds allowed.",
            )
