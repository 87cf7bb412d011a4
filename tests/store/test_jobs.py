"""The embedded store keeps the promises for jobs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from amparo.store import Store, open_sqlite
from amparo.testing.store_jobs import JobsContract
from tests.hub.hubs import new_database


class TestSqliteJobs(JobsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Generator[Store]:
        with closing(open_sqlite(new_database(tmp_path / "hub.sqlite"))) as store:
            yield store
