"""The ledger of incidents in the embedded store."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.store import Store, open_sqlite
from amparo.testing.store_incidents import IncidentContract
from tests.hub.hubs import new_database


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    opened = open_sqlite(new_database(tmp_path / "hub.sqlite"))
    yield opened
    opened.close()


class TestSqliteIncidents(IncidentContract):
    pass
