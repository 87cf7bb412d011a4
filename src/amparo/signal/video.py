"""Video → PDQ fingerprints of its frames (vPDQ) and the MD5 of the file.

One frame a second (or another interval), by the time it is shown and not by counting, so that variable
frame rates come out right; and the first frame of a new scene, so that what is seen for less than a second
is not lost. Frames are decoded one after the other and forgotten: memory does not grow with the video, but
for 50 bytes a kept frame.

The file is opened by ourselves and handed to FFmpeg as bytes: no path, address or playlist inside it is
ever followed. Only containers and codecs of the allow-lists are read. Decoding runs on one thread; many
files go to many processes.
"""

from __future__ import annotations

import hashlib
import math
import stat
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput, NotFound
from amparo.signal import pdq
from amparo.signal.fingerprint import Pdq
from amparo.signal.limits import Deadline, VideoLimits
from amparo.signal.video_format import VideoFrame

_CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf"
_CODECS: Final = {
    *("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg1video", "mpeg2video", "h263", "theora"),
    *("msmpeg4v2", "msmpeg4v3", "flv1", "wmv1", "wmv2", "wmv3", "vc1", "mjpeg", "prores"),
}
_FAILURES: Final = (FFmpegError, OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError)
"""All that PyAV raises, or was seen to raise, on broken files."""
_POINTS: Final = 64
"""Points a side at which every frame is looked at; their means over 8 x 8 fields tell scenes apart."""
_CUT: Final = 25.0
"""Mean difference of those fields between two neighbouring frames, in grey levels (of 255), that makes a
cut. Measured on 250 pairs of photos: unrelated ones differ by 25 in 99 of 100 cases; a photo and itself
moved by 5 % of its width, which is fast for one frame, by less than 22 in 99 of 100.
"""
_CUT_SPACING: Final = 0.25
"""Of the interval: the least time between a kept frame and a cut that is kept as well, against strobing videos."""
_SHORT_OF: Final = 0.9
"""A video that ends before this share of its declared length, and more than a second short, was cut off."""


VIDEO_DEFAULT: Final = VideoLimits()


@dataclass(frozen=True, slots=True)
class VideoFingerprint:
    """What is kept of a video.

    md5: of the file, 32 lowercase hexadecimal digits.
    seconds: its length as played.
    damaged: packets that could not be decoded and were passed over, as players do.
    mirrored: of each frame, the fingerprint of its mirror image (left and right exchanged); no part of vPDQ.
    """

    md5: str
    frames: tuple[VideoFrame, ...]
    seconds: float
    damaged: int
    mirrored: tuple[Pdq, ...] = ()


