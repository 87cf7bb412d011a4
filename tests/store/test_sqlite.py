"""The embedded store: the contract, and what is SQLite's own: files, migrations, full disks, damage."""

from __future__ import annotations

import secrets
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import create_engine, event

from amparo.bank import Action
from amparo.core.clock import SteppedClock
from amparo.core.errors import Conflict, IntegrityViolation, Unavailable
from amparo.core.ids import SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.hub.commands import partners, person
from amparo.hub.context import DATABASE_FILE, Hub, HubSettings
from amparo.store import Store, open_sqlite, sqlite
from amparo.testing.records import NOW, some_case, some_entry, some_partner
from amparo.testing.store import StoreContract
from tests.hub.hubs import code_pairs, fingerprints, new_database, pseudonym


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "hub.sqlite"


@pytest.fixture
def store(path: Path) -> Generator[Store]:
    opened = open_sqlite(path)
    yield opened
    opened.close()


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _path(self, path: Path) -> None:
        self.path = new_database(path)

    def open_again(self, store: Store) -> Store:
        store.close()
        return open_sqlite(self.path)


def files_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(path.name)}


# Schema


def test_every_table_is_strict_and_holds_its_types(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        loose = connection.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        assert loose == [("alembic_version",)], "alembic's own table is the only one that is not ours to make"
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO case_record VALUES ('id', 'text for bytes', x'00', x'00', 0, x'')")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO case_record VALUES ('id', x'00', x'00', x'00', 'many', x'')")


