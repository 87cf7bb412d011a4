"""Memory as the machine likes it: begun at its lines, and given back to the operating system."""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np
import numpy.typing as npt

_LINE: Final = 64
"""Bytes: vectors that lie across two lines of the processor's memory are read in two steps."""


def aligned(*shape: int) -> npt.NDArray[np.uint8]:
    """Zeros that begin at a line of memory."""
    size = int(np.prod(shape))
    room = np.zeros(size + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].reshape(shape)


def give_back_memory() -> None:
    """Let the C library return what it keeps for later. Where it is not glibc, which keeps the most, nothing happens.

    Source: malloc_trim(3).
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return
    trim(0)
