"""Follows the hub: fetches pages, verifies them, puts them on disk, lets the engine match them; tells sightings and opinions.

A hub that is down, slow or wrong never stops the gate from answering: it goes on with what it holds, says since when
in its status, and tries again with growing pauses. A page that fails verification is never applied.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from amparo.core.clock import Clock, monotonic
from amparo.core.errors import AmparoError, Rejected, Unauthenticated, Unavailable
from amparo.core.ids import SightingId
from amparo.core.logs import get_logger
from amparo.exchange.native import Expectation, FeedPage, encode_opinions, encode_reports, verify_page
from amparo.exchange.native.opinion import MAXIMUM_OPINIONS
from amparo.exchange.native.page import MAXIMUM_BYTES
from amparo.gate.card import PartnerCard
from amparo.gate.connection import HubLine
from amparo.gate.engine import Engine
from amparo.gate.replica import Applied, Replica
from amparo.gate.reply import problem_of
from amparo.gate.tracing.pool import TracePool

if TYPE_CHECKING:
    import httpx

log: Final = get_logger("amparo.gate")

PAGE_SIZE: Final = 2000
_REPORTS_AT_ONCE: Final = 200
"""Fits the hub's body limit of 128,000 bytes even where each place has 80 letters of four bytes."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """problem: the code of what last kept the feed from us, None while all is well."""

    synced_at: datetime | None = None
    problem: str | None = None
    problem_text: str | None = None
    failures: int = 0


