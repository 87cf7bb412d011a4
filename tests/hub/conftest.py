from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.core.clock import SteppedClock
from amparo.hub.context import Hub
from tests.hub.hubs import open_hub


@pytest.fixture
def opened(tmp_path: Path) -> Generator[tuple[Hub, SteppedClock]]:
    hub, clock = open_hub(tmp_path / "hub")
    yield hub, clock
    hub.close()


@pytest.fixture
def hub(opened: tuple[Hub, SteppedClock]) -> Hub:
    return opened[0]


@pytest.fixture
def clock(opened: tuple[Hub, SteppedClock]) -> SteppedClock:
    return opened[1]
