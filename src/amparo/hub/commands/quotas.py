"""What one partner may ask and tell in a time, so that none can fill the hub or keep it busy for the others.

A refusal takes nothing of what was sent, so nothing is lost: a gate keeps it on its disk and comes again.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from amparo.core.errors import InvalidInput, NotFound, Unavailable
from amparo.exchange.native.opinion import MAXIMUM_OPINIONS
from amparo.exchange.native.sighting import MAXIMUM_REPORTS
from amparo.exchange.stopncii.wire import MAXIMUM_RECORDS
from amparo.hub.context import Hub
from amparo.store import PartnerRecord, Transaction

DAY: Final = timedelta(days=1)
LEAST_A_DAY: Final = max(MAXIMUM_OPINIONS, MAXIMUM_REPORTS, MAXIMUM_RECORDS)
"""One full request must fit, or a gate that has so much to tell would be refused for ever."""
CONFIRMATIONS_A_DAY: Final = 500
"""Uploads that a partner may confirm to be altered versions: each puts a fingerprint, by its word alone, before all partners."""
_RETRY_SECONDS: Final = 3600


@contextmanager
def telling_opinions(hub: Hub, partner: PartnerRecord, more: int) -> Generator[Transaction]:
    """A writing transaction in which the partner gives so many opinions.

    Raises Unavailable ``partner_quota`` where they are more than it may give in a day.
    """
    with _counted(hub, "opinions", partner, more, partner.daily_opinions), hub.store.write() as transaction:
        given = transaction.opinions_since(partner.id, hub.clock.now() - DAY)
        _check("opinions", given + more, partner.daily_opinions)
        yield transaction


@contextmanager
def telling_sightings(hub: Hub, partner: PartnerRecord, more: int) -> Generator[Transaction]:
    """A writing transaction in which the partner tells so many sightings.

    Raises Unavailable ``partner_quota`` where they are more than it may tell in a day.
    """
    with _counted(hub, "sightings", partner, more, partner.daily_sightings), hub.store.write() as transaction:
        told = transaction.sightings_since(partner.id, hub.clock.now() - DAY)
        _check("sightings", told + more, partner.daily_sightings)
        yield transaction


@contextmanager
def offering_values(hub: Hub, partner: PartnerRecord, more: int) -> Generator[Transaction]:
    """A writing transaction in which the partner offers so many values: as many a day as opinions, beside them.

    Raises Unavailable ``partner_quota``.
    """
    with _counted(hub, "values", partner, more, partner.daily_opinions), hub.store.write() as transaction:
        yield transaction


@contextmanager
def deciding(hub: Hub, partner: PartnerRecord, *, confirmed: bool) -> Generator[Transaction]:
    """A writing transaction in which the partner decides on an upload: as often a day as it gives opinions, beside them, and
    ``CONFIRMATIONS_A_DAY`` where it confirms.

    Raises Unavailable ``partner_quota``.
    """
    what, allowed = ("confirmations", CONFIRMATIONS_A_DAY) if confirmed else ("dismissals", partner.daily_opinions)
    with _counted(hub, what, partner, 1, allowed), hub.store.write() as transaction:
        yield transaction


def take_fetch(hub: Hub, partner: PartnerRecord) -> None:
    """Count one page of the feed, in whatever format. Raises Unavailable ``partner_quota`` where pages are asked too fast."""
    hub.fetches.take(partner.id, partner.fetches_a_minute)


def set_quotas(
    hub: Hub, name: str, opinions: int | None = None, sightings: int | None = None, fetches: int | None = None
) -> PartnerRecord:
    """Change what is not None: opinions and sightings a day, pages of the feed a minute. When this returns, it is on disk.

    Raises NotFound ``partner_unknown``, InvalidInput ``quota_too_small``.
    """
    with hub.store.write() as transaction:
        record = next((one for one in transaction.partners() if one.name == name), None)
        if record is None:
            raise NotFound("partner_unknown", "There is no such partner.")
        record = replace(
            record,
            daily_opinions=record.daily_opinions if opinions is None else opinions,
            daily_sightings=record.daily_sightings if sightings is None else sightings,
            fetches_a_minute=record.fetches_a_minute if fetches is None else fetches,
        )
        if min(record.daily_opinions, record.daily_sightings) < LEAST_A_DAY or record.fetches_a_minute < 1:
            raise InvalidInput(
                "quota_too_small", f"At least {LEAST_A_DAY} opinions and sightings a day, and one page a minute."
            )
        transaction.update_partner(record)
    return record


@contextmanager
def _counted(hub: Hub, what: str, partner: PartnerRecord, more: int, allowed: int) -> Generator[None]:
    """Everything that is sent counts, before the hub writes: what it does not know leaves nothing that could be counted
    afterwards, and keeps it as busy."""
    more = max(1, more)
    if not hub.sent.take(partner.id, what, more, allowed, hub.clock.now()):
        raise _too_many(what, allowed)
    try:
        yield
    except Unavailable:
        # Nothing was taken in, and it comes again.
        hub.sent.give_back(partner.id, what, more)
        raise


def _check(what: str, wanted: int, allowed: int) -> None:
    """What is on disk holds after a restart too, and for all processes of this hub together."""
    if wanted > allowed:
        raise _too_many(what, allowed)


def _too_many(what: str, allowed: int) -> Unavailable:
    return Unavailable(
        "partner_quota",
        f"This partner may send {allowed:,} {what} a day. Please send the rest later.",
        retry_after=_RETRY_SECONDS,
    )
