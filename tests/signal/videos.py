"""Synthetic videos for the tests of this room, written with PyAV: patterns that drift, and cuts between
them.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.pictures import photo_like

RATE = 10


def scenes(seeds: tuple[int, ...], frames_each: int, width: int = 192, height: int = 144) -> list[NDArray[np.uint8]]:
    """RGB frames: one picture a seed, drifting a pixel every half second, ``frames_each`` frames long."""
    return [
        np.ascontiguousarray(np.roll(photo_like(height, width, seed), step // 5, axis=1))
        for seed in seeds
        for step in range(frames_each)
    ]


def _writer(path: Path, options: dict[str, str]) -> Any:
    """An output container, untyped: PyAV's annotations of writing are incomplete."""
    return av.open(path, "w", container_options=options)


def write_video(
    path: Path,
    frames: list[NDArray[np.uint8]],
    codec: str = "mpeg4",
    stamps: list[int] | None = None,
    options: dict[str, str] | None = None,
    crf: int | None = None,
) -> Path:
    """Encode ``frames`` at ten a second, or with ``stamps`` in tenths of a second, into ``path``."""
    height, width = frames[0].shape[:2] if frames else (144, 192)
    with _writer(path, options or {}) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 4_000_000
        if crf is not None:
            stream.options = {"crf": str(crf)}
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts = stamps[number] if stamps else number
            frame.time_base = Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.start_encoding()  # writes the header even where no frame follows
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Half a second of silence and nothing to look at."""
    with _writer(path, {}) as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
