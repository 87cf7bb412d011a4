"""The caseworker's pages in a real browser: the queue, a case, search and figures; by keyboard, without scripts, on a narrow
screen, in the dark. The desk's pages bring no script of their own, so JavaScript is on only where axe has to run."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from amparo.bank import Action
from amparo.case.code import parse
from amparo.case.people import AgeBand, Door, Relation, WordsKind
from amparo.case.urgency import Urgency
from amparo.core.clock import SteppedClock
from amparo.core.ids import SightingId, random_id
from amparo.exchange.native import SightingReport
from amparo.hub.commands import partners, person
from amparo.hub.commands.person import Opening
from amparo.hub.commands.queue import assign
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.hub.desk.session import COOKIE
from amparo.store.staff.protocol import Role, StaffRecord
from amparo.testing.records import some_case
from tests.browser import press
from tests.gate.serving import served
from tests.hub.desks import DeskDoor, employ
from tests.hub.hubs import code_pairs, fingerprints, open_hub, pseudonym
from tests.hub.queues import newest_number, open_case, set_line
from tests.walk.running import free_ports
from tests.walk.test_walk import assert_accessible, screenshot

pytestmark = pytest.mark.browser

NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Served:
    """A desk that answers; code: of the case in which something happened, number: its number."""

    hub: Hub
    clock: SteppedClock
    door: DeskDoor
    address: str
    ana: StaffRecord
    code: str
    number: int

    def enter(self, chromium: Browser, staff: StaffRecord | None = None, **settings: object) -> BrowserContext:
        context = chromium.new_context(**{"viewport": WIDE, **settings})  # pyright: ignore[reportArgumentType]
        cookie = self.door.cookie(staff or self.ana)
        context.add_cookies([{"name": COOKIE, "value": cookie, "url": self.address}])
        return context


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Served]:
    hub, clock = open_hub(tmp_path / "hub")
    ana = employ(hub, Role.CASEWORKER, "Ana")
    code, number = _story(hub, clock)
    threat = open_case(hub, Door.THREAT)
    set_line(hub, threat, next_at=clock.now() - timedelta(hours=1))
    clock.advance(timedelta(minutes=20))
    witness = open_case(hub, Door.WITNESS)
    set_line(hub, witness, waits=False)
    assign(hub, ana, witness, ana.id, None)
    set_line(hub, number, next_at=clock.now() + timedelta(hours=6))
    with hub.store.write() as transaction:
        # Lines alone, so that there is a second page: working out a code for each would take longer than all tests here.
        for seed in range(52):
            case = some_case(seed)
            transaction.add_case(case)
            transaction.queue.show(case.id, Door.PICTURE, Urgency.LATER, clock.now())
    door = DeskDoor(hub)
    (port,) = free_ports(1)
    with served(door.app, port, hub.bell.close) as address:
        yield Served(hub, clock, door, address, ana, code, number)
    hub.close()


def _story(hub: Hub, clock: SteppedClock) -> tuple[str, int]:
    """One case with words, pictures, and sightings over three weeks."""
    words = [
        Typed(WordsKind.LINK, "https://foro.example/hilo/123"),
        Typed(WordsKind.HANDLE, "@quien.sea"),
        Typed(WordsKind.PLACE, "3º B, Instituto del Puerto"),
        Typed(WordsKind.MESSAGE, "It was in the class chat on Monday. What can I do now?"),
    ]
    opening = Opening("en", Door.HELPING, AgeBand.MINOR, (Relation.PARENT, True))
    code = person.open_case(hub, secrets.token_bytes(16), opening, fingerprints(3), words)
    number = newest_number(hub)
    entries = [one.picture.entry for one in person.view_case(hub, code).pictures]
    cards = {name: partners.add_partner(hub, name) for name in ("Plaza", "Foro")}
    seen = [(day, "Plaza") for day in (0, 1, 1, 2, 5, 5, 5, 9, 14, 20)] + [(day, "Foro") for day in (3, 3, 18)]
    start = clock.now()
    for place, (day, name) in enumerate(sorted(seen)):
        clock.advance(start + timedelta(days=day, hours=6) - clock.now())
        card = cards[name]
        entry = pseudonym(hub, card.partner, entries[place % 3])
        report = SightingReport(
            SightingId(random_id()), entry, clock.now(), 3, Action.BLOCK, f"https://{name}.example/{place}"
        )
        partners.tell_sightings(hub, partners.authenticate(hub, card.key), [report])
    clock.advance(timedelta(hours=5))
    return str(code), number


def assert_not_wider_than_the_screen(page: Page) -> None:
    for element in ("document.documentElement", "document.querySelector('main')"):
        wide = page.evaluate(f"{element}.scrollWidth - {element}.clientWidth")
        assert wide <= 0, f"{element} of {page.url} is {wide} px too wide"


@pytest.mark.parametrize(("size", "colours"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"])
def test_every_page_is_accessible_and_fits(chromium: Browser, desk: Served, size: dict[str, int], colours: str) -> None:
    context = desk.enter(chromium, viewport=size, color_scheme=colours)
    page = context.new_page()
    name = f"desk-{size['width']}-{colours}"

    def looked_at(what: str) -> None:
        screenshot(page, f"{name}-{what}")
        assert_not_wider_than_the_screen(page)
        assert_accessible(page)

    page.goto(f"{desk.address}/queue")
    looked_at("1-queue")
    press(page, page.get_by_role("link", name="Next page"))
    expect(page.get_by_role("status")).to_contain_text("page 2 of 2")
    page.goto(f"{desk.address}/queue?due=today")
    looked_at("2-queue-today")
    page.goto(f"{desk.address}/cases/{desk.number}")
    looked_at("3-case")
    page.get_by_label("Why do you need").fill("short")
    page.get_by_label("Why do you need").evaluate("field => field.form.noValidate = true")
    press(page, page.get_by_role("button", name="Open"))
    expect(page.get_by_role("alert")).to_be_visible()
    looked_at("4-case-refused")
    page.get_by_label("1 message").check()
    page.get_by_label("1 handle").check()
    page.get_by_label("Why do you need").fill("She asked for a call back.")
    press(page, page.get_by_role("button", name="Open"))
    expect(page.get_by_text("It was in the class chat")).to_be_visible()
    looked_at("5-case-opened")
    page.goto(f"{desk.address}/search")
    page.get_by_role("textbox").fill("@quien.sea")
    press(page, page.get_by_role("button", name="Search"))
    looked_at("6-search")
    page.goto(f"{desk.address}/figures")
    page.get_by_text("The numbers: Plaza").click()
    looked_at("7-figures")
    context.close()


def test_by_keyboard_alone_a_case_is_found_taken_read_and_answered(chromium: Browser, desk: Served) -> None:
    context = desk.enter(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.address}/queue")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_contain_text("burning")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 case")
    _tab_to(page, "Case ")
    _tab_to(page, "Take")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("tbody td").last).to_contain_text("you")
    page.goto(f"{desk.address}/queue?due=today")
    _tab_to(page, f"Case {desk.number}")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Case {desk.number}")
    _tab_to(page, "Mark as read")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Mark as read")).to_have_count(0)
    _tab_to_name(page, "kind", "message")
    page.keyboard.press("Space")
    _tab_to_name(page, "reason")
    page.keyboard.type("The mother asked what to do.")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("What can I do now?")).to_be_visible()
    expect(page.get_by_text("@quien.sea")).to_have_count(0)
    _tab_to_name(page, "text")
    page.keyboard.type("You did the right thing. We write to the platforms today.")
    _tab_to(page, "Send")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("1 message from the person, 1 from the desk.")).to_be_visible()
    expect(page.get_by_text("You did the right thing")).to_have_count(0)
    context.close()


def test_without_scripts_a_supervisor_gives_a_case_to_somebody(chromium: Browser, desk: Served) -> None:
    boss = employ(desk.hub, Role.SUPERVISOR, "Berta")
    context = desk.enter(chromium, boss, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.address}/cases/{desk.number}")
    page.get_by_label("Give to").select_option("Ana")
    press(page, page.get_by_role("button", name="Give"))
    expect(page.locator("dl.facts")).to_contain_text("Ana")
    page.goto(f"{desk.address}/figures")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the numbers").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "cases_by_urgency,now," in text
    context.close()


def test_on_paper_there_is_what_was_found_and_nothing_to_press(chromium: Browser, desk: Served) -> None:
    context = desk.enter(chromium)
    page = context.new_page()
    page.emulate_media(media="print")
    for name, path in (("queue", "/queue?due=today"), ("case", f"/cases/{desk.number}"), ("figures", "/figures")):
        page.goto(desk.address + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for unwanted in ("nav", "button", "summary", ".skip"):
            assert page.locator(f"{unwanted}:visible").count() == 0, unwanted
        screenshot(page, f"desk-paper-{name}")
    context.close()


def test_a_code_is_found_and_stands_on_no_page(chromium: Browser, desk: Served) -> None:
    context = desk.enter(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.address}/search")
    page.get_by_role("textbox").fill(desk.code)
    press(page, page.get_by_role("button", name="Search"))
    expect(page.get_by_role("link", name=f"Case {desk.number}")).to_be_visible()
    assert desk.code not in page.content()
    assert not any(pair in page.url for pair in code_pairs(parse(desk.code)))
    context.close()


def test_nothing_is_asked_of_any_other_address_and_no_policy_is_broken(chromium: Browser, desk: Served) -> None:
    context = desk.enter(chromium)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/queue", f"/cases/{desk.number}", "/search", "/figures"):
        page.goto(desk.address + path)
    assert said == []
    assert asked
    assert all(url.startswith(desk.address) for url in asked)
    context.close()


def _tab_to(page: Page, text: str) -> None:
    """Press Tab until what begins with this text has the focus."""
    _tab_until(page, lambda: (page.locator(":focus").text_content() or "").strip().startswith(text), text)


def _tab_to_name(page: Page, name: str, value: str | None = None) -> None:
    def there() -> bool:
        focused = page.locator(":focus")
        same = focused.get_attribute("name") == name
        return same and value in (None, focused.get_attribute("value"))

    _tab_until(page, there, name)


def _tab_until(page: Page, there: object, what: str) -> None:
    assert callable(there)
    for _ in range(150):
        page.keyboard.press("Tab")
        if there():
            return
    pytest.fail(f"Tab never reached {what}")
