"""Verification of a feed page. A page that passes was made by this hub, for this partner, for this very request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from amparo.core.errors import VerificationFailed
from amparo.core.ids import PartnerId
from amparo.core.keys import VerifyKey
from amparo.exchange.native.page import FeedPage, decode_page

CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""How far a hub's clock may be set back by its time service between two pages."""

FURTHEST_AHEAD: Final = timedelta(days=1)
"""How far a hub's clock may be ahead of ours. A page from further on would shut us to all that come before its hour."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the gate knows before it reads the answer: its own request, and the newest page it has applied.

    now: the gate's own clock. traces: whether it asked for ``amparo-feed/2``.
    """

    key: VerifyKey
    partner: PartnerId
    after: int
    nonce: str
    head: int = 0
    issued_at: datetime | None = None
    traces: bool = False
    now: datetime = field(kw_only=True)


def verify_page(envelope: bytes, expected: Expectation) -> FeedPage:
    """The page, or VerificationFailed naming the step that failed. Nothing of a failed page may be used.

    1. ``parse``: the bytes are a page of the format and nothing else.
    2. ``hub``: the page names the hub we joined.
    3. ``signature``: that hub signed it. After this step, the content is the hub's word.
    4. ``partner``: it was made for us; another partner's page holds another partner's pseudonyms and canaries.
    5. ``nonce``: it answers this request; an old answer played again does not.
    6. ``order``: it begins where we stand, its sequences rise, and none lies beyond its cursor or its head.
    7. ``time``: neither the feed's head nor its clock has gone back since the newest page we applied, and its clock is not
       more than a day ahead of ours. What we applied from further ahead than that, while our own clock was wrong too, says
       nothing about the hour: so no clock that was wrong once shuts a gate for more than a day.
    """
    page, signed, signature = decode_page(envelope)
    if page.trace_order is not None and not expected.traces:
        raise VerificationFailed("page_malformed", "This page is of another format.", step="parse")
    if page.hub != expected.key.hub_id:
        raise VerificationFailed("page_of_another_hub", "This page comes from another hub.", step="hub")
    expected.key.verify(page.format, signed, signature)
    if page.partner != expected.partner:
        raise VerificationFailed("page_of_another_partner", "This page was made for another partner.", step="partner")
    if page.nonce != expected.nonce:
        raise VerificationFailed("page_replayed", "This page answers another request.", step="nonce")
    _verify_order(page, expected.after)
    if page.head < expected.head:
        raise VerificationFailed(
            "feed_went_back",
            "The hub's feed is shorter than it was.",
            step="time",
            detail=f"head {page.head}, known {expected.head}",
        )
    latest = expected.now + FURTHEST_AHEAD
    if page.issued_at > latest:
        raise VerificationFailed(
            "page_from_the_future",
            "The hub's clock, or this gate's own, is wrong by more than a day.",
            step="time",
            detail=f"issued at {page.issued_at.isoformat()}, here it is {expected.now.isoformat()}",
        )
    known = expected.issued_at
    if known is not None and known <= latest and page.issued_at < known - CLOCK_TOLERANCE:
        raise VerificationFailed("feed_went_back", "The hub's clock has gone back.", step="time")
    return page


def _verify_order(page: FeedPage, after: int) -> None:
    sequences = [change.sequence for change in page.changes]
    rising = all(left < right for left, right in zip([after, *sequences], sequences, strict=False))
    inside = not sequences or sequences[-1] <= page.cursor
    if page.after != after or not rising or not inside or not after <= page.cursor <= page.head:
        raise VerificationFailed("page_out_of_order", "This page does not continue where we stand.", step="order")
    if page.cursor == after and page.more:
        raise VerificationFailed("page_out_of_order", "This page promises more and does not move on.", step="order")
