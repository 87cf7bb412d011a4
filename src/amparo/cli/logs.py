"""Where a command's log goes: standard error, as long as there is one."""

from __future__ import annotations

import contextlib
import logging
import sys

from amparo.core.logs import ROOT


class _StandardError(logging.Handler):
    """Whatever standard error is when a line is written; a closed one takes none, and ends nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(record.getMessage(), file=sys.stderr, flush=True)


def configure() -> None:
    """One JSON object a line on standard error; what may be in one says ``amparo.core.logs``."""
    logger = logging.getLogger(ROOT)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        logger.addHandler(_StandardError())
