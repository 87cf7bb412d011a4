"""A gate's folder without a gate."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.gate.sources.folders import GateFolder


@pytest.fixture
def gate(tmp_path: Path) -> Generator[GateFolder]:
    made = GateFolder(tmp_path / "gate")
    yield made
    made.close()
