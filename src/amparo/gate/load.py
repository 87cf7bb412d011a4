"""How much a gate's server does at once, over all its routes: what it holds, decodes and fetches is bounded, the rest waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyio import CapacityLimiter

from amparo.gate.body_budget import BodyBudget
from amparo.gate.checker import PICTURES_AT_ONCE


@dataclass(frozen=True, slots=True)
class Load:
    """pictures: decoded at once; videos: taken in at once; fetches: from other servers at once; bodies: bytes of uploads."""

    pictures: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(PICTURES_AT_ONCE))
    videos: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    fetches: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    bodies: BodyBudget = field(default_factory=BodyBudget)
