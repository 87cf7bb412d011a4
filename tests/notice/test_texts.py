import json
import re
import string
from importlib import resources
from typing import Any

import pytest

from amparo.core.errors import InvalidInput
from amparo.notice.content import CONFIRMED
from amparo.notice.pack import Addressee, Element, Language, Status
from amparo.notice.texts import Letter, Texts, read_texts, texts
from tests.notice.samples import PACKS

BOTH = [texts(language) for language in Language]
SPANISH, ENGLISH = texts(Language.ES), texts(Language.EN)


def raw(language: Language) -> dict[str, Any]:
    return json.loads((resources.files("amparo.notice") / "texts" / f"{language}.json").read_bytes())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def shape(letter: Letter) -> object:
    parts = [(part.element, bool(part.text)) for part in letter.parts]
    return parts, len(letter.opening), len(letter.closing), letter.adds


def test_both_languages_say_the_same_things_in_the_same_places() -> None:
    assert SPANISH.letters.keys() == ENGLISH.letters.keys()
    assert SPANISH.guidance.keys() == ENGLISH.guidance.keys()
    for name, letter in SPANISH.letters.items():
        assert shape(letter) == shape(ENGLISH.letters[name]), name
    for name, paragraphs in SPANISH.guidance.items():
        assert len(paragraphs) == len(ENGLISH.guidance[name]), name
    for word, text in SPANISH.words.items():
        assert placeholders(text) == placeholders(ENGLISH.words[word]), word


def test_no_sentence_was_left_in_the_other_language() -> None:
    same = {word for word in SPANISH.words if SPANISH.words[word] == ENGLISH.words[word]}
    assert not same
    for name, letter in SPANISH.letters.items():
        assert letter.subject != ENGLISH.letters[name].subject
        assert not set(letter.opening) & set(ENGLISH.letters[name].opening)
    assert not set(SPANISH.labels.values()) & set(ENGLISH.labels.values())


def test_every_pack_in_force_has_a_letter_or_guidance_and_no_other_pack_has() -> None:
    may = {pack.id for pack in PACKS if pack.may_render}
    assert set(ENGLISH.letters) | set(ENGLISH.guidance) == may
    assert not set(ENGLISH.letters) & set(ENGLISH.guidance)
    assert all(PACKS.get(name).status in (Status.IN_FORCE, Status.POLICY) for name in may)


@pytest.mark.parametrize("catalogue", BOTH, ids=list(Language))
def test_each_letter_has_a_place_for_every_element_that_its_rule_asks_for(catalogue: Texts) -> None:
    for name, letter in catalogue.letters.items():
        places = [part.element for part in letter.parts]
        assert len(set(places)) == len(places)
        assert {asked.element for asked in PACKS.get(name).elements} <= set(places)
        for part in letter.parts:
            assert part.text or part.element not in CONFIRMED, "a confirmation prints a sentence of ours"


@pytest.mark.parametrize("catalogue", BOTH, ids=list(Language))
def test_no_text_claims_what_the_law_does_not_say(catalogue: Texts) -> None:
    """No duty about re-uploads in TAKE IT DOWN, no hours in the DSA, no clock of the AEPD; flaggers only by the one word."""
    american = " ".join(said(catalogue.letters["us-take-it-down"])).lower()
    assert not re.search(r"re-?upload|again|stay down|nueva|volver|resub", american)
    assert "48" in american
    for name, letter in catalogue.letters.items():
        text = " ".join(said(letter)).lower()
        assert name == "us-take-it-down" or not re.search(
            r"\b(24|48|hours?|horas)\b", text.replace("day and hour", "")
        ), name
        assert not re.search("flagger|alertador", text), name


@pytest.mark.parametrize("catalogue", BOTH, ids=list(Language))
def test_no_text_asks_anybody_to_copy_or_send_a_picture(catalogue: Texts) -> None:
    everything = [text for letter in catalogue.letters.values() for text in said(letter)]
    everything += [text for paragraphs in catalogue.guidance.values() for text in paragraphs]
    for text in everything:
        asked = re.search(
            r"screenshot|captura|attach|adjunt|forward|reenví|download|descarg|print it|imprim", text.lower()
        )
        assert asked is None or re.search(r"\b(not|no)\b", text.lower()), text


@pytest.mark.parametrize("catalogue", BOTH, ids=list(Language))
def test_sentences_of_guidance_have_at_most_25_words(catalogue: Texts) -> None:
    for paragraphs in catalogue.guidance.values():
        for sentence in re.split(r"(?<=[.?!])\s", " ".join(paragraphs)):
            assert len(sentence.split()) <= 25, sentence


def test_regulators_and_everyone_are_told_where_platforms_are_asked() -> None:
    assert {PACKS.get(name).addressee for name in ENGLISH.guidance} == {Addressee.REGULATOR, Addressee.ANYONE}


@pytest.mark.parametrize("part", ["labels", "words", "letters", "guidance"])
def test_a_catalogue_without_one_of_its_parts_is_refused(part: str) -> None:
    content = raw(Language.EN)
    del content[part]
    with pytest.raises(InvalidInput) as caught:
        read_texts(json.dumps(content).encode(), "en.json")
    assert caught.value.code == "notice_texts_invalid"


def test_a_missing_label_an_unknown_word_and_an_unknown_addition_are_refused() -> None:
    for part, name in (("labels", Element.URLS.value), ("words", "to")):
        content = raw(Language.EN)
        del content[part][name]
        with pytest.raises(InvalidInput, match=name):
            read_texts(json.dumps(content).encode(), "en.json")
        content = raw(Language.EN)
        content[part]["other"] = "text"
        with pytest.raises(InvalidInput, match="other: unknown member"):
            read_texts(json.dumps(content).encode(), "en.json")
    content = raw(Language.EN)
    content["letters"]["eu-dsa-16"]["adds"] = ["photo"]
    with pytest.raises(InvalidInput, match="photo"):
        read_texts(json.dumps(content).encode(), "en.json")


def said(letter: Letter) -> list[str]:
    return [letter.subject, *letter.opening, *letter.closing, *(f"{part.heading} {part.text}" for part in letter.parts)]
