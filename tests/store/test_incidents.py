"""The ledger of incidents in the embedded store."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.store import Store, open_sqlite
from amparo.testing.store_incidents import IncidentContract


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    opened = open_sqlite(tmp_path / "hub.sqlite")
    yield opened
    opened.close()


class TestSqliteIncidents(IncidentContract):
    pass
