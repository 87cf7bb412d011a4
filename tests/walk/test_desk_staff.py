"""The desk's own pages in a real browser: coming in by passkeys, staff, the reveal log, acts of two, policy."""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from amparo.case.people import WordsKind
from amparo.core.clock import SteppedClock
from amparo.hub.commands import desk_words, person, proposals, staff
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub, HubSettings
from amparo.hub.desk.session import COOKIE
from amparo.store.staff.protocol import Role, StaffRecord
from tests.browser import press
from tests.gate.serving import served
from tests.hub.desks import DeskDoor, employ
from tests.hub.hubs import fingerprints, open_hub
from tests.walk.passkeys import Authenticators
from tests.walk.running import free_ports
from tests.walk.test_walk import assert_accessible, screenshot

pytestmark = pytest.mark.browser

NARROW = ViewportSize(width=320, height=700)
REASON = "The person asked for it by telephone"


@dataclass
class Running:
    hub: Hub
    clock: SteppedClock
    door: DeskDoor
    address: str

    def enter(self, context: BrowserContext, who: StaffRecord) -> Page:
        context.add_cookies([{"name": COOKIE, "value": self.door.cookie(who), "url": self.address}])
        return context.new_page()


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Running]:
    (port,) = free_ports(1)
    address = f"http://localhost:{port}"
    hub, clock = open_hub(tmp_path / "hub", HubSettings(canaries=0, desk_url=address))
    door = DeskDoor(hub)
    with served(door.app, port, hub.bell.close):
        yield Running(hub, clock, door, address)
    hub.close()


def faults_of(page: Page) -> list[str]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    return faults


def looked_at(page: Page, name: str) -> None:
    """Nothing for axe to find, nothing to scroll sideways for, and a picture of it where people ask for one."""
    assert_accessible(page)
    wide, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= window, f"{name} is {wide} px wide in a window of {window}"
    screenshot(page, name)


