"""What waits for the desk: entries that partners rejected, or photos that many people have. No fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from amparo.core.ids import EntryId
from amparo.hub.context import Hub
from amparo.signal.fingerprint import SignalType

_AT_ONCE: Final = 1000
_ACTS: Final = 50


@dataclass(frozen=True, slots=True)
class HoldLine:
    """said: what each partner said of it, and that the desk has not settled, as (partner's name, opinion)."""

    entry: EntryId
    kind: SignalType
    added_at: datetime
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ActLine:
    """by: the name of who did it, or «command line»."""

    act: str
    entry: EntryId
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Holds:
    """The oldest holds first, at most 1,000; the newest decisions first."""

    waiting: tuple[HoldLine, ...]
    acts: tuple[ActLine, ...]


def holds(hub: Hub) -> Holds:
    """Entries that wait for a decision, and what was decided lately, in one consistent picture."""
    with hub.store.read() as transaction:
        names = {partner.id: partner.name for partner in transaction.partners()}
        waiting: list[HoldLine] = []
        for record in transaction.entries_held(_AT_ONCE):
            opinions = [one for one in transaction.opinions(record.entry.id) if not one.settled]
            said = tuple((names[one.partner], one.opinion.value) for one in opinions)
            waiting.append(HoldLine(record.entry.id, record.signal_type, record.entry.added_at, said))
        staff = {str(one.id): one.name for one in transaction.staff.everyone()}
        acts = tuple(ActLine(a.act, a.entry, staff.get(a.by, a.by), a.at) for a in transaction.acts(_ACTS))
    return Holds(tuple(waiting), acts)
