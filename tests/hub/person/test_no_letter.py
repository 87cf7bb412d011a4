"""A wish for a letter that no rule of this country gives: told kindly, noted for the desk, and never a page of an error."""

import html
import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from amparo.case.people import WordsKind
from amparo.hub.commands import person
from amparo.hub.context import Hub, HubSettings
from amparo.hub.person.words import LANGUAGES, Words
from amparo.notice.pack import RulePacks
from tests.hub.hubs import open_hub
from tests.hub.noticing import Town, all_notices, digest_of, filled, town
from tests.hub.person.pages import Pages
from tests.hub.person.texts import sentences_of

SITE, LINK = "Foro", "https://foro.example/7"
TITLE = "There is no letter to {name} yet"
EXPLAINED = (
    "You are not in trouble.",
    "Each country has its own rules. For this site we have no letter yet that we may send from here.",
    "Your wish is noted. A person here reads it and looks at what else can be done. They answer on your page.",
    "That person can also ask search engines not to show a link.",
)
IN_AUSTRALIA = (
    "In Australia: the eSafety Commissioner",
    "The eSafety Commissioner can tell a site or a person to take down an intimate picture. You need not ask the site first.",
    "Do not attach or forward a picture. Note links, user names and times.",
)


@pytest.fixture(params=["GB", "AU"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Town]:
    """A hub in a country from which no site can be written to by itself."""
    hub, _ = open_hub(tmp_path, HubSettings(canaries=0, country=request.param))
    yield town(hub)
    hub.close()


def wish(place: Town, language: str = "en", site: str = SITE, urls: str = LINK, hub: Hub | None = None) -> Pages:
    """Asked for on the page, as she does it."""
    pages = Pages.of(hub or place.hub, language).ask({"do": "ask-notice", "code": str(place.code)})
    answer = re.search(r'name="notice" value="([0-9a-f]{32})"', pages.text)
    assert answer is not None
    fields = {"code": str(place.code), "notice": answer[1], "site": site, "urls": urls}
    return pages.ask({"do": "wish-notice", **fields})


def said(place: Town) -> list[tuple[WordsKind, str]]:
    return [(one.noted.kind, one.text) for one in person.view_case(place.hub, place.code).spoken]


def switched_off(hub: Hub, pack: str) -> Hub:
    packs = RulePacks(replace(one, enabled=one.enabled and one.id != pack) for one in hub.office.packs)
    return replace(hub, office=replace(hub.office, packs=packs))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_site_without_a_letter_is_told_of_in_her_own_language(place: Town, language: str) -> None:
    pages, words = wish(place, language), Words(language, "Europe/Madrid")
    assert pages.status == 200
    assert pages.heading == words.text(TITLE, name=SITE)
    read = html.unescape(pages.main)
    australian = place.hub.settings.country == "AU"
    for message in (TITLE, "To your page", *EXPLAINED, *IN_AUSTRALIA):
        assert language == "en" or words.text(message) != message
    for message in (*EXPLAINED[1:], *(IN_AUSTRALIA if australian else ())):
        assert not words.borrows(message)
        assert words.text(message) in read
    assert words.text(EXPLAINED[0]) in read


def test_the_wish_is_noted_for_the_desk_and_the_links_beside_it(place: Town) -> None:
    with place.hub.store.write() as transaction:
        transaction.queue.set_waits(place.case, False)
    wish(place)
    assert said(place) == [(WordsKind.MESSAGE, "Ask a site to take it down: Foro"), (WordsKind.LINK, LINK)]
    with place.hub.store.read() as transaction:
        line = transaction.queue.line(place.case)
    assert line is not None
    assert line.waits
    assert all_notices(place.hub) == []


def test_a_wish_without_a_link_is_noted_too(place: Town) -> None:
    assert wish(place, urls="").status == 200
    assert said(place) == [(WordsKind.MESSAGE, "Ask a site to take it down: Foro")]


def test_sending_it_twice_or_reading_it_in_another_language_notes_it_once(place: Town) -> None:
    pages = wish(place)
    noted = said(place)
    wish(place)
    languages = pages.text[pages.text.index('<details class="languages">') : pages.text.index("</details>")]
    kept = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', languages)
    for language in LANGUAGES:
        pages.language = language
        pages.ask([(name, html.unescape(value)) for name, value in kept])
        assert pages.heading == Words(language, "Europe/Madrid").text(TITLE, name=SITE)
    assert said(place) == noted


def test_from_the_help_lines_she_comes_back_to_it(place: Town) -> None:
    pages = wish(place)
    pages.ask({"aside": "help-lines", "from": "no-letter", "code": str(place.code), "site": SITE})
    assert pages.heading == "Help lines"
    assert pages.press("do", "no-letter").heading == "There is no letter to Foro yet"


def test_it_leads_back_to_her_page_where_the_wish_stands(place: Town) -> None:
    pages = wish(place).press("do", "open")
    assert pages.heading == "What is held, and what happened"
    assert "Ask a site to take it down: Foro" in pages.text
    assert LINK in pages.text


def test_what_she_can_do_instead_is_what_is_known_of_her_country(place: Town) -> None:
    read = " ".join(sentences_of(wish(place).text))
    page = html.unescape(wish(place).main)
    if place.hub.settings.country == "AU":
        assert "You need not ask the site first." in read
        assert "As of" in read
        assert "Online Safety Act 2021 (Australia), sections 77 and 78" in read
        assert 'href="tel:000"' in page
    else:
        assert "eSafety" not in page
        assert "Online Safety Act" not in page
        assert 'href="tel:03456000459"' in page
        assert "For adults." in page
    assert not re.search(r"\b(24|48)\b|\bhours?\b", read), "no hours to count down"


def test_an_office_whose_rule_is_switched_off_is_not_named_in_the_text(tmp_path: Path) -> None:
    hub, _ = open_hub(tmp_path, HubSettings(canaries=0, country="AU"))
    place = town(hub)
    assert "You need not ask the site first." in wish(place).text
    assert "You need not ask the site first." not in wish(place, hub=switched_off(hub, "au-esafety-referral")).text
    hub.close()


def test_where_no_letter_is_sure_none_is_promised_before_she_asks(place: Town) -> None:
    pages = Pages.of(place.hub).ask({"do": "ask-notice", "code": str(place.code)})
    assert "A person here writes the letter." not in pages.text
    assert "There are sites that we cannot write to from here yet." in pages.text


@pytest.mark.parametrize(
    ("site", "urls", "told"),
    [
        (" ", LINK, "Please name the site"),
        ("x" * 4001, "", "That is too long."),
        (SITE, "https://foro.example/" + "7" * 4000, "That is too long."),
    ],
    ids=["no site", "a long site", "a long link"],
)
def test_a_wish_that_cannot_be_noted_comes_back_as_it_was_typed(place: Town, site: str, urls: str, told: str) -> None:
    pages = wish(place, site=site, urls=urls)
    assert pages.heading == "Ask a site to take it down"
    assert told in pages.text
    assert f">{urls}</textarea>" in pages.text
    assert said(place) == []


def test_a_rule_that_the_operator_switched_off_is_no_error_either(hub: Hub) -> None:
    place = town(hub)
    pages = wish(place, hub=switched_off(hub, "eu-dsa-16"))
    assert (pages.status, pages.heading) == (200, "There is no letter to Foro yet")
    assert 'href="tel:017"' in pages.text


def test_a_rule_switched_off_before_she_signs_is_told_in_the_same_words(hub: Hub) -> None:
    place = town(hub)
    notice = filled(place, by_person=True)
    fields = {"code": str(place.code), "notice": notice, "digest": digest_of(hub, notice)}
    pages = Pages.of(switched_off(hub, "us-take-it-down")).ask({"do": "sign-letter", **fields})
    assert (pages.status, pages.heading) == (200, "There is no letter to Example Platform yet")
    assert said(place) == []


def test_it_opens_for_nobody_without_the_code(place: Town) -> None:
    assert Pages.of(place.hub).ask({"do": "no-letter", "site": SITE}).heading == "Your code"
