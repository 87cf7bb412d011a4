"""What this platform has decided about single entries of the hub, for its own gate only: a match is a lead, its people decide.

SQLite beside the gate's other databases, and all of it in memory, since every match asks. What the hub does with an entry does
not touch it: one that was held and comes back is treated here as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from amparo.core.clock import to_text
from amparo.core.errors import AmparoError
from amparo.core.ids import EntryId
from amparo.gate.database import Database

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry_here (
    entry BLOB PRIMARY KEY, here TEXT NOT NULL, until INTEGER NOT NULL, since TEXT NOT NULL) STRICT;
"""
_REMEMBERED: Final = timedelta(days=366)
"""How long a decision is kept about an entry that is not in the feed: as long as a hold may take, and more."""


_LONGEST: Final = timedelta(days=5 * 366)


def can_end(until: int, now: datetime) -> bool:
    """Whether what is switched off may be so until then, in Unix seconds: in the next five years, as with HMA."""
    return now.timestamp() < until <= (now + _LONGEST).timestamp()


class Here(StrEnum):
    """POLICY: as for every entry. REVIEW: was rejected, so never stricter than for review. OFF: does not match."""

    POLICY = "policy"
    REVIEW = "review"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class EntryHere:
    """until: Unix seconds when ``here`` ends, 0: never; since: RFC 3339."""

    entry: EntryId
    here: Here
    until: int
    since: str

    def at(self, now: float) -> Here:
        return self.here if self.until == 0 or now < self.until else Here.POLICY


class EntriesHere:
    """The decisions of the gate in ``folder``. Safe to use from several threads. When a change returns, it is on disk and
    applied. Raises as ``Database`` does, under the name ``decisions``.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(
            folder / "decisions.sqlite", _SCHEMA, name="decisions", called="The database of this gate's own decisions"
        )
        try:
            with self._database.read() as connection:
                rows = connection.execute("SELECT entry, here, until, since FROM entry_here").fetchall()
        except AmparoError:
            self._database.close()
            raise
        kept = [EntryHere(EntryId(raw.hex()), Here(here), until, since) for raw, here, until, since in rows]
        self._kept = {one.entry: one for one in kept}

    def close(self) -> None:
        self._database.close()

    def of(self, entry: EntryId) -> EntryHere | None:
        """What was decided about an entry; None where nothing was."""
        return self._kept.get(entry)

    def at(self, entry: EntryId, now: float) -> Here:
        """What counts at this moment (Unix seconds)."""
        decided = self._kept.get(entry)
        return Here.POLICY if decided is None else decided.at(now)

    def all(self) -> tuple[EntryHere, ...]:
        """The oldest first."""
        return tuple(sorted(self._kept.values(), key=lambda one: (one.since, one.entry)))

    def count(self, here: Here, now: float) -> int:
        return sum(one.at(now) is here for one in list(self._kept.values()))

    def decide(self, entry: EntryId, here: Here, now: datetime, until: int = 0) -> None:
        """In place of an earlier decision."""
        decided = EntryHere(entry, here, until, to_text(now))
        with self._database.lock:
            with self._database.write() as connection:
                if here is Here.POLICY:
                    connection.execute("DELETE FROM entry_here WHERE entry = ?", (bytes.fromhex(entry),)).close()
                else:
                    row = (bytes.fromhex(entry), here, until, decided.since)
                    connection.execute("INSERT OR REPLACE INTO entry_here VALUES (?, ?, ?, ?)", row).close()
            if here is Here.POLICY:
                self._kept.pop(entry, None)
            else:
                self._kept[entry] = decided

    def forget_ended(self, now: datetime, is_held: Callable[[EntryId], bool]) -> None:
        """Decisions whose time is over, and old ones about entries that are held no more: a withdrawn entry leaves no trace
        for ever."""
        oldest = to_text(now - _REMEMBERED)
        for one in self.all():
            if one.at(now.timestamp()) is Here.POLICY or (one.since < oldest and not is_held(one.entry)):
                self.decide(one.entry, Here.POLICY, now)
