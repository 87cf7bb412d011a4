"""A running gate: replica, engine, follower, the platform's own banks and the checker over them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from amparo.bank import Opinion, Policy
from amparo.bank.famous import FAMOUS_FILE, read_famous
from amparo.core.clock import Clock
from amparo.core.ids import EntryId
from amparo.gate import sealed_snapshot, sealed_spool
from amparo.gate.card import PartnerCard
from amparo.gate.checker import Checker
from amparo.gate.engine import Engine
from amparo.gate.entries_here import EntriesHere, Here
from amparo.gate.follower import Follower
from amparo.gate.keeper import SnapshotKeeper
from amparo.gate.local_banks import LocalBanks
from amparo.gate.occupied import Occupied
from amparo.gate.replica import Replica
from amparo.gate.sources import Ledger, Puller
from amparo.gate.tracing.calibration import Calibration
from amparo.gate.tracing.pool import TracePool
from amparo.gate.tracing.settings import TraceSettings
from amparo.gate.tracing.tracer import Tracer
from amparo.gate.warm_up import compiled_before, note_compiled, warm_up

_WARM_UP_AFTER: Final = 0.5
"""Seconds: by then the server listens, and a second of one core delays nobody's start."""
_FOLLOW_AFTER: Final = 0.05
"""Seconds: a server listens by then, and its first answers do not wait while the way to the hub is loaded and tried."""
_STALE_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class GateStatus:
    """What an operator asks first. entries: of the hub; own_contents: fingerprints in the platform's own banks; synced_at: RFC
    3339 or None; problem: the code of what keeps the feed from us; registered_photos: ordinary photos whose altered versions are
    recognised here; traces: what came of uploads since the start, see ``Tracer.counts``; ``unverified`` ones passed because the
    hub did not answer; traces_loading: whether these photos are still being read, so that no upload is recognised by them;
    trace_level: the score above which an upload is sent on; telling_problem: the code of what keeps sightings or opinions from
    the hub; entries_for_review, entries_off: those that people here have rejected, or switched off."""

    entries: int
    own_contents: int
    cursor: int
    head: int
    synced_at: str | None
    problem: str | None
    problem_text: str | None
    untold_sightings: int
    untold_opinions: int
    dry_run: bool
    registered_photos: int = 0
    traces: Mapping[str, int] = field(default_factory=dict[str, int])
    traces_loading: bool = False
    trace_level: float = 0.0
    telling_problem: str | None = None
    famous_left_out: int = 0
    entries_for_review: int = 0
    entries_off: int = 0