def test_the_schema_of_the_migrations_is_the_schema_of_the_tables(store: Store, path: Path, tmp_path: Path) -> None:
    from amparo.store.schema import schema as metadata

    def described(file: Path) -> set[tuple[str, str, tuple[object, ...]]]:
        with closing(sqlite3.connect(file)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {
                (table, pragma, tuple(row))
                for (table,) in tables
                if table not in ("alembic_version", "sqlite_sequence")
                for pragma in ("table_info", "foreign_key_list", "index_list")
                for row in connection.execute(f"PRAGMA {pragma}({table})")
            }

    made = create_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
    metadata.create_all(made)
    made.dispose()

    def without_order(rows: set[tuple[str, str, tuple[object, ...]]]) -> set[tuple[str, str, tuple[object, ...]]]:
        # A column that came by ALTER TABLE stands last and needs a default; neither says anything about what may be kept.
        return {
            (table, pragma, (row[1], row[2], row[3], row[5]) if pragma == "table_info" else row[1:])
            for table, pragma, row in rows
        }

    assert without_order(described(path)) == without_order(described(tmp_path / "made.sqlite"))


def test_migrations_go_down_and_up_again_and_other_data_stays(path: Path) -> None:
    with closing(open_sqlite(path)) as store, store.write() as transaction:
        transaction.add_case(some_case())
        transaction.add_partner(some_partner("Alpha"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (word TEXT) STRICT")
        connection.execute("INSERT INTO theirs VALUES ('stays')")
        connection.commit()
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", sqlite._configure)  # pyright: ignore[reportPrivateUsage]  # the way it really opens
    event.listen(engine, "begin", sqlite._begin)  # pyright: ignore[reportPrivateUsage]
    sqlite.migrate(engine, "base")
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        left = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert left - {"sqlite_sequence"} == {"alembic_version", "theirs"}
    with closing(open_sqlite(path)) as store:
        with store.write() as transaction:
            assert transaction.count_cases() == 0
            transaction.add_case(some_case())
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT word FROM theirs").fetchall() == [("stays",)]


def test_opening_twice_migrates_once_and_keeps_the_data(path: Path) -> None:
    case = some_case()
    with closing(open_sqlite(path)) as store, store.write() as transaction:
        transaction.add_case(case)
    with closing(open_sqlite(path)) as store, store.read() as transaction:
        assert transaction.case(case.id) == case


def test_a_file_of_a_newer_version_is_refused_by_that_name(path: Path) -> None:
    open_sqlite(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(Conflict) as caught:
        open_sqlite(path)
    assert caught.value.code == "store_newer"


# Damage, full disks, busy neighbours


def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "hub.sqlite"
    path.write_bytes(b"this is a letter and no database" * 200)
    with pytest.raises(IntegrityViolation) as caught:
        open_sqlite(path)
    assert caught.value.code == "store_damaged"
    assert path.read_bytes() == b"this is a letter and no database" * 200


def test_a_damaged_page_is_found_when_the_store_opens(path: Path) -> None:
    with closing(open_sqlite(path)) as store:
        with store.write() as transaction:
            for seed in range(90):
                transaction.add_case(some_case(seed))
        store.scrub()
    raw = bytearray(path.read_bytes())
    for at in range(4096, len(raw), 4096):
        raw[at : at + 16] = b"\xff" * 16
    path.write_bytes(raw)
    with pytest.raises(IntegrityViolation) as caught:
        open_sqlite(path)
    assert caught.value.code == "store_damaged"


def test_a_full_database_is_a_clear_error_and_nothing_is_half_written(store: Store, path: Path) -> None:
    with store.write() as transaction:
        transaction.add_case(some_case())
    engine = cast("sqlite.SqliteStore", store)._engine  # pyright: ignore[reportPrivateUsage]  # the limit is a connection's
    pages = path.stat().st_size // 4096

    def cramped(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 12}").close()

    engine.dispose()
    event.listen(engine, "connect", cramped)
    big = some_case(1)
    with pytest.raises(Unavailable) as caught, store.write() as transaction:  # noqa: PT012  # a whole transaction fails
        transaction.add_case(big)
        transaction.append_events(big.id, 0, [secrets.token_bytes(4000) for _ in range(200)])
    assert caught.value.code == "store_full"
    with store.write() as transaction:
        assert transaction.case(big.id) is None
        assert transaction.sealed_events(big.id) == []
        transaction.add_case(some_case(2))


_FILL = """
import resource, sys
from pathlib import Path
from amparo.core.errors import Unavailable
from amparo.store import open_sqlite
from amparo.testing.records import some_case

store = open_sqlite(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
for seed in range(100):
    case = some_case(seed)
    try:
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.append_events(case.id, 0, [bytes(20_000)])
    except Unavailable as error:
        print(error.code, seed)
        break
"""


def test_a_file_that_may_not_grow_is_a_clear_error_and_every_finished_write_stays(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    code, finished = done.stdout.split()
    assert code in ("store_full", "store_unavailable")
    with closing(open_sqlite(path)) as store, store.read() as transaction:
        assert transaction.count_cases() == int(finished) > 0
        for seed in range(int(finished)):
            record = transaction.case_by_code(bytes([seed]) * 32)
            assert record is not None
            assert len(transaction.sealed_events(record.id)) == record.version == 1


def test_a_second_writer_gives_up_with_a_clear_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0)
    with closing(open_sqlite(path)) as store, store.write() as first:
        first.add_case(some_case(1))
        with pytest.raises(Unavailable) as caught, store.write():
            pass
        assert caught.value.code == "store_busy"
        assert caught.value.retry_after is not None


def test_scrub_says_so_when_a_reader_is_in_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0)
    with closing(open_sqlite(path)) as store:
        with store.read() as reading:
            reading.count_cases()
            with store.write() as transaction:
                transaction.add_case(some_case())
            with pytest.raises(Unavailable) as caught:
                store.scrub()
        assert caught.value.code == "store_busy"
        store.scrub()
        assert files_of(path)[path.name + "-wal"] == b""


# What the files give away


def test_files_are_readable_by_their_owner_only(store: Store, path: Path) -> None:
    with store.write() as transaction:
        transaction.add_case(some_case())
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


def test_the_files_give_away_no_fingerprint_code_place_or_language(tmp_path: Path) -> None:
    hub = Hub.open(tmp_path, HubSettings(), SteppedClock(datetime(2026, 3, 1, tzinfo=UTC)))
    shown = fingerprints(3)
    request = secrets.token_bytes(16)
    code = person.open_case(hub, request, "es", shown)
    card = partners.add_partner(hub, "Lichtbild")
    known = partners.authenticate(hub, card.key)
    entry = person.view_case(hub, code).pictures[0].picture.entry
    report = SightingReport(
        SightingId(random_id()), pseudonym(hub, card.partner, entry), NOW, 3, Action.BLOCK, "corner of the market"
    )
    assert partners.tell_sightings(hub, known, [report]).accepted == (report.id,)
    content = b"".join(files_of(tmp_path / DATABASE_FILE).values())
    words = [
        b"corner of the market",
        b"language",
        str(code).encode(),
        request,
        request.hex().encode(),
        card.key.encode(),
    ]
    words += [pair.encode() for pair in code_pairs(code)]
    for fingerprint in shown:
        words += [fingerprint.value, fingerprint.hex.encode(), fingerprint.value[:12]]
    for word in words:
        assert word not in content, word
    assert b"Lichtbild" in content, "the search itself must be able to find something"
    hub.close()


def test_after_a_withdrawal_nothing_of_the_key_is_left_in_any_file(tmp_path: Path) -> None:
    hub = Hub.open(tmp_path, HubSettings(), SteppedClock(datetime(2026, 3, 1, tzinfo=UTC)))
    other = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(2, seed=9))
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(3))
    case = person.view_case(hub, code).case.id
    with hub.store.read() as transaction:
        record = transaction.case(case)
        assert record is not None
        secrets_held = [record.wrapped_key, record.code_tag, record.request_tag, *transaction.sealed_events(case)]
        secrets_held += [change.sealed for change in transaction.changes(0, 100) if change.case == case]
    before = b"".join(files_of(tmp_path / DATABASE_FILE).values())
    assert all(held in before for held in secrets_held)
    person.withdraw_case(hub, code)
    after = b"".join(files_of(tmp_path / DATABASE_FILE).values())
    for held in secrets_held:
        for part in (held, held[:24], held[-24:]):
            assert part not in after
    assert len(person.view_case(hub, other).pictures) == 2
    hub.close()


def test_a_withdrawn_picture_is_off_the_disk_after_one_round_of_housekeeping(tmp_path: Path) -> None:
    from amparo.hub.commands.housekeeping import keep_house

    hub = Hub.open(tmp_path, HubSettings(), SteppedClock(datetime(2026, 3, 1, tzinfo=UTC)))
    code = person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(2))
    entry = person.view_case(hub, code).pictures[0].picture.entry
    with hub.store.read() as transaction:
        record = transaction.entry(entry)
        assert record is not None
    person.withdraw_picture(hub, code, entry)
    assert keep_house(hub) == 0
    content = b"".join(files_of(tmp_path / DATABASE_FILE).values())
    assert record.sealed not in content
    assert record.sealed[-24:] not in content
    hub.close()


def test_records_that_contradict_each_other_are_a_clear_error(store: Store) -> None:
    record = some_entry(some_case().id)
    with store.write() as transaction:
        transaction.add_entry(record)
    with pytest.raises(IntegrityViolation) as caught, store.write() as transaction:
        transaction.add_entry(record)
    assert caught.value.code == "store_contradiction"
