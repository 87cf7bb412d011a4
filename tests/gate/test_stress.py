"""Many lookups at once while the feed brings changes: no wrong answer, no lost change, bounded memory.

``AMPARO_STRESS`` is the number of changes, ``AMPARO_IN_FLIGHT`` that of lookups at once; the full size is 100000 and 10000. The
figures are printed (``pytest -s``).
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import threading
import time
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np

from amparo.bank import TombstoneReason
from amparo.core.ids import EntryId, random_id
from amparo.exchange.native import Addition, FeedPage, Tombstone
from amparo.gate.engine import Engine
from amparo.gate.replica import Replica
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal.fingerprint import Pdq
from tests.gate.feeding import key_for
from tests.hub.hubs import near

CHANGES = int(os.environ.get("AMPARO_STRESS", "10000"))
PAGE = 500
LOOKUPS = 10_000
IN_FLIGHT = int(os.environ.get("AMPARO_IN_FLIGHT", "64"))
MEMORY_MEGABYTES = 200
"""At most so much more than before; 100,000 changes and what this test itself remembers of them took 63."""


class Feed:
    """Pages that add fingerprints and, once there are enough, end every other one of the oldest that were not looked at yet.

    ``active``, ``ending`` and ``ended`` are moved around ``apply``: what lies between ``ended`` and ``ending`` is underway.
    """

    def __init__(self, gate: GateRuntime) -> None:
        self._gate = gate
        self._random = np.random.default_rng(5)
        self._cursor = 0
        self.planted: list[tuple[Pdq, EntryId]] = []
        self.active = 0
        """Planted fingerprints below this place were applied."""
        self.ending = 0
        """Those of an even place below this may be gone."""
        self.ended = 0
        """Those of an even place below this are gone."""
        self.done = threading.Event()
        self.failed: list[BaseException] = []

    def run(self) -> None:
        try:
            while self._cursor < CHANGES:
                self._page()
        except BaseException as error:  # noqa: BLE001  # carried to the asserting thread
            self.failed.append(error)
        finally:
            self.done.set()

    def _page(self) -> None:
        changes: list[Addition | Tombstone] = []
        end = self.ending
        if len(self.planted) - self.ending > 2 * PAGE:
            end = self.ending + PAGE
            for place in range(self.ending, end, 2):
                entry = self.planted[place][1]
                changes.append(Tombstone(self._cursor + len(changes) + 1, entry, TombstoneReason.WITHDRAWN))
        expires = self._gate.clock.now() + timedelta(days=30)
        while len(changes) < min(PAGE, CHANGES - self._cursor):
            fingerprint, entry = Pdq(self._random.bytes(32), 90), EntryId(random_id())
            changes.append(Addition(self._cursor + len(changes) + 1, entry, random_id(), fingerprint, expires))
            self.planted.append((fingerprint, entry))
        cursor = changes[-1].sequence
        card = self._gate.card
        page = FeedPage(
            card.verify_key.hub_id, card.partner, self._cursor, cursor, cursor, secrets.token_hex(16),
            self._gate.clock.now(), tuple(changes),
        )  # fmt: skip
        self.ending = end
        self._gate.engine.apply(lambda: self._gate.replica.apply(page))
        self._cursor, self.active, self.ended = cursor, len(self.planted), end


def test_lookups_are_right_while_the_feed_comes_in(gate: GateRuntime) -> None:
    feed = Feed(gate)
    app = create_app(gate)
    headers = {"Authorization": f"Bearer {key_for(gate, 'match')}"}
    chance = random.Random(7)  # a seed, so that each run asks the same
    asked = {"found": 0, "gone": 0, "stranger": 0}
    longest = 0

    async def ask(client: httpx.AsyncClient) -> None:
        # What is known before the question must be in the answer, unless it may have changed until the answer was there.
        active, ended = feed.active, feed.ended
        place = chance.randrange(active) if active and chance.random() < 0.9 else None
        value = (
            near(feed.planted[place][0], chance.randrange(20)) if place is not None else Pdq(chance.randbytes(32), 90)
        )
        question = {"fingerprints": [{"value": value.hex, "quality": 90}]}
        answer = await client.post("/v1/lookup", json=question)
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        entries = {match["entry"] for match in result["matches"]}
        if place is None:
            assert not entries
            asked["stranger"] += 1
            return
        entry = feed.planted[place][1]
        assert entries <= {entry}, "a match with another fingerprint"
        if place % 2 == 0 and place < ended:
            assert not entries, "withdrawn, and still found"
            assert result["verdict"] == "allow"
            asked["gone"] += 1
        elif place % 2 == 1 or place >= feed.ending:
            assert entries == {entry}, "applied, and not found"
            assert result["verdict"] == "block"
            asked["found"] += 1

    async def many() -> None:
        nonlocal longest
        questions = iter(range(LOOKUPS))
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 40000))

        async def one_after_the_other() -> None:
            nonlocal longest
            for number in questions:
                await ask(client)
                # The lookups last as long as the changes do, however fast this machine is at either.
                while not feed.done.is_set() and number > LOOKUPS * feed.active / CHANGES:
                    await asyncio.sleep(0.005)
                longest = max(longest, _resident())

        async with (
            httpx.AsyncClient(transport=transport, base_url="http://gate.test", headers=headers) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(IN_FLIGHT):
                group.create_task(one_after_the_other())

    gate.engine.near(bytes(32), 31)  # compiles and loads the kernels before memory is measured
    before = _resident()
    start = time.monotonic()
    feeding = threading.Thread(target=feed.run)
    feeding.start()
    try:
        asyncio.run(many())
    finally:
        feeding.join()
    seconds = time.monotonic() - start
    assert feed.failed == []
    assert sum(asked.values()) > LOOKUPS * 9 // 10, "hardly any answer may fall into the moment of a change"
    assert min(asked.values()) > 0
    # No change was lost: exactly what should be held is held, by this engine and by one that starts from the disk.
    expected = {entry for place, (_, entry) in enumerate(feed.planted) if place % 2 or place >= feed.ended}
    standing = gate.replica.standing()
    assert standing is not None
    assert standing.cursor == CHANGES
    assert _held(gate.replica) == expected
    values = b"".join(fingerprint.value for fingerprint, _ in feed.planted)
    for engine in (gate.engine, Engine(gate.replica, gate.folder)):
        assert len(engine) == len(expected)
        assert len({one.query for one in engine.near(values, 0)}) == len(expected)
    grown = (longest - before) / 1e6
    assert grown < MEMORY_MEGABYTES
    print(  # figures for whoever runs it by hand
        f"\n{CHANGES} changes beside {LOOKUPS} lookups, {IN_FLIGHT} in flight: {seconds:.1f} s; answers {asked}; "
        f"resident {before / 1e6:.0f} MB before, {longest / 1e6:.0f} MB at most (+{grown:.0f} MB)"
    )


def _held(replica: Replica) -> set[EntryId]:
    numbers = [one.number for one in replica.held()]
    return {origin.entry for origin in replica.origins_of(numbers).values()}


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
