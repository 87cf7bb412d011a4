"""Who may do what at the desk, and where people find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from amparo.store.staff.protocol import Role

EVERYONE: Final = tuple(Role)
CASES: Final = (Role.CASEWORKER, Role.SUPERVISOR)
"""Who works on cases. Need-to-know: administrators and auditors do not."""
DECIDERS: Final = (Role.SUPERVISOR, Role.ADMINISTRATOR)
"""Who decides what somebody else proposes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the navigation."""

    path: str
    label: str
    roles: tuple[Role, ...]


NAVIGATION: Final = (
    Place("/queue", "Queue", CASES),
    Place("/incidents", "Incidents", CASES),
    Place("/notices", "Notices", CASES),
    Place("/outbox", "Outbox", CASES),
    Place("/search", "Search", CASES),
    Place("/figures", "Figures", EVERYONE),
    Place("/partners", "Partners", EVERYONE),
    Place("/addresses", "Addresses", EVERYONE),
    Place("/rules", "Rules", EVERYONE),
    Place("/holds", "Holds", (*CASES, Role.ADMINISTRATOR)),
    Place("/reveals", "Reveal log", (Role.AUDITOR, Role.SUPERVISOR)),
    Place("/proposals", "Proposals", EVERYONE),
    Place("/policy", "Policy", EVERYONE),
    Place("/staff", "Staff", EVERYONE),
)
"""In the order in which they are shown; whoever enters lands on the first that is theirs."""
