"""Log lines of ours: an allow-list says what may be in one, nobody hears them unless somebody listens, and none stops us.

Lines go to the standard library's logger ``amparo`` and those below it, one JSON object each. A platform that embeds a gate
hears them where it gives that logger a handler; the command line does so for standard error.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

ROOT: Final = "amparo"
ALLOWED: Final = frozenset(
    {"event", "level", "timestamp", "code", "reason", "detail", "retry_in", "count", "fail_open", "path", "address"}
)

# Without a handler, the standard library would write warnings to the standard error of whoever embeds us.
logging.getLogger(ROOT).addHandler(logging.NullHandler())


def only_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop every field that is not on the list: no fingerprint, code, address of a person or word of theirs gets out."""
    return {name: value for name, value in event.items() if name in ALLOWED}


class _Lines:
    """Takes finished lines to the standard library."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, line: str) -> None:
        self._write(logging.INFO, line)

    def warning(self, line: str) -> None:
        self._write(logging.WARNING, line)

    def error(self, line: str) -> None:
        self._write(logging.ERROR, line)

    def _write(self, level: int, line: str) -> None:
        try:
            # As an argument: a line of ours may hold a per cent sign.
            self._logger.log(level, "%s", line)
        except Exception:  # noqa: BLE001  # a platform's handler may raise anything, and no line is worth a feed that ends
            return


class Logger:
    """Its calls never raise, whatever listens."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, event: str, **fields: object) -> None:
        self._lines.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        self._lines.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        self._lines.error(event, **fields)

    @cached_property
    def _lines(self) -> FilteringBoundLogger:
        # At the first line: structlog brings all of rich along, which would take a start longer than its snapshot does.
        import structlog

        wrapped = structlog.wrap_logger(
            _Lines(self._name),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                only_allowed,
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )
        return cast("FilteringBoundLogger", wrapped)


def get_logger(name: str) -> Logger:
    """The logger of this name, below ``amparo``.

    Processors are its own: a platform that configures structlog for itself does not lift the allow-list.
    """
    return Logger(name)
