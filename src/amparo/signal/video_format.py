"""vPDQ's text format: one frame a line, ``frame,quality,hash,timestamp`` (``spec/video.md``).

Source: ThreatExchange, vpdq/cpp/vpdq/cpp/io/vpdqio.cpp. It keeps frames in the order of the video, with
    three decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import Pdq

MAX_TEXT_FRAMES: Final = 1_000_000
"""Lines that are read at most: eleven days of video at a frame a second."""

_LATEST: Final = 99_999_999
_LINE: Final = re.compile(r"(\d{1,9}),(\d{1,3}),([0-9a-f]{64}),(\d{1,8}(?:\.\d{1,9})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One fingerprinted frame. number: its place in the video, from 0; seconds: when it is shown, from the
    first frame, in whole milliseconds, 0 to 99,999,999 (three years). Raises InvalidInput ``video_frame_invalid``.
    """

    number: int
    fingerprint: Pdq
    seconds: float

    def __post_init__(self) -> None:
        if not (0 <= self.number < 10**9 and 0 <= self.seconds <= _LATEST):
            raise InvalidInput("video_frame_invalid", "A frame's number or time is out of range.")
        object.__setattr__(self, "seconds", round(self.seconds, 3))


def to_text(frames: Iterable[VideoFrame]) -> str:
    """The frames as vPDQ text, each line ended by a line feed."""
    return "".join(
        f"{frame.number},{frame.fingerprint.quality},{frame.fingerprint.hex},{frame.seconds:.3f}\n" for frame in frames
    )


def from_text(text: str) -> tuple[VideoFrame, ...]:
    """Inverse of ``to_text``. Also reads what others write: CR LF, a missing last line feed, empty lines.

    Raises InvalidInput ``video_text_invalid`` with the number of the line that is not one.
    """
    frames: list[VideoFrame] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line:
            continue
        parts = _LINE.fullmatch(line)
        if parts is None or int(parts[2]) > 100 or float(parts[4]) > _LATEST:
            raise InvalidInput("video_text_invalid", f"Line {number} is not frame,quality,hash,timestamp.")
        if len(frames) == MAX_TEXT_FRAMES:
            raise InvalidInput("video_text_invalid", f"There are more than {MAX_TEXT_FRAMES:,} frames.")
        frames.append(VideoFrame(int(parts[1]), Pdq.from_hex(parts[3], int(parts[2])), float(parts[4])))
    return tuple(frames)
