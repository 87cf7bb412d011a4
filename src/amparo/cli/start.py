"""A start that does not look for garbage where there is none yet."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def quiet_start() -> Generator[None]:
    """Without garbage collection until the end of the block; what was made in it is never looked at again.

    Half a million objects of imported modules live as long as the process: walking them again and again costs a start
    0.2 s, and each full collection later some 50 ms during which nobody is answered.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
