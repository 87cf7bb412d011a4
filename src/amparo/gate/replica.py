"""What a gate keeps on its disk: its copy of the feed, where it stands, and sightings not yet told.

SQLite in WAL with full synchronous writes. Fingerprints are sealed with a key in a file beside the database; ids are
this partner's pseudonyms and mean nothing elsewhere. Entries get ascending numbers that are never given twice.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from amparo.bank import Action
from amparo.core.clock import from_text, to_text
from amparo.core.errors import Conflict, IntegrityViolation
from amparo.core.ids import EntryId, HubId, PartnerId, SightingId
from amparo.core.keys import load_or_create_key, seal, unseal, unseal_all
from amparo.exchange.native import Addition, FeedPage, SightingReport, TraceAddition
from amparo.gate.access import DEFAULT_ROLES, Caller, Role, roles_of
from amparo.gate.database import Database
from amparo.gate.opinions import SCHEMA as OPINION_SCHEMA
from amparo.gate.opinions import OpinionOutbox
from amparo.gate.snapshot_register import SCHEMA as SNAPSHOT_SCHEMA
from amparo.gate.snapshot_register import SnapshotRegister

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, case_id BLOB NOT NULL,
    quality INTEGER NOT NULL, sealed BLOB NOT NULL, expires_at TEXT NOT NULL, sequence INTEGER NOT NULL,
    since TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS entry_expiry ON entry (expires_at);
CREATE TABLE IF NOT EXISTS trace (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, whole INTEGER NOT NULL, sealed BLOB NOT NULL,
    expires_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS trace_expiry ON trace (expires_at);
CREATE TABLE IF NOT EXISTS trace_order (one INTEGER PRIMARY KEY CHECK (one = 1), bits BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS standing (
    one INTEGER PRIMARY KEY CHECK (one = 1), hub TEXT NOT NULL, partner TEXT NOT NULL, cursor INTEGER NOT NULL,
    head INTEGER NOT NULL, issued_at TEXT) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    id TEXT PRIMARY KEY, entry TEXT NOT NULL, seen_at TEXT NOT NULL, distance INTEGER NOT NULL,
    action TEXT NOT NULL, place TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS client (
    name TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, roles TEXT NOT NULL) STRICT;
"""
_FILE: Final = "gate.sqlite"
_SEAL_CONTEXT: Final = "amparo-gate-entry-1"
_TRACE_CONTEXT: Final = "amparo-gate-trace-1"
_ASKED_AT_ONCE: Final = 500
_DROPPED_AT_ONCE: Final = 1000
_REMEMBERED: Final = 16_384
"""Origins kept in memory, some 6 MB: what spreads is asked for again and again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far this gate has come: everything up to ``cursor`` is applied and on disk."""

    hub: HubId
    partner: PartnerId
    cursor: int
    head: int
    issued_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """One entry as it is held. number: ascending, never given twice."""

    number: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class HeldTrace:
    """One registered photo as it is held: pooled descriptors, or the whole record. number: ascending, never given twice."""

    number: int
    descriptors: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry comes from. since: when the page that brought it was issued; both times RFC 3339."""

    entry: EntryId
    since: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a page changed here: entries to match from now on, and numbers that match no more; the same of traces, which have
    numbers of their own."""

    added: tuple[Held, ...]
    removed: tuple[int, ...]
    traces_added: tuple[HeldTrace, ...] = ()
    traces_removed: tuple[int, ...] = ()


