"""The embedded store: SQLite in WAL with STRICT tables, full synchronous writes, secure deletion."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from amparo.core.errors import AmparoError, Conflict, IntegrityViolation, Unavailable
from amparo.store.transaction import SqlTransaction

_BUSY_SECONDS: Final = 15
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def open_sqlite(path: Path) -> SqliteStore:
    """The store in the file ``path``, created or migrated to the newest schema. What a crash left is recovered here.

    Raises IntegrityViolation ``store_damaged`` where the file is not a database of ours or fails its quick check,
    Conflict ``store_newer`` where a newer version of the software has written it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        migrate(engine)
        with engine.connect() as connection:
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except DatabaseError as error:
        engine.dispose()
        raise _translated(error) from error
    except CommandError as error:
        engine.dispose()
        raise Conflict(
            "store_newer", "A newer version of this software wrote the database file.", detail=str(error)
        ) from error
    if verdict != "ok":
        engine.dispose()
        raise IntegrityViolation("store_damaged", "The database file is damaged.", detail=str(verdict))
    return SqliteStore(engine)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``, up or down, in one transaction."""
    settings = Config()
    settings.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect().execution_options(amparo_write=True) as connection, connection.begin():
        settings.attributes["connection"] = connection
        known = _current_revision(connection)
        if revision == "base" or (known and known > revision and revision != "head"):
            command.downgrade(settings, revision)
        else:
            command.upgrade(settings, revision)


class SqliteStore:
    """``Store`` over one SQLite file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def write(self) -> Generator[SqlTransaction]:
        with self._transaction(write=True) as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Generator[SqlTransaction]:
        with self._transaction(write=False) as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, *, write: bool) -> Generator[SqlTransaction]:
        try:
            with self._engine.connect().execution_options(amparo_write=write) as connection, connection.begin():
                yield SqlTransaction(connection)
        except PoolTimeoutError as error:
            raise _busy("no free connection") from error
        except DatabaseError as error:
            raise _translated(error) from error

    def scrub(self) -> None:
        # secure_delete has overwritten the pages; the write-ahead log still holds older ones until it is cut off.
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                blocked = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        except PoolTimeoutError as error:
            raise _busy("no free connection") from error
        except DatabaseError as error:
            raise _translated(error) from error
        if blocked:
            # SQLite says so in a column and raises nothing.
            raise _busy("a reader holds the write-ahead log")

    def close(self) -> None:
        self._engine.dispose()


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's driver would begin transactions by itself, and too late; ours begin in ``_begin``.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
        f"busy_timeout={_BUSY_SECONDS * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("amparo_write", False)
    # IMMEDIATE takes the writer's place at once: a transaction that read first and then writes can never fail half-way.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _current_revision(connection: Connection) -> str | None:
    query = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
    if connection.exec_driver_sql(query).scalar_one_or_none() is None:
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def _busy(detail: str) -> Unavailable:
    return Unavailable("store_busy", "The database is busy; nothing was changed.", retry_after=2, detail=detail)


def _translated(error: DatabaseError) -> AmparoError:
    name = getattr(error.orig, "sqlite_errorname", "")
    if isinstance(error, IntegrityError):
        return IntegrityViolation("store_contradiction", "Stored records contradict each other.", detail=name)
    if not isinstance(error, OperationalError):
        return IntegrityViolation("store_damaged", "The database file is damaged.", detail=str(error.orig))
    if name.startswith("SQLITE_FULL"):
        return Unavailable("store_full", "The disk is full; nothing was changed.", retry_after=60, detail=name)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _busy(name)
    return Unavailable("store_unavailable", "The database did not answer; nothing was changed.", detail=str(error.orig))
