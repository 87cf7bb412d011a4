"""The desk's pages of notices in a real browser: from draft to answer, by keyboard, without scripts, narrow, in the dark."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from amparo.core.clock import SteppedClock
from amparo.hub.commands import partners, sending
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.context import Hub
from amparo.hub.desk.session import COOKIE
from amparo.hub.mail import write_mail_settings
from amparo.hub.office import Office
from amparo.notice.address_book import AddressBook, Platform, Route
from amparo.notice.award import Award
from amparo.notice.content import NoticeId
from amparo.notice.machine import Phase
from amparo.store.staff.protocol import Role
from tests.browser import press
from tests.gate.serving import served
from tests.hub.desks import DeskDoor, employ
from tests.hub.hubs import open_hub
from tests.hub.noticing import Town, all_notices, approved, received, sent, state_of, tell, town, work
from tests.hub.posting import Post, mail_server
from tests.walk.looking import assert_accessible, screenshot
from tests.walk.running import free_ports

pytestmark = pytest.mark.browser

NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}
REASON = "I write the notices of this case."


@dataclass(frozen=True)
class Served:
    hub: Hub
    clock: SteppedClock
    door: DeskDoor
    address: str
    place: Town
    post: Post

    def enter(self, chromium: Browser, **settings: object) -> BrowserContext:
        context = chromium.new_context(**{"viewport": WIDE, **settings})  # pyright: ignore[reportArgumentType]
        context.add_cookies([{"name": COOKIE, "value": self.door.cookie(self.place.by), "url": self.address}])
        return context

    def local(self) -> str:
        return self.clock.now().astimezone(ZoneInfo("Europe/Madrid")).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Served]:
    hub, clock = open_hub(tmp_path / "hub")
    routes = (
        Route(
            "us-take-it-down", "legal@platform.example.com", "", "", "their legal page, read by A. B.", date(2026, 1, 1)
        ),
        Route("eu-dsa-16", "", "https://plaza.example.com/report", "", "their help page", date(2024, 1, 1)),
    )
    book = AddressBook((Platform("plaza", "Plaza Limited", "Plaza", routes),))
    awards = (Award("A line", "An authority", date(2025, 1, 1), "es-017"),)
    hub = replace(hub, office=replace(Office(), book=book, awards=awards))
    post = Post(free_ports(1)[0])
    write_mail_settings(hub.mail_file, post.settings())
    place = replace(town(hub), by=employ(hub, Role.CASEWORKER, "Casey"))
    door = DeskDoor(hub)
    (port,) = free_ports(1)
    with served(door.app, port, hub.bell.close) as address:
        yield Served(hub, clock, door, address, place, post)
    hub.close()


def looked_at(page: Page, name: str) -> None:
    screenshot(page, name)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"
    assert_accessible(page)


@pytest.mark.parametrize(
    ("size", "colours"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide and light", "narrow and dark"]
)
def test_every_page_is_accessible_and_fits(chromium: Browser, desk: Served, size: dict[str, int], colours: str) -> None:
    hub, place = desk.hub, desk.place
    tell(place, partners.add_partner(hub, "Plaza"), "https://plaza.example/photos/{}", 3)
    work(hub)
    (seen,) = all_notices(hub)
    running, waiting = received(place), approved(place)
    sending.send(hub, place.by, waiting)
    work(hub)
    late = received(place)
    desk.clock.advance(timedelta(hours=50))
    look_at_clocks(hub)
    assert state_of(hub, late).state.phase is Phase.EXPIRED
    context = desk.enter(chromium, viewport=size, color_scheme=colours)
    page = context.new_page()
    name = f"notices-{size['width']}-{colours}"
    page.goto(f"{desk.address}/notices/{seen.id}")
    looked_at(page, f"{name}-1-closed")
    page.get_by_label("Why do you need").fill(REASON)
    press(page, page.get_by_role("button", name="Open for an hour"))
    expect(page.get_by_text("It lacks:")).to_be_visible()
    looked_at(page, f"{name}-2-draft")
    press(page, page.get_by_role("link", name="Write or change it"))
    looked_at(page, f"{name}-3-edit")
    for path, what in (
        (f"/notices/{running}", "4-over"),
        (f"/notices/{waiting}", "5-waiting"),
        ("/notices?shelf=all", "6-list"),
        (f"/cases/{place.number}/notices", "7-case"),
        ("/outbox", "8-outbox"),
        ("/addresses", "9-addresses"),
        ("/rules", "10-rules"),
        ("/rules/au-esafety-referral", "11-guidance"),
        ("/rules/eu-dsa-16", "12-rule"),
    ):
        page.goto(f"{desk.address}{path}")
        looked_at(page, f"{name}-{what}")
    page.goto(f"{desk.address}/outbox")
    press(page, page.get_by_role("link", name="Example Platform"))
    expect(page.get_by_text("Message-ID: <")).to_be_visible()
    looked_at(page, f"{name}-13-letter")
    context.close()


def test_a_notice_is_written_approved_sent_and_answered_without_scripts(chromium: Browser, desk: Served) -> None:
    hub, place = desk.hub, desk.place
    context = desk.enter(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.address}/cases/{place.number}/notices")
    page.get_by_label("Under which rule").select_option("us-take-it-down")
    page.get_by_label("To a platform").select_option("plaza")
    page.get_by_label("In which language").select_option("en")
    press(page, page.get_by_role("button", name="Begin the draft"))
    expect(page.get_by_label("Where it goes")).to_have_value("legal@platform.example.com")
    page.get_by_label("The exact links").fill("https://plaza.example.com/photos/1")
    page.get_by_label("A description by which").fill("A bridge, repainted in another colour.")
    page.get_by_label("What supports that statement").fill("The original is ours.")
    page.get_by_label("It is stated in good faith").check()
    page.get_by_label("Who signs", exact=True).select_option("agent")
    page.get_by_label("Name of who signs").fill("Casey Worker")
    page.get_by_label("E-mail", exact=True).fill("desk@hotline.example.org")
    press(page, page.get_by_role("button", name="Keep this draft"))
    letter = page.get_by_label("Text of the letter")
    expect(letter).to_contain_text("A bridge, repainted in another colour.")
    press(page, page.get_by_role("button", name="I have read this text"))
    press(page, page.get_by_role("button", name="Send it by e-mail to legal@platform.example.com"))
    expect(page.get_by_role("status")).to_contain_text("waits to be sent")
    with mail_server(desk.post):
        assert work(hub) == 1
    assert "repainted" in desk.post.taken[0].get_content()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("sent, receipt not proved")
    page.get_by_label("Since when").fill(desk.local())
    press(page, page.get_by_role("button", name="Record receipt"))
    expect(page.get_by_text("0 %, until")).to_be_visible()
    page.get_by_label("What", exact=True).select_option("refused")
    page.get_by_label("When (Europe/Madrid)", exact=True).fill(desk.local())
    press(page, page.get_by_role("button", name="Record the answer"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("refused")
    press(page, page.get_by_role("button", name="Draft this: AEPD priority channel"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("draft")
    context.close()


def test_by_keyboard_alone_a_sent_notice_is_opened_and_its_receipt_recorded(chromium: Browser, desk: Served) -> None:
    notice = sent(desk.place)
    desk.clock.advance(timedelta(hours=3))
    context = desk.enter(chromium)
    page = context.new_page()
    page.goto(f"{desk.address}/notices?shelf=on-their-way")
    tab_to(page, "Example Platform")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to_field(page, "reason")
    page.keyboard.type(REASON)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to_field(page, "received_at")
    page.locator(":focus").fill(desk.local())
    tab_to_field(page, "proof")
    page.keyboard.press("r")
    tab_to(page, "Record receipt")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("received")
    state = state_of(desk.hub, NoticeId(notice)).state
    assert state.receipt is not None
    assert state.receipt.proof == "registered_post"
    context.close()


def tab_to(page: Page, text: str) -> None:
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement !== document.body") and text in page.evaluate(
            "document.activeElement.textContent"
        ):
            return
    pytest.fail(f"no way to «{text}» by keyboard")


def tab_to_field(page: Page, name: str) -> None:
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('name')") == name:
            return
    pytest.fail(f"no way to the field «{name}» by keyboard")
