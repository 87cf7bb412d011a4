"""One running gate for each data folder: two would each miss what the other has taken from the feed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from amparo.core.errors import Conflict


class Occupied:
    """Holds a folder until ``leave``, or until the process ends in whatever way: the lock is the operating system's.

    Raises Conflict ``gate_already_running`` where another process, or another gate of this one, holds it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite's file locks work alike on every system; nothing is ever written into this database.
        self._connection = sqlite3.connect(
            folder / "running.lock", timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("BEGIN EXCLUSIVE").close()
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise Conflict(
                "gate_already_running", "Another gate runs on this data folder. Give each its own.", detail=str(error)
            ) from error

    def leave(self) -> None:
        self._connection.close()
