"""Banks that a platform curates itself: named sets of fingerprints in the gate's data folder, beside the hub's feed.

What is in them never leaves the gate: no sighting of it is told to the hub. What lies near a famous picture is not taken in by
hand; what a source brings of it is kept, so that the source's own withdrawal finds it, and does not match. SQLite in WAL with
full synchronous writes; fingerprints, notes and metadata are sealed with the data folder's key. Content ids start at 1 and are
never given twice.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from amparo.bank.famous import Fingerprints
from amparo.core.clock import Clock, to_text
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound
from amparo.core.keys import derive, keyed_tag, seal, unseal, unseal_all
from amparo.gate.database import Database
from amparo.gate.kept_index import KeptIndex
from amparo.gate.numbered import Near
from amparo.gate.own_index import OwnIndex
from amparo.gate.snapshot_register import SCHEMA as SNAPSHOT_SCHEMA

PDQ: Final = "pdq"
VIDEO_MD5: Final = "video_md5"
SIGNAL_TYPES: Final = (PDQ, VIDEO_MD5)
NOTE_LENGTH: Final = 255
_METADATA_LENGTH: Final = 16_000
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,254}", re.ASCII)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bank (name TEXT PRIMARY KEY, ratio REAL NOT NULL, number INTEGER NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS content (
    id INTEGER PRIMARY KEY AUTOINCREMENT, bank INTEGER NOT NULL, disable_until INTEGER NOT NULL,
    since TEXT NOT NULL, about BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS content_bank ON content (bank);
CREATE TABLE IF NOT EXISTS signal (
    content INTEGER NOT NULL, type TEXT NOT NULL, tag BLOB NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (content, type)) STRICT;
CREATE INDEX IF NOT EXISTS signal_tag ON signal (tag);
CREATE TABLE IF NOT EXISTS ratio (name TEXT PRIMARY KEY, ratio REAL NOT NULL) STRICT;
"""
_SEAL_CONTEXT: Final = "amparo-gate-local-1"
_ASKED_AT_ONCE: Final = 500
_ADDED_AT_ONCE: Final = 1000
_CONTENTS: Final = (
    "SELECT content.id, bank.name, bank.ratio, disable_until, since, about "
    "FROM content JOIN bank ON bank.number = content.bank"
)


@dataclass(frozen=True, slots=True)
class Bank:
    """enabled_ratio: 0 (off) to 1; in between, the share of lookups that see this bank."""

    name: str
    enabled_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class About:
    """What the curators say of a content; the gate only keeps it."""

    note: str | None = None
    media_uri: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Content:
    """disable_until: 0: matches; 1: matches no more; else Unix seconds until when it does not match."""

    id: int
    bank: Bank
    disable_until: int
    since: str
    about: About

    def matches_at(self, now: float) -> bool:
        return self.disable_until == 0 or 1 < self.disable_until <= now


