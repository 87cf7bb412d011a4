"""What a store promises for incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from amparo.core.ids import CaseId, IncidentId, StaffId


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """sealed_title: what staff call it, sealed (``Vault.seal_desk_text``)."""

    id: IncidentId
    sealed_title: bytes
    opened_at: datetime
    opened_by: StaffId


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """That somebody has put this case into this incident."""

    case: CaseId
    incident: IncidentId
    linked_by: StaffId
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """linked_at: when the newest of its cases was linked."""

    record: IncidentRecord
    cases: int
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class ApartRecord:
    """That somebody has looked at two cases and found that they do not belong together; the lesser id stands first."""

    first: CaseId
    second: CaseId
    said_by: StaffId
    said_at: datetime


@dataclass(frozen=True, slots=True)
class CasesMark:
    """newest: the highest number given out of those that live; cases: how many live; events: how many all of them have."""

    newest: int
    cases: int
    events: int


class IncidentLedger(Protocol):
    """Part of a transaction. A case is in one incident at most; what is known of a case here goes with it.

    An incident whose last case is unlinked or destroyed goes too, with its title: it would speak of people who are gone.
    """

    def open(self, record: IncidentRecord) -> None:
        """A new incident, to be given cases in this same transaction."""
        ...

    def incident(self, incident: IncidentId) -> IncidentRecord | None: ...

    def retitle(self, incident: IncidentId, sealed_title: bytes) -> None: ...

    def lines(self, limit: int, offset: int = 0) -> list[IncidentLine]:
        """Incidents with cases, the one whose newest link is youngest first."""
        ...

    def count(self) -> int:
        """How many incidents have cases."""
        ...

    def link(self, record: LinkRecord) -> None:
        """Put a case into an incident, and out of the one that it is in; nothing happens where that is the same."""
        ...

    def unlink(self, case: CaseId) -> IncidentId | None:
        """Take a case out; returns the incident it was in."""
        ...

    def link_of(self, case: CaseId) -> LinkRecord | None: ...

    def cases(self, incident: IncidentId) -> list[LinkRecord]:
        """First linked first."""
        ...

    def links(self) -> dict[CaseId, IncidentId]:
        """Of every linked case, its incident."""
        ...

    def say_apart(self, record: ApartRecord) -> None:
        """In whichever order the two cases stand; nothing happens where somebody has said so."""
        ...

    def unsay_apart(self, first: CaseId, second: CaseId) -> None:
        """In whichever order; nothing happens where nobody said so."""
        ...

    def apart(self) -> list[ApartRecord]:
        """The newest first."""
        ...

    def mark(self) -> CasesMark:
        """Equal marks of two transactions: nothing has happened in any case between them."""
        ...

    def drop_empty(self) -> None:
        """Forget incidents without cases; ``unlink`` and ``Transaction.destroy_case`` do it by themselves."""
        ...
