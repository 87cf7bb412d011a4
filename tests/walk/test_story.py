"""The whole story in a real browser: three girls, two mothers, one friend, one extortion, two platforms, one caseworker.

What ``amparo demo`` plays without a browser, played here by the very buttons and fields that people use.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

from amparo.demo.pictures import altered, landscape
from amparo.demo.stage import FORO, FORO_TAKES, PLAZA, Ports, Stage, set_stage
from amparo.demo.story import HANDLE, INES, LUCIA, PLACE, PUBLISHED, STOPPED, TITLE, VERA, WAITS
from tests.browser import choose, press
from tests.walk.requests import RequestWatch
from tests.walk.running import free_ports
from tests.walk.test_walk import assert_accessible, screenshot, until

pytestmark = pytest.mark.browser

DEMAND, PAYMENT = "50 euros by Friday", "sombra-paga"
TYPED = frozenset({PLACE, HANDLE, DEMAND, PAYMENT})
FAKE_OF_INES = altered(INES, 902)
FAKE_OF_VERA = altered(VERA, 903)
FAKE_OF_LUCIA = altered(LUCIA, 901)


@pytest.fixture
def stage(tmp_path: Path) -> Generator[Stage]:
    # The way out leads to one of the sites: no test asks any other machine.
    ports = Ports(*free_ports(6))
    with set_stage(tmp_path, ports, f"http://127.0.0.1:{ports.plaza}/") as set_up:
        yield set_up


class People:
    """Each on a telephone of their own, and every request of theirs is looked at."""

    def __init__(self, chromium: Browser, stage: Stage, opened: ExitStack) -> None:
        self._chromium = chromium
        self._stage = stage
        self._opened = opened
        self.watch = RequestWatch(stage.person, typed=TYPED)

    def comes(self) -> Page:
        context: BrowserContext = self._chromium.new_context(viewport={"width": 390, "height": 844}, locale="en")
        self._opened.callback(context.close)
        self.watch.attach(context)
        page = context.new_page()
        page.goto(self._stage.person)
        return page


def photo(picture: bytes, name: str = "photo.jpg") -> FilePayload:
    return FilePayload(name=name, mimeType="image/jpeg", buffer=picture)


def publish(site: Page, address: str, picture: bytes) -> str:
    site.goto(address)
    site.set_input_files("#photo", files=[photo(picture)])
    press(site, "button")
    return site.inner_text(".message")


def add_words(page: Page, kind: str, text: str) -> None:
    press(page, "button[value=choose-words]")
    press(page, f"button[value={kind}]")
    page.get_by_role("textbox").fill(text)
    press(page, "button.primary")
    expect(page.get_by_text(text)).to_be_visible()


def mother_comes(people: People, fake: bytes) -> tuple[Page, str]:
    page = people.comes()
    for button in ("helping", "parent"):
        press(page, f"button[value={button}]")
    press(page, "button[name=told][value='1']")
    press(page, "button[value=minor]")
    press(page, "button[value=protect]")
    choose(page, [photo(fake)])
    code = page.inner_text("#case-code")
    add_words(page, "place", PLACE)
    return page, code


def look_again(page: Page) -> None:
    press(page, "button[value=open]")


def looked_at(page: Page, name: str) -> None:
    screenshot(page, f"story-{name}")
    assert_accessible(page)


def test_the_whole_story(chromium: Browser, stage: Stage) -> None:
    with ExitStack() as opened:
        people = People(chromium, stage, opened)
        sites = chromium.new_context()
        opened.callback(sites.close)
        site = sites.new_page()
        # Before anybody comes, a picture is up.
        assert publish(site, stage.foro, FAKE_OF_INES) == PUBLISHED
        published = str(site.locator(".gallery img").first.get_attribute("src"))

        lucia, marta, rosa, vera, noa = _they_come(people)
        _copies_are_stopped(stage, site, lucia, marta)
        stage.catch_up()
        look_again(marta)
        expect(marta.get_by_text("Somebody reported a copy to us.")).to_be_visible()
        expect(marta.locator(".sightings")).to_contain_text(f"A copy was stopped at {FORO}")

        desks = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en")
        opened.callback(desks.close)
        desk = desks.new_page()
        desk.goto(stage.desk_link())
        _the_incident(stage, desk, [lucia, marta, rosa[0], vera, noa])
        _the_notice(stage, desk, f"{stage.foro}{published}")
        look_again(marta)
        expect(marta.get_by_text(f"{FORO} took it down.")).to_be_visible()
        expect(marta.get_by_text("They were late. That is on record.")).to_be_visible()
        looked_at(marta, "5-marta")
        assert site.goto(f"{stage.foro}{published}") is not None
        expect(site.locator("body")).to_have_text("Not found")

        _rosa_withdraws(stage, site, *rosa)
        assert people.watch.faults == []


def _they_come(people: People) -> tuple[Page, Page, tuple[Page, str], Page, Page]:
    lucia = people.comes()
    press(lucia, "button[value=picture]")
    press(lucia, "button[value=minor]")
    press(lucia, "button[value=ordinary]")
    lucia.set_input_files("#pictures", files=[photo(landscape(LUCIA), "a.jpg"), photo(landscape(11), "b.jpg")])
    expect(lucia.locator("#traces .trace canvas")).to_have_count(2)
    press(lucia, "#keep")
    expect(lucia.locator(".photo")).to_have_count(2)
    add_words(lucia, "place", PLACE)

    marta, _ = mother_comes(people, FAKE_OF_INES)
    add_words(marta, "handle", HANDLE)
    rosa = mother_comes(people, FAKE_OF_VERA)

    vera = people.comes()
    press(vera, "button[value=threat]")
    expect(vera.get_by_text("Do not pay.")).to_be_visible()
    press(vera, "button[name=step][value='0']")
    for typed, step in ((HANDLE, 1), (DEMAND, 2), (PAYMENT, 99)):
        vera.get_by_role("textbox").fill(typed)
        press(vera, f"button[name=step][value='{step}']")
    expect(vera.locator("#case-code")).to_be_visible()
    looked_at(vera, "1-vera")

    noa = people.comes()
    press(noa, "button[value=witness]")
    choose(noa, [photo(altered(INES, 902, quality=70, scale=0.8))])
    expect(noa.get_by_text("Now delete it from your device")).to_be_visible()
    return lucia, marta, rosa, vera, noa


def _copies_are_stopped(stage: Stage, site: Page, lucia: Page, marta: Page) -> None:
    # Held at the first platform, which has only the trace of her ordinary photo; its reviewer confirms.
    until(lambda: publish(site, stage.plaza, FAKE_OF_LUCIA) == WAITS, 30)
    look_again(lucia)
    expect(lucia.locator(".derivatives")).to_contain_text(f"Waiting for a person to look at it at {PLAZA}")
    site.goto(f"{stage.plaza}/review")
    press(site, site.locator(".waiting button[value=confirm]").first)
    look_again(lucia)
    expect(lucia.locator(".derivatives")).to_contain_text(f"Confirmed at {PLAZA}")
    looked_at(lucia, "2-lucia")
    # Stopped at the other one by its fingerprint; her own photo still passes at both.
    smaller = altered(LUCIA, 901, quality=70, scale=0.7)
    until(lambda: publish(site, stage.foro, smaller).startswith(STOPPED), 30)
    for address in (stage.foro, stage.plaza):
        assert publish(site, address, landscape(LUCIA, quality=70)) == PUBLISHED
    copy = altered(INES, 902, quality=60, scale=0.6)
    until(lambda: publish(site, stage.foro, copy).startswith(STOPPED), 30)

    def told() -> bool:
        look_again(marta)
        return marta.locator(".sightings li").count() > 0

    until(told, 30)


def _the_incident(stage: Stage, desk: Page, pages: list[Page]) -> None:
    expect(desk.get_by_role("heading", level=1)).to_have_text("Queue")
    # The extortion burns.
    expect(desk.locator("tbody tr").first).to_contain_text("a threat")
    before = [_shown(page) for page in pages]
    press(desk, desk.get_by_role("link", name="Incidents"))
    press(desk, desk.get_by_role("link", name="suggested"))
    group = desk.get_by_role("region", name="5 cases")
    for ground in ("the same picture, reported by a witness", "the same place", "the same user name"):
        expect(group).to_contain_text(ground)
    looked_at(desk, "3-suggested")
    group.get_by_role("textbox").fill(TITLE)
    press(desk, group.get_by_role("button", name="Confirm"))
    expect(desk.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(desk.locator(".counts")).to_contain_text("Cases of witnesses")
    looked_at(desk, "4-incident")
    # Nobody who is in it sees anything of it.
    assert [_shown(page) for page in pages] == before


def _shown(page: Page) -> str:
    look_again(page)
    return page.inner_text("main")


def _the_notice(stage: Stage, desk: Page, address: str) -> None:
    until(lambda: _drafted(stage, desk).count() > 0, 30)
    press(desk, _drafted(stage, desk))
    desk.get_by_label("Why do you need").fill("To complete the notice and send it")
    press(desk, desk.get_by_role("button", name="Open for an hour"))
    press(desk, desk.get_by_role("link", name="Write or change it"))
    desk.locator("[name=urls]").fill(address)
    desk.locator("[name=said-depiction]").fill("A photo of which a large part was replaced.")
    desk.locator("[name=said-relevant_information]").fill("The person in it never agreed to it.")
    desk.locator("[name=confirm-non_consent]").check()
    desk.locator("[name=capacity]").select_option("agent")
    desk.locator("[name=signer]").fill("Ana")
    desk.locator("[name=contact-name]").fill("Amparo desk")
    desk.locator("[name=contact-email]").fill("desk@amparo.example")
    press(desk, desk.get_by_role("button", name="Keep this draft"))
    looked_at(desk, "6-notice")
    press(desk, desk.get_by_role("button", name="I have read this text"))
    press(desk, desk.get_by_role("button", name="Send it by e-mail"))
    until(lambda: [letter.to for letter in stage.mailbox.letters()] == [FORO_TAKES], 30)
    assert address in stage.mailbox.letters()[0].text
    until(lambda: _again(desk).get_by_role("button", name="Record receipt").count() > 0, 30)
    # They confirm; the clock of 48 hours starts, and nothing comes.
    stage.let_pass(timedelta(minutes=5))
    _again(desk).locator("[name=received_at]").fill(_now(stage))
    press(desk, desk.get_by_role("button", name="Record receipt"))
    stage.let_pass(timedelta(hours=50))
    press(desk, desk.get_by_role("link", name="Queue"))
    press(desk, desk.get_by_role("link", name="1 notice out of time"))
    press(desk, desk.locator("tbody").get_by_role("link", name=FORO))
    expect(desk.locator(".clock-box")).to_contain_text("over since")
    looked_at(desk, "7-late")
    desk.get_by_label("Why do you need").fill("To record what they answered")
    press(desk, desk.get_by_role("button", name="Open for an hour"))
    stage.take_down(FORO, address.rpartition("/")[2])
    desk.locator("[name=answered_at]").fill(_now(stage))
    press(desk, desk.get_by_role("button", name="Record the answer"))
    expect(desk.locator("main")).to_contain_text("met late")


def _rosa_withdraws(stage: Stage, site: Page, rosa: Page, code: str) -> None:
    copy = altered(VERA, 903, quality=70)
    until(lambda: publish(site, stage.plaza, copy).startswith(STOPPED), 30)
    look_again(rosa)
    press(rosa, "button[value=ask-withdraw-all]")
    press(rosa, "button[value=withdraw-all]")
    expect(rosa.get_by_role("heading", level=1)).to_have_text("Everything is withdrawn.")
    until(lambda: publish(site, stage.plaza, copy) == PUBLISHED, 30)
    rosa.goto(stage.person)
    press(rosa, "button[value=code]")
    rosa.fill("#code", code)
    press(rosa, "main button.primary")
    expect(rosa.locator("#code-problem")).to_be_visible()
    with stage.hub.store.read() as transaction:
        assert len(transaction.incidents.links()) == 4
        assert transaction.count_cases() == 4


def _drafted(stage: Stage, desk: Page) -> Locator:
    """The draft that the sighting has made in Marta's case, the second one of all."""
    desk.goto(f"{stage.desk}/cases/2/notices")
    return desk.locator("tbody").get_by_role("link", name=FORO)


def _again(desk: Page) -> Page:
    desk.reload()
    return desk


def _now(stage: Stage) -> str:
    zone = ZoneInfo(stage.hub.settings.time_zone)
    return stage.clock.now().astimezone(zone).strftime("%Y-%m-%dT%H:%M")
