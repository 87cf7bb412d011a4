"""Incidents at the desk in a real browser: on a narrow screen, in the dark, by keyboard, without scripts."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from amparo.bank import Action
from amparo.case.people import AgeBand, Door, WordsKind
from amparo.core.ids import SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.hub.commands import incidents, partners, person
from amparo.hub.commands.person import Opening
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.hub.desk.session import COOKIE
from amparo.store.staff.protocol import Role, StaffRecord
from tests.browser import press
from tests.gate.serving import served
from tests.hub.desks import DeskDoor, employ
from tests.hub.hubs import fingerprints, near, open_hub, pseudonym
from tests.walk.running import free_ports
from tests.walk.test_desk_queue import NARROW, WIDE, assert_not_wider_than_the_screen
from tests.walk.test_walk import assert_accessible, screenshot

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Served:
    hub: Hub
    door: DeskDoor
    address: str
    ana: StaffRecord

    def enter(self, chromium: Browser, **settings: object) -> BrowserContext:
        context = chromium.new_context(**{"viewport": WIDE, **settings})  # pyright: ignore[reportArgumentType]
        context.add_cookies([{"name": COOKIE, "value": self.door.cookie(self.ana), "url": self.address}])
        return context


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Served]:
    hub, clock = open_hub(tmp_path / "hub")
    ana = employ(hub, Role.CASEWORKER, "Ana")
    one, other, third = fingerprints(3, seed=4)
    place, handle = Typed(WordsKind.PLACE, "3º B, Instituto del Puerto"), Typed(WordsKind.HANDLE, "@quien.sea")
    codes = [
        person.open_case(hub, secrets.token_bytes(16), Opening("en", door, age), pictures, words)
        for door, age, pictures, words in (
            (Door.PICTURE, AgeBand.MINOR, [one, other], [place]),
            (Door.HELPING, AgeBand.MINOR, [near(one, 6)], [place, handle]),
            (Door.THREAT, AgeBand.MINOR, [], [handle]),
            (Door.WITNESS, AgeBand.UNSAID, [near(one, 12)], []),
            (Door.PICTURE, AgeBand.ADULT, [third], []),
            (Door.HELPING, AgeBand.ADULT, [near(third, 20)], []),
        )
    ]
    for name, days in (("Plaza", (0, 1, 1, 4, 9)), ("Foro", (2, 9))):
        card = partners.add_partner(hub, name)
        record = partners.authenticate(hub, card.key)
        for at, day in enumerate(days):
            entry = person.view_case(hub, codes[at % 2]).pictures[0].picture.entry
            report = SightingReport(
                SightingId(random_id()),
                pseudonym(hub, card.partner, entry),
                clock.now() + timedelta(days=day - 20),
                3,
                Action.BLOCK,
                "upload",
            )
            partners.tell_sightings(hub, record, [report])
    door = DeskDoor(hub)
    (port,) = free_ports(1)
    with served(door.app, port, hub.bell.close) as address:
        yield Served(hub, door, address, ana)
    hub.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_is_accessible_and_fits(chromium: Browser, desk: Served, size: dict[str, int], colours: str) -> None:
    context = desk.enter(chromium, viewport=size, color_scheme=colours)
    page = context.new_page()

    def looked_at(what: str) -> None:
        screenshot(page, f"incidents-{size['width']}-{colours}-{what}")
        assert_not_wider_than_the_screen(page)
        assert_accessible(page)

    page.goto(f"{desk.address}/incidents/suggested")
    expect(page.get_by_role("status")).to_contain_text("2 groups wait")
    looked_at("1-suggested")
    group = page.get_by_role("region", name="4 cases")
    press(page, group.get_by_role("button", name="Confirm"))
    expect(page.get_by_role("textbox", name="Title of a new incident").first).to_be_focused()
    looked_at("2-refused")
    page.get_by_role("region", name="4 cases").get_by_role("textbox").fill("Instituto del Puerto, November")
    press(page, page.get_by_role("region", name="4 cases").get_by_role("button", name="Confirm"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Instituto del Puerto, November")
    page.get_by_text("The numbers").click()
    looked_at("3-board")
    page.goto(f"{desk.address}/incidents")
    looked_at("4-list")
    page.goto(f"{desk.address}/incidents/suggested")
    page.get_by_text("They do not belong together").click()
    press(page, page.get_by_role("button", name="These two do not belong together"))
    expect(page.get_by_role("heading", name="Said apart lately")).to_be_visible()
    looked_at("5-apart")
    context.close()


def test_without_scripts_and_by_keyboard_a_group_is_confirmed_taken_apart_and_confirmed_again(
    chromium: Browser, desk: Served
) -> None:
    context = desk.enter(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.address}/incidents/suggested")

    def tab_to(name: str) -> None:
        for _ in range(150):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if name in ((focused.text_content() or "").strip(), focused.get_attribute("id")):
                return
        pytest.fail(f"Tab never reached {name}")

    tab_to("m-1-4")
    page.keyboard.press("Space")
    tab_to("title-1")
    page.keyboard.type("Class 3B")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Class 3B")
    expect(page.locator("th a[href^='/cases/']")).to_have_count(3)
    tab_to("Take out")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("th a[href^='/cases/']")).to_have_count(2)
    page.goto(f"{desk.address}/incidents/suggested")
    expect(page.get_by_role("region", name="4 cases").get_by_role("radio").first).to_be_checked()
    press(page, page.get_by_role("region", name="4 cases").get_by_role("button", name="Confirm"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Class 3B")
    expect(page.locator("th a[href^='/cases/']")).to_have_count(4)
    assert [row.cases for row in incidents.incidents_page(desk.hub, desk.ana).rows] == [4]
    context.close()


def test_nothing_is_asked_of_any_other_address_and_no_policy_is_broken(chromium: Browser, desk: Served) -> None:
    incident = incidents.confirm(desk.hub, desk.ana, [1, 2], title="Class 3B")
    context = desk.enter(chromium)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/incidents", "/incidents/suggested", f"/incidents/{incident}"):
        page.goto(desk.address + path)
    assert said == []
    assert asked
    assert all(url.startswith(desk.address) for url in asked)
    context.close()
