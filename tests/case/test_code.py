import math
import secrets
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amparo.case import code as code_module
from amparo.case.code import LANGUAGES, WORDS, CaseCode, draw, keys_of, parse
from amparo.core.errors import InvalidInput

drawable = {language: code_module._drawable(language) for language in LANGUAGES}  # pyright: ignore[reportPrivateUsage]
everything = {language: code_module._words(language) for language in LANGUAGES}  # pyright: ignore[reportPrivateUsage]
codes = st.builds(draw, st.binary(min_size=16, max_size=32), st.sampled_from(LANGUAGES))


@given(codes)
def test_a_code_is_read_back_as_it_was_shown(code: CaseCode) -> None:
    assert parse(str(code)) == code


@given(codes, st.data())
def test_a_code_is_read_as_people_type_it(code: CaseCode, data: st.DataObject) -> None:
    def typed(word: str) -> str:
        shape = data.draw(st.sampled_from([str, str.upper, str.capitalize, lambda word: word[:4], _accented]))
        return shape(word)

    separator = data.draw(st.sampled_from([" ", "-", ", ", "\n", " · ", "  ", "_", "1 "]))
    around = data.draw(st.sampled_from(["", " ", "\t", "«"]))
    assert parse(around + separator.join(map(typed, code.words)) + around) == code


def _accented(word: str) -> str:
    # Composed and decomposed: keyboards differ. A Spanish n may be typed with its tilde or without.
    return word.replace("a", "á", 1).replace("e", "e\N{COMBINING ACUTE ACCENT}", 1).replace("n", "ñ", 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_can_be_drawn_is_read_back(language: str) -> None:
    words = drawable[language]
    for start in range(0, len(words), WORDS):
        eight = words[start : start + WORDS]
        eight += words[: WORDS - len(eight)]
        for shown in (eight, tuple(word[:4] for word in eight)):
            read = parse(" ".join(shown))
            assert read.language != language or read.words == eight


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_carries_at_least_80_bits(language: str) -> None:
    assert len(set(drawable[language])) == len(drawable[language]) >= 1800
    assert WORDS * math.log2(len(drawable[language])) > 86


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_unkind_word_is_drawn_and_every_unkind_word_is_a_word(language: str) -> None:
    unkind = set(code_module._UNKIND[language].split())  # pyright: ignore[reportPrivateUsage]
    assert unkind <= set(everything[language]), "a misspelt word on the list would be drawn after all"
    assert not unkind & set(drawable[language])
    assert len(drawable[language]) + len(unkind) == len(everything[language]) == 2048


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_told_apart_by_their_first_four_letters(language: str) -> None:
    assert len({word[:4] for word in everything[language]}) == 2048
    assert all(word.isascii() and word.isalpha() and word.islower() for word in everything[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_draws_are_uniform(language: str) -> None:
    """Chi-squared over 24,000 words, fixed seeds: a modulo bias of a tenth or a missing word would stand out."""
    drawn = Counter(word for seed in range(3000) for word in draw(seed.to_bytes(16), language).words)
    expected = 3000 * WORDS / len(drawable[language])
    squared = sum((drawn[word] - expected) ** 2 / expected for word in drawable[language])
    freedom = len(drawable[language]) - 1
    assert abs(squared - freedom) < 5 * math.sqrt(2 * freedom)
    assert set(drawn) <= set(drawable[language])


@given(st.binary(min_size=16, max_size=32), st.sampled_from(LANGUAGES))
def test_the_same_seed_gives_the_same_code_and_another_seed_another(seed: bytes, language: str) -> None:
    assert draw(seed, language) == draw(seed, language)
    assert draw(seed + b"\1", language) != draw(seed, language)


def test_a_code_that_would_read_as_the_other_language_is_drawn_again() -> None:
    """Seed 665 first gives eight English words whose short forms are all Spanish ones too."""
    seed = (665).to_bytes(16)
    first = code_module._draw(seed, "en", 0)  # pyright: ignore[reportPrivateUsage]
    assert parse(" ".join(word[:4] for word in first.words)).language == "es"
    code = draw(seed, "en")
    assert code != first
    assert parse(" ".join(word[:4] for word in code.words)) == code


@pytest.mark.parametrize("seed", [b"", bytes(15)])
def test_a_seed_of_too_little_chance_is_refused(seed: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        draw(seed, "es")
    assert caught.value.code == "seed_invalid"


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_anything_else_is_malformed_and_says_nothing_else(text: str) -> None:
    try:
        parse(text)
    except InvalidInput as error:
        assert error.code == "case_code_malformed"  # noqa: PT017  # some texts are codes


def test_near_misses_are_malformed() -> None:
    code = draw(bytes(16), "es")
    words = code.words
    for wrong in (
        words[:7],
        (*words, words[0]),
        ("xyzw", *words[1:]),
        (words[0] + "x", *words[1:]),
        (words[0][:3], *words[1:]),
    ):
        if wrong[0] in everything["es"] and len(wrong) == WORDS:
            continue
        with pytest.raises(InvalidInput) as caught:
            parse(" ".join(wrong))
        assert caught.value.code == "case_code_malformed"


def test_the_keys_of_a_code_depend_on_words_language_and_pepper() -> None:
    code = draw(secrets.token_bytes(16), "es")
    other = CaseCode("en", code.words)
    tags = {keys_of(code, bytes(32)), keys_of(other, bytes(32)), keys_of(code, bytes([1]) * 32)}
    assert len(tags) == 3
    assert keys_of(parse(str(code).upper()), bytes(32)) in tags
    assert all(len(keys.tag) == len(keys.wrapping) == 32 and keys.tag != keys.wrapping for keys in tags)
