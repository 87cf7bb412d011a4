"""What becomes of an upload that PDQ lets pass, where ordinary photos are registered.

Its keypoints vote in the gate's own pool. Enough votes, and the hub is asked: first in which frame the upload may lie, then,
with the upload's tiles in that frame, for the answer (``exchange.native.tracing``). A gate with whole records answers that
itself. The upload's pixels never leave the gate. A hub that does not answer in time lets the upload pass, and that is counted:
a platform must not stand still because a hub does.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from amparo.core.clock import monotonic
from amparo.core.errors import (
    AmparoError,
    InvalidInput,
    NotFound,
    Unavailable,
    VerificationFailed,
)
from amparo.core.ids import EntryId, is_id
from amparo.core.logs import get_logger
from amparo.exchange.native import tracing
from amparo.exchange.native.tracing import OwnFinding, Question, TraceAnswer
from amparo.gate.answer import Traced
from amparo.gate.card import PartnerCard
from amparo.gate.connection import HubLine
from amparo.gate.replica import Replica
from amparo.gate.reply import error_of, object_of, problem_of
from amparo.gate.tracing.calibration import Calibration
from amparo.gate.tracing.pool import TracePool
from amparo.gate.tracing.settings import TraceSettings
from amparo.index.trace import Candidate
from amparo.signal import trace
from amparo.signal.trace import Comparison, QueryRecord, Relation, codec
from amparo.signal.trace.tiles import Tiles

log: Final = get_logger("amparo.gate")

CANDIDATES: Final = 16
_RESTS: Final = 2.0
"""Seconds for which a hub that did not answer is not asked again."""
_LONGEST_ANSWER: Final = 64_000
_JSON: Final = {"Content-Type": "application/json"}
_STRICTNESS: Final = (Relation.UNRELATED, Relation.COPY, Relation.UNCERTAIN, Relation.ALTERED)


class Tracer:
    """Any thread may ask. ``counts``: uploads looked at, sent on, and what came of it, since the start."""

    def __init__(
        self, card: PartnerCard, replica: Replica, pool: TracePool, settings: TraceSettings, calibration: Calibration
    ) -> None:
        self._replica = replica
        self._pool = pool
        self._calibration = calibration
        self._resting_until = 0.0
        self._counting = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._http = HubLine(card, settings.seconds)

    def close(self) -> None:
        self._http.close()
        self._calibration.keep()

    @property
    def counts(self) -> Mapping[str, int]:
        """looked_at, too_small, while_loading, sent_on, copy, altered, uncertain, unrelated, unverified."""
        with self._counting:
            return dict(self._counts)

    @property
    def photos(self) -> int:
        return len(self._pool)

    @property
    def loading(self) -> bool:
        """Whether the registered photos are still being read: until then no upload is recognised by them."""
        return self._pool.loading

    @property
    def level(self) -> float:
        """The score above which an upload is sent on at this moment."""
        return self._calibration.level

    def look(self, picture: bytes, place: str, *, hold: bool) -> Traced | None:
        """What the upload is to a registered photo; None where it is nothing, or nobody could say.

        Where ``hold``, an altered one has a review at the hub. Without registered photos this costs nothing. Raises
        InvalidInput for bytes that are no picture.
        """
        if not len(self._pool):
            return None
        if self._pool.loading:
            self._count("while_loading")
            return None
        try:
            query = trace.query(picture)
        except InvalidInput as error:
            if error.code != "picture_too_small":
                raise
            # An icon or a banner has no trace, and is none of anybody's photos.
            self._count("too_small")
            return None
        self._count("looked_at")
        found = self._pool.candidates(query, CANDIDATES)
        level = self._calibration.level
        likely = [one for one in found if one.score > level]
        best = found[0].score if found else 0.0
        if not likely:
            self._calibration.note(best)
            return None
        self._count("sent_on")
        try:
            answer = self._answer(query, likely, place, hold=hold)
        except AmparoError as error:
            self._count("unverified")
            log.warning("upload_not_verified", code=error.code, detail=error.detail)
            return None
        self._count(answer.relation.value)
        if answer.relation is Relation.UNRELATED:
            self._calibration.note(best)
            return None
        return Traced(answer.relation, answer.altered_fraction, answer.region, answer.review, answer.decided)

    def decide(self, review: str, *, confirmed: bool) -> bool:
        """Tell the hub what a reviewer said; returns whether copies are stopped everywhere from now on.

        When this returns, the decision is on the hub's disk. Raises NotFound ``review_unknown``, Conflict
        ``review_decided``, Unavailable where the hub does not answer.
        """
        if not is_id(review):
            raise NotFound("review_unknown", "There is no such upload to decide on.")
        raw = self._post(f"/partner/v1/reviews/{review}", tracing.encode_decision(confirmed=confirmed))
        try:
            stopped = object_of(raw).get("stopped_everywhere")
        except VerificationFailed as error:
            raise _no_hub(error.detail) from error
        if not isinstance(stopped, bool):
            raise _no_hub("stopped_everywhere")
        return stopped

    def _answer(self, query: QueryRecord, likely: Sequence[Candidate], place: str, *, hold: bool) -> TraceAnswer:
        held = self._replica.traces_of([one.photo for one in likely])
        own = {entry: record for entry, record in held if record}
        if own:
            return self._answer_here(query, own, place, hold=hold)
        if not held:
            return TraceAnswer(Relation.UNRELATED)
        if monotonic() < self._resting_until:
            raise Unavailable("hub_unreachable", "The hub does not answer.")
        first: tuple[tuple[EntryId, Tiles | None], ...] = tuple((entry, None) for entry, _ in held)
        asked = tracing.encode_question(Question(query, first, place, hold))
        aligned = tracing.decode_aligned(self._verify(asked))
        if not aligned:
            return TraceAnswer(Relation.UNRELATED)
        tiles = tuple(
            (one.entry, trace.tiles_of(query, trace.Alignment(one.similarity, one.frame, 0, 0))) for one in aligned
        )
        return tracing.decode_answer(self._verify(tracing.encode_question(Question(query, tiles, place, hold))))

    def _answer_here(
        self, query: QueryRecord, records: Mapping[EntryId, bytes], place: str, *, hold: bool
    ) -> TraceAnswer:
        answers = [(entry, trace.compare(codec.decode(record), query)) for entry, record in records.items()]
        entry, best = max(answers, key=lambda one: _rank(one[1]))
        told = TraceAnswer(best.relation, best.altered_fraction, best.region, entry)
        if not hold or best.relation not in (Relation.ALTERED, Relation.UNCERTAIN):
            return told
        finding = OwnFinding(entry, best.relation, best.altered_fraction, query.pdqs[0], place)
        try:
            noted = tracing.decode_answer(self._post("/partner/v1/reviews", tracing.encode_finding(finding)))
        except AmparoError as error:
            # It is known to be altered, so it is held; only the decision will not reach the others.
            log.warning("upload_not_told", code=error.code, detail=error.detail)
            return told
        return TraceAnswer(best.relation, best.altered_fraction, best.region, entry, noted.review, noted.decided)

    def _verify(self, question: bytes) -> bytes:
        try:
            return self._post("/partner/v1/verify", question)
        except Unavailable:
            self._resting_until = monotonic() + _RESTS
            raise

    def _post(self, path: str, content: bytes) -> bytes:
        response, body = self._http.ask("POST", path, _LONGEST_ANSWER, content=content, headers=_JSON)
        if response.status_code == 200:
            return body
        raise _refusal(response.status_code, body)

    def _count(self, what: str) -> None:
        with self._counting:
            self._counts[what] += 1


def _no_hub(detail: str) -> Unavailable:
    # A portal or a proxy in between has answered.
    return Unavailable("hub_unreachable", "What answered is not a hub.", detail=detail)


def _rank(answer: Comparison) -> tuple[int, int]:
    return _STRICTNESS.index(answer.relation), answer.inliers


def _refusal(status: int, body: bytes) -> AmparoError:
    code, text = problem_of(body, "hub_refused", f"The hub answered {status}.")
    return error_of(status)(code, text)
