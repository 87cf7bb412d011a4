"""What a database knows of the sealed snapshot that lies beside it: which one is its own, what opens it, what is gone since.

Only a snapshot is believed that this very database has announced. One that is newer than a restored backup is not among
them, though key and folder are the same: its numbers have been, or will be, given again. Each has a secret of its own here;
when the next one stands in its place, the secret is overwritten, and what the disk still has of the old file opens no more.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from typing import Final

from amparo.gate.database import Database

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS announced (id TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS removal (number INTEGER PRIMARY KEY) STRICT;
"""
"""For every database whose rows are in a snapshot."""
_SECRET_BYTES: Final = 32


class SnapshotRegister:
    """The tables of ``SCHEMA`` in ``database``. Raises as that does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lock = database.lock

    def secret_of(self, snapshot: str) -> bytes | None:
        """What opens the snapshot of this id; None where it does not hold this database's rows."""
        with self._database.read() as connection:
            row = connection.execute("SELECT secret FROM announced WHERE id = ?", (snapshot,)).fetchone()
        return None if row is None else row[0]

    def announce(self, snapshot: str) -> bytes:
        """It will be written now, and opened by what this returns. When it returns, that is on disk. The one before stays known:
        until the new one has its name, that one is found."""
        secret = secrets.token_bytes(_SECRET_BYTES)
        with self._database.write() as connection:
            connection.execute("INSERT INTO announced VALUES (?, ?)", (snapshot, secret)).close()
        return secret

    @staticmethod
    def note_removed(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
        """In the write that takes these rows away."""
        rows = [(number,) for number in numbers]
        connection.executemany("INSERT OR IGNORE INTO removal VALUES (?)", rows).close()

    def removed(self) -> list[int]:
        """Numbers that were taken away and that no ``settle`` has named."""
        with self._database.read() as connection:
            return [number for (number,) in connection.execute("SELECT number FROM removal")]

    def settle(self, snapshot: str, removed: Iterable[int]) -> None:
        """It is on disk in place of all others, and holds nothing of the numbers ``removed``."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM announced WHERE id <> ?", (snapshot,)).close()
            connection.executemany("DELETE FROM removal WHERE number = ?", [(number,) for number in removed]).close()

    def forget(self) -> None:
        """There is no snapshot on disk any more."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM announced").close()
