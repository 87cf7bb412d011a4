"""The sentences of notices and of guidance, one file a language in ``texts/``. Every sentence is the project's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

from amparo.notice.pack import Element, Language
from amparo.notice.reading import Reader

INVALID: Final = "notice_texts_invalid"


class Addition(StrEnum):
    """What a letter says beside its parts, where there is something to say."""

    CLAIM = "claim"
    CIRCUMSTANCES = "circumstances"
    TRANSPARENCY = "transparency"
    TRUSTED_FLAGGER = "trusted_flagger"


class Word(StrEnum):
    """Single sentences and lines, with their ``{placeholders}``."""

    TO = "to"
    REFERENCE = "reference"
    FOLLOWS = "follows"
    FOLLOWS_SENT = "follows_sent"
    FOLLOWS_NUMBER = "follows_number"
    SIGNED = "signed"
    SIGNED_PERSON = "signed_person"
    SIGNED_AGENT = "signed_agent"
    SIGNED_AGENT_OF = "signed_agent_of"
    SIGNED_ON = "signed_on"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    POST = "post"
    ANONYMOUS = "anonymous"
    MINOR = "minor"
    MINOR_FLAG = "minor_flag"
    CLAIM_FAKE = "claim_fake"
    CLAIM_REAL = "claim_real"
    GENDER_VIOLENCE = "gender_violence"
    VULNERABLE_PERSON = "vulnerable_person"
    TRUSTED_FLAGGER = "trusted_flagger"
    TRANSPARENCY = "transparency"
    SIGHTING = "sighting"


@dataclass(frozen=True, slots=True)
class Part:
    """One element's place in a letter. text: a sentence of ours that comes before what the person says, or ""."""

    element: Element
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    opening: tuple[str, ...]
    parts: tuple[Part, ...]
    closing: tuple[str, ...]
    adds: frozenset[Addition]


@dataclass(frozen=True, slots=True)
class Texts:
    """Everything in one language. labels: how pages name an element, for example one that is missing."""

    labels: Mapping[Element, str]
    words: Mapping[Word, str]
    letters: Mapping[str, Letter]
    guidance: Mapping[str, tuple[str, ...]]


@cache
def texts(language: Language) -> Texts:
    """The shipped texts, read once. Raises InvalidInput ``notice_texts_invalid`` for a damaged installation."""
    name = f"{language}.json"
    return read_texts((resources.files("amparo.notice") / "texts" / name).read_bytes(), name)


def read_texts(raw: bytes, place: str) -> Texts:
    """Raises InvalidInput ``notice_texts_invalid``, also where a label or word is missing."""
    reader = Reader.of_bytes(raw, place, INVALID)
    labels, words = reader.object("labels"), reader.object("words")
    letters, guidance = reader.object("letters"), reader.object("guidance")
    found = Texts(
        labels={element: labels.text(element) for element in Element},
        words={word: words.text(word) for word in Word},
        letters={pack: _letter(letters.object(pack)) for pack in letters.names()},
        guidance={pack: guidance.texts(pack) for pack in guidance.names()},
    )
    for part in (reader, labels, words):
        part.done()
    return found


def _letter(reader: Reader) -> Letter:
    parts: list[Part] = []
    for part in reader.objects("parts"):
        parts.append(Part(part.choice("element", Element), part.text("heading"), part.text_or_blank("text")))
        part.done()
    adds: list[Addition] = []
    for add in reader.texts("adds"):
        if add not in list(Addition):
            raise reader.refused("adds", f"{add} is unknown")
        adds.append(Addition(add))
    letter = Letter(
        reader.text("subject"), reader.texts("opening"), tuple(parts), reader.texts("closing"), frozenset(adds)
    )
    reader.done()
    return letter
