"""What every page of a person must hold up to in a browser, and pictures of it for people to look at."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import press
from tests.walk.requests import RequestWatch

_ARTIFACTS: Final = Path(__file__).parents[1] / ".artifacts" / "screenshots"
_AXE: Final = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    # Of what passes, axe would describe every element. Rules and violations are the same.
    "resultTypes": ["violations"],
}
PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 900}


def screenshot(page: Page, name: str) -> None:
    """Kept for people to look at, when asked for."""
    if "AMPARO_SCREENSHOTS" in os.environ:
        _ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state()
        time.sleep(0.3)
        page.screenshot(path=_ARTIFACTS / f"{name}.png", full_page=True)


def assert_accessible(page: Page) -> None:
    """axe finds nothing against WCAG 2.2 AA."""
    results = Axe().run(page, options=_AXE)
    assert results.violations_count == 0, results.generate_report()


def assert_fits(page: Page) -> None:
    """Nothing sticks out sideways, and what is pressed is large enough for a thumb (WCAG 2.5.8 asks for 24 px; ours are 44)."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px too wide"
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, summary, a.leave, a.phone, textarea, input:not([type])")]
          .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 43.5)
          .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert small == []


@dataclass
class Visit:
    """One person's browser, at the hub. typed: what will be typed; nothing else may leave a field."""

    browser: Browser
    origin: str
    language: str
    size: dict[str, int]
    typed: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    scripts: bool = True

    def __post_init__(self) -> None:
        self.watch = RequestWatch(self.origin, typed=self.typed)
        self.errors: list[str] = []
        self.context: BrowserContext = self.browser.new_context(
            viewport={"width": self.size["width"], "height": self.size["height"]},
            locale=self.language,
            java_script_enabled=self.scripts,
            **self.options,
        )
        self.watch.attach(self.context)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.shots = 0
        self.home()

    def home(self) -> None:
        self.page.goto(self.origin)

    def press(self, name: str, value: str) -> None:
        press(self.page, self.page.locator(f'main button[name="{name}"][value="{value}"]').first)

    def open(self, code: str) -> None:
        """The case of this code, as whoever was given it comes to it."""
        self.press("do", "code")
        self.page.fill("#code", code)
        press(self.page, "main button.primary")

    def say(self, text: str) -> None:
        """Type into the page's one field."""
        self.page.locator("main textarea").first.fill(text)

    def look(self, name: str) -> None:
        """Hold the page up to everything, and keep a picture of it."""
        page = self.page
        page.wait_for_load_state()
        self.shots += 1
        screenshot(page, f"{name.partition('-')[0]}-{self.language}-{self.size['width']}-{self.shots:02}-{name}")
        assert page.title() in ("Notes", "Notas", "Oharrak")
        assert page.url == f"{self.origin}/"
        assert page.locator("#leave").is_visible()
        assert page.locator("h1").count() == 1
        if self.scripts:
            assert_accessible(page)
            assert_fits(page)

    @property
    def code(self) -> str:
        return self.page.inner_text("#case-code").strip()

    def end(self) -> None:
        """Close the browser, and say what was wrong on the way."""
        self.context.close()
        assert self.watch.faults == []
        # The browser notes the answer 404 and 422 of a code that opens nothing; that is no fault of the page.
        assert [error for error in self.errors if "404" not in error and "422" not in error] == []
