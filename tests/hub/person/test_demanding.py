"""What a person sees of notices to sites: asks for one, reads and signs the one in her name, follows them all."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from amparo.hub.commands import notices
from amparo.hub.context import Hub
from tests.hub.hubs import open_hub
from tests.hub.noticing import Town, digest_of, filled, received, state_of, town, with_words
from tests.hub.person.pages import Pages
from tests.hub.person.texts import sentences_of


@pytest.fixture
def place(hub: Hub) -> Town:
    return town(hub)


@pytest.fixture
def pages(place: Town) -> Pages:
    return Pages.of(place.hub)


def case_page(pages: Pages, place: Town) -> Pages:
    return pages.ask({"do": "open", "code": str(place.code)})


def test_a_letter_is_read_word_for_word_and_signed(pages: Pages, place: Town) -> None:
    notice = filled(place, by_person=True)
    case_page(pages, place)
    assert "A letter to Example Platform waits for your yes." in html.unescape(pages.text)
    pages.ask({"do": "letter", "code": str(place.code), "notice": notice})
    (letter,) = notices.letters_to_sign(place.hub, place.code)
    shown = re.search(r"<blockquote[^>]*>(.*?)</blockquote>", pages.text, re.DOTALL)
    assert shown is not None
    assert html.unescape(shown[1]) == f"{letter.rendered.subject}\n\n{letter.rendered.text}"
    pages.press("do", "sign-letter")
    assert "is ready to go out." in pages.text
    approved = state_of(place.hub, notice).state.approved
    assert approved is not None
    assert approved.rendered.digest == digest_of(place.hub, notice)


def test_a_letter_that_was_changed_meanwhile_is_shown_again_and_not_signed(pages: Pages, place: Town) -> None:
    notice = filled(place, by_person=True)
    pages.ask({"do": "letter", "code": str(place.code), "notice": notice})
    opened = state_of(place.hub, notice)
    notices.revise(place.hub, place.by, with_words(opened.notice, "Another text"), opened.state.version)
    pages.press("do", "sign-letter")
    assert "The letter has changed since you read it." in pages.text
    assert "Another text" in pages.text
    assert state_of(place.hub, notice).state.approved is None
    pages.press("do", "sign-letter")
    assert state_of(place.hub, notice).state.approved is not None


def test_what_was_demanded_is_told_by_its_days_and_without_an_end_to_wait_for(pages: Pages, place: Town) -> None:
    received(place)
    text = html.unescape(case_page(pages, place).text)
    assert "Example Platform has our letter." in text
    assert "They had it on 1 Jan 2026" in text
    read = " ".join(sentences_of(pages.text))
    assert "They had it on 1 Jan 2026" in read
    assert not re.search(r"48|\b(hours?|days?)\b", read), "no hours to count down"


def test_a_notice_is_asked_for_once(pages: Pages, place: Town) -> None:
    case_page(pages, place).press("do", "ask-notice")
    form = pages.text
    for _ in range(2):
        pages.text = form
        notice = re.search(r'name="notice" value="([0-9a-f]{32})"', form)
        assert notice is not None
        fields = {"code": str(place.code), "notice": notice[1], "site": "Foro", "urls": "https://foro.example/7"}
        pages.ask({"do": "wish-notice", **fields})
        assert pages.text.count("We are writing to Foro.") == 1


@pytest.mark.parametrize(("site", "urls"), [("", ""), ("Foro", "foro"), ("Foro", "javascript:alert(1)")])
def test_a_wish_that_cannot_be_kept_comes_back_as_it_was_typed(pages: Pages, place: Town, site: str, urls: str) -> None:
    pages.ask({"do": "wish-notice", "code": str(place.code), "notice": "ab" * 16, "site": site, "urls": urls})
    assert "Please name the site, and give whole links" in pages.text
    assert f">{urls}</textarea>" in pages.text
    assert "We are writing to" not in case_page(pages, place).text


@pytest.mark.parametrize("change", [{"urls": ()}, {"statements": ()}], ids=["no links", "no statements"])
def test_a_letter_with_something_missing_does_not_wait_for_her(
    pages: Pages, place: Town, change: dict[str, tuple[()]]
) -> None:
    notice = filled(place, by_person=True)
    opened = state_of(place.hub, notice)
    notices.revise(place.hub, place.by, replace(opened.notice, **change), opened.state.version)
    case_page(pages, place)
    assert "We are writing to Example Platform." in html.unescape(pages.text)
    assert 'value="letter"' not in pages.text


def test_an_anonymous_letter_does_not_wait_for_her(pages: Pages, place: Town) -> None:
    notice = filled(place, "eu-dsa-16", by_person=True)
    opened = state_of(place.hub, notice)
    unnamed = replace(opened.notice, anonymous=True, offence_against_minor=True)
    notices.revise(place.hub, place.by, unnamed, opened.state.version)
    assert 'value="letter"' not in case_page(pages, place).text


def test_wherever_a_rule_shows_its_day_source_and_reviewer_show(tmp_path: Path) -> None:
    (tmp_path / "notices" / "rules").mkdir(parents=True)
    reviewed = json.dumps({"reviewed_by": "A. Lawyer"})
    (tmp_path / "notices" / "rules" / "us-take-it-down.json").write_text(reviewed, encoding="utf-8")
    hub, _ = open_hub(tmp_path)
    place, pages = town(hub), Pages.of(hub, "es")
    notice = filled(place, by_person=True)
    for page in ("open", "letter"):
        read = " ".join(sentences_of(pages.ask({"do": page, "code": str(place.code), "notice": notice}).text))
        assert "A fecha de" in read
        assert "47 USC 223a" in read
        assert "A. Lawyer" in read
    for page in ("ask-notice", "write"):
        read = " ".join(sentences_of(pages.ask({"do": page, "code": str(place.code)}).text))
        assert "Ley Orgánica 8/2021, artículos 15 y 16" in read, "in the page's own language"
        assert "Aquí no la ha revisado todavía ninguna persona jurista." in read
    hub.close()


def test_a_rules_title_says_its_language_on_a_page_in_another(pages: Pages, place: Town) -> None:
    filled(place)
    assert ' lang="en">TAKE IT DOWN' in Pages.of(place.hub, "eu").ask({"do": "open", "code": str(place.code)}).text
    assert ' lang="en">TAKE IT DOWN' not in case_page(pages, place).text


def test_who_asks_for_a_notice_reads_first_who_must_report(pages: Pages, place: Town) -> None:
    text = case_page(pages, place).press("do", "ask-notice").text
    assert text.index("must tell the authorities") < text.index('<label for="site">')
