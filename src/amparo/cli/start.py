"""A start without what nobody needs yet."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast

_COMMAND_OF_HTTPX: Final = "httpx._main"


@contextmanager
def quiet_start() -> Generator[None]:
    """Without garbage collection until the end of the block; what was made in it is never looked at again.

    Half a million objects of imported modules live as long as the process: walking them again and again costs a start
    0.2 s, and each full collection later some 50 ms during which nobody is answered.

    And, for as long as the process lives, without httpx's own command line, which it loads with itself, and all of rich for
    it, in 60 ms; where that is not to be had, httpx does without.
    """
    gc.disable()
    cast("dict[str, Any]", sys.modules).setdefault(_COMMAND_OF_HTTPX, None)
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
