"""Which sources a gate has, where it stands with each, and which of a source's keys holds which fingerprint.

SQLite in WAL with full synchronous writes, beside the gate's other databases. Credentials and fingerprints are sealed with
the data folder's key. The fingerprints that match lie in ``LocalBanks``; this is what says when one of them may go.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from amparo.core.errors import Conflict, NotFound
from amparo.core.keys import derive, keyed_tag, seal, unseal
from amparo.gate.database import Database

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS source (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, credentials BLOB NOT NULL,
    checkpoint TEXT, enabled INTEGER NOT NULL DEFAULT 1) STRICT;
CREATE TABLE IF NOT EXISTS waiting (kind TEXT PRIMARY KEY, credentials BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS held (
    source TEXT NOT NULL REFERENCES source (name) ON DELETE CASCADE, key BLOB NOT NULL, tag BLOB NOT NULL,
    sealed BLOB NOT NULL, PRIMARY KEY (source, key)) STRICT;
CREATE INDEX IF NOT EXISTS held_tag ON held (source, tag);
"""

_AT_ONCE: Final = 1000
_Row = TypeVar("_Row")


class SourceKind(StrEnum):
    """A format and a way to get it; no organisation."""

    STOPNCII = "stopncii"
    NCMEC = "ncmec"
    CSV = "csv"
    THREATEXCHANGE = "threatexchange"


CREDENTIALS: Final[Mapping[SourceKind, tuple[str, ...]]] = {
    SourceKind.STOPNCII: ("function_key", "subscription_key"),
    SourceKind.NCMEC: ("user", "password"),
    SourceKind.CSV: (),
    SourceKind.THREATEXCHANGE: (),
}
"""What a source of each format asks of those who read it."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """name: of the source and of its bank; address: of a server, or a file's path. ``repr`` shows no credential."""

    name: str
    kind: SourceKind
    address: str
    credentials: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    checkpoint: str | None = None
    enabled: bool = True


