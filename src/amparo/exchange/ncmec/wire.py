"""The messages of NCMEC's format, both ways. Read by defusedxml: no entities, no document types, no outside references.

::

    <queryResult><paging><next>/v2/entries?from=...&amp;to=...&amp;start=&amp;size=1000&amp;max=</next></paging>
      <images maxTimestamp="2026-01-01T00:00:00Z">
        <image><member id="1">name</member><id>...</id><fingerprints><pdq>64 hex</pdq></fingerprints>
          <feedback><affirmativeFeedback type="PDQ"><members><member id="2">name</member></members>...</feedback></image>
        <deletedImage><member id="1">name</member><id>...</id></deletedImage></images></queryResult>
    <feedbackSubmission><affirmative/></feedbackSubmission>
    <feedbackSubmission><negative><reasonIds><guid>...</guid></reasonIds></negative></feedbackSubmission>

Names are compared without their namespace, whatever it is. Source: the published client, python-threatexchange
``exchanges/clients/ncmec/hash_api.py`` 1.2.17. Speaking this format implies no membership of NCMEC's exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET  # for writing and for types; reading goes through defusedxml

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from amparo.core.errors import InvalidInput, VerificationFailed

NAMESPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"
MAXIMUM_BYTES: Final = 16_000_000
PAGE_SIZE: Final = 1000
_NEXT_LENGTH: Final = 4000
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


class Vote(StrEnum):
    AFFIRMATIVE = "affirmative"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Voted:
    """A vote on an image's PDQ fingerprint by a member; reason: for negative ones, its name."""

    vote: Vote
    member: int
    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """pdq: 64 hexadecimal digits, or None where the entry has other fingerprints only."""

    member: int
    id: str
    pdq: str | None
    feedback: tuple[Voted, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """The entry must stop matching."""

    member: int
    id: str


@dataclass(frozen=True, slots=True)
class EntryPage:
    """In the order in which things happened. following: path and query of the next page, None at the end."""

    entries: tuple[ImageEntry | Deleted, ...]
    newest: datetime | None
    following: str | None


def from_moment(text: str) -> datetime:
    """A time of the format, whole seconds of UTC. Raises InvalidInput ``moment_invalid``."""
    try:
        return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput("moment_invalid", "A time is written as 2026-01-31T23:59:59Z.") from error


def to_moment(moment: datetime) -> str:
    """Inverse of ``from_moment``; fractions of a second are dropped."""
    return moment.astimezone(UTC).strftime(_MOMENT)


def encode_page(page: EntryPage, names: dict[int, str]) -> bytes:
    """names: of the members that occur."""
    root = _root("queryResult")
    if page.following:
        ET.SubElement(ET.SubElement(root, "paging"), "next").text = page.following
    if page.entries and page.newest is not None:
        images = ET.SubElement(root, "images", maxTimestamp=to_moment(page.newest))
        for entry in page.entries:
            _write_entry(images, entry, names)
    return _bytes(root)


def following_path(start: datetime, end: datetime, after: str, last: str) -> str:
    """The ``next`` of a page; ``after`` and ``last`` are the server's own."""
    query = {"from": to_moment(start), "to": to_moment(end), "start": after, "size": PAGE_SIZE, "max": last}
    return f"/v2/entries?{urlencode(query)}"


def decode_page(raw: bytes) -> EntryPage:
    """An entries answer; videos are passed over. Raises VerificationFailed ``page_malformed`` (step ``parse``)."""
    try:
        root = _parse(raw)
        if _name(root) != "queryResult":
            raise ValueError("another message")
        entries: list[ImageEntry | Deleted] = []
        newest: datetime | None = None
        for images in _children(root, "images"):
            if len(images):
                newest = from_moment(images.attrib["maxTimestamp"])
            entries += [_entry_of(element) for element in images]
        following = _text(root, "paging", "next")
        if len(following) > _NEXT_LENGTH or not (following.isascii() and following.isprintable()):
            raise ValueError("the next page's address is none")
        return EntryPage(tuple(entries), newest, following or None)
    except (ValueError, LookupError, ET.ParseError, DefusedXmlException, InvalidInput) as error:
        # LookupError: an attribute that is missing, or an encoding that nobody knows.
        raise VerificationFailed(
            "page_malformed", "The answer is not a page of NCMEC's format.", step="parse", detail=str(error)
        ) from error


def encode_status(member: int, name: str) -> bytes:
    """Who is asking."""
    root = _root("status")
    ET.SubElement(root, "member", id=str(member)).text = name
    return _bytes(root)


def encode_members(members: dict[int, str]) -> bytes:
    root = _root("members")
    for number, name in members.items():
        ET.SubElement(root, "member", id=str(number)).text = name
    return _bytes(root)


def encode_reasons(reasons: dict[str, str]) -> bytes:
    """reasons: guid to name."""
    root = _root("feedbackReasons")
    available = ET.SubElement(root, "availableFeedbackReasons")
    for guid, name in reasons.items():
        ET.SubElement(available, "reason", guid=guid, name=name)
    return _bytes(root)


def encode_feedback(vote: Vote, reasons: Sequence[str] = ()) -> bytes:
    """reasons: guids, for a negative vote."""
    root = _root("feedbackSubmission")
    voted = ET.SubElement(root, vote.value)
    if vote is Vote.NEGATIVE:
        listed = ET.SubElement(voted, "reasonIds")
        for guid in reasons:
            ET.SubElement(listed, "guid").text = guid
    return _bytes(root)


def decode_feedback(raw: bytes) -> tuple[Vote, tuple[str, ...]]:
    """Inverse of ``encode_feedback``. Raises InvalidInput ``feedback_malformed``."""
    try:
        root = _parse(raw)
        if _name(root) != "feedbackSubmission" or len(root) != 1:
            raise ValueError("another message")
        vote = Vote(_name(root[0]))
        reasons = tuple(guid.text or "" for listed in _children(root[0], "reasonIds") for guid in listed)
        return vote, reasons
    except (ValueError, LookupError, ET.ParseError, DefusedXmlException) as error:
        raise InvalidInput("feedback_malformed", "This feedback could not be read.", detail=str(error)) from error


def _write_entry(images: ET.Element, entry: ImageEntry | Deleted, names: dict[int, str]) -> None:
    element = ET.SubElement(images, "image" if isinstance(entry, ImageEntry) else "deletedImage")
    ET.SubElement(element, "member", id=str(entry.member)).text = names.get(entry.member, "")
    ET.SubElement(element, "id").text = entry.id
    if isinstance(entry, Deleted):
        return
    fingerprints = ET.SubElement(element, "fingerprints")
    if entry.pdq is not None:
        ET.SubElement(fingerprints, "pdq").text = entry.pdq
    if entry.feedback:
        feedback = ET.SubElement(element, "feedback")
        for voted in entry.feedback:
            told = ET.SubElement(feedback, f"{voted.vote.value}Feedback", type="PDQ")
            parent = told
            if voted.vote is Vote.NEGATIVE:
                # The published client reads pairs of siblings: a reason, then those who gave it.
                parent = ET.SubElement(told, "reasons")
                ET.SubElement(parent, "reason", name=voted.reason)
            members = ET.SubElement(parent, "members")
            ET.SubElement(members, "member", id=str(voted.member)).text = voted.name


def _entry_of(element: ET.Element) -> ImageEntry | Deleted:
    kind = _name(element).lower()
    member = next(_children(element, "member"), None)
    identifier = _text(element, "id")
    if member is None or not identifier or kind not in ("image", "deletedimage"):
        raise ValueError("an entry is not one")
    number = int(member.attrib["id"])
    if kind == "deletedimage":
        return Deleted(number, identifier)
    return ImageEntry(number, identifier, _text(element, "fingerprints", "pdq") or None)


def _parse(raw: bytes) -> ET.Element:
    if len(raw) > MAXIMUM_BYTES:
        raise ValueError(f"{len(raw)} bytes")
    return fromstring(raw, forbid_dtd=True)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (child for child in element if _name(child) == name)


def _text(element: ET.Element, *path: str) -> str:
    """The text at this path, "" where there is none."""
    for name in path:
        child = next(_children(element, name), None)
        if child is None:
            return ""
        element = child
    return (element.text or "").strip()


def _root(name: str) -> ET.Element:
    return ET.Element(name, xmlns=NAMESPACE)


def _bytes(root: ET.Element) -> bytes:
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)
