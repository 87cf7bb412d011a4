"""What a notice says: a frozen value that persons fill in, and the check of what is still missing.

A notice carries words and addresses only. It has no place for a picture, and none is ever attached.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NewType
from urllib.parse import urlsplit

from amparo.core.errors import InvalidInput
from amparo.core.ids import is_id
from amparo.notice.pack import Element, Language, RulePack, Waiver

NoticeId = NewType("NoticeId", str)

URLS_AT_ONCE: Final = 500
LONGEST_URL: Final = 2000
LONGEST_TEXT: Final = 5000
LONGEST_LINE: Final = 200

# C0 and C1 controls, lone surrogates, and marks that turn the direction of what follows and so hide what a link says.
_UNPRINTABLE: Final = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Capacity(StrEnum):
    """In which capacity somebody signs."""

    PERSON = "person"
    AGENT = "agent"


class Claim(StrEnum):
    """What the person says of the picture. Nothing depends on it, and nobody has to prove it."""

    UNSAID = "unsaid"
    FAKE = "fake"
    REAL = "real"


class Circumstance(StrEnum):
    """What a regulator's priority channel asks to be flagged."""

    GENDER_VIOLENCE = "gender_violence"
    VULNERABLE_PERSON = "vulnerable_person"


@dataclass(frozen=True, slots=True)
class Signature:
    """A name typed by its bearer as a signature. on_behalf_of: whom an agent acts for, "" where that stays unnamed."""

    name: str
    capacity: Capacity
    signed_on: date
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the answer reaches whoever sends the notice."""

    name: str = ""
    email: str = ""
    phone: str = ""
    post: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person says for one element, in their own words; several persons may each say something."""

    element: Element
    text: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The notice that this one follows. reference: as that letter printed it, our identifier. sent_on: in the operator's time
    zone, None where it was never sent. number: that the addressee's form gave it, or ""."""

    reference: str
    addressee: str
    sent_on: date | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A demand to one addressee under one rule pack.

    confirmed: elements whose standing sentence (good faith, no consent ...) a person has made their own.
    shows_minor: the picture shows, or seems to show, somebody under 18. offence_against_minor: a person states that it is an
    offence of Articles 3 to 7 of Directive 2011/93, which follows from no age. anonymous: no name or address of the sender is
    printed. to: where it goes, an e-mail address, a form's link or a postal address, approved together with the text.
    informed_at: when the sender was told of the decision that a complaint is about (UTC).
    """

    id: NoticeId
    pack: str
    language: Language
    addressee: str
    urls: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    confirmed: tuple[Element, ...] = ()
    signature: Signature | None = None
    contact: Contact | None = None
    shows_minor: bool = False
    offence_against_minor: bool = False
    anonymous: bool = False
    claim: Claim = Claim.UNSAID
    circumstances: tuple[Circumstance, ...] = ()
    to: str = ""
    informed_at: datetime | None = None
    follows: Earlier | None = None

    def said(self, element: Element) -> tuple[str, ...]:
        return tuple(statement.text for statement in self.statements if statement.element is element)


class NoticeIncomplete(InvalidInput):
    """The notice lacks what its rule asks for; ``missing`` names it."""

    def __init__(self, missing: tuple[Element, ...]) -> None:
        super().__init__("notice_incomplete", f"The notice lacks: {', '.join(missing)}.")
        self.missing = missing


CONFIRMED: Final = frozenset(
    {
        Element.GOOD_FAITH,
        Element.NON_CONSENT,
        Element.IDENTIFIABLE,
        Element.FAKE_OR_NON_CONSENSUAL,
        Element.DECLARATION,
        Element.MADE_BY_OR_FOR_SUBJECT,
        Element.PERJURY_STATEMENT,
    }
)
"""Elements for which the notice prints a sentence of ours, which a person must have made their own."""

SAID: Final = (
    frozenset(Element)
    - CONFIRMED
    - {
        Element.SIGNATURE,
        Element.LOCATION,
        Element.URLS,
        Element.CONTACT,
        Element.NAME_AND_EMAIL,
    }
)
"""Elements that a person answers in their own words."""


def check(notice: Notice, pack: RulePack) -> tuple[Element, ...]:
    """The elements that are missing, in the pack's order; empty for a complete notice. Raises as ``validate``."""
    validate(notice)
    if notice.pack != pack.id:
        raise InvalidInput("notice_of_other_pack", "The notice belongs to another rule.")
    return tuple(
        asked.element
        for asked in pack.elements
        if not (asked.unless is Waiver.OFFENCE_AGAINST_MINOR and notice.offence_against_minor)
        and not _has(notice, asked.element)
    )


