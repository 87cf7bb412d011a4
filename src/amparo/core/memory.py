"""Memory that was used for a moment, given back to the operating system."""

from __future__ import annotations

import ctypes


def give_back_memory() -> None:
    """Let the C library return what it keeps for later. Where it is not glibc, which keeps the most, nothing happens.

    Source: malloc_trim(3).
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return
    trim(0)
