"""Rule packs: what a law or a company's own route asks of a notice, as dated data with its source.

A pack is a JSON file of ``packs/`` (format: docs/reference/rule-packs.md). Packs state facts and no more; the sentences
of a notice are in ``texts/``. Operators may lay a folder of their own over the shipped one: a file ``<pack id>.json``
there names the lawyer who reviewed the pack and switches it on or off. It cannot change what the pack says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Final

from amparo.core.errors import InvalidInput, NotFound
from amparo.notice.reading import Reader

INVALID: Final = "rule_pack_invalid"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Language(StrEnum):
    """Languages in which notices are complete."""

    ES = "es"
    EN = "en"


class Status(StrEnum):
    """How far a rule has come. Only the first and the last ever render a notice."""

    IN_FORCE = "in_force"
    ENACTED_UNCOMMENCED = "enacted_uncommenced"
    BILL = "bill"
    POLICY = "policy"


class Quality(StrEnum):
    """P: an official or statutory text was read. S: a secondary source only; the operator must check the primary text."""

    PRIMARY = "P"
    SECONDARY = "S"


class Addressee(StrEnum):
    """Whom a rule speaks to."""

    PLATFORM = "platform"
    SEARCH_ENGINE = "search_engine"
    REGULATOR = "regulator"
    ANYONE = "anyone"


class Element(StrEnum):
    """What a notice may have to contain. How each is satisfied is decided by ``content.check``."""

    SIGNATURE = "signature"
    DEPICTION = "depiction"
    LOCATION = "location"
    URLS = "urls"
    NON_CONSENT = "non_consent"
    RELEVANT_INFORMATION = "relevant_information"
    CONTACT = "contact"
    REASONS = "reasons"
    NAME_AND_EMAIL = "name_and_email"
    GOOD_FAITH = "good_faith"
    LEGAL_BASIS = "legal_basis"
    AUTHORITY = "authority"
    REDRESS = "redress"
    EFFECT_REPORT = "effect_report"
    DECISION = "decision"
    CIRCUMSTANCES = "circumstances"
    MEDIUM = "medium"
    REPORTED_ELSEWHERE = "reported_elsewhere"
    IDENTIFIABLE = "identifiable"
    FAKE_OR_NON_CONSENSUAL = "fake_or_non_consensual"
    DECLARATION = "declaration"
    MADE_BY_OR_FOR_SUBJECT = "made_by_or_for_subject"
    IDENTIFICATION = "identification"
    PERJURY_STATEMENT = "perjury_statement"


class Basis(StrEnum):
    """RULE: the rule itself asks for the element. HOUSE: we ask, because a notice without it would say nothing."""

    RULE = "rule"
    HOUSE = "house"


class Waiver(StrEnum):
    """When an element may be left out. OFFENCE_AGAINST_MINOR: where a person states such an offence; an age alone states none."""

    OFFENCE_AGAINST_MINOR = "offence_against_minor"


class ClockStart(StrEnum):
    """PROVABLE_RECEIPT: when the addressee provably had the notice. INFORMED: when the person was told of a decision."""

    PROVABLE_RECEIPT = "provable_receipt"
    INFORMED = "informed_of_decision"


class Unit(StrEnum):
    HOURS = "hours"
    MONTHS = "months"


class MetBy(StrEnum):
    """What stops the clock. A refusal decides, and ends the wait for a removal too; a reply that decides nothing stops no clock.
    SENDING: a window of the sender."""

    REMOVAL = "removal"
    DECISION = "decision"
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class ClockRule:
    """A period: ``count`` hours (elapsed time) or calendar months (in the operator's time zone, see ``amparo.notice.clock``)."""

    start: ClockStart
    unit: Unit
    count: int
    met_by: MetBy


@dataclass(frozen=True, slots=True)
class PackElement:
    element: Element
    basis: Basis
    unless: Waiver | None = None


@dataclass(frozen=True, slots=True)
class Source:
    cite: Mapping[Language, str]
    quality: Quality


@dataclass(frozen=True, slots=True)
class Note:
    """A fact beside the elements, with the quality of its own source."""

    quality: Quality
    texts: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class RulePack:
    """One rule. ``reviewed_by`` is empty until a named lawyer of the operator has filled it in; pages show that too."""

    id: str
    title: Mapping[Language, str]
    jurisdiction: str
    addressee: Addressee
    status: Status
    as_of: date
    source: Source
    quoted_text_sha256: str
    elements: tuple[PackElement, ...]
    clock: ClockRule | None
    notes: tuple[Note, ...]
    enabled: bool
    reviewed_by: str = ""

    @property
    def may_render(self) -> bool:
        """Whether its status and the operator let notices be made from it. Guidance packs have no letter all the same."""
        return self.enabled and self.status in (Status.IN_FORCE, Status.POLICY)

    def asks(self, element: Element) -> bool:
        return any(asked.element is element for asked in self.elements)


class RulePacks:
    """The packs of an installation, by id."""

    def __init__(self, packs: Iterable[RulePack]) -> None:
        self._packs = {pack.id: pack for pack in sorted(packs, key=lambda pack: pack.id)}

    def __iter__(self) -> Iterator[RulePack]:
        return iter(self._packs.values())

    def __len__(self) -> int:
        return len(self._packs)

    def get(self, pack: str) -> RulePack:
        """Raises NotFound ``rule_pack_unknown``."""
        found = self._packs.get(pack)
        if found is None:
            raise NotFound("rule_pack_unknown", "There is no such rule pack.")
        return found


def load_packs(overrides: Path | None = None) -> RulePacks:
    """The shipped packs under the operator's own folder, if any.

    Raises InvalidInput ``rule_pack_invalid`` for a file out of format, ``rule_pack_override_unknown`` for one that belongs
    to no pack, and ``rule_pack_not_in_force`` where a bill or an uncommenced law is to be switched on.
    """
    folder = resources.files("amparo.notice") / "packs"
    packs = {
        pack.id: pack
        for pack in (
            read_pack(file.read_bytes(), file.name) for file in folder.iterdir() if file.name.endswith(".json")
        )
    }
    if overrides is not None:
        for path in sorted(overrides.glob("*.json")):
            if path.stem not in packs:
                raise InvalidInput(
                    "rule_pack_override_unknown", "A file of the operator belongs to no rule pack.", detail=path.name
                )
            packs[path.stem] = override(packs[path.stem], path.read_bytes(), path.name)
    return RulePacks(packs.values())


def override(pack: RulePack, raw: bytes, place: str) -> RulePack:
    """The pack with the operator's ``{"reviewed_by"?: str, "enabled"?: bool}``. Errors as of ``load_packs``."""
    reader = Reader.of_bytes(raw, place, INVALID)
    reviewed_by = reader.text_or_blank("reviewed_by").strip() or pack.reviewed_by
    enabled = reader.flag("enabled") if reader.has("enabled") else pack.enabled
    reader.done()
    if enabled and pack.status not in (Status.IN_FORCE, Status.POLICY):
        raise InvalidInput(
            "rule_pack_not_in_force",
            "A rule that is not in force cannot be switched on.",
            detail=f"{place}: {pack.status}",
        )
    return replace(pack, reviewed_by=reviewed_by, enabled=enabled)


def read_pack(raw: bytes, place: str) -> RulePack:
    """A pack from its file; ``place`` is the file's name, which is the pack's id. Raises InvalidInput ``rule_pack_invalid``."""
    reader = Reader.of_bytes(raw, place, INVALID)
    pack = RulePack(
        id=reader.text("id"),
        title=_languages(reader.object("title")),
        jurisdiction=reader.text("jurisdiction"),
        addressee=reader.choice("addressee", Addressee),
        status=reader.choice("status", Status),
        as_of=reader.day("as_of"),
        source=_source(reader.object("source")),
        quoted_text_sha256=reader.text_or_blank("quoted_text_sha256"),
        elements=tuple(_element(element) for element in reader.objects("elements")),
        clock=_clock(reader),
        notes=tuple(_note(note) for note in reader.objects("notes")),
        enabled=reader.flag("enabled"),
        reviewed_by=reader.text_or_blank("reviewed_by"),
    )
    reader.done()
    if _ID.fullmatch(pack.id) is None or place != f"{pack.id}.json":
        raise reader.refused("id", "must be the file's name")
    if pack.quoted_text_sha256 and _SHA256.fullmatch(pack.quoted_text_sha256) is None:
        raise reader.refused("quoted_text_sha256", "64 lowercase hexadecimal digits are expected")
    if len({asked.element for asked in pack.elements}) != len(pack.elements):
        raise reader.refused("elements", "an element is listed twice")
    if pack.enabled and pack.status not in (Status.IN_FORCE, Status.POLICY):
        raise reader.refused("enabled", f"a rule that is {pack.status} cannot be enabled")
    return pack


def _languages(reader: Reader) -> dict[Language, str]:
    texts = {language: reader.text(language) for language in Language}
    reader.done()
    return texts


def _source(reader: Reader) -> Source:
    source = Source(_languages(reader.object("cite")), reader.choice("quality", Quality))
    reader.done()
    return source


def _element(reader: Reader) -> PackElement:
    unless = reader.choice("unless", Waiver) if reader.has("unless") else None
    element = PackElement(reader.choice("element", Element), reader.choice("basis", Basis), unless)
    reader.done()
    return element


def _note(reader: Reader) -> Note:
    quality = reader.choice("quality", Quality)
    return Note(quality, _languages(reader))


def _clock(reader: Reader) -> ClockRule | None:
    start = reader.choice_or_none("clock_start", ClockStart)
    clock = reader.object_or_none("clock")
    if (start is None) != (clock is None):
        raise reader.refused("clock", "a clock and its start belong together")
    if start is None or clock is None:
        return None
    rule = ClockRule(start, clock.choice("unit", Unit), clock.count("count"), clock.choice("met_by", MetBy))
    clock.done()
    if (rule.met_by is MetBy.SENDING) != (start is ClockStart.INFORMED):
        raise reader.refused(
            "clock", "a window to send starts when the person was informed, every other clock at receipt"
        )
    return rule
