"""Two spellings of one link, name or place have a term in common; other things have none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.case.linking import TERMS_AT_MOST, search_terms, terms_of
from amparo.case.people import LINKING, WordsKind

NAMES = st.from_regex(r"[a-z][a-z0-9_]{1,20}(\.[a-z0-9_]{1,10})?", fullmatch=True)


@pytest.mark.parametrize(
    "spelled",
    [
        "https://www.foro.example/hilo/123",
        "http://foro.example/hilo/123/",
        "FORO.example/Hilo/123",
        "look: https://foro.example/hilo/123?ref=app#top, there",
        "(foro.example/hilo/123)",
        "foro.example/hilo/123.",
    ],
)
def test_spellings_of_one_link_have_one_term(spelled: str) -> None:
    assert terms_of(WordsKind.LINK, spelled) == ("foro.example/hilo/123",)


def test_another_page_of_the_same_site_is_another_term() -> None:
    first, second = (terms_of(WordsKind.LINK, f"https://foro.example/hilo/{number}") for number in (1, 2))
    assert not set(first) & set(second)


def test_what_says_which_page_counts_and_what_was_passed_on_with_it_does_not() -> None:
    first, shared, other = (
        terms_of(WordsKind.LINK, f"https://video.example/watch?{query}")
        for query in ("v=Abc", "si=Zz9&v=abc&utm_source=chat", "v=abd")
    )
    assert first == shared == ("video.example/watch?v=abc",)
    assert not set(first) & set(other)


@pytest.mark.parametrize("spelled", ["@Quien_Sea", "quien_sea", "  QUIEN_SEA ", "@quien_sea.", "quien_sea."])
def test_spellings_of_one_handle_have_one_term(spelled: str) -> None:
    assert "@quien_sea" in terms_of(WordsKind.HANDLE, spelled)


def test_a_handle_inside_a_sentence_counts_without_the_full_stop() -> None:
    assert "@quien.sea" in terms_of(WordsKind.SENDER, "It came from @quien.sea.")
    assert "@quien.sea" in terms_of(WordsKind.PAYMENT, "pay @quien.sea, or else")


@pytest.mark.parametrize(
    "spelled", ["3º B, Instituto del Puérto", "3o b instituto  del puerto", "3º B. Instituto del Puerto."]
)
def test_spellings_of_one_place_have_one_term(spelled: str) -> None:
    assert "3o b instituto del puerto" in terms_of(WordsKind.PLACE, spelled)


@pytest.mark.parametrize("kind", sorted(set(WordsKind) - LINKING))
def test_what_links_nothing_has_no_terms(kind: WordsKind) -> None:
    assert terms_of(kind, "@quien.sea wrote on foro.example/hilo/123") == ()


@given(st.sampled_from(sorted(LINKING)), st.text(max_size=300))
def test_any_text_has_terms_without_doubles_and_not_too_many(kind: WordsKind, text: str) -> None:
    terms = terms_of(kind, text)
    assert len(terms) == len(set(terms)) <= TERMS_AT_MOST
    assert all(term and term == term.strip() for term in terms)
    assert terms == terms_of(kind, text.replace("\n", "\r\n"))


@given(NAMES, st.sampled_from([WordsKind.HANDLE, WordsKind.PAYMENT, WordsKind.SENDER, WordsKind.PLACE]))
def test_what_was_noted_as_it_is_typed_is_found_again(name: str, kind: WordsKind) -> None:
    assert set(terms_of(kind, name)) & set(search_terms(name))
    assert set(terms_of(WordsKind.HANDLE, name)) & set(search_terms(f"@{name}"))


def test_more_terms_than_a_note_may_have_are_cut_off() -> None:
    links = " ".join(f"foro.example/{number}" for number in range(200))
    assert len(terms_of(WordsKind.LINK, links)) == TERMS_AT_MOST
    assert len(search_terms(links)) == TERMS_AT_MOST
