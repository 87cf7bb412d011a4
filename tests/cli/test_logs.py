"""The command's log on standard error, whatever becomes of that."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.cli.logs import configure
from amparo.core.logs import ROOT, get_logger


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    logger = logging.getLogger(ROOT)
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = handlers, level, propagate


def test_each_event_is_one_object_a_line_also_when_configured_twice(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    configure()
    get_logger("amparo.gate").info("entries_expired", count=3)
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert json.loads(line)["count"] == 3


def test_a_closed_or_missing_standard_error_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    configure()
    closed = io.StringIO()
    closed.close()
    full = Path("/dev/full").open("w", encoding="ascii")  # noqa: SIM115  # closing it would fail, which is the point
    for stderr in (closed, None, full):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", stderr)
            get_logger("amparo.gate").warning("feed_not_followed", code="hub_unreachable")
    with pytest.raises(OSError, match="No space left"):
        full.close()
