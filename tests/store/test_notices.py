"""The embedded store keeps the promises for notices."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from amparo.store import Store, open_sqlite
from amparo.testing.store_notices import NoticesContract
from tests.hub.hubs import new_database


class TestSqliteNotices(NoticesContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Generator[Store]:
        with closing(open_sqlite(new_database(tmp_path / "hub.sqlite"))) as store:
            yield store