class Replica:
    """The gate's data folder. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens ``folder``, made on first use.

        Raises as ``Database`` does, and IntegrityViolation ``key_file_missing`` where there is a database and not its key:
        a new one would open nothing in it.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / _FILE
        if path.exists() and not (folder / "gate.key").exists():
            raise IntegrityViolation(
                "key_file_missing",
                "The gate's key file is missing. Restore it, or give the gate a new folder; the feed fills it again.",
                detail=str(folder),
            )
        self._key = load_or_create_key(folder / "gate.key")
        schema = _SCHEMA + SNAPSHOT_SCHEMA + OPINION_SCHEMA
        self._database = Database(path, schema, name="replica", called="The gate's database")
        self.snapshots = SnapshotRegister(self._database)
        self.opinions = OpinionOutbox(self._database)
        self._origins: dict[int, Origin] = {}
        self._remembering = threading.Lock()
        self._drops = 0

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether a gate keeps its data in this folder."""
        return (folder / _FILE).exists()

    def close(self) -> None:
        self._database.close()

    @property
    def sealing_key(self) -> bytes:
        """The key of this data folder, for snapshots that lie beside the database."""
        return self._key

    # Standing

    def join(self, hub: HubId, partner: PartnerId) -> Standing:
        """Where we stand with this hub, from the beginning on first use.

        Raises Conflict ``gate_of_another_hub`` where this folder follows another hub or belongs to another partner: its
        entries must not be mixed with those of a stranger.
        """
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO standing VALUES (1, ?, ?, 0, 0, NULL)", (hub, partner)).close()
        standing = self.standing()
        if standing is None or standing.hub != hub or standing.partner != partner:
            raise Conflict(
                "gate_of_another_hub",
                "This data folder belongs to another hub or partner. Give this gate a folder of its own.",
            )
        return standing

    def standing(self) -> Standing | None:
        """None before the gate has joined a hub."""
        with self._database.read() as connection:
            row = connection.execute("SELECT hub, partner, cursor, head, issued_at FROM standing").fetchone()
        if row is None:
            return None
        hub, partner, cursor, head, issued_at = row
        return Standing(hub, partner, cursor, head, None if issued_at is None else from_text(issued_at))

    # Entries

    def apply(self, page: FeedPage) -> Applied:
        """Take a verified page in, whole or not at all. When this returns, it is on disk and the cursor has moved.

        Raises Conflict ``page_out_of_turn`` where it does not begin at the cursor: another one was applied since it was
        asked for, and an old page would bring back what that one took away.
        """
        added: list[Held] = []
        removed: list[int] = []
        traces: list[HeldTrace] = []
        traces_gone: list[int] = []
        with self._database.write() as connection:
            (cursor,) = connection.execute("SELECT cursor FROM standing").fetchone()
            if page.after != cursor:
                raise Conflict("page_out_of_turn", "This page of the feed does not continue where the gate stands now.")
            for change in page.changes:
                gone = self._drop(connection, change.entry)
                removed += gone
                traces_gone += self._drop_trace(connection, change.entry)
                if isinstance(change, Addition):
                    added.append(self._keep(connection, change, page.issued_at))
                elif isinstance(change, TraceAddition):
                    traces.append(self._keep_trace(connection, change))
            if page.trace_order is not None:
                order = (page.trace_order,)
                connection.execute("INSERT OR REPLACE INTO trace_order VALUES (1, ?)", order).close()
            connection.execute(
                "UPDATE standing SET cursor = ?, head = ?, issued_at = ?",
                (page.cursor, page.head, to_text(page.issued_at)),
            ).close()
        self._forget_origins(removed)
        # An entry that came and went within one page never needs to be matched.
        never, never_traced = set(removed), set(traces_gone)
        known, known_traces = {held.number for held in added}, {held.number for held in traces}
        return Applied(
            tuple(held for held in added if held.number not in never),
            tuple(number for number in removed if number not in known),
            tuple(held for held in traces if held.number not in never_traced),
            tuple(number for number in traces_gone if number not in known_traces),
        )

    def _keep_trace(self, connection: sqlite3.Connection, addition: TraceAddition) -> HeldTrace:
        kept = addition.record or addition.descriptors
        row = (
            bytes.fromhex(addition.entry),
            int(bool(addition.record)),
            seal(self._key, kept, _TRACE_CONTEXT),
            to_text(addition.expires_at),
        )
        cursor = connection.execute("INSERT INTO trace (id, whole, sealed, expires_at) VALUES (?, ?, ?, ?)", row)
        number = cursor.lastrowid
        assert number is not None  # an INSERT into a rowid table always has one
        return HeldTrace(number, addition.descriptors, addition.record)

    def _drop_trace(self, connection: sqlite3.Connection, entry: EntryId) -> list[int]:
        query = "DELETE FROM trace WHERE id = ? RETURNING number"
        return [number for (number,) in connection.execute(query, (bytes.fromhex(entry),)).fetchall()]

    def _keep(self, connection: sqlite3.Connection, addition: Addition, since: datetime) -> Held:
        value = addition.fingerprint.value
        cursor = connection.execute(
            "INSERT INTO entry (id, case_id, quality, sealed, expires_at, sequence, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                bytes.fromhex(addition.entry),
                bytes.fromhex(addition.case),
                addition.fingerprint.quality,
                seal(self._key, value, _SEAL_CONTEXT),
                to_text(addition.expires_at),
                addition.sequence,
                to_text(since),
            ),
        )
        number = cursor.lastrowid
        assert number is not None  # an INSERT into a rowid table always has one
        return Held(number, value)

    def _drop(self, connection: sqlite3.Connection, entry: EntryId) -> list[int]:
        rows = connection.execute("DELETE FROM entry WHERE id = ? RETURNING number", (bytes.fromhex(entry),)).fetchall()
        gone = [number for (number,) in rows]
        self.snapshots.note_removed(connection, gone)
        return gone

    def apply_expiry(self, now: datetime) -> Applied:
        """Drop what has reached the end of its retention, at most 1,000 entries and 1,000 traces; nothing where none has."""
        with self._database.read() as connection:
            query = "SELECT id FROM entry WHERE expires_at <= ? LIMIT ?"
            due = connection.execute(query, (to_text(now), _DROPPED_AT_ONCE)).fetchall()
            query = "SELECT id FROM trace WHERE expires_at <= ? LIMIT ?"
            traces_due = connection.execute(query, (to_text(now), _DROPPED_AT_ONCE)).fetchall()
        if not due and not traces_due:
            return Applied((), ())
        with self._database.write() as connection:
            numbers = [number for (raw,) in due for number in self._drop(connection, EntryId(raw.hex()))]
            traces = [number for (raw,) in traces_due for number in self._drop_trace(connection, EntryId(raw.hex()))]
        self._forget_origins(numbers)
        return Applied((), tuple(numbers), (), tuple(traces))

    def held(self, above: int = 0) -> Iterator[Held]:
        """Entries with a number above ``above``, ascending. Raises IntegrityViolation ``seal_broken``."""
        while True:
            with self._database.read() as connection:
                query = "SELECT number, sealed FROM entry WHERE number > ? ORDER BY number LIMIT 10000"
                rows = connection.execute(query, (above,)).fetchall()
            if not rows:
                return
            values = unseal_all(self._key, ((sealed, _SEAL_CONTEXT) for _, sealed in rows))
            for (number, _), value in zip(rows, values, strict=True):
                yield Held(number, value)
            above = rows[-1][0]

    def entry_of(self, number: int) -> EntryId | None:
        """The pseudonym of the entry with this number; None when it was dropped."""
        with self._database.read() as connection:
            row = connection.execute("SELECT id FROM entry WHERE number = ?", (number,)).fetchone()
        return None if row is None else EntryId(row[0].hex())

    def origins_of(self, numbers: Sequence[int]) -> dict[int, Origin]:
        """What is known of the entries with these numbers; those that were dropped are left out."""
        origins = {number: origin for number in numbers if (origin := self._origins.get(number)) is not None}
        missing = [number for number in numbers if number not in origins]
        for start in range(0, len(missing), _ASKED_AT_ONCE):
            part, drops = missing[start : start + _ASKED_AT_ONCE], self._drops
            query = f"SELECT number, id, since, expires_at FROM entry WHERE number IN ({','.join('?' * len(part))})"  # noqa: S608  # question marks only
            with self._database.read() as connection:
                rows = connection.execute(query, part).fetchall()
            found = {number: Origin(EntryId(raw.hex()), since, end) for number, raw, since, end in rows}
            with self._remembering:
                # Not where something was dropped since: it might be one of these, and would be found here for ever.
                if self._drops == drops:
                    if len(self._origins) + len(found) > _REMEMBERED:
                        self._origins.clear()
                    self._origins.update(found)
            origins.update(found)
        return origins

    def _forget_origins(self, dropped: Iterable[int]) -> None:
        """After they were dropped on disk; a number is never given twice."""
        with self._remembering:
            self._drops += 1
            for number in dropped:
                self._origins.pop(number, None)

    def holds(self, entry: EntryId) -> bool:
        """Whether a fingerprint or a registered photo of this pseudonym is held."""
        query = "SELECT 1 FROM entry WHERE id = ? UNION ALL SELECT 1 FROM trace WHERE id = ?"
        with self._database.read() as connection:
            return connection.execute(query, (bytes.fromhex(entry),) * 2).fetchone() is not None

    def value_of(self, number: int) -> bytes | None:
        """The fingerprint of the entry with this number; None when it was dropped."""
        with self._database.read() as connection:
            row = connection.execute("SELECT sealed FROM entry WHERE number = ?", (number,)).fetchone()
        return None if row is None else unseal(self._key, row[0], _SEAL_CONTEXT)

    def count(self) -> int:
        with self._database.read() as connection:
            return connection.execute("SELECT count(*) FROM entry").fetchone()[0]

    # Traces of ordinary photos

    def trace_order(self) -> tuple[int, ...] | None:
        """In which order the hub tells us the bits of descriptors; None before the first page that says so."""
        with self._database.read() as connection:
            row = connection.execute("SELECT bits FROM trace_order").fetchone()
        return None if row is None else tuple(row[0])

    def held_traces(self) -> Iterator[HeldTrace]:
        """All of them, by number. Raises IntegrityViolation ``seal_broken``."""
        above = 0
        while True:
            with self._database.read() as connection:
                query = "SELECT number, whole, sealed FROM trace WHERE number > ? ORDER BY number LIMIT 1000"
                rows = connection.execute(query, (above,)).fetchall()
            if not rows:
                return
            for number, whole, sealed in rows:
                kept = unseal(self._key, sealed, _TRACE_CONTEXT)
                yield HeldTrace(number, b"" if whole else kept, kept if whole else b"")
            above = rows[-1][0]

    def traces_of(self, numbers: Sequence[int]) -> list[tuple[EntryId, bytes]]:
        """Pseudonym, and the whole record where it is held, of the photos with these numbers; dropped ones are left out."""
        query = f"SELECT id, whole, sealed FROM trace WHERE number IN ({','.join('?' * len(numbers))})"  # noqa: S608  # question marks only
        with self._database.read() as connection:
            rows = connection.execute(query, numbers).fetchall()
        return [
            (EntryId(raw.hex()), unseal(self._key, sealed, _TRACE_CONTEXT) if whole else b"")
            for raw, whole, sealed in rows
        ]

    def count_traces(self) -> int:
        with self._database.read() as connection:
            return connection.execute("SELECT count(*) FROM trace").fetchone()[0]

    # Sightings

    def note_sightings(self, reports: Sequence[SightingReport]) -> None:
        """Keep for telling. When this returns, they are on disk."""
        rows = [(r.id, r.entry, to_text(r.seen_at), r.distance, r.action, r.place) for r in reports]
        with self._database.write() as connection:
            connection.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, ?)", rows).close()

    def untold_sightings(self, limit: int) -> tuple[SightingReport, ...]:
        """The oldest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM outbox ORDER BY seen_at LIMIT ?", (limit,)).fetchall()
        return tuple(
            SightingReport(SightingId(i), EntryId(entry), from_text(seen_at), distance, Action(action), place)
            for i, entry, seen_at, distance, action, place in rows
        )

    def forget_sightings(self, told: Sequence[SightingId]) -> None:
        """The hub has these on its disk."""
        with self._database.write() as connection:
            connection.executemany("DELETE FROM outbox WHERE id = ?", [(identifier,) for identifier in told]).close()

    def count_untold(self) -> int:
        with self._database.read() as connection:
            return connection.execute("SELECT count(*) FROM outbox").fetchone()[0]

    # Keys of the platform's own programs

    def allow_client(self, name: str, digest: bytes, roles: Iterable[Role] = DEFAULT_ROLES) -> None:
        """Let the program ``name`` in with the secret of this digest, in place of an earlier one."""
        words = ",".join(sorted(roles))
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO client VALUES (?, ?, ?)", (name, digest, words)).close()

    def refuse_client(self, name: str) -> bool:
        """Let the program ``name`` in no more. Returns whether it was."""
        with self._database.write() as connection:
            return bool(connection.execute("DELETE FROM client WHERE name = ? RETURNING name", (name,)).fetchall())

    def client_with(self, digest: bytes) -> Caller | None:
        """Whose key has this digest."""
        with self._database.read() as connection:
            row = connection.execute("SELECT name, roles FROM client WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else Caller(row[0], roles_of(row[1].split(",")))
