"""The embedded store keeps the promises for jobs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from amparo.store import Store, open_sqlite
from amparo.testing.store_jobs import JobsContract


class TestSqliteJobs(JobsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Generator[Store]:
        with closing(open_sqlite(tmp_path / "hub.sqlite")) as store:
            yield store
