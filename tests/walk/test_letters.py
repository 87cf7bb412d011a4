"""Letters to sites in a real browser: written at the desk, signed by the person or by an agent; and where none can be written."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from amparo.hub.app import public_app
from amparo.hub.context import HubSettings
from amparo.hub.desk.session import COOKIE
from tests.browser import press
from tests.gate.serving import served
from tests.hub.desks import DeskDoor
from tests.hub.hubs import open_hub
from tests.hub.noticing import Town, all_notices, state_of, town
from tests.walk.looking import DESKTOP, PHONE, Visit, assert_accessible, screenshot
from tests.walk.running import free_ports

pytestmark = pytest.mark.browser

_SWAPPED = [("es", DESKTOP), ("en", PHONE)] if "AMPARO_SCREENSHOTS" in os.environ else []
_VIEWS = [("es", PHONE), ("en", DESKTOP), *_SWAPPED]
SITE, LINK, SIGNER = "Plaza", "https://plaza.example.com/photos/1", "Ana Ejemplo"
WAITS = {"es": "Una carta a Plaza espera tu sí.", "en": "A letter to Plaza waits for your yes."}
READY = {"es": "La carta a Plaza está lista para salir.", "en": "The letter to Plaza is ready to go out."}


@contextmanager
def running(folder: Path, language: str = "en", country: str = "ES") -> Generator[tuple[Town, str, str]]:
    """A hub with one case in this country: the case, and where the people's pages and the desk answer."""
    hub, _ = open_hub(folder, HubSettings(canaries=0, country=country))
    place, ports = town(hub, language=language), free_ports(2)
    door = DeskDoor(hub)
    with ExitStack() as open_for_now:
        people = open_for_now.enter_context(served(public_app(hub), ports[0], hub.bell.close))
        desk = open_for_now.enter_context(served(door.app, ports[1], hub.bell.close))
        yield place, people, f"{desk}?{door.cookie(place.by)}"
    hub.close()


def at_the_desk(chromium: Browser, desk: str, size: dict[str, int]) -> tuple[Page, str]:
    address, _, cookie = desk.partition("?")
    context = chromium.new_context(viewport={"width": size["width"], "height": size["height"]})
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": address}])
    return context.new_page(), address


def looked_at(page: Page, name: str) -> None:
    screenshot(page, f"letters-{name}")
    assert_accessible(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"


def write_letter(page: Page, address: str, number: int, language: str, signed_by: str) -> None:
    """A complete draft, signed by the ``person`` or an ``agent``; the page of the notice is open then."""
    page.goto(f"{address}/cases/{number}/notices")
    page.get_by_label("Under which rule").select_option("us-take-it-down")
    page.get_by_label("To whom").fill(SITE)
    page.get_by_label("In which language").select_option(language)
    press(page, page.get_by_role("button", name="Begin the draft"))
    page.get_by_label("The exact links").fill(LINK)
    page.get_by_label("A description by which").fill("A bridge, repainted in another colour.")
    page.get_by_label("What supports that statement").fill("The original is ours.")
    page.get_by_label("Where it goes").fill("legal@plaza.example.com")
    page.locator("#confirm-non_consent").check()
    page.get_by_label("Who signs", exact=True).select_option(signed_by)
    page.get_by_label("Name of who signs").fill(SIGNER)
    page.get_by_label("E-mail", exact=True).fill("ana@example.org")
    press(page, page.get_by_role("button", name="Keep this draft"))


@pytest.mark.parametrize(("language", "size"), _VIEWS)
def test_a_letter_in_her_name_is_read_and_signed_by_her_alone(
    chromium: Browser, tmp_path: Path, language: str, size: dict[str, int]
) -> None:
    with running(tmp_path, language) as (place, people, desk):
        page, address = at_the_desk(chromium, desk, size)
        write_letter(page, address, place.number, language, "person")
        expect(page.get_by_text("She approves it on her own page")).to_be_visible()
        expect(page.get_by_role("button", name="I have read this text")).to_have_count(0)
        looked_at(page, f"{size['width']}-{language}-1-hers")
        (record,) = all_notices(place.hub)

        person = Visit(chromium, people, language, size)
        person.open(str(place.code))
        waiting = person.page.locator(".talk > li", has=person.page.get_by_text(WAITS[language]))
        person.look("letters-case")
        press(person.page, waiting.get_by_role("button"))
        letter = person.page.locator(".letter")
        expect(letter).to_contain_text(LINK)
        expect(letter).to_contain_text(SIGNER)
        person.look("letters-letter")
        # What she says yes to stands there whole: no part of it is hidden in a box that scrolls.
        hidden = letter.evaluate("(it) => it.scrollHeight - it.clientHeight")
        assert hidden <= 0, f"{hidden} px of the letter are out of sight"
        # A look at the help lines loses neither the letter nor her place.
        press(person.page, 'footer button[value="help-lines"]')
        press(person.page, "main .back button")
        expect(letter).to_contain_text(LINK)
        assert state_of(place.hub, record.id).state.approved is None
        person.press("do", "sign-letter")
        expect(person.page.get_by_text(READY[language])).to_be_visible()
        person.look("letters-signed")
        person.end()

        approved = state_of(place.hub, record.id).state.approved
        assert approved is not None
        assert SIGNER in approved.rendered.text
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_contain_text("approved")
        expect(page.get_by_role("button", name="Record that it was sent")).to_be_visible()
        looked_at(page, f"{size['width']}-{language}-2-signed")
        page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_letter_signed_by_an_agent_is_approved_at_the_desk(
    chromium: Browser, tmp_path: Path, size: dict[str, int]
) -> None:
    with running(tmp_path) as (place, people, desk):
        page, address = at_the_desk(chromium, desk, size)
        write_letter(page, address, place.number, "en", "agent")
        looked_at(page, f"{size['width']}-agent-1-read")
        person = Visit(chromium, people, "en", size)
        person.open(str(place.code))
        expect(person.page.get_by_text("We are writing to Plaza.")).to_be_visible()
        expect(person.page.locator('main input[value="letter"]')).to_have_count(0)
        person.end()
        press(page, page.get_by_role("button", name="I have read this text"))
        looked_at(page, f"{size['width']}-agent-2-approved")
        page.get_by_label("Their number").fill("form 7")
        press(page, page.get_by_role("button", name="Record that it was sent"))
        looked_at(page, f"{size['width']}-agent-3-sent")
        page.context.close()


@pytest.mark.parametrize("country", ["GB", "AU"])
@pytest.mark.parametrize(("language", "size"), _VIEWS)
def test_where_no_letter_can_be_written_she_reads_what_she_can_do(
    chromium: Browser, tmp_path: Path, language: str, size: dict[str, int], country: str
) -> None:
    with running(tmp_path, language, country) as (place, people, _):
        person = Visit(chromium, people, language, size, frozenset({SITE, LINK}))
        person.open(str(place.code))
        person.press("do", "ask-notice")
        person.page.fill("#site", SITE)
        person.page.fill("#urls", LINK)
        person.look(f"letters-ask-{country}")
        press(person.page, "main .ask button.primary")
        title = {"es": "Todavía no hay carta para Plaza", "en": "There is no letter to Plaza yet"}
        expect(person.page.locator("h1")).to_have_text(title[language])
        person.look(f"letters-none-{country}")
        person.press("do", "open")
        expect(person.page.locator(".talk .mine")).to_contain_text(SITE)
        person.look(f"letters-noted-{country}")
        person.end()
