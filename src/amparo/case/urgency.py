"""How soon a caseworker should look at a case: from what is recorded, without opening anybody's words."""

from __future__ import annotations

from enum import IntEnum

from amparo.case.machine import Case
from amparo.case.outcome import Outcome
from amparo.case.people import AgeBand, Door


class Urgency(IntEnum):
    """NOW: somebody is being threatened. SOON: a minor, or copies are being seen. LATER: nobody affected is waiting."""

    LATER = 0
    USUAL = 1
    SOON = 2
    NOW = 3


def urgency_of(case: Case) -> Urgency:
    """What stands at the top of the queue."""
    if case.door is Door.THREAT:
        return Urgency.NOW
    seen = bool(case.sightings) or any(one.outcome is not Outcome.DISMISSED for one in case.derivatives)
    if case.door is Door.WITNESS:
        return Urgency.USUAL if seen else Urgency.LATER
    return Urgency.SOON if seen or case.age is AgeBand.MINOR else Urgency.USUAL