class Follower:
    """Three threads: one waits for the feed, one tells sightings, one opinions. ``stop`` ends them within a second or so."""

    def __init__(
        self,
        card: PartnerCard,
        replica: Replica,
        engine: Engine,
        clock: Clock,
        wait: float = 20.0,
        traces: TracePool | None = None,
    ) -> None:
        self._card = card
        self._replica = replica
        self._engine = engine
        self._traces = traces
        self._clock = clock
        self._wait = wait
        self._http = HubLine(card, 10.0, wait + 10.0)
        self._stopping = threading.Event()
        self._seen = threading.Event()
        self._judged = threading.Event()
        self._status = FollowerStatus()
        self._untold: dict[Callable[[], int], str] = {}
        self._threads = [
            threading.Thread(target=self._follow, name="amparo-feed", daemon=True),
            threading.Thread(
                target=self._tell, args=(self.tell_once, self._seen), name="amparo-sightings", daemon=True
            ),
            # A thread of its own: where one quota at the hub is used up, the other still tells.
            threading.Thread(
                target=self._tell, args=(self.tell_opinions_once, self._judged), name="amparo-opinions", daemon=True
            ),
        ]
        replica.join(card.verify_key.hub_id, card.partner)

    @property
    def status(self) -> FollowerStatus:
        return self._status

    @property
    def telling_problem(self) -> str | None:
        """The code of what keeps sightings or opinions from the hub; None while all that there was has been told."""
        return next(iter(self._untold.copy().values()), None)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads; a request that waits for news is cut off."""
        self._stopping.set()
        self._seen.set()
        self._judged.set()
        self._http.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=5)

    def new_sightings(self) -> None:
        """There is something in the outbox."""
        self._seen.set()

    def new_opinion(self) -> None:
        """There is something in the outbox of opinions."""
        self._judged.set()

    def sync_once(self, wait: float = 0.0) -> FeedPage:
        """Fetch, verify and apply one page. When this returns, the page is on disk and matched.

        Raises VerificationFailed for a page that is not to be trusted, Unauthenticated / Rejected where the hub refuses
        us, Unavailable where it does not answer.
        """
        standing = self._replica.join(self._card.verify_key.hub_id, self._card.partner)
        nonce = secrets.token_hex(16)
        question = {"after": standing.cursor, "limit": PAGE_SIZE, "nonce": nonce, "wait": wait, "format": "2"}
        envelope = self._request("GET", "/partner/v1/feed", params=question)
        expected = Expectation(
            key=self._card.verify_key,
            partner=self._card.partner,
            after=standing.cursor,
            nonce=nonce,
            head=standing.head,
            issued_at=standing.issued_at,
            traces=True,
            now=self._clock.now(),
        )
        page = verify_page(envelope, expected)
        self._apply(lambda: self._replica.apply(page))
        return page

    def expire(self) -> None:
        """Let everything go whose retention has ended, whether or not the hub can be reached."""
        while not self._stopping.is_set():
            gone = self._apply(lambda: self._replica.apply_expiry(self._clock.now()))
            if not gone.removed and not gone.traces_removed:
                return

    def _apply(self, change: Callable[[], Applied]) -> Applied:
        applied = self._engine.apply(change)
        if self._traces is not None:
            self._traces.follow(applied)
        return applied

    def tell_once(self) -> int:
        """Send the oldest untold sightings; returns how many the hub has taken. Telling one twice is harmless."""
        reports = self._replica.untold_sightings(_REPORTS_AT_ONCE)
        if not reports:
            return 0
        kind = {"Content-Type": "application/json"}
        self._request("POST", "/partner/v1/sightings", content=encode_reports(reports), headers=kind)
        self._replica.forget_sightings([SightingId(report.id) for report in reports])
        return len(reports)

    def tell_opinions_once(self) -> int:
        """Send the oldest untold opinions; returns how many the hub has taken. Telling one twice is harmless."""
        opinions = self._replica.opinions.untold(MAXIMUM_OPINIONS)
        if not opinions:
            return 0
        kind = {"Content-Type": "application/json"}
        self._request("POST", "/partner/v1/opinions", content=encode_opinions(opinions), headers=kind)
        self._replica.opinions.forget(opinions)
        return len(opinions)

    def _follow(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                self._round()
                pause = _FIRST_PAUSE
            except AmparoError as error:
                pause = self._failed(error, pause)
            except Exception as error:  # noqa: BLE001  # nobody would see that this thread had ended
                told = "Following the feed failed in a way that nobody foresaw."
                pause = self._failed(Unavailable("feed_broken", told, detail=type(error).__name__), pause)

    def _round(self) -> None:
        asked = monotonic()
        # The first answer after a start or a failure must not wait for news: it tells that all is well again.
        well = self._status.synced_at is not None and self._status.problem is None
        try:
            # First, and without the hub: what has reached its end stops matching even while nobody answers.
            self.expire()
        finally:
            # Whatever failed there is told afterwards: it must not keep withdrawals out.
            page = self.sync_once(self._wait if well else 0.0)
        self._status = FollowerStatus(synced_at=self._clock.now())
        # A hub that does not wait for news must not be asked in a circle.
        if not page.changes and not page.more and monotonic() - asked < min(1.0, self._wait):
            self._stopping.wait(1.0)

    def _tell(self, tell: Callable[[], int], news: threading.Event) -> None:
        pause = _FIRST_PAUSE
        while True:
            # Before looking, so that what comes in meanwhile ends the wait; and ``stop`` sets its own flag first.
            news.clear()
            if self._stopping.is_set():
                return
            try:
                count = tell()
                self._untold.pop(tell, None)
                if count:
                    pause = _FIRST_PAUSE
                else:
                    news.wait(5.0)
            except AmparoError as error:
                pause = self._not_told(tell, error, pause)
            except Exception as error:  # noqa: BLE001  # nobody would see that this thread had ended
                told = "Telling the hub failed in a way that nobody foresaw."
                pause = self._not_told(tell, Unavailable("outbox_broken", told, detail=type(error).__name__), pause)

    def _not_told(self, tell: Callable[[], int], error: AmparoError, pause: float) -> float:
        self._untold[tell] = error.code
        retry_in = max(pause, min(error.retry_after or 0.0, _LONGEST_PAUSE))
        log.warning("outbox_not_told", code=error.code, detail=error.detail, retry_in=retry_in)
        self._stopping.wait(retry_in)
        return min(2 * pause, _LONGEST_PAUSE)

    def _failed(self, error: AmparoError, pause: float) -> float:
        if self._stopping.is_set():
            return pause
        self._status = replace(
            self._status, problem=error.code, problem_text=error.public, failures=self._status.failures + 1
        )
        log.warning("feed_not_followed", code=error.code, reason=error.public, detail=error.detail, retry_in=pause)
        self._stopping.wait(max(pause, min(error.retry_after or 0.0, _LONGEST_PAUSE)))
        return min(2 * pause, _LONGEST_PAUSE)

    def _request(self, method: str, path: str, **content: Any) -> bytes:
        response, body = self._http.ask(method, path, MAXIMUM_BYTES, **content)
        if response.status_code == 200:
            return body
        raise _refusal(response, body)


def _refusal(response: httpx.Response, body: bytes) -> AmparoError:
    code, text = "hub_refused", f"The hub answered {response.status_code}."
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        code, text = problem_of(body, code, text)
    if response.status_code == 401:
        return Unauthenticated(code, text)
    if response.status_code in (403, 409, 422):
        return Rejected(code, text)
    return Unavailable(code, text, retry_after=_retry_after(response))


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 5.0
