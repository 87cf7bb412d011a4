"""Every text of the person's pages is in every catalogue, whole, and short enough to be read in a bad hour."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from amparo.case.code import code_language
from amparo.hub.person.render import TEMPLATES
from amparo.hub.person.words import LANGUAGES, SOURCE_LANGUAGE, WHOLE, Words, catalogue, choose_language

_MESSAGE = re.compile(r'_\(\s*(?:"((?:[^"\\]|\\.)*)"|' + r"'((?:[^'\\]|\\.)*)')")
_TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
_PARTIAL = [language for language in LANGUAGES if language not in WHOLE]
_INTERFACE = (
    re.compile(r"<(h[1-4]|button|summary|label|a|strong|dd|noscript)\b[^>]*>(.*?)</\1>", re.DOTALL),
    re.compile(r'<(p|span)\b[^>]*class="(?:problem|count|told|hint)\b[^>]*>(.*?)</\1>', re.DOTALL),
)
"""What a page is used by: headings, doors, buttons, questions and their hints, progress, errors. So is every text with a value
in it, such as a day, a count or a site's name. Texts that only explain may still be Spanish."""
_CODES = re.compile(r'^ {2}\| "([a-z_]+)"', re.MULTILINE)


def found_in(text: str) -> set[str]:
    return {double or single for double, single in _MESSAGE.findall(text)}


def sources() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html")}


def messages() -> set[str]:
    return set[str]().union(*(found_in(text) for text in sources().values()))


def interface() -> set[str]:
    named = found_in(sources()["kind.html"]) | found_in(sources()["error.html"])
    named |= {message for message in messages() if "{" in message}
    for text in sources().values():
        # A heading whose level depends on the page is a heading all the same.
        plain = re.sub(r"(</?)h\{\{.*?\}\}", r"\1h2", text)
        for part in _INTERFACE:
            named = named.union(*(found_in(inside) for _, inside in part.findall(plain)))
    return named


def translated(language: str) -> set[str]:
    return {str(m.id) for m in catalogue(language) if m.id and m.string and not m.fuzzy}


@pytest.mark.parametrize("language", _TRANSLATED)
def test_nothing_is_left_over_or_doubtful(language: str) -> None:
    assert {str(m.id) for m in catalogue(language) if m.id} == translated(language) & messages()


def test_no_text_is_missing_in_spanish() -> None:
    assert messages() - translated("es") == set()


@pytest.mark.parametrize("language", _PARTIAL)
def test_the_interface_is_whole_in_spains_other_languages(language: str) -> None:
    assert len(interface()) > 220
    assert len(interface()) < len(messages())
    assert interface() - translated(language) == set()


@pytest.mark.parametrize("language", _PARTIAL)
def test_what_is_missing_there_is_said_in_spanish(language: str) -> None:
    words, spanish = Words(language, "Europe/Madrid"), Words("es", "Europe/Madrid")
    missing = messages() - translated(language)
    assert missing
    assert all(words.text(message) == spanish.text(message) != message for message in missing)
    assert words.notes_language == "es"
    assert code_language(language) == "es"


@pytest.mark.parametrize("language", _TRANSLATED)
def test_a_translation_names_the_same_things(language: str) -> None:
    def names(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for message in catalogue(language):
        if message.id:
            assert names(str(message.id)) == names(str(message.string)), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_has_more_than_25_words(language: str) -> None:
    words = Words(language, "Europe/Madrid")
    for message in messages():
        for sentence in re.split(r"[.:;!?]\s", words.text(message)):
            assert len(sentence.split()) <= 25, sentence


def test_templates_ask_for_texts_by_literal_only() -> None:
    # A text put together from variables would escape the test above.
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r"\b_\(", text)) == len(_MESSAGE.findall(text)), path.name


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("en", "es", "en"),
        (None, "es-ES,es;q=0.9,en;q=0.8", "es"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "fr-FR", "es"),
        (None, "ca-ES,ca;q=0.9,es;q=0.8", "ca"),
        ("eu", "es", "eu"),
        ("xx", "", "es"),
    ],
)
def test_the_language_asked_for_wins_then_the_browsers_then_spanish(
    wanted: str | None, accepted: str, language: str
) -> None:
    assert choose_language(wanted, accepted) == language


def test_every_reason_of_the_pages_worker_has_a_text_of_its_own() -> None:
    script = (Path(__file__).parents[3] / "web" / "src" / "signal" / "messages.ts").read_text(encoding="utf-8")
    told = re.findall(r"<dt>(\w+)</dt><dd>(.*?)</dd>", sources()["reasons.html"])
    assert sorted(code for code, _ in told) == sorted(_CODES.findall(script))
    assert len({text for _, text in told}) == len(told) > 9
