"""What the platform's people said of entries and the hub has not been told yet: an outbox in the replica's database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amparo.bank import Opinion
from amparo.core.ids import EntryId
from amparo.gate.database import Database

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS opinion_outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL UNIQUE, opinion TEXT NOT NULL) STRICT;
"""


class OpinionOutbox:
    """One opinion an entry, the newest. Safe to use from several threads. Every call raises as ``Database`` does."""

    def __init__(self, database: Database) -> None:
        """database: made with ``SCHEMA``."""
        self._database = database

    def note(self, entry: EntryId, opinion: Opinion) -> None:
        """Keep for telling, in place of an untold earlier one on this entry. When this returns, it is on disk."""
        row = (entry, opinion)
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO opinion_outbox (entry, opinion) VALUES (?, ?)", row).close()

    def untold(self, limit: int) -> dict[EntryId, Opinion]:
        """The oldest first."""
        with self._database.read() as connection:
            query = "SELECT entry, opinion FROM opinion_outbox ORDER BY number LIMIT ?"
            rows = connection.execute(query, (limit,)).fetchall()
        return {EntryId(entry): Opinion(opinion) for entry, opinion in rows}

    def forget(self, told: Mapping[EntryId, Opinion]) -> None:
        """The hub has these on its disk; where somebody has changed their mind meanwhile, the new opinion stays."""
        with self._database.write() as connection:
            query = "DELETE FROM opinion_outbox WHERE entry = ? AND opinion = ?"
            connection.executemany(query, list(told.items())).close()

    def __len__(self) -> int:
        with self._database.read() as connection:
            return connection.execute("SELECT count(*) FROM opinion_outbox").fetchone()[0]
