"""From a complete notice to its text. What the law does not ask for and what nobody said is not in it.

Refusals, in this order: the pack's rule is not in force, the operator has it off, it has no letter, an element is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from amparo.core.canonical import canonical_bytes
from amparo.core.errors import NotFound, Rejected
from amparo.notice.award import Award
from amparo.notice.content import Capacity, Circumstance, Claim, Contact, Notice, NoticeIncomplete, check
from amparo.notice.pack import Element, Language, Quality, RulePack, Status
from amparo.notice.texts import Addition, Letter, Part, Texts, Word, texts

# Categories of the DSA transparency database (LAW). The first excludes minors.
_ADULT_DEEPFAKE: Final = "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE"
_MINOR_DEEPFAKE: Final = "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE"


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a letter: one heading, one paragraph, a list of points, or lines that stand together."""

    kind: BlockKind
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What pages show around every text of a rule, and what is no part of the text itself (LAW)."""

    pack: str
    title: str
    jurisdiction: str
    status: Status
    as_of: date
    source: str
    quality: Quality
    reviewed_by: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A notice as it will be sent, in subject and blocks, with its surroundings. to: where it goes, "" while undecided."""

    language: Language
    to: str
    subject: str
    blocks: tuple[Block, ...]
    around: Surroundings

    @property
    def text(self) -> str:
        """Plain text; blocks are separated by an empty line."""
        return "\n\n".join(_plain(block) for block in self.blocks) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 over all that is sent and whereto, in hexadecimal digits: what a person approves is this and nothing else."""
        blocks = [[block.kind, *block.lines] for block in self.blocks]
        content = {
            "language": self.language,
            "to": self.to,
            "subject": self.subject,
            "pack": self.around.pack,
            "blocks": blocks,
        }
        return hashlib.sha256(b"amparo-notice-text-1\0" + canonical_bytes(content)).hexdigest()


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a rule means for the reader; it is not sent to anybody."""

    title: str
    paragraphs: tuple[str, ...]
    around: Surroundings


def surroundings(pack: RulePack, language: Language) -> Surroundings:
    return Surroundings(
        pack.id,
        pack.title[language],
        pack.jurisdiction,
        pack.status,
        pack.as_of,
        pack.source.cite[language],
        pack.source.quality,
        pack.reviewed_by,
    )


def label(element: Element, language: Language) -> str:
    """How a page names an element, for example one that is missing."""
    return texts(language).labels[element]


def has_letter(pack: RulePack) -> bool:
    """Whether a notice can be made from it at all: in force or policy, switched on, and with a letter of ours."""
    return pack.may_render and pack.id in texts(Language.EN).letters


def guidance(pack: RulePack, language: Language) -> Guidance:
    """Raises Rejected as ``render`` does for rules not in force, NotFound ``guidance_unknown`` where there is none."""
    _require_rendering(pack)
    paragraphs = texts(language).guidance.get(pack.id)
    if paragraphs is None:
        raise NotFound("guidance_unknown", "There is no guidance for this rule.")
    return Guidance(pack.title[language], paragraphs, surroundings(pack, language))


def render(notice: Notice, pack: RulePack, award: Award | None = None) -> Rendered:
    """The text of a complete notice; the same notice, pack and award give the same text.

    Raises Rejected ``rule_pack_not_in_force``, ``rule_pack_off``, ``rule_pack_without_letter``, ``award_of_another`` for an
    award that is not the operator's own, NoticeIncomplete with the missing elements, InvalidInput as ``content.check``.
    """
    _require_rendering(pack)
    if award is not None and award.line:
        raise Rejected("award_of_another", "Only the entity itself may send as a trusted flagger.")
    language = notice.language
    catalogue = texts(language)
    letter = catalogue.letters.get(pack.id)
    if letter is None:
        raise Rejected("rule_pack_without_letter", "No notice can be made from this rule.", detail=pack.id)
    missing = check(notice, pack)
    if missing:
        raise NoticeIncomplete(missing)
    return Rendered(
        language,
        notice.to,
        letter.subject,
        tuple(_blocks(notice, letter, catalogue, award)),
        surroundings(pack, language),
    )


def _require_rendering(pack: RulePack) -> None:
    if pack.status not in (Status.IN_FORCE, Status.POLICY):
        raise Rejected("rule_pack_not_in_force", "This rule is not in force.", detail=f"{pack.id}: {pack.status}")
    if not pack.enabled:
        raise Rejected("rule_pack_off", "The operator has not switched this rule on.", detail=pack.id)


