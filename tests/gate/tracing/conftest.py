"""What comparing needs is compiled before the first test: none of them is about how long that takes."""

from __future__ import annotations

import pytest

from amparo.gate.warm_up import warm_up


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    warm_up()
