"""How fast codes can be tried from one address: wrong ones are answered later and later, and nobody is ever locked out.

A code has over 86 bits, so nobody guesses one; this keeps whoever tries from taking the hub's time from others. A whole school
behind one address is normal (SAFETY.md, always 6): right codes never wait longer than it takes, and the waiting after wrong ones
grows slowly, has an end, and is forgotten within minutes. Addresses are kept in memory only, as keyed digests.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeVar

from amparo.core.clock import monotonic
from amparo.core.errors import Unavailable

Sleep = Callable[[float], Awaitable[None]]
_Answer = TypeVar("_Answer")

AT_ONCE: Final = 8
"""How many codes from one address are looked up, or made to wait, at the same time; the others stand in line."""
FREE: Final = 20
"""So many wrong codes cost no waiting: an evening's mistyped words."""
FIRST_WAIT: Final = 0.25
LONGEST_WAIT: Final = 4.0
"""Seconds."""
FORGOTTEN_EVERY: Final = 5.0
"""Seconds after which one wrong code is forgotten."""
ADDRESSES: Final = 10_000
IN_LANE: Final = 400
"""From one address: two school evenings at once, and no more of everybody's line than that."""
IN_LINE: Final = 20_000
"""In all. Beyond these the hub says that it is busy: it never looks a code up without having counted it. An address that nobody
else asks from still gets its ``AT_ONCE``, so that whoever fills the line from many addresses keeps nobody out of it."""
_RETRY_SECONDS: Final = 5.0


@dataclass
class _Lane:
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    here: int = 0
    wrong: float = 0.0
    since: float = 0.0


class PaceOfCodes:
    """For one event loop. beat: seconds; every answer about a code comes that long after its question, or a whole number of
    times as long, so that the work behind it does not show."""

    def __init__(self, now: Callable[[], float] = monotonic, sleep: Sleep = asyncio.sleep, beat: float = 0.15) -> None:
        self._now = now
        self._sleep = sleep
        self._beat = beat
        self._key = secrets.token_bytes(32)
        self._lanes: dict[bytes, _Lane] = {}
        self._in_line = 0

    async def answer(
        self, address: str, work: Callable[[], Awaitable[_Answer]], is_wrong: Callable[[_Answer], bool]
    ) -> _Answer:
        """What ``work`` says of a code that came from ``address``; later, after many wrong ones.

        Raises Unavailable ``codes_busy`` where the code cannot be counted; then ``work`` was not called.
        """
        lane = self._enter(address)
        try:
            async with lane.turns:
                began = self._now()
                answered = await work()
                wait = self._fault(lane) if is_wrong(answered) else 0.0
                # The turn is kept meanwhile: this is what slows a program that asks for many at once.
                await self._sleep(wait + self._rest(self._now() - began))
                return answered
        finally:
            lane.here -= 1
            self._in_line -= 1

    def _enter(self, address: str) -> _Lane:
        name = hashlib.blake2b(_network(address).encode(), key=self._key, digest_size=16).digest()
        if name not in self._lanes and len(self._lanes) >= ADDRESSES:
            self._forget()
        here = self._lanes[name].here if name in self._lanes else 0
        crowded = here >= (IN_LANE if self._in_line < IN_LINE else AT_ONCE)
        if crowded or (name not in self._lanes and len(self._lanes) >= ADDRESSES):
            raise Unavailable(
                "codes_busy", "Very many people are here right now. Nothing is lost.", retry_after=_RETRY_SECONDS
            )
        lane = self._lanes.setdefault(name, _Lane(since=self._now()))
        lane.here += 1
        self._in_line += 1
        return lane

    def _fault(self, lane: _Lane) -> float:
        """Count one more wrong code; returns how long its answer waits."""
        self._cool(lane)
        lane.wrong += 1
        over = lane.wrong - FREE
        return min(LONGEST_WAIT, FIRST_WAIT * 2 ** (over / 4)) if over > 0 else 0.0

    def _rest(self, taken: float) -> float:
        return -taken % self._beat if self._beat else 0.0

    def _cool(self, lane: _Lane) -> None:
        now = self._now()
        lane.wrong = max(0.0, lane.wrong - (now - lane.since) / FORGOTTEN_EVERY)
        lane.since = now

    def _forget(self) -> None:
        for name, lane in list(self._lanes.items()):
            self._cool(lane)
            if not lane.here and not lane.wrong:
                del self._lanes[name]


def _network(address: str) -> str:
    """An IPv6 household has 2**64 addresses: it counts as one."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(int(known) >> 64) if isinstance(known, IPv6Address) else str(known)