def validate(notice: Notice) -> None:
    """Raises InvalidInput ``notice_id_invalid``, ``notice_url_invalid``, ``notice_email_invalid``, ``notice_text_invalid``
    or ``notice_moment_invalid`` for what no notice may carry, whatever its rule. Nothing here depends on a rule.
    """
    if not is_id(notice.id):
        raise InvalidInput("notice_id_invalid", "A notice's identifier has 32 hexadecimal digits.")
    if len(notice.urls) > URLS_AT_ONCE:
        raise InvalidInput("notice_url_invalid", f"At most {URLS_AT_ONCE} addresses in one notice.")
    for url in notice.urls:
        check_url(url)
    signature, contact = notice.signature, notice.contact
    lines = [notice.addressee]
    if signature is not None:
        lines += [signature.name, signature.on_behalf_of]
    if contact is not None:
        lines += [contact.name, contact.phone]
        if contact.email:
            check_email(contact.email)
        check_text(contact.post)
    if notice.follows is not None:
        lines += [notice.follows.reference, notice.follows.addressee, notice.follows.number]
    for line in lines:
        check_line(line)
    if not notice.addressee.strip():
        raise InvalidInput("notice_text_invalid", "A notice needs an addressee.")
    check_text(notice.to)
    for statement in notice.statements:
        check_text(statement.text)
    if notice.informed_at is not None and notice.informed_at.tzinfo is None:
        raise InvalidInput("notice_moment_invalid", "A moment needs a time zone.")


def check_url(url: str) -> None:
    """Raises InvalidInput ``notice_url_invalid`` unless it is a complete http or https address without credentials."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        fine = False
    if not fine or len(url) > LONGEST_URL or _UNPRINTABLE.search(url) or re.search(r"\s", url):
        raise InvalidInput("notice_url_invalid", "An address must be complete and start with http:// or https://.")


def check_email(email: str) -> None:
    """Raises InvalidInput ``notice_email_invalid`` for what no mail system takes (a strict part of RFC 5322, 3.4.1)."""
    if len(email) > LONGEST_LINE or _EMAIL.fullmatch(email) is None:
        raise InvalidInput("notice_email_invalid", "This is not an e-mail address.")


def check_line(text: str) -> None:
    """Raises InvalidInput ``notice_text_invalid`` for more than one line, for control characters, for too much."""
    if len(text) > LONGEST_LINE or "\n" in text or "\t" in text:
        raise InvalidInput("notice_text_invalid", f"At most {LONGEST_LINE} characters in one line.")
    check_text(text)


def check_text(text: str) -> None:
    """Raises InvalidInput ``notice_text_invalid`` for control characters or too much."""
    if len(text) > LONGEST_TEXT or _UNPRINTABLE.search(text):
        raise InvalidInput("notice_text_invalid", f"At most {LONGEST_TEXT} characters, without control characters.")


def _has(notice: Notice, element: Element) -> bool:
    said = any(text.strip() for text in notice.said(element))
    contact = notice.contact or Contact()
    named = not notice.anonymous
    match element:
        case Element.SIGNATURE:
            return named and notice.signature is not None and bool(notice.signature.name.strip())
        case Element.CONTACT:
            return named and any(way.strip() for way in (contact.email, contact.phone, contact.post))
        case Element.NAME_AND_EMAIL:
            return named and bool(contact.name.strip() and contact.email)
        case Element.URLS:
            return bool(notice.urls)
        case Element.LOCATION:
            return bool(notice.urls) or said
        case _:
            return element in notice.confirmed if element in CONFIRMED else said
