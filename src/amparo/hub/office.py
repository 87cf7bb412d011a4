"""What the desk writes notices with: rules, address book, help lines and awards, as the operator keeps them in files.

All of it lies in ``notices/`` beside the database: ``rules/<pack>.json`` (who reviewed a rule, on or off), ``addresses.json``,
``help_lines.json``, ``awards/*.json``. It is read when the hub starts, so that no rule changes under a letter; a file out of its
format stops the start, since a rule or an address that nobody can read must not be guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from amparo.notice.address_book import AddressBook, Platform, Route, read_address_book
from amparo.notice.award import Award, read_award
from amparo.notice.clock import WARN_AT
from amparo.notice.help_lines import HelpLine, help_lines, read_help_lines
from amparo.notice.jurisdiction import jurisdictions_of
from amparo.notice.letter import has_letter
from amparo.notice.pack import Addressee, RulePack, RulePacks, load_packs

FOLDER: Final = "notices"
BOOK_FILE: Final = "addresses.json"
_LINES_FILE: Final = "help_lines.json"
_RULES, _AWARDS = "rules", "awards"
_USUAL: Final = ("us-take-it-down", "eu-dsa-16")
"""What a platform is written to under, each where its jurisdiction is."""


@dataclass(frozen=True, slots=True)
class Office:
    """warn_at: after which shares (percent) of a period the desk is warned."""

    packs: RulePacks = field(default_factory=load_packs)
    book: AddressBook = field(default_factory=AddressBook)
    lines: tuple[HelpLine, ...] = field(default_factory=help_lines)
    awards: tuple[Award, ...] = ()
    warn_at: tuple[int, ...] = WARN_AT

    @classmethod
    def open(cls, folder: Path) -> Office:
        """What the operator keeps in ``folder``; where a file is missing, what ships.

        Raises InvalidInput and NotFound as ``load_packs``, ``read_address_book``, ``read_help_lines`` and ``read_award`` do.
        """
        packs = load_packs(folder / _RULES)
        book, lines = folder / BOOK_FILE, folder / _LINES_FILE
        return cls(
            packs,
            read_address_book(book.read_bytes(), book.name, packs) if book.exists() else AddressBook(),
            read_help_lines(lines.read_bytes(), lines.name) if lines.exists() else help_lines(),
            tuple(read_award(path.read_bytes(), path.name) for path in sorted((folder / _AWARDS).glob("*.json"))),
        )

    @property
    def own_award(self) -> Award | None:
        """By which letters may claim the status of a trusted flagger; never a help line's."""
        return next((award for award in self.awards if not award.line), None)

    @property
    def letters(self) -> tuple[RulePack, ...]:
        """Rules from which a letter can be made here."""
        return tuple(pack for pack in self.packs if has_letter(pack))

    def for_platform(self, platform: Platform | None, country: str) -> tuple[RulePack, Route | None] | None:
        """Under which rule to write to a platform, and how it takes that: as the address book says, else the usual one where
        the platform answers (the hub's ``country``, if the book does not know). None where there is no such rule, or the operator
        has switched it off: a law of elsewhere is never taken in its place.
        """
        for route in platform.routes if platform else ():
            pack = self.packs.get(route.pack)
            if pack.addressee is Addressee.PLATFORM and has_letter(pack):
                return pack, route
        where = jurisdictions_of((platform.country if platform else "") or country)
        usual = (pack for pack in map(self.packs.get, _USUAL) if pack.jurisdiction in where and has_letter(pack))
        return next(((pack, None) for pack in usual), None)


def way(route: Route | None) -> str:
    """Where a route leads: an e-mail address, a form's link or a postal address; "" without one."""
    return "" if route is None else route.email or route.form or route.post
