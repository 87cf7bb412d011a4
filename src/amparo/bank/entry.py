"""The life of one banked fingerprint, as a pure state machine.

::

    (none) ──add──▶ ACTIVE ──hold──▶ HELD
                      │  ◀──release───┘ │
                      ├──withdraw───────┤──▶ WITHDRAWN   (final)
                      └──expire─────────┘──▶ EXPIRED     (final)

Only ACTIVE entries match anywhere. Every step that takes an entry out of ACTIVE leaves a tombstone in the feed, and
``release`` leaves an addition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from amparo.core.errors import Conflict, Rejected
from amparo.core.ids import CaseId, EntryId
from amparo.signal.fingerprint import PDQ_MINIMUM_QUALITY, Pdq


class EntryState(StrEnum):
    ACTIVE = "active"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class TombstoneReason(StrEnum):
    """Why an entry stops matching, as the feed tells it."""

    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    HELD = "held"


_FINAL = frozenset({EntryState.WITHDRAWN, EntryState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Entry:
    """One banked fingerprint without its value, which stays sealed with the case's key. Times are UTC."""

    id: EntryId
    case: CaseId
    state: EntryState
    added_at: datetime
    expires_at: datetime


def admit(entry: EntryId, case: CaseId, fingerprint: Pdq, now: datetime, expires_at: datetime) -> Entry:
    """A new active entry. Raises Rejected ``quality_too_low`` where the fingerprint would match the wrong pictures."""
    if fingerprint.quality < PDQ_MINIMUM_QUALITY:
        raise Rejected("quality_too_low", "This picture has too little detail to be recognised again.")
    return Entry(entry, case, EntryState.ACTIVE, now, expires_at)


def hold(entry: Entry) -> Entry:
    """Suspend pending review. Raises Conflict ``entry_not_active``."""
    _require(entry, EntryState.ACTIVE)
    return replace(entry, state=EntryState.HELD)


def release(entry: Entry) -> Entry:
    """End a hold. Raises Conflict ``entry_not_held``."""
    _require(entry, EntryState.HELD)
    return replace(entry, state=EntryState.ACTIVE)


def withdraw(entry: Entry) -> Entry:
    """The person revokes. Raises Conflict ``entry_final`` where it had ended before."""
    return _end(entry, EntryState.WITHDRAWN)


def expire(entry: Entry, now: datetime) -> Entry:
    """Retention ends. Raises Conflict ``entry_not_due`` before its time, ``entry_final`` where it had ended before."""
    if now < entry.expires_at:
        raise Conflict("entry_not_due", "This entry has not reached the end of its retention.")
    return _end(entry, EntryState.EXPIRED)


def _end(entry: Entry, state: EntryState) -> Entry:
    if entry.state in _FINAL:
        raise Conflict("entry_final", f"This entry has already been {entry.state}.")
    return replace(entry, state=state)


def _require(entry: Entry, state: EntryState) -> None:
    if entry.state is not state:
        raise Conflict(f"entry_not_{state}", f"This entry is {entry.state}, not {state}.")