def fingerprint(path: Path, limits: VideoLimits = VIDEO_DEFAULT, interval: float = 1.0) -> VideoFingerprint:
    """Fingerprint a video file, a frame every ``interval`` seconds and at each cut.

    Frames of any quality are kept; the matching rule passes over the poor ones. Raises NotFound
    ``file_missing``; InvalidInput ``interval_invalid``, ``file_unreadable``, ``video_empty``,
    ``video_too_many_bytes``, ``video_unreadable`` (not a video, in none of the containers that are read, or
    damaged all through), ``video_unsupported`` (codec), ``video_without_pictures`` (sound only, or no
    frame), ``video_truncated``, ``video_too_large`` (pixels of a frame), ``video_too_long`` (seconds or
    frames), ``video_timeout``.
    """
    if not 0.01 <= interval <= 3600:
        raise InvalidInput("interval_invalid", "The interval lies between 0.01 and 3,600 seconds.")
    deadline = Deadline(limits.max_seconds)
    try:
        with _opened(path, limits) as stream:
            digest = _md5(stream, limits, deadline)
            return _read(stream, digest, limits, interval, deadline)
    except FileNotFoundError as error:
        raise NotFound("file_missing", "There is no such file.", detail=str(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        raise InvalidInput("file_unreadable", "The file cannot be read.", detail=str(error)) from error


def fingerprint_bytes(content: bytes, limits: VideoLimits = VIDEO_DEFAULT, interval: float = 1.0) -> VideoFingerprint:
    """As ``fingerprint``, of a file that is in memory and shall not come onto a disk."""
    return fingerprint_stream(BytesIO(content), limits, interval)


def fingerprint_stream(
    stream: BinaryIO, limits: VideoLimits = VIDEO_DEFAULT, interval: float = 1.0
) -> VideoFingerprint:
    """As ``fingerprint``, of what a seekable stream holds from its beginning to its end."""
    if not 0.01 <= interval <= 3600:
        raise InvalidInput("interval_invalid", "The interval lies between 0.01 and 3,600 seconds.")
    _check_length(stream.seek(0, 2), limits)
    stream.seek(0)
    deadline = Deadline(limits.max_seconds)
    return _read(stream, _md5(stream, limits, deadline), limits, interval, deadline)


def _read(stream: BinaryIO, digest: str, limits: VideoLimits, interval: float, deadline: Deadline) -> VideoFingerprint:
    try:
        with closing(_container(stream)) as container:
            return _fingerprinted(container, digest, limits, interval, deadline)
    except MemoryError as error:
        raise InvalidInput("video_too_large", "The video needs more memory than there is.") from error
    except _FAILURES as error:
        detail = f"{type(error).__name__}: {error}"[:300]
        raise (truncated(detail) if _is_cut_short(stream) else unreadable(detail)) from error


def unreadable(detail: str = "") -> InvalidInput:
    """The error for what no decoder of ours understands as a video."""
    return InvalidInput("video_unreadable", "The file is not a video that can be read.", detail=detail)


def truncated(detail: str = "") -> InvalidInput:
    """The error for a video whose end is missing."""
    return InvalidInput("video_truncated", "The video is cut short: its end is missing.", detail=detail)


def _is_cut_short(stream: BinaryIO) -> bool:
    """Whether the boxes of an MP4 or the chunks of an AVI say that the file should be longer."""
    length = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(12)
    if head[:4] == b"RIFF":
        return int.from_bytes(head[4:8], "little") + 8 > length
    at = 0
    while head[4:8] == b"ftyp" and at < length:
        stream.seek(at)
        box = stream.read(16)
        size = int.from_bytes(box[:4])
        if size == 1:
            size = int.from_bytes(box[8:16])
        if size == 0:
            return False  # "to the end of the file"
        at += max(size, 8)
    return at > length


def _opened(path: Path, limits: VideoLimits) -> BinaryIO:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput("file_unreadable", "This is not a regular file.", detail=str(path))
    _check_length(status.st_size, limits)
    return path.open("rb")


def _check_length(length: int, limits: VideoLimits) -> None:
    if length == 0:
        raise InvalidInput("video_empty", "The file is empty.")
    if length > limits.max_bytes:
        raise InvalidInput(
            "video_too_many_bytes", f"The file has {length:,} bytes; at most {limits.max_bytes:,} are read."
        )


def _md5(stream: BinaryIO, limits: VideoLimits, deadline: Deadline) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # what NCMEC and the platforms exchange for videos
    left = limits.max_bytes
    while left > 0 and (block := stream.read(min(left, 1 << 20))):
        digest.update(block)
        left -= len(block)
        _check_time(deadline, limits)
    stream.seek(0)
    return digest.hexdigest()


def _check_time(deadline: Deadline, limits: VideoLimits) -> None:
    if deadline.passed():
        raise InvalidInput("video_timeout", f"The video took longer than the {limits.max_seconds:g} seconds allowed.")


def _container(stream: BinaryIO) -> InputContainer:
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    return av.open(stream, "r", container_options=options, metadata_errors="replace")


def _fingerprinted(
    container: InputContainer, digest: str, limits: VideoLimits, interval: float, deadline: Deadline
) -> VideoFingerprint:
    stream = _picture_stream(container, limits)
    length = _declared_seconds(container, stream)
    if length is not None and length > limits.max_duration:
        raise _too_long(limits)
    sampler = _Sampler(interval, limits, float(stream.average_rate or 25))
    damaged = 0
    packets = container.demux(stream)
    while True:
        _check_time(deadline, limits)
        try:
            packet = next(packets, None)
        except FFmpegError:
            damaged += 1  # the container breaks off here: what it held until now decides below
            break
        if packet is None:
            break
        try:
            for frame in packet.decode():
                sampler.take(frame)
        except FFmpegError:
            damaged += 1
    if not sampler.decoded:
        if damaged:
            raise unreadable("no frame could be decoded")
        raise InvalidInput("video_without_pictures", "The video has no frames.")
    if damaged > sampler.decoded:
        raise unreadable("more damaged packets than frames")
    if length is not None and sampler.end < min(_SHORT_OF * length, length - 1.0):
        raise truncated(f"{sampler.end:.1f} of {length:.1f} seconds")
    return VideoFingerprint(digest, tuple(sampler.frames), round(sampler.end, 3), damaged, tuple(sampler.mirrored))


def _picture_stream(container: InputContainer, limits: VideoLimits) -> VideoStream:
    # A sound file's cover is a "video" stream of one picture too.
    streams = [one for one in container.streams.video if not one.disposition & one.disposition.attached_pic]
    if not container.streams:
        raise LookupError("no streams")  # becomes truncated or unreadable, as the file's end will have it
    if not streams:
        raise InvalidInput("video_without_pictures", "The file has no moving pictures.")
    stream = streams[0]
    context = cast("VideoCodecContext | None", stream.codec_context)  # None for a codec not in the list
    if context is None:
        raise unreadable("no decoder for its pictures")
    if context.codec.canonical_name not in _CODECS:
        raise InvalidInput("video_unsupported", f"The video codec {context.codec.canonical_name} is not supported.")
    if context.width * context.height > limits.max_pixels:
        raise _too_large(context.width, context.height, limits)
    context.thread_count = 1
    context.options = {"max_pixels": str(limits.max_pixels)}  # for files that change their size on the way
    return stream


def _declared_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """The pictures' length by the header; the container's only where no longer sound can be meant by it.

    Transport and program streams declare none: FFmpeg takes it from their last packets, and one that was cut off is a
    shorter video.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # the duration is cut to what is there
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _too_long(limits: VideoLimits) -> InvalidInput:
    return InvalidInput(
        "video_too_long",
        f"The video is longer than the {limits.max_duration:g} seconds, {limits.max_frames:,} "
        f"fingerprints or {limits.max_decoded:,} frames allowed.",
    )


def _too_large(width: int, height: int, limits: VideoLimits) -> InvalidInput:
    return InvalidInput(
        "video_too_large",
        f"A frame of the video is {width:,} x {height:,} pixels; at most {limits.max_pixels:,} are decoded.",
    )


class _Sampler:
    """Chooses frames by time and by cuts, and fingerprints the chosen."""

    def __init__(self, interval: float, limits: VideoLimits, rate: float) -> None:
        self.frames: list[VideoFrame] = []
        self.mirrored: list[Pdq] = []
        self.decoded = 0
        self.end = 0.0
        self._interval = interval
        self._limits = limits
        self._step = 1.0 / rate
        self._start: float | None = None
        self._now = -math.inf
        self._due = 0.0
        self._kept = -math.inf
        self._cut = False
        self._before: NDArray[np.float64] | None = None
        # Reused, because each keeps the scaler that it set up; the frame's own method sets up a new one
        # every time.
        self._small = VideoReformatter()
        self._full = VideoReformatter()

    def take(self, frame: av.VideoFrame) -> None:
        if self.decoded >= self._limits.max_decoded:
            raise _too_long(self._limits)
        self._advance(frame)
        self._look_for_cut(frame)
        due = self._now >= self._due
        cut = self._cut and self._now - self._kept >= _CUT_SPACING * self._interval
        if due or cut:
            self._keep(frame)
        if due:
            self._due = (math.floor(self._now / self._interval) + 1) * self._interval
        self.decoded += 1

    def _advance(self, frame: av.VideoFrame) -> None:
        """Move the clock to this frame. A stamp that is missing or does not go forward counts as the usual step."""
        stamp = cast("float | None", frame.time)  # None where the file gives no time
        if self._start is None:
            self._start = stamp or 0.0
        moment = None if stamp is None else stamp - self._start
        if moment is None or moment <= self._now:
            moment = max(0.0, self._now + self._step)
        self._now = moment
        self.end = moment + self._length_of(frame)
        if self.end > self._limits.max_duration:
            raise _too_long(self._limits)

    def _length_of(self, frame: av.VideoFrame) -> float:
        if frame.duration and frame.time_base:
            return float(frame.duration * frame.time_base)
        return self._step

    def _look_for_cut(self, frame: av.VideoFrame) -> None:
        small = self._small.reformat(frame, _POINTS, _POINTS, "gray", interpolation="POINT").to_ndarray()
        seen = small.reshape(8, 8, 8, 8).mean(axis=(1, 3))
        if self._before is not None and float(np.abs(seen - self._before).mean()) > _CUT:
            self._cut = True
        self._before = seen

    def _keep(self, frame: av.VideoFrame) -> None:
        if len(self.frames) >= self._limits.max_frames:
            raise _too_long(self._limits)
        if frame.width * frame.height > self._limits.max_pixels:
            raise _too_large(frame.width, frame.height, self._limits)
        plane = cast("NDArray[np.uint8]", self._full.reformat(frame, format="gray").to_ndarray())
        grey = _upright(plane, frame.rotation)
        fingerprint, mirrored = pdq.with_mirror(grey)
        self.frames.append(VideoFrame(self.decoded, fingerprint, self._now))
        self.mirrored.append(mirrored)
        self._kept, self._cut = self._now, False


def _upright(pixels: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """Turned counter-clockwise by a display matrix of whole quarter turns, as players and re-encoders do."""
    return np.ascontiguousarray(np.rot90(pixels, round(degrees / 90)))