class Ledger:
    """The sources of the gate in ``folder``. Safe to use from several threads. When a change returns, it is on disk.

    Raises as ``Database`` does, under the name ``sources``.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._sealing = derive(key, "amparo-gate-sources-seal-1")
        self._tagging = derive(key, "amparo-gate-sources-tag-1")
        self._database = Database(
            folder / "sources.sqlite", _SCHEMA, name="sources", called="The database of the gate's sources"
        )

    def close(self) -> None:
        self._database.close()

    def add(self, source: SourceRecord) -> None:
        """Raises Conflict ``source_exists``."""
        with self._database.write() as connection:
            self._add(connection, source)

    def add_with_waiting(self, source: SourceRecord) -> None:
        """The same with the credentials that ``set_credentials`` left for its format: they are this source's from now on,
        and wait for no other, which might lie elsewhere. Raises as ``add``."""
        with self._database.write() as connection:
            query = "DELETE FROM waiting WHERE kind = ? RETURNING credentials"
            for (sealed,) in connection.execute(query, (source.kind,)).fetchall():
                source = replace(source, credentials=self._credentials(source.kind, sealed))
            self._add(connection, source)

    def set_credentials(self, kind: SourceKind, credentials: Mapping[str, str]) -> None:
        """For every source of this format; where there is none, for the first one that comes."""
        with self._database.write() as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM source WHERE kind = ?", (kind,))]
            for name in names:
                row = (self._sealed(name, credentials), name)
                connection.execute("UPDATE source SET credentials = ? WHERE name = ?", row).close()
            if not names:
                row = (kind, self._sealed(kind, credentials))
                connection.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?)", row).close()

    def are_waiting(self, kind: SourceKind) -> bool:
        """Whether credentials wait for the first source of this format."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM waiting WHERE kind = ?", (kind,)).fetchone() is not None

    def enable(self, name: str, enabled: bool) -> None:
        """Whether it is asked at all. Raises NotFound ``source_unknown``."""
        with self._database.write() as connection:
            changed = connection.execute("UPDATE source SET enabled = ? WHERE name = ?", (int(enabled), name))
            if changed.rowcount != 1:
                raise _unknown(name)

    def remove(self, name: str) -> None:
        """Forget the source and its keys. Raises NotFound ``source_unknown``."""
        with self._database.write() as connection:
            if connection.execute("DELETE FROM source WHERE name = ?", (name,)).rowcount != 1:
                raise _unknown(name)

    def sources(self) -> tuple[SourceRecord, ...]:
        """By name. Raises IntegrityViolation ``seal_broken``."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM source ORDER BY name").fetchall()
        return tuple(
            SourceRecord(name, SourceKind(kind), address, self._credentials(name, sealed), checkpoint, bool(enabled))
            for name, kind, address, sealed, checkpoint, enabled in rows
        )

    def note(self, source: str, held: Mapping[str, str]) -> None:
        """Remember, before they match, which keys hold which fingerprints from now on: a part of them on disk after the other.

        Raises NotFound ``source_unknown`` where it was removed meanwhile.
        """
        for part in _parts(held.items()):
            rows = [
                (source, self._tag(key), self._tag(value), seal(self._sealing, value.encode(), _place("value", source)))
                for key, value in part
            ]
            with self._database.write() as connection:
                if not _is_known(connection, source):
                    raise _unknown(source)
                connection.executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", rows).close()

    def values(self, source: str, keys: Sequence[str]) -> dict[str, str]:
        """What these keys hold now."""
        query = "SELECT sealed FROM held WHERE source = ? AND key = ?"
        found: dict[str, bytes] = {}
        for part in _parts(keys):
            with self._database.read() as connection:
                for key in part:
                    row = connection.execute(query, (source, self._tag(key))).fetchone()
                    if row is not None:
                        found[key] = row[0]
        return {key: self._open(source, sealed) for key, sealed in found.items()}

    def others(self, source: str, held: Mapping[str, str]) -> dict[str, str]:
        """Fingerprints of every key that is not in ``held``, by the key's tag in hexadecimal digits."""
        wanted = {self._tag(key) for key in held}
        query = "SELECT key, sealed FROM held WHERE source = ? AND key > ? ORDER BY key LIMIT ?"
        found: dict[str, str] = {}
        above = b""
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query, (source, above, _AT_ONCE)).fetchall()
            if not rows:
                return found
            found |= {tag.hex(): self._open(source, sealed) for tag, sealed in rows if tag not in wanted}
            above = rows[-1][0]

    def forget(self, source: str, keys: Sequence[str]) -> None:
        """After their fingerprints have stopped matching."""
        self._forget(source, [self._tag(key) for key in keys])

    def forget_tags(self, source: str, tags: Sequence[str]) -> None:
        """The same by what ``others`` returned."""
        self._forget(source, [bytes.fromhex(tag) for tag in tags])

    def holders(self, source: str, value: str) -> int:
        """How many keys hold this fingerprint."""
        query = "SELECT count(*) FROM held WHERE source = ? AND tag = ?"
        with self._database.read() as connection:
            return connection.execute(query, (source, self._tag(value))).fetchone()[0]

    def move(self, source: str, checkpoint: str) -> None:
        """Everything up to ``checkpoint`` is applied and on disk."""
        with self._database.write() as connection:
            connection.execute("UPDATE source SET checkpoint = ? WHERE name = ?", (checkpoint, source)).close()

    def _forget(self, source: str, tags: Sequence[bytes]) -> None:
        for part in _parts(tags):
            with self._database.write() as connection:
                rows = [(source, tag) for tag in part]
                connection.executemany("DELETE FROM held WHERE source = ? AND key = ?", rows).close()

    def _add(self, connection: sqlite3.Connection, source: SourceRecord) -> None:
        if _is_known(connection, source.name):
            raise Conflict("source_exists", f"There is a source named {source.name} already.")
        sealed = self._sealed(source.name, source.credentials)
        row = (source.name, source.kind, source.address, sealed, source.checkpoint, int(source.enabled))
        connection.execute("INSERT INTO source VALUES (?, ?, ?, ?, ?, ?)", row).close()

    def _sealed(self, name: str, credentials: Mapping[str, str]) -> bytes:
        return seal(self._sealing, json.dumps(dict(credentials)).encode(), _place("credentials", name))

    def _credentials(self, name: str, sealed: bytes) -> dict[str, str]:
        return cast("dict[str, Any]", json.loads(unseal(self._sealing, sealed, _place("credentials", name))))

    def _open(self, source: str, sealed: bytes) -> str:
        return unseal(self._sealing, sealed, _place("value", source)).decode()

    def _tag(self, text: str) -> bytes:
        return keyed_tag(self._tagging, text.encode())[:16]


def _parts(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Nobody waits longer for the database than one of these takes."""
    left = iter(rows)
    while part := list(islice(left, _AT_ONCE)):
        yield part


def _place(what: str, source: str) -> str:
    return f"amparo-gate-source-{what}-1 {source}"


def _is_known(connection: sqlite3.Connection, source: str) -> bool:
    return connection.execute("SELECT 1 FROM source WHERE name = ?", (source,)).fetchone() is not None


def _unknown(source: str) -> NotFound:
    return NotFound("source_unknown", f"There is no source named {source}.")