def tab_to(page: Page, name: str) -> None:
    """Reach a button or link by the keyboard alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.textContent?.trim()") == name:
            return
    pytest.fail(f"no way to «{name}» by the keyboard")


def test_the_first_administrator_comes_in_by_a_link_and_others_by_hers(chromium: Browser, desk: Running) -> None:
    context = chromium.new_context(viewport=NARROW)
    page = context.new_page()
    devices = Authenticators.of(page)
    device = devices.add()
    faults = faults_of(page)
    link = f"{desk.address}/invitation?ticket={staff.link_from_machine(desk.hub, 'Ana').secret}"
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Ana")
    looked_at(page, "desk-invitation")
    press(page, page.get_by_role("button", name="Make a passkey"))
    expect(page.get_by_role("link", name="Ana")).to_be_visible()
    (kept,) = devices.kept(device)
    assert kept["isResidentCredential"]
    assert kept["rpId"] == "localhost"

    # Out, and in again by the passkey alone, with the keyboard alone.
    press(page, page.get_by_role("button", name="Leave"))
    expect(page.get_by_role("status")).to_have_text("You have left the desk.")
    page.goto(f"{desk.address}/enter")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
    looked_at(page, "desk-enter")
    tab_to(page, "Sign in with a passkey")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Ana")).to_be_visible()

    # A second passkey, on a security key; then the first one is lost and removed.
    page.goto(f"{desk.address}/account")
    looked_at(page, "desk-account")
    devices.remove(device)
    devices.add("usb")
    page.get_by_label("What do you call this device?").fill("Key in the safe")
    press(page, page.get_by_role("button", name="Add a passkey"))
    expect(page.get_by_role("rowheader", name="Key in the safe")).to_be_visible()
    press(page, page.get_by_role("row", name="My first passkey").get_by_role("button", name="Remove"))
    expect(page.get_by_text("Your only one")).to_be_visible()

    # She invites a supervisor, who comes in on another device.
    page.goto(f"{desk.address}/staff")
    page.get_by_label("Name, as others at the desk know them").fill("Berta")
    page.get_by_label(re.compile("^Supervisor")).check()
    press(page, page.get_by_role("button", name="Make the invitation"))
    theirs = page.get_by_role("textbox", name="Link").input_value()
    assert theirs.startswith(f"{desk.address}/invitation?ticket=")
    looked_at(page, "desk-staff-invited")
    other = chromium.new_context()
    hers = other.new_page()
    Authenticators.of(hers).add()
    hers.goto(theirs)
    press(hers, hers.get_by_role("button", name="Make a passkey"))
    expect(hers.get_by_role("link", name="Queue")).to_be_visible()
    page.goto(f"{desk.address}/staff")
    expect(page.get_by_role("row", name="Berta")).to_contain_text("works here")
    looked_at(page, "desk-staff")

    # Sent away, she is out at once, and her passkey opens nothing.
    press(page, page.get_by_role("row", name="Berta").get_by_role("button", name="Send away"))
    hers.reload()
    expect(hers.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")
    hers.goto(f"{desk.address}/enter")
    hers.get_by_role("button", name="Sign in with a passkey").click()
    expect(hers.get_by_role("alert")).to_have_text("This passkey does not open the desk.")
    # The link that made a passkey makes no second one.
    page.goto(link)
    expect(page.get_by_text("This link is wrong, too old or used.")).to_be_visible()
    assert [fault for fault in faults if "401" not in fault] == []
    other.close()
    context.close()


def test_who_cancels_or_comes_by_the_wrong_address_is_told(chromium: Browser, desk: Running) -> None:
    context = chromium.new_context()
    page = context.new_page()
    Authenticators.of(page).add()
    page.goto(f"{desk.address}/enter")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("did not work, or was cancelled")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
    page.goto(f"{desk.address.replace('localhost', '127.0.0.1')}/enter")
    expect(page.get_by_role("alert")).to_contain_text(f"work at {desk.address} only")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_disabled()
    context.close()


def test_two_people_erase_a_case_without_a_script_in_the_dark(chromium: Browser, desk: Running) -> None:
    code = person.open_case(
        desk.hub, secrets.token_bytes(16), "es", fingerprints(1), [Typed(WordsKind.LINK, "https://example.test/p/1")]
    )
    plain = chromium.new_context(viewport=NARROW, java_script_enabled=False)
    asking = desk.enter(plain, employ(desk.hub, Role.CASEWORKER, "Carla"))
    asking.goto(f"{desk.address}/proposals?case=1")
    expect(asking.get_by_label("Case number")).to_have_value("1")
    asking.locator("#erase-reason").fill(REASON)
    press(asking, asking.get_by_role("button", name="Ask for the erasure"))
    expect(asking.get_by_role("button", name="Take it back")).to_be_visible()
    expect(asking.get_by_role("button", name="Yes, do it")).to_have_count(0)

    dark = chromium.new_context(viewport=NARROW, color_scheme="dark")
    deciding = desk.enter(dark, employ(desk.hub, Role.SUPERVISOR, "Berta"))
    deciding.goto(f"{desk.address}/proposals")
    expect(deciding.get_by_text(f"«{REASON}»")).to_be_visible()
    looked_at(deciding, "desk-proposals-dark")
    tab_to(deciding, "Yes, do it")
    with deciding.expect_navigation():
        deciding.keyboard.press("Enter")
    expect(deciding.get_by_role("row", name="Erase case 1")).to_contain_text("yes, Berta")
    looked_at(deciding, "desk-proposals-decided")
    with desk.hub.store.read() as transaction:
        assert transaction.count_cases() == 0
    assert str(code) not in deciding.content()
    plain.close()
    dark.close()


def test_an_auditor_reads_who_read_what(chromium: Browser, desk: Running) -> None:
    words = [Typed(WordsKind.LINK, "https://example.test/p/1"), Typed(WordsKind.NOTE, "what I know")]
    code = person.open_case(desk.hub, secrets.token_bytes(16), "es", fingerprints(1), words)
    state = person.view_case(desk.hub, code).case
    for name in ("Carla", "Dora"):
        by = employ(desk.hub, Role.CASEWORKER, name)
        desk_words.reveal(desk.hub, by, state.id, [note.words for note in state.notes], f"{name} looked: {REASON}")
        desk.clock.advance(timedelta(minutes=3))
    for scheme, size in (("light", NARROW), ("dark", ViewportSize(width=1280, height=800))):
        context = chromium.new_context(viewport=size, color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        page = desk.enter(context, employ(desk.hub, Role.AUDITOR, "Elsa"))
        page.goto(f"{desk.address}/reveals")
        expect(page.get_by_role("row", name="Dora looked")).to_contain_text("links, notes")
        looked_at(page, f"desk-reveals-{scheme}")
        page.get_by_label("Who").select_option("Carla")
        press(page, page.get_by_role("button", name="Show"))
        expect(page.get_by_role("row")).to_have_count(2)
        assert "what I know" not in page.content()
        page.goto(f"{desk.address}/cases/1")
        expect(page.get_by_text("This is not for the role auditor.")).to_be_visible()
        assert_accessible(page)
        context.close()


def test_policy_shows_what_ends_next_and_a_change_needs_two(chromium: Browser, desk: Running) -> None:
    person.open_case(desk.hub, secrets.token_bytes(16), "es", (), [Typed(WordsKind.NOTE, "what I know")])
    desk.clock.advance(timedelta(days=366))
    person.open_case(desk.hub, secrets.token_bytes(16), "es", fingerprints(2))
    for scheme, size in (("light", ViewportSize(width=1280, height=800)), ("dark", NARROW)):
        context = chromium.new_context(viewport=size, color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        page = desk.enter(context, employ(desk.hub, Role.SUPERVISOR, "Berta"))
        page.goto(f"{desk.address}/policy")
        expect(page.get_by_role("button", name="Keep")).to_be_visible()
        looked_at(page, f"desk-policy-{scheme}")
        context.close()
    context = chromium.new_context(viewport=NARROW, java_script_enabled=False)
    page = desk.enter(context, employ(desk.hub, Role.SUPERVISOR, "Berta"))
    page.goto(f"{desk.address}/policy")
    press(page, page.get_by_role("button", name="Keep"))
    expect(page.get_by_role("button", name="Keep")).to_have_count(0)
    page.get_by_label("Setting").select_option("case_idle_days")
    page.get_by_label("Days").fill("200")
    page.get_by_label("Why?").fill(REASON)
    press(page, page.get_by_role("button", name="Ask for the change"))
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()
    other = employ(desk.hub, Role.ADMINISTRATOR, "Ana")
    (waiting,) = proposals.proposals(desk.hub, other, waiting=True)
    proposals.decide(desk.hub, other, waiting.id, approve=True)
    page.goto(f"{desk.address}/policy")
    expect(page.get_by_text("200, decided by Ana")).to_be_visible()
    context.close()
