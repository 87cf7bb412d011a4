"""A gate whose feed a test writes itself, and a client with a key for everything."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from tests.gate.feeding import AppClient, Feed, client_for, new_gate


@pytest.fixture
def gate(tmp_path: Path) -> Generator[GateRuntime]:
    runtime = new_gate(tmp_path / "gate")
    yield runtime
    runtime.stop()


@pytest.fixture
def feed(gate: GateRuntime) -> Feed:
    return Feed(gate)


@pytest.fixture
def client(gate: GateRuntime) -> Generator[AppClient]:
    made = client_for(gate, create_app(gate), "admin")
    yield made
    made.close()
