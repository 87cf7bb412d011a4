"""What nobody foresaw: logged for the operator without a word of what was sent, told to the caller in the shape of its API."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

from amparo.core.errors import AmparoError
from amparo.core.logs import get_logger

log: Final = get_logger("amparo.gate")
_FRAMES: Final = 6


def fault_of(error: Exception, route: str) -> AmparoError:
    """The error to answer with. The log gets its kind and where it happened; its text could hold what a caller sent."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    log.error("gate_fault", path=route, reason=type(error).__name__, detail=where)
    return AmparoError("gate_fault", "Something went wrong in this gate; its log says where.")