def _blocks(notice: Notice, letter: Letter, catalogue: Texts, award: Award | None) -> list[Block]:
    words = catalogue.words
    blocks = [
        _lines(words[Word.TO].format(addressee=notice.addressee), words[Word.REFERENCE].format(id=notice.id)),
        *(_paragraph(text) for text in letter.opening),
        *_follows(notice, words),
    ]
    # Who names itself as a trusted flagger is not anonymous: one letter says one of the two.
    if award is not None and not notice.anonymous and Addition.TRUSTED_FLAGGER in letter.adds:
        blocks.append(
            _paragraph(
                words[Word.TRUSTED_FLAGGER].format(
                    entity=award.entity, authority=award.authority, awarded_on=award.awarded_on.isoformat()
                )
            )
        )
    blocks += [_paragraph(text) for text in _additions(notice, letter, catalogue)]
    for part in letter.parts:
        content = _part(notice, part, catalogue)
        if content:
            blocks += [Block(BlockKind.HEADING, (part.heading,)), *content]
    return [*blocks, *(_paragraph(text) for text in letter.closing)]


def _follows(notice: Notice, words: Mapping[Word, str]) -> list[Block]:
    earlier = notice.follows
    if earlier is None:
        return []
    word = Word.FOLLOWS if earlier.sent_on is None else Word.FOLLOWS_SENT
    day = "" if earlier.sent_on is None else earlier.sent_on.isoformat()
    lines = [words[word].format(addressee=earlier.addressee, reference=earlier.reference, day=day)]
    if earlier.number:
        lines.append(words[Word.FOLLOWS_NUMBER].format(number=earlier.number))
    return [_lines(*lines)]


def _part(notice: Notice, part: Part, catalogue: Texts) -> list[Block]:
    blocks: list[Block] = []
    match part.element:
        case Element.URLS | Element.LOCATION if notice.urls:
            blocks.append(Block(BlockKind.LIST, notice.urls))
        case Element.SIGNATURE:
            blocks += _signature(notice, catalogue)
        case Element.CONTACT | Element.NAME_AND_EMAIL:
            blocks += _contact(notice, part.element, catalogue)
        case _ if part.element in notice.confirmed and part.text:
            blocks.append(_paragraph(part.text))
        case _:
            pass
    said = [_paragraph(text.strip()) for text in notice.said(part.element) if text.strip()]
    if part.text and said and not blocks:
        blocks.append(_paragraph(part.text))
    return blocks + said


def _signature(notice: Notice, catalogue: Texts) -> list[Block]:
    signature, words = notice.signature, catalogue.words
    if signature is None or notice.anonymous:
        return []
    match signature.capacity:
        case Capacity.PERSON:
            role = words[Word.SIGNED_PERSON]
        case Capacity.AGENT if signature.on_behalf_of.strip():
            role = words[Word.SIGNED_AGENT_OF].format(on_behalf_of=signature.on_behalf_of)
        case Capacity.AGENT:
            role = words[Word.SIGNED_AGENT]
    signed_on = words[Word.SIGNED_ON].format(day=signature.signed_on.isoformat())
    return [_lines(words[Word.SIGNED].format(name=signature.name), signed_on), _paragraph(role)]


def _contact(notice: Notice, element: Element, catalogue: Texts) -> list[Block]:
    words, contact = catalogue.words, notice.contact or Contact()
    if notice.anonymous:
        # Only Article 16 lets a notice be anonymous, and says for what: ``check`` has seen to that.
        return [_paragraph(words[Word.ANONYMOUS])] if element is Element.NAME_AND_EMAIL else []
    ways = [
        (Word.NAME, "name", contact.name),
        (Word.EMAIL, "email", contact.email),
        *(
            []
            if element is Element.NAME_AND_EMAIL
            else [(Word.PHONE, "phone", contact.phone), (Word.POST, "post", contact.post)]
        ),
    ]
    lines = [words[word].format(**{name: value}) for word, name, value in ways if value.strip()]
    return [_lines(*lines)] if lines else []


def _additions(notice: Notice, letter: Letter, catalogue: Texts) -> list[str]:
    words, added = catalogue.words, list[str]()
    if Addition.CLAIM in letter.adds and notice.claim is not Claim.UNSAID:
        added.append(words[Word.CLAIM_FAKE if notice.claim is Claim.FAKE else Word.CLAIM_REAL])
    if Addition.CIRCUMSTANCES in letter.adds:
        added += [words[Word.MINOR_FLAG]] if notice.shows_minor else []
        added += [words[Word(circumstance)] for circumstance in Circumstance if circumstance in notice.circumstances]
    if Addition.TRANSPARENCY in letter.adds and notice.claim is Claim.FAKE:
        keyword = _MINOR_DEEPFAKE if notice.shows_minor else _ADULT_DEEPFAKE
        added.append(words[Word.TRANSPARENCY].format(keyword=keyword))
    if notice.shows_minor:
        added.append(words[Word.MINOR])
    return added


def _paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, (text,))


def _lines(*lines: str) -> Block:
    return Block(BlockKind.LINES, lines)


def _plain(block: Block) -> str:
    return "\n".join(f"- {line}" for line in block.lines) if block.kind is BlockKind.LIST else "\n".join(block.lines)
