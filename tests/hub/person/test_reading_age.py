"""How hard the pages are to read, by the formulas made for each language; ``-s`` prints the table.

English: Flesch-Kincaid grade (Kincaid et al. 1975), a school year; grade 4 is read at nine. Spanish: Fernandez Huerta 1959 and
Szigriszt-Pazos 1993 (on Barrio-Cantalejo's INFLESZ scale), both of 100; from 80 a text is "very easy": primary school. They say
that words and sentences are short, and nothing about whether a text is clear: people must still read it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Generator
from statistics import median

import pytest

from tests.hub.hubs import open_hub
from tests.hub.person.texts import every_page, sentences_of

with warnings.catch_warnings():
    # It imports pkg_resources, which says that it is old.
    warnings.simplefilter("ignore")
    from textstat import textstat  # pyright: ignore[reportMissingTypeStubs]

LONGEST_SENTENCE = 25
HIGHEST_GRADE = 4.0
"""Of any page; half of them must be at grade 3 or below."""
LOWEST_EASE = 75.0
"""Of any page; half of them must be at 85 or above."""
TOO_SHORT = 30
"""Words. The formulas are made for whole texts: of a page with a heading and two buttons they tell nothing."""


def words_in(sentence: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", sentence)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, dict[str, list[str]]]]:
    """Each page's sentences, by language and name."""
    hub, _ = open_hub(tmp_path_factory.mktemp("hub"))
    yield {
        language: {name: sentences_of(page) for name, page in every_page(hub, language).items()}
        for language in ("en", "es")
    }
    hub.close()


def whole_sentences(pages: dict[str, list[str]]) -> dict[str, str]:
    """Without headings and buttons, which are short and would make every page look easier than it is."""
    texts = {name: [one for one in sentences if one[-1] in ".!?…:"] for name, sentences in pages.items()}
    return {
        name: " ".join(re.sub(r"[.!?…:]+$", ".", one) for one in sentences)
        for name, sentences in texts.items()
        if sum(len(words_in(one)) for one in sentences) >= TOO_SHORT
    }


def measured(formula: str, language: str, texts: dict[str, str]) -> dict[str, float]:
    textstat.set_lang(language)
    return {name: float(getattr(textstat, formula)(text)) for name, text in texts.items()}


def show(title: str, *columns: tuple[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    for name in columns[0][1]:
        print(f"{name:24}" + "".join(f"{heading:>22} {values[name]:6.1f}" for heading, values in columns))


def test_english_pages_are_read_at_nine(said: dict[str, dict[str, list[str]]]) -> None:
    grades = measured("flesch_kincaid_grade", "en", whole_sentences(said["en"]))
    show("English", ("Flesch-Kincaid grade", grades))
    assert {name: grade for name, grade in grades.items() if grade > HIGHEST_GRADE} == {}
    assert median(grades.values()) <= 3


def test_spanish_pages_are_read_at_nine(said: dict[str, dict[str, list[str]]]) -> None:
    readable = whole_sentences(said["es"])
    huerta = measured("fernandez_huerta", "es", readable)
    szigriszt = measured("szigriszt_pazos", "es", readable)
    show("Spanish", ("Fernandez Huerta", huerta), ("Szigriszt-Pazos", szigriszt))
    for values in (huerta, szigriszt):
        assert {name: ease for name, ease in values.items() if ease < LOWEST_EASE} == {}
        assert median(values.values()) >= 85


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_sentence_on_any_page_has_more_than_25_words(said: dict[str, dict[str, list[str]]], language: str) -> None:
    for name, sentences in said[language].items():
        for sentence in sentences:
            assert len(words_in(sentence)) <= LONGEST_SENTENCE, f"{name}: {sentence}"


def test_a_page_is_read_without_its_markup() -> None:
    page = '<main><h1>One <b>two</b></h1><p class="words">secret code</p><p>Three. Four five?</p><button>Go on</button></main>'
    assert sentences_of(page) == ["One two", "Three.", "Four five?", "Go on"]