class GateRuntime:
    """Owns the data folder ``folder``. ``start`` begins to follow the hub; asking (``checker``) works from the moment it is
    made."""

    def __init__(
        self,
        card: PartnerCard,
        folder: Path,
        clock: Clock,
        policy: Policy | None = None,
        *,
        dry_run: bool = False,
        tracing: TraceSettings | None = None,
    ) -> None:
        self.card = card
        self.clock = clock
        self.folder = folder
        # What was opened is closed again in the opposite order, at the stop as after a start that fails half-way: a folder
        # that stayed occupied could not be opened by the next try.
        with ExitStack() as opened:
            opened.callback(Occupied(folder).leave)
            sealed_spool.sweep(folder)
            sealed_snapshot.sweep(folder)
            self.replica = Replica(folder)
            opened.callback(self.replica.close)
            self.replica.join(card.verify_key.hub_id, card.partner)
            self.local = LocalBanks(folder, self.replica.sealing_key, clock, read_famous(folder / FAMOUS_FILE))
            opened.callback(self.local.close)
            self.entries_here = EntriesHere(folder)
            opened.callback(self.entries_here.close)
            self.entries_here.forget_ended(clock.now(), self.replica.holds)
            self._ledger = Ledger(folder, self.replica.sealing_key)
            opened.callback(self._ledger.close)
            self.sources = Puller(self._ledger, self.local, clock)
            opened.callback(self.sources.stop)
            self.engine = Engine(self.replica, folder)
            traces = TracePool(self.replica)
            opened.callback(traces.close)
            self._keeper = SnapshotKeeper([self.engine.kept, self.local.kept])
            opened.callback(self._keeper.stop)
            settings = tracing or TraceSettings()
            self.tracer = Tracer(card, self.replica, traces, settings, Calibration(settings, folder))
            opened.callback(self.tracer.close)
            self.follower = Follower(card, self.replica, self.engine, clock, traces=traces)
            opened.callback(self.follower.stop)
            self.checker = Checker(
                engine=self.engine,
                replica=self.replica,
                local=self.local,
                here=self.entries_here,
                follower=self.follower,
                hub=card.verify_key.hub_id,
                policy=policy or Policy(),
                clock=clock,
                dry_run=dry_run,
                tracer=self.tracer,
            )
            self._opened = opened.pop_all()

    def start(self) -> None:
        """Begin to follow, a moment later.

        At the first start of an installation this compiles before it returns, so that no upload waits for the compiler. Later
        starts answer lookups at once; what was compiled is loaded a moment later, or by the first upload that comes before.
        """
        self._keeper.start()
        if compiled_before(self.folder):
            self._later(_FOLLOW_AFTER, self._follow)
            self._later(_WARM_UP_AFTER, warm_up)
        else:
            warm_up()
            note_compiled(self.folder)
            self._follow()

    def _follow(self) -> None:
        self.follower.start()
        self.sources.start()

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, work)
        timer.daemon = True
        timer.start()
        self._opened.callback(timer.join)
        self._opened.callback(timer.cancel)

    def stop(self) -> None:
        self._opened.close()

    def tell_opinion(self, entry: EntryId, opinion: Opinion) -> bool:
        """What people here say of an entry after they looked at a match; returns whether it matches here at this moment.

        When this returns, the opinion is on disk, and the hub is told as soon as it answers; of what it held or ended
        meanwhile too, for a hold is decided by what partners say. Here it counts at once: by an entry that was rejected
        nothing is blocked any more, it is for review; a confirmation ends that. What is switched off stays so until then.
        """
        known, now = self.replica.holds(entry), self.clock.now()
        if opinion is Opinion.REJECT and self.entries_here.at(entry, now.timestamp()) is not Here.OFF:
            self.entries_here.decide(entry, Here.REVIEW, now)
        elif opinion is Opinion.CONFIRM:
            self.entries_here.decide(entry, Here.POLICY, now)
        self.replica.opinions.note(entry, opinion)
        self.follower.new_opinion()
        return known

    def switch_off(self, entry: EntryId, until: int = 0) -> None:
        """Nothing matches this entry at this gate any more. until: Unix seconds; 0: for good.

        Off for good is what people decide who have looked, and is told to the hub as a rejection; off for a time says nothing
        of the entry and is told to nobody. Raises as ``EntriesHere`` does.
        """
        self.entries_here.decide(entry, Here.OFF, self.clock.now(), until)
        if not until:
            self.tell_opinion(entry, Opinion.REJECT)

    def switch_on(self, entry: EntryId) -> None:
        """Match it as every other again. The hub is told that a rejection of it is an open question now."""
        before = self.entries_here.of(entry)
        self.entries_here.decide(entry, Here.POLICY, self.clock.now())
        if before is not None and not before.until:
            self.tell_opinion(entry, Opinion.ASK)

    def status(self) -> GateStatus:
        standing = self.replica.standing()
        following = self.follower.status
        now = self.clock.now().timestamp()
        return GateStatus(
            entries=len(self.engine),
            own_contents=len(self.local),
            cursor=standing.cursor if standing else 0,
            head=standing.head if standing else 0,
            synced_at=following.synced_at.isoformat() if following.synced_at else None,
            problem=following.problem,
            problem_text=following.problem_text,
            untold_sightings=self.replica.count_untold(),
            untold_opinions=len(self.replica.opinions),
            dry_run=self.checker.dry_run,
            registered_photos=self.tracer.photos,
            traces=self.tracer.counts,
            traces_loading=self.tracer.loading,
            trace_level=self.tracer.level,
            telling_problem=self.follower.telling_problem,
            famous_left_out=self.local.left_out,
            entries_for_review=self.entries_here.count(Here.REVIEW, now),
            entries_off=self.entries_here.count(Here.OFF, now),
        )

    def is_stale(self) -> bool:
        """Whether the hub has not been heard for a day: then withdrawals of a day may be missing here."""
        standing = self.replica.standing()
        if standing is None or standing.issued_at is None:
            return False
        return self.clock.now() - standing.issued_at > _STALE_AFTER
