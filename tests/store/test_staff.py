"""The contract of staff over the embedded store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from amparo.store import Store, open_sqlite
from amparo.testing.store_staff import StaffContract
from tests.hub.hubs import new_database


class TestSqlStaff(StaffContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Generator[Store]:
        with closing(open_sqlite(new_database(tmp_path / "hub.sqlite"))) as opened:
            yield opened
