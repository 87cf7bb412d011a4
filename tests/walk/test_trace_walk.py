"""The ordinary photo alone stops its altered version, end to end, in a real browser."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from amparo.core.clock import SystemClock
from amparo.gate import Gate
from amparo.gate.card import PartnerCard
from amparo.gate.runtime import GateRuntime
from amparo.hub.commands.partners import add_partner
from amparo.hub.context import Hub, HubSettings
from amparo.signal import pdq
from tests.altered import altered, photo
from tests.browser import press
from tests.walk.looking import assert_accessible, screenshot
from tests.walk.requests import RequestWatch
from tests.walk.running import Addresses, amparo_up
from tests.walk.test_walk import to_choosing, until, upload_to_demo

pytestmark = pytest.mark.browser

_WAITING = "Thank you. Your picture is waiting for a person to look at it."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def addresses(folder: Path) -> Generator[Addresses]:
    with amparo_up(folder) as running:
        yield running


def registered(page: Page, addresses: Addresses, seed: int) -> str:
    """Register one ordinary photo on the page; returns the code."""
    page.goto(addresses.hub)
    to_choosing(page, "ordinary")
    chosen = [FilePayload(name="me.jpg", mimeType="image/jpeg", buffer=photo(seed))]
    page.set_input_files("#pictures", files=chosen)
    page.wait_for_selector("#traces .trace canvas")
    assert_accessible(page)
    screenshot(page, "trace-1-ordinary")
    press(page, "#keep")
    return page.inner_text("#case-code")


def test_an_altered_photo_is_held_confirmed_and_stopped_everywhere(
    chromium: Browser, addresses: Addresses, folder: Path
) -> None:
    watch = RequestWatch(addresses.hub)
    person, platform = chromium.new_context(locale="en"), chromium.new_context()
    watch.attach(person)
    page, site = person.new_page(), platform.new_page()
    with closing(_other_partner(folder, addresses)) as other:
        code = registered(page, addresses, 1)
        expect(page.locator(".photo")).to_have_count(1)
        assert_accessible(page)
        screenshot(page, "trace-2-kept")

        # Somebody replaces a part of it. The site holds the upload; nobody sees it before a reviewer has decided.
        until(lambda: upload_to_demo(site, addresses, altered(1)) == _WAITING, 30)
        press(page, "main button[value=open]")
        line = page.locator(".derivatives li").first
        expect(line).to_contain_text("Waiting for a person to look at it at Demo")
        assert_accessible(page)
        screenshot(page, "trace-3-held")
        assert upload_to_demo(site, addresses, photo(1, quality=60)) == "Published."

        # The other platform speaks fingerprints only; it knows nothing of this yet.
        other.runtime.follower.sync_once()
        assert other.gate.look_up([pdq.fingerprint(altered(1))])[0].allowed

        site.goto(f"{addresses.demo}/review")
        assert_accessible(site)
        screenshot(site, "trace-4-review")
        press(site, site.locator(".waiting button[value=confirm]").first)
        assert site.inner_text(".message") == "Confirmed. Its copies are stopped from now on."

        press(page, "main button[value=open]")
        expect(page.locator(".derivatives li").first).to_contain_text("Confirmed at Demo")
        expect(page.locator(".picture:not(.photo)")).to_have_count(1)
        assert_accessible(page)
        screenshot(page, "trace-5-confirmed")

        # From now on its fingerprint is enough, at both; and her own photo still passes.
        until(lambda: "cannot be published" in upload_to_demo(site, addresses, altered(1)))
        other.runtime.follower.sync_once()
        assert not other.gate.look_up([pdq.fingerprint(altered(1))])[0].allowed
        assert upload_to_demo(site, addresses, photo(1, quality=60)) == "Published."

        # She removes the ordinary photo: other alterations of it are not noticed any more.
        press(page, ".photo button")
        assert_accessible(page)
        press(page, "button[value=remove-photo]")
        expect(page.locator(".photo.ended")).to_have_count(1)
        until(lambda: upload_to_demo(site, addresses, altered(1, filling=9001)) == "Published.")
    assert len(code.split()) == 8
    person.close()
    platform.close()
    assert watch.faults == []


def test_a_poisoned_record_is_refused_by_name(addresses: Addresses) -> None:
    form = {"request": "0" * 32, "lang": "en", "trace": "AMTR" * 20}
    answer = httpx.post(f"{addresses.hub}/save", data=form, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (422, "trace_invalid")


class _Other:
    """A second platform's gate, in this process; it syncs when the test says so."""

    def __init__(self, card: PartnerCard, folder: Path) -> None:
        self.runtime = GateRuntime(card, folder, SystemClock())
        self.gate = Gate.embedded(self.runtime)

    def close(self) -> None:
        self.runtime.stop()


def _other_partner(folder: Path, addresses: Addresses) -> _Other:
    hub = Hub.open(folder / "hub", HubSettings(url=addresses.hub))
    try:
        card = add_partner(hub, "Other")
    finally:
        hub.close()
    return _Other(card, folder / "other")
