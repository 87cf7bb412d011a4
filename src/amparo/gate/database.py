"""One SQLite file of the gate's data folder: how it is opened, read, written, and what its failures are called.

WAL with full synchronous writes, so that what was committed survives a power cut; ``secure_delete``, so that what was
withdrawn is overwritten on the disk; nothing temporary beside it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from amparo.core.errors import AmparoError, IntegrityViolation, Unavailable

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "foreign_keys=ON",
)
_SECONDS: Final = 15.0
"""How long a write waits for one of another process, such as a command beside the running gate."""


class Database:
    """Two connections that several threads share: who reads waits for other readers, and never for who writes."""

    def __init__(self, path: Path, schema: str, *, name: str, called: str) -> None:
        """Opens ``path``, made on first use, readable by its owner only.

        schema: statements that change nothing where they have been run before. name: begins the codes of its errors;
        called: begins their texts.
        Raises Unavailable ``<name>_unavailable``, IntegrityViolation ``<name>_damaged``.
        """
        self.lock = threading.RLock()
        """Of those who write. Whoever must do something together with a write, such as telling an index, holds it around both."""
        self._reading = threading.RLock()
        self._writer: int | None = None
        """The thread that is within a write: it reads what it has written so far."""
        self._name = name
        self._called = called
        if not path.exists():
            path.touch(mode=0o600)
        try:
            with ExitStack() as opened:
                self._connection = self._connected(path, opened)
                for pragma in _PRAGMAS:
                    self._connection.execute(f"PRAGMA {pragma}").close()
                self._connection.executescript(schema)
                self._reader = self._connected(path, opened)
                self._reader.execute("PRAGMA query_only=ON").close()
                self._opened = opened.pop_all()
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from error

    @staticmethod
    def _connected(path: Path, opened: ExitStack) -> sqlite3.Connection:
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_SECONDS)
        opened.callback(made.close)
        return made

    def close(self) -> None:
        with self.lock, self._reading:
            self._opened.close()

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """What is on disk now; within a write of the same thread, what that has written too. Raises as the constructor."""
        within = self._writer == threading.get_ident()
        with self.lock if within else self._reading:
            try:
                yield self._connection if within else self._reader
            except sqlite3.DatabaseError as error:
                raise self._translated(error) from error

    @contextmanager
    def write(self) -> Generator[sqlite3.Connection]:
        """When the block ends without an error, it is on disk; otherwise nothing is. Raises as the constructor."""
        with self.lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE").close()
                self._writer = threading.get_ident()
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK").close()
                    raise
                finally:
                    self._writer = None
                self._connection.execute("COMMIT").close()
            except sqlite3.DatabaseError as error:
                with suppress(sqlite3.ProgrammingError):  # of a database that was closed meanwhile
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK").close()
                raise self._translated(error) from error

    def _translated(self, error: sqlite3.DatabaseError) -> AmparoError:
        if isinstance(error, sqlite3.OperationalError | sqlite3.ProgrammingError):
            # Locked, full, read-only, not answering, or closed because the gate is stopping.
            return Unavailable(
                f"{self._name}_unavailable", f"{self._called} did not answer; nothing was changed.", detail=str(error)
            )
        # Broken constraints too: what could break one is asked for before it is written.
        return IntegrityViolation(
            f"{self._name}_damaged", f"{self._called} cannot be read: the file is damaged.", detail=str(error)
        )
