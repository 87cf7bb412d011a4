"""The files of a gate's data folder: private, whole or unchanged, and their failures called by their names."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest

from amparo.core.clock import SteppedClock
from amparo.core.errors import IntegrityViolation, NotFound, Unavailable
from amparo.gate.database import Database
from amparo.gate.entries_here import EntriesHere
from amparo.gate.local_banks import LocalBanks
from amparo.gate.replica import Replica
from amparo.gate.sources import Ledger

SCHEMA = "CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY) STRICT;"
Opener = Callable[[Path], Replica | LocalBanks | Ledger | EntriesHere]
OPENERS: dict[str, tuple[Opener, str]] = {
    "replica": (Replica, "gate.sqlite"),
    "banks": (lambda folder: LocalBanks(folder, bytes(32), SteppedClock()), "banks.sqlite"),
    "sources": (lambda folder: Ledger(folder, bytes(32)), "sources.sqlite"),
    "decisions": (EntriesHere, "decisions.sqlite"),
}


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    with closing(Database(tmp_path / "things.sqlite", SCHEMA, name="things", called="The things")) as opened:
        yield opened


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM thing ORDER BY name")]


def add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO thing VALUES (?)", (name,)).close()


def test_what_was_written_is_there_for_the_next_who_opens_it(database: Database, tmp_path: Path) -> None:
    add(database, "a")
    path = tmp_path / "things.sqlite"
    with closing(Database(path, SCHEMA, name="things", called="The things")) as again:
        assert names(again) == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_error_within_a_write_leaves_nothing_and_the_next_write_works(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012  # the whole block is at stake
        connection.execute("INSERT INTO thing VALUES ('a')").close()
        raise ZeroDivisionError
    assert names(database) == []
    add(database, "b")
    assert names(database) == ["b"]


def test_a_write_reads_what_it_wrote(database: Database) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO thing VALUES ('a')").close()
        assert names(database) == ["a"]


def test_who_reads_waits_for_no_write_and_sees_nothing_of_it_before_its_end(database: Database) -> None:
    seen: list[list[str]] = []

    def read() -> None:
        seen.append(names(database))

    add(database, "a")
    with database.write() as connection:
        connection.execute("INSERT INTO thing VALUES ('b')").close()
        other = threading.Thread(target=read, daemon=True)
        other.start()
        other.join(20)
        assert seen == [["a"]]
    assert names(database) == ["a", "b"]


def test_a_broken_constraint_is_a_contradiction_and_changes_nothing(database: Database) -> None:
    add(database, "a")
    with pytest.raises(IntegrityViolation) as caught:
        add(database, "a")
    assert caught.value.code == "things_damaged"
    assert names(database) == ["a"]


def test_a_database_that_was_closed_is_unavailable(database: Database) -> None:
    database.close()
    for ask in (lambda: names(database), lambda: add(database, "a")):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.code == "things_unavailable"


@pytest.mark.parametrize("name", OPENERS)
def test_a_damaged_file_is_called_damaged_and_a_locked_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opener, file = OPENERS[name]
    opener(tmp_path).close()
    (tmp_path / file).write_bytes(b"no database" * 1000)
    with pytest.raises(IntegrityViolation) as caught:
        opener(tmp_path)
    assert caught.value.code == f"{name}_damaged"
    (tmp_path / file).unlink()
    monkeypatch.setattr("amparo.gate.database._SECONDS", 0)
    with closing(sqlite3.connect(tmp_path / file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE").close()
        with pytest.raises(Unavailable) as busy:
            opener(tmp_path)
        assert busy.value.code == f"{name}_unavailable"


def test_a_source_that_was_removed_meanwhile_takes_nothing_more(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path, bytes(32))) as ledger:
        with pytest.raises(NotFound) as caught:
            ledger.note("GONE", {"key": "value"})
        assert caught.value.code == "source_unknown"
        assert ledger.others("GONE", {}) == {}
