"""The operator's address book of platforms: dated data with a source for every route. None ships: an address that nobody
checked sends a person's words to strangers. Format and example: docs/reference/rule-packs.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from amparo.core.errors import NotFound
from amparo.notice.content import check_email, check_line, check_text, check_url
from amparo.notice.pack import RulePacks
from amparo.notice.reading import Reader

INVALID: Final = "address_book_invalid"
WARN_AFTER_DAYS: Final = 180
_COUNTRY: Final = re.compile("[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Route:
    """How a platform takes notices under one pack: exactly one of email, form (a link) and post is not ""."""

    pack: str
    email: str
    form: str
    post: str
    source: str
    verified_on: date

    def stale(self, today: date, days: int = WARN_AFTER_DAYS) -> bool:
        """Whether it was verified more than ``days`` days ago, or on a day that is still to come."""
        return not 0 <= (today - self.verified_on).days <= days


@dataclass(frozen=True, slots=True)
class Platform:
    """partner: the name under which it takes part in this hub, "" where it does not. country: under whose law it answers, ISO
    3166-1, "" where nobody has said."""

    id: str
    name: str
    partner: str
    routes: tuple[Route, ...]
    country: str = ""

    def route(self, pack: str) -> Route | None:
        return next((route for route in self.routes if route.pack == pack), None)


class AddressBook:
    def __init__(self, platforms: tuple[Platform, ...] = ()) -> None:
        self._platforms = {platform.id: platform for platform in platforms}

    def __iter__(self) -> Iterator[Platform]:
        return iter(self._platforms.values())

    def __len__(self) -> int:
        return len(self._platforms)

    def get(self, platform: str) -> Platform:
        """Raises NotFound ``platform_unknown``."""
        found = self._platforms.get(platform)
        if found is None:
            raise NotFound("platform_unknown", "The address book has no such platform.")
        return found

    def of_partner(self, partner: str) -> Platform | None:
        """The platform that takes part in the hub under this name."""
        return next((platform for platform in self if partner and platform.partner == partner), None)

    def stale(self, today: date, days: int = WARN_AFTER_DAYS) -> tuple[tuple[Platform, Route], ...]:
        """Every route that must be verified again before anybody relies on it."""
        return tuple((platform, route) for platform in self for route in platform.routes if route.stale(today, days))


def read_address_book(raw: bytes, place: str, packs: RulePacks) -> AddressBook:
    """Raises InvalidInput ``address_book_invalid``, NotFound ``rule_pack_unknown`` for a route under no pack of ours, and
    the errors of ``content`` for an address that cannot be one.
    """
    reader = Reader.of_bytes(raw, place, INVALID)
    platforms = tuple(_platform(platform, packs) for platform in reader.objects("platforms"))
    reader.done()
    if len({platform.id for platform in platforms}) != len(platforms):
        raise reader.refused("platforms", "an id is listed twice")
    return AddressBook(platforms)


def _platform(reader: Reader, packs: RulePacks) -> Platform:
    platform = Platform(
        reader.text("id"),
        reader.text("name"),
        reader.text_or_blank("partner"),
        tuple(_route(route, packs) for route in reader.objects("routes")),
        reader.text_or_blank("country"),
    )
    reader.done()
    check_line(platform.name)
    if platform.country and not _COUNTRY.fullmatch(platform.country):
        raise reader.refused("country", "two capital letters are expected")
    if len({route.pack for route in platform.routes}) != len(platform.routes):
        raise reader.refused("routes", "a pack has two routes")
    return platform


def _route(reader: Reader, packs: RulePacks) -> Route:
    route = Route(
        packs.get(reader.text("pack")).id,
        reader.text_or_blank("email"),
        reader.text_or_blank("form"),
        reader.text_or_blank("post"),
        reader.text("source"),
        reader.day("verified_on"),
    )
    reader.done()
    if sum(bool(way) for way in (route.email, route.form, route.post)) != 1:
        raise reader.refused("email, form, post", "exactly one of them is expected")
    if route.email:
        check_email(route.email)
    if route.form:
        check_url(route.form)
    check_text(route.post)
    return route