class LocalBanks:
    """The banks in ``folder``. Safe to use from several threads. When a change returns, it is on disk and matched.

    Raises as ``Database`` does, under the name ``banks``.
    """

    def __init__(self, folder: Path, key: bytes, clock: Clock, famous: Fingerprints | None = None) -> None:
        self._sealing = derive(key, "amparo-gate-local-seal-1")
        self._tagging = derive(key, "amparo-gate-local-tag-1")
        self._clock = clock
        self._database = Database(
            folder / "banks.sqlite",
            _SCHEMA + SNAPSHOT_SCHEMA,
            name="banks",
            called="The database of the gate's own banks",
        )
        try:
            self._index = OwnIndex(folder, key, self._database, self._opened, famous)
            with self._database.read() as connection:
                # In memory too: every lookup asks for them.
                self._ratios: dict[str, float] = dict(connection.execute("SELECT name, ratio FROM ratio").fetchall())
        except AmparoError:
            self._database.close()
            raise

    def close(self) -> None:
        self._database.close()

    @property
    def kept(self) -> KeptIndex:
        """What a ``SnapshotKeeper`` saves."""
        return self._index.kept

    def __len__(self) -> int:
        return len(self._index)

    @property
    def left_out(self) -> int:
        """How many contents do not match because they lie near a famous picture."""
        return self._index.left_out

    # Banks

    def banks(self) -> tuple[Bank, ...]:
        """In the order of their making."""
        # Read anew each time: "amparo source" changes them from another process.
        return tuple(self._read_banks().values())

    def bank(self, name: str) -> Bank:
        """Raises NotFound ``bank_unknown``."""
        bank = self._read_banks().get(name)
        if bank is None:
            raise NotFound("bank_unknown", "Bank not found")
        return bank

    def create_bank(self, name: str, enabled_ratio: float = 1.0) -> Bank:
        """Raises InvalidInput ``bank_name_invalid`` / ``ratio_invalid``, Conflict ``bank_exists``."""
        bank = Bank(_checked_name(name), _checked_ratio(enabled_ratio))
        with self._write() as connection:
            if name in self._read_banks():
                raise Conflict("bank_exists", "Bank already exists")
            number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM bank").fetchone()[0]
            connection.execute("INSERT INTO bank VALUES (?, ?, ?)", (name, bank.enabled_ratio, number)).close()
        return bank

    def change_bank(self, name: str, *, new_name: str | None = None, enabled_ratio: float | None = None) -> Bank:
        """Raises as ``create_bank``, and NotFound ``bank_unknown``."""
        with self._write() as connection:
            bank = self.bank(name)
            if new_name is not None and new_name != name:
                if new_name in self._read_banks():
                    raise Conflict("bank_exists", "Bank already exists")
                bank = replace(bank, name=_checked_name(new_name))
            if enabled_ratio is not None:
                bank = replace(bank, enabled_ratio=_checked_ratio(enabled_ratio))
            connection.execute(
                "UPDATE bank SET name = ?, ratio = ? WHERE name = ?", (bank.name, bank.enabled_ratio, name)
            ).close()
        return bank

    def delete_bank(self, name: str) -> bool:
        """With all it holds. Returns whether there was one."""
        with self._write() as connection:
            row = connection.execute("SELECT number FROM bank WHERE name = ?", (name,)).fetchone()
            if row is None:
                return False
            of_bank = "(SELECT id FROM content WHERE bank = ?)"
            gone = connection.execute(
                f"SELECT content FROM signal WHERE type = ? AND content IN {of_bank}",  # noqa: S608  # fixed text
                (PDQ, row[0]),
            ).fetchall()
            connection.execute(f"DELETE FROM signal WHERE content IN {of_bank}", row).close()  # noqa: S608  # fixed text
            self._index.snapshots.note_removed(connection, (number for (number,) in gone))
            connection.execute("DELETE FROM content WHERE bank = ?", row).close()
            connection.execute("DELETE FROM bank WHERE number = ?", row).close()
        self._index.remove([number for (number,) in gone])
        return True

    def ratio_of(self, name: str) -> float:
        """The enabled ratio of something that is no bank of ours: the hub's, a signal type. 1 until it was set."""
        return self._ratios.get(name, 1.0)

    def set_ratio(self, name: str, ratio: float) -> None:
        """Raises InvalidInput ``ratio_invalid``."""
        with self._database.lock:
            with self._write() as connection:
                connection.execute("INSERT OR REPLACE INTO ratio VALUES (?, ?)", (name, _checked_ratio(ratio))).close()
            self._ratios[name] = ratio

    # Contents

    def add_content(self, bank: str, signals: Mapping[str, str], about: About | None = None) -> int:
        """signals: at most one fingerprint for each of ``SIGNAL_TYPES``. Returns the content's id.

        Raises InvalidInput ``signal_type_unknown``, ``signal_invalid``, ``signals_none``, ``about_invalid``, and
        ``picture_famous`` for what is on the operator's list of famous pictures.
        """
        if not signals:
            raise InvalidInput("signals_none", "No signals given")
        checked = {kind: checked_signal(kind, value) for kind, value in signals.items()}
        if PDQ in checked and self._index.are_famous([bytes.fromhex(checked[PDQ])])[0]:
            raise InvalidInput("picture_famous", "This picture is famous: what everybody has cannot be banked")
        told = self._seal(_about_text(about or About()))
        # The lock is kept until the index knows: numbers must reach it ascending, and only those that are on disk.
        with self._database.lock:
            with self._write() as connection:
                number = self._number_of(connection, bank)
                cursor = connection.execute(
                    "INSERT INTO content (bank, disable_until, since, about) VALUES (?, 0, ?, ?)",
                    (number, to_text(self._clock.now()), told),
                )
                content = cursor.lastrowid
                assert content is not None  # an INSERT into a rowid table always has one
                rows = [(content, kind, self._tag(kind, value), self._seal(value)) for kind, value in checked.items()]
                connection.executemany("INSERT INTO signal VALUES (?, ?, ?, ?)", rows).close()
            if PDQ in checked:
                self._index.add([content], [bytes.fromhex(checked[PDQ])])
        return content

    def add_fingerprints(self, bank: str, values: Sequence[str]) -> None:
        """Many contents of one PDQ fingerprint each, a thousand at a time, so that nobody else waits long for the bank.

        Raises as ``add_content``, before anything is added; where the bank goes meanwhile or the disk is full, those before
        are in it.
        """
        checked = [checked_signal(PDQ, value) for value in values]
        told = self._seal(_about_text(About()))
        for start in range(0, len(checked), _ADDED_AT_ONCE):
            part = checked[start : start + _ADDED_AT_ONCE]
            self._add_part(bank, [(self._tag(PDQ, value), self._seal(value)) for value in part], part, told)

    def _add_part(self, bank: str, sealed: Sequence[tuple[bytes, bytes]], values: Sequence[str], told: bytes) -> None:
        with self._database.lock:
            with self._write() as connection:
                number = self._number_of(connection, bank)
                since = to_text(self._clock.now())
                query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'content'"
                first = 1 + connection.execute(query).fetchone()[0]
                numbers = range(first, first + len(sealed))
                connection.executemany(
                    "INSERT INTO content VALUES (?, ?, 0, ?, ?)", [(one, number, since, told) for one in numbers]
                ).close()
                rows = [(one, PDQ, *hidden) for one, hidden in zip(numbers, sealed, strict=True)]
                connection.executemany("INSERT INTO signal VALUES (?, ?, ?, ?)", rows).close()
            self._index.add(numbers, list(map(bytes.fromhex, values)))

    def content(self, bank: str, content: int) -> Content:
        """Raises NotFound ``bank_unknown``; ``content_unknown`` also for a content of another bank."""
        self.bank(bank)
        found = self.contents([content]).get(content)
        if found is None or found.bank.name != bank:
            raise NotFound("content_unknown", "content not found")
        return found

    def contents(self, numbers: Sequence[int]) -> dict[int, Content]:
        """Those of these contents that are held."""
        found: dict[int, Content] = {}
        for start in range(0, len(numbers), _ASKED_AT_ONCE):
            part = numbers[start : start + _ASKED_AT_ONCE]
            query = f"{_CONTENTS} WHERE content.id IN ({','.join('?' * len(part))})"
            with self._database.read() as connection:
                rows = connection.execute(query, part).fetchall()
            for number, name, ratio, until, since, about in rows:
                told = cast("dict[str, Any]", json.loads(self._open(about)))
                found[number] = Content(number, Bank(name, ratio), until, since, About(**told))
        return found

    def signals_of(self, content: int) -> dict[str, str]:
        """The fingerprints of a content, by type."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT type, sealed FROM signal WHERE content = ?", (content,)).fetchall()
        return {kind: self._open(sealed) for kind, sealed in rows}

    def change_content(
        self, bank: str, content: int, *, disable_until: int | None = None, note: str | None = None
    ) -> Content:
        """Raises as ``content``, and InvalidInput ``about_invalid``."""
        with self._write() as connection:
            held = self.content(bank, content)
            about = held.about if note is None else replace(held.about, note=note)
            until = held.disable_until if disable_until is None else disable_until
            connection.execute(
                "UPDATE content SET disable_until = ?, about = ? WHERE id = ?",
                (until, self._seal(_about_text(about)), content),
            ).close()
        return replace(held, disable_until=until, about=about)

    def delete_content(self, bank: str, content: int) -> bool:
        """Returns whether there was one in this bank. Raises NotFound ``bank_unknown``."""
        with self._write() as connection:
            number = self._number_of(connection, bank)
            gone = connection.execute(
                "DELETE FROM content WHERE id = ? AND bank = ? RETURNING id", (content, number)
            ).fetchall()
            if not gone:
                return False
            kinds = connection.execute("DELETE FROM signal WHERE content = ? RETURNING type", gone[0]).fetchall()
            if (PDQ,) in kinds:
                self._index.snapshots.note_removed(connection, [content])
        self._index.remove([content])
        return True

    # Matching

    def near(self, values: bytes, radius: int) -> list[Near]:
        """Contents whose PDQ lies at most ``radius`` bits from each of ``values``, disabled ones included."""
        return self._index.near(values, radius)

    def same(self, kind: str, value: str) -> list[int]:
        """Contents with exactly this fingerprint."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT content FROM signal WHERE tag = ?", (self._tag(kind, value),))
            return [content for (content,) in rows.fetchall()]

    def count_in(self, bank: str) -> int:
        """How many contents a bank has."""
        query = "SELECT count(*) FROM content JOIN bank ON bank.number = content.bank WHERE bank.name = ?"
        with self._database.read() as connection:
            return connection.execute(query, (bank,)).fetchone()[0]

    def count(self, kind: str) -> int:
        with self._database.read() as connection:
            return connection.execute("SELECT count(*) FROM signal WHERE type = ?", (kind,)).fetchone()[0]

    def newest(self) -> str | None:
        """When the newest content was added, RFC 3339."""
        with self._database.read() as connection:
            return connection.execute("SELECT max(since) FROM content").fetchone()[0]

    @contextmanager
    def _write(self) -> Generator[sqlite3.Connection]:
        with self._database.write() as connection:
            yield connection

    def _read_banks(self) -> dict[str, Bank]:
        with self._database.read() as connection:
            rows = connection.execute("SELECT name, ratio FROM bank ORDER BY number").fetchall()
        return {name: Bank(name, ratio) for name, ratio in rows}

    def _number_of(self, connection: sqlite3.Connection, bank: str) -> int:
        row = connection.execute("SELECT number FROM bank WHERE name = ?", (bank,)).fetchone()
        if row is None:
            raise NotFound("bank_unknown", "Bank not found")
        return row[0]

    def _tag(self, kind: str, value: str) -> bytes:
        return keyed_tag(self._tagging, f"{kind} {value}".encode())

    def _seal(self, text: str) -> bytes:
        return seal(self._sealing, text.encode(), _SEAL_CONTEXT)

    def _open(self, sealed: bytes) -> str:
        return unseal(self._sealing, sealed, _SEAL_CONTEXT).decode()

    def _opened(self, sealed: Sequence[bytes]) -> list[bytes]:
        texts = unseal_all(self._sealing, ((one, _SEAL_CONTEXT) for one in sealed))
        return [bytes.fromhex(text.decode()) for text in texts]


