"""Log lines: who hears them, what is in them, and that none stops us."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
import structlog

import amparo
from amparo.core.logs import ROOT, get_logger

NAME = f"{ROOT}.tests"


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise ZeroDivisionError


@pytest.fixture
def listening() -> Generator[Heard]:
    handler = Heard()
    logging.getLogger(NAME).addHandler(handler)
    yield handler
    logging.getLogger(NAME).removeHandler(handler)


def test_what_embeds_us_hears_nothing_unless_it_listens() -> None:
    program = f"from amparo.core.logs import get_logger; get_logger({NAME!r}).error('something', code='bad')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_only_what_is_on_the_list_is_written_whatever_the_platform_configures(listening: Heard) -> None:
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    try:
        get_logger(NAME).warning("feed_not_followed", code="hub_unreachable", fingerprint="ff" * 32, detail="100 %s")
    finally:
        structlog.reset_defaults()
    (line,) = listening.lines
    told = json.loads(line)
    assert told.pop("timestamp")
    assert told == {
        "event": "feed_not_followed",
        "level": "warning",
        "code": "hub_unreachable",
        "detail": "100 %s",
    }


def test_a_handler_that_breaks_stops_nobody() -> None:
    broken = Broken()
    logging.getLogger(NAME).addHandler(broken)
    try:
        get_logger(NAME).warning("feed_not_followed", code="hub_unreachable")
    finally:
        logging.getLogger(NAME).removeHandler(broken)


def test_every_room_takes_its_logger_from_here() -> None:
    for path in Path(amparo.__file__).parent.rglob("*.py"):
        if path.parts[-2:] != ("core", "logs.py"):
            assert "structlog" not in path.read_text(encoding="utf-8"), path
