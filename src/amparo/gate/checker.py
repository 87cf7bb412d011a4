"""Answers about pictures, fingerprints and videos, from the hub's feed and the platform's own banks together."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from amparo.bank import Action, Policy
from amparo.case.outcome import Outcome
from amparo.core.clock import Clock
from amparo.core.ids import EntryId, HubId, SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.exchange.native.sighting import PLACE_LENGTH
from amparo.gate.answer import Answer, Found, Traced, nearest_of_each
from amparo.gate.dry_run import Tally
from amparo.gate.engine import Engine
from amparo.gate.entries_here import EntriesHere, Here
from amparo.gate.follower import Follower
from amparo.gate.local_banks import LocalBanks
from amparo.gate.numbered import Near
from amparo.gate.replica import Replica
from amparo.gate.tracing.tracer import Tracer
from amparo.gate.video_answer import VideoAnswer, VideoHit
from amparo.signal import pdq
from amparo.signal.fingerprint import PDQ_BYTES, Pdq
from amparo.signal.limits import VideoLimits
from amparo.signal.trace import Relation

DEFAULT_PLACE: Final = "upload"
FEED_BANK: Final = "AMPARO_HUB"
FEED_CONTENT: Final = 1_000_000_000
"""Content ids of the hub's bank begin behind this, so that those of the platform's own banks begin at 1 and both fit 31
bits, which is what clients of HMA may keep them in."""


PICTURES_AT_ONCE: Final = max(2, os.cpu_count() or 2)
SEEN: Final = 1e-9
"""The coin that sees every bank which is not switched off."""


class Checker:
    """Policy over both kinds of banks. Any thread may ask.

    dry_run: every upload is let pass and no sighting is told; what would have been done is counted in ``tally``.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        replica: Replica,
        local: LocalBanks,
        here: EntriesHere,
        follower: Follower,
        hub: HubId,
        policy: Policy,
        clock: Clock,
        dry_run: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        self.policy = policy
        self._tracer = tracer
        self.dry_run = dry_run
        self.tally = Tally(clock.now())
        self._engine = engine
        self._replica = replica
        self._local = local
        self._here = here
        self._follower = follower
        self._hub = hub
        self._clock = clock
        self._feed_ratio = local.ratio_of(f"bank {FEED_BANK}")
        self._setting = threading.Lock()
        self._decoding = threading.BoundedSemaphore(PICTURES_AT_ONCE)

    @property
    def feed_ratio(self) -> float:
        """The share of lookups through the HMA routes that see the hub's bank; at 0, nothing of it matches anywhere."""
        return self._feed_ratio

    def set_feed_ratio(self, ratio: float) -> None:
        """Raises InvalidInput ``ratio_invalid``. When this returns, it is on disk."""
        with self._setting:
            self._local.set_ratio(f"bank {FEED_BANK}", ratio)
            self._feed_ratio = ratio

    def find(
        self, values: bytes, radius: int | None = None, coin: float | Sequence[float] = SEEN
    ) -> dict[int, list[Found]]:
        """Matches of PDQ fingerprints (``values``: 32 bytes each), by the place of the question, nearest first.

        Places without a match are left out. coin: 0..1, of each question or of all; banks whose enabled ratio is smaller are not
        seen: at 0, even those that are switched off are.
        """
        within = self.policy.search_radius if radius is None else radius
        least = coin if isinstance(coin, int | float) else min(coin)
        feed = self._engine.near(values, within) if self._feed_ratio >= least else []
        own = self._local.near(values, within)
        # By far the most questions end here.
        if not feed and not own:
            return {}
        coins = [coin] * (len(values) // PDQ_BYTES) if isinstance(coin, int | float) else coin
        matches: dict[int, list[Found]] = {}
        for query, found in [*self._of_feed(feed, coins), *self._of_own(own, coins)]:
            matches.setdefault(query, []).append(found)
        for found in matches.values():
            if len(found) > 1:
                found.sort(key=lambda one: (one.distance, one.content))
        return matches

    def find_same(self, kind: str, value: str, coin: float = SEEN) -> list[Found]:
        """Contents with exactly this fingerprint of another type; only the platform's own banks hold such."""
        return [
            found for _, found in self._of_own([Near(0, number, 0) for number in self._local.same(kind, value)], [coin])
        ]

    def look_up(self, fingerprints: Sequence[Pdq]) -> list[Answer]:
        """Answers without sightings and without a place in the tally: for questions that are not uploads."""
        matches = self.find(b"".join(fingerprint.value for fingerprint in fingerprints))
        if not matches:
            return [Answer(Action.ALLOW, (), fingerprint.quality) for fingerprint in fingerprints]
        return [self.judge(matches.get(place, []), f.quality) for place, f in enumerate(fingerprints)]

    def look_up_seen(self, pictures: Sequence[Sequence[Pdq]]) -> list[Answer]:
        """As ``look_up``, for pictures that each are given as they are and turned or mirrored: whoever mirrors a picture to
        get past still shows it. A match counts once, by the turn that lies nearest."""
        matches = self.find(b"".join(turn.value for turns in pictures for turn in turns))
        answers: list[Answer] = []
        place = 0
        for turns in pictures:
            seen = range(place, place + len(turns))
            found = nearest_of_each(one for at in seen for one in matches.get(at, ()))
            place += len(turns)
            answers.append(self.judge(found, turns[0].quality))
        return answers

    def judge(self, found: Sequence[Found], quality: int) -> Answer:
        """Policy's answer to these matches, nearest first."""
        if not found or quality < self.policy.minimum_quality:
            return Answer(Action.ALLOW, (), quality)
        action = Action.REVIEW
        if any(one.distance <= self.policy.block_within and not self._is_doubted(one) for one in found):
            action = Action.BLOCK
        if self.dry_run:
            return Answer(Action.ALLOW, tuple(found), quality, action)
        return Answer(action, tuple(found), quality)

    def check_picture(self, picture: bytes, place: str = DEFAULT_PLACE) -> Answer:
        """The answer to an upload. A sighting is on disk before this returns; the picture is kept nowhere.

        It is looked up in all eight turns and mirrors. What its fingerprints let pass is looked at for altered versions of
        registered ordinary photos. Raises InvalidInput for bytes that are no picture.
        """
        with self._decoding:
            turns = pdq.turned(picture)
        [answer] = self.look_up_seen([turns])
        if self._tracer is not None and answer.judged is Action.ALLOW:
            hold = not self.dry_run and self.policy.altered is not Action.ALLOW
            traced = self._tracer.look(picture, _plain(place), hold=hold)
            if traced is not None:
                answer = self._with_trace(answer, traced)
        return self._noted(answer, place)

    def fingerprint_of(self, picture: bytes) -> Pdq:
        """The picture's fingerprint. Decoding takes up to 1.5 GB, so only so many threads do it at once; others wait.

        Raises InvalidInput for bytes that are no picture.
        """
        with self._decoding:
            return pdq.fingerprint(picture)

    def note_seen(self, found: Sequence[Found], quality: int, place: str = DEFAULT_PLACE) -> Answer:
        """Count an upload whose matches the platform was told, and that it judges by itself; returns policy's answer.

        The hub is told that it was seen, not that it was stopped: that is for the platform to say.
        """
        answer = self.judge(found, quality)
        self.tally.note(answer)
        if answer.action is not Action.ALLOW:
            self._tell([replace(answer, action=Action.REVIEW)], place)
        return answer

    def _is_doubted(self, found: Found) -> bool:
        """Whether people here have rejected the entry: then nothing is blocked by it unseen."""
        if found.entry is None:
            return False
        return self._here.at(EntryId(found.entry), self._clock.now().timestamp()) is Here.REVIEW

    def _with_trace(self, answer: Answer, traced: Traced) -> Answer:
        action = Action.ALLOW
        if traced.decided is Outcome.CONFIRMED:
            action = Action.BLOCK
        elif traced.decided is None and traced.relation is Relation.ALTERED:
            action = self.policy.altered
        elif traced.decided is None and traced.relation is Relation.UNCERTAIN:
            # Never stricter than for what is certain, and never blocked unseen.
            action = min(Action.REVIEW, self.policy.altered, key=_STRICTNESS.__getitem__)
        if self.dry_run:
            return replace(answer, would=action, trace=traced)
        return replace(answer, action=action, trace=traced)

    def check_fingerprint(self, fingerprint: Pdq, place: str = DEFAULT_PLACE) -> Answer:
        """The same for an upload whose fingerprint the platform has computed itself."""
        return self._noted(self.look_up([fingerprint])[0], place)

    def _noted(self, answer: Answer, place: str) -> Answer:
        self.tally.note(answer)
        if answer.action is not Action.ALLOW:
            self._tell([answer], place)
        return answer

    def check_video(
        self, source: BinaryIO | bytes, place: str = DEFAULT_PLACE, seconds: float | None = None
    ) -> VideoAnswer:
        """The answer to a video: that of its strictest frame, mirrored or not. One sighting for each entry, however often it
        is seen.

        source: a seekable stream of the file, or its bytes. seconds: of our time, at most and by default those of
        ``VIDEO_LIMITS``. Raises InvalidInput for what is no video or over a limit.
        """
        # Here, because loading PyAV would cost every start of a gate a twentieth of a second.
        from amparo.signal import video

        limits = VIDEO_LIMITS
        if seconds is not None:
            limits = replace(limits, max_seconds=min(seconds, limits.max_seconds))
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        seen = video.fingerprint_stream(stream, limits)
        frames = zip(seen.frames, seen.mirrored, strict=True)
        answers = self.look_up_seen([(frame.fingerprint, mirrored) for frame, mirrored in frames])
        pairs = zip(seen.frames, answers, strict=True)
        hits = tuple(VideoHit(frame.seconds, answer) for frame, answer in pairs if answer.matches)
        judged = strictest([hit.answer.judged for hit in hits])
        action = Action.ALLOW if self.dry_run else judged
        would = judged if self.dry_run and judged is not Action.ALLOW else None
        answer = VideoAnswer(action, hits, seen.md5, seen.seconds, len(seen.frames), would)
        self.tally.note(answer.strictest)
        if judged is not Action.ALLOW and not self.dry_run:
            self._tell([hit.answer for hit in hits], place)
        return answer

    def _of_feed(self, near: Sequence[Near], coins: Sequence[float]) -> list[tuple[int, Found]]:
        # Dropped between the search and now: left out. What is withdrawn stops matching at once.
        near = [one for one in near if self._feed_ratio >= coins[one.query]]
        origins = self._replica.origins_of([one.number for one in near])
        now = self._clock.now().timestamp()
        return [
            (
                one.query,
                Found(
                    bank=FEED_BANK,
                    content=FEED_CONTENT + one.number,
                    distance=one.distance,
                    since=origin.since,
                    entry=origin.entry,
                    hub=self._hub,
                ),
            )
            for one in near
            if (origin := origins.get(one.number)) is not None and self._here.at(origin.entry, now) is not Here.OFF
        ]

    def _of_own(self, near: Sequence[Near], coins: Sequence[float]) -> list[tuple[int, Found]]:
        if not near:
            return []
        contents = self._local.contents([one.number for one in near])
        now = self._clock.now().timestamp()
        return [
            (one.query, Found(content.bank.name, content.id, one.distance, content.since))
            for one in near
            if (content := contents.get(one.number)) is not None
            and content.matches_at(now)
            and content.bank.enabled_ratio >= coins[one.query]
        ]

    def _tell(self, answers: Sequence[Answer], place: str) -> None:
        """Sightings of the hub's entries; those of the platform's own banks are nobody else's business."""
        plain = _plain(place)
        now = self._clock.now()
        nearest: dict[str, tuple[int, Action]] = {}
        for answer in answers:
            for found in answer.matches:
                if found.entry is not None and found.distance < nearest.get(found.entry, (999, answer.action))[0]:
                    nearest[found.entry] = (found.distance, answer.action)
        if not nearest:
            return
        reports = [
            SightingReport(SightingId(random_id()), EntryId(entry), now, distance, action, plain)
            for entry, (distance, action) in nearest.items()
        ]
        self._replica.note_sightings(reports)
        self._follower.new_sightings()


VIDEO_LIMITS: Final = VideoLimits(max_bytes=500_000_000, max_duration=3600.0, max_seconds=300.0)
"""What a gate takes at once; longer videos are the business of an archive scan."""
_STRICTNESS: Final = {Action.ALLOW: 0, Action.REVIEW: 1, Action.BLOCK: 2}


def strictest(actions: Sequence[Action]) -> Action:
    """The strictest of these; ALLOW of none."""
    return max(actions, key=_STRICTNESS.__getitem__, default=Action.ALLOW)


def _plain(place: str) -> str:
    return "".join(letter for letter in place if letter.isprintable())[:PLACE_LENGTH] or DEFAULT_PLACE
