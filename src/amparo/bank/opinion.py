"""Opinions: what partners' people say of an entry after they looked at a match, and when that puts a hold on it.

A match is a lead, and partners see what the hub never sees. When several of them, independently, say that an entry matches
the wrong pictures, it is held: it stops matching until somebody at the desk has looked. One partner alone never holds an
entry, and a partner that rejects whatever it is sent loses its weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from amparo.core.ids import PartnerId

REJECTERS_NEEDED: Final = 2
"""Distinct partners; one platform's rules, mistake or bad will must not lift a person's protection."""
WEIGHT_NEEDED: Final = 1.5
"""Summed weight of the rejecting partners: two in good standing, or three and more in doubtful standing."""
_BENEFIT_OF_DOUBT: Final = 3
"""Imagined past opinions that were no rejections: three honest first rejections must not cost a partner its voice."""


class Opinion(StrEnum):
    """confirm: what matched is what the entry is for; reject: it is something else; ask: people at the partner are unsure."""

    CONFIRM = "confirm"
    REJECT = "reject"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a partner has judged so far, over all entries: how many opinions in all, and how many of them rejections."""

    opinions: int = 0
    rejections: int = 0


def weight(standing: Standing) -> float:
    """What a partner's next opinion weighs, 0..1.

    1 while at most half of its opinions are rejections; from there down towards 0 for a partner that rejects everything.
    """
    kept = standing.opinions - standing.rejections
    return min(1.0, 2 * (kept + _BENEFIT_OF_DOUBT) / (standing.opinions + _BENEFIT_OF_DOUBT))


def must_hold(opinions: Mapping[PartnerId, Opinion], standings: Mapping[PartnerId, Standing]) -> bool:
    """Whether these opinions on one entry, the newest of each partner, put it on hold.

    standings: of the partners, without their opinion on this very entry, so that a rejection does not weigh itself down.
    """
    rejecting = _weights(opinions, standings, Opinion.REJECT)
    confirming = _weights(opinions, standings, Opinion.CONFIRM)
    enough = len(rejecting) >= REJECTERS_NEEDED and sum(rejecting) >= WEIGHT_NEEDED
    return enough and sum(rejecting) > sum(confirming)


def _weights(
    opinions: Mapping[PartnerId, Opinion], standings: Mapping[PartnerId, Standing], wanted: Opinion
) -> Sequence[float]:
    return [weight(standings.get(partner, Standing())) for partner, opinion in opinions.items() if opinion is wanted]