def checked_signal(kind: str, value: object) -> str:
    """The one spelling of a fingerprint. Raises InvalidInput ``signal_type_unknown`` or ``signal_invalid``."""
    digits = {PDQ: 64, VIDEO_MD5: 32}.get(kind)
    if digits is None:
        raise InvalidInput("signal_type_unknown", f"No such signal type '{kind[:60]}'")
    text = value.strip().lower() if isinstance(value, str) else ""
    if len(text) != digits or re.fullmatch("[0-9a-f]+", text) is None:
        raise InvalidInput("signal_invalid", f"Invalid {kind} signal: it has {digits} hexadecimal digits")
    return text


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise InvalidInput("bank_name_invalid", "Bank names must consist of uppercase letters, digits and underscores")
    return name


def _checked_ratio(ratio: float) -> float:
    if not 0 <= ratio <= 1:  # refuses NaN too
        raise InvalidInput("ratio_invalid", "An enabled ratio lies between 0 and 1")
    return ratio


def _about_text(about: About) -> str:
    if about.note is not None and len(about.note) > NOTE_LENGTH:
        raise InvalidInput("about_invalid", f"A note has at most {NOTE_LENGTH} characters")
    told = {"note": about.note, "media_uri": about.media_uri, "metadata": dict(about.metadata)}
    text = json.dumps(told, ensure_ascii=True)
    if len(text) > _METADATA_LENGTH:
        raise InvalidInput("about_invalid", f"Metadata have at most {_METADATA_LENGTH:,} characters")
    return text
