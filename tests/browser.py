"""A real Chromium for tests, and a small server that gives pages under the hub's Content-Security-Policy.

Without a browser these tests fail, with one line that says what to install: a page that nobody opened is not tested.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect, sync_playwright

BUILT: Final = Path(__file__).parents[1] / "src" / "amparo" / "hub" / "static" / "built"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:"
)
_TURNED_OFF: Final = (
    # Playwright's own (its chromiumSwitches.ts): of two such switches Chromium heeds the last alone.
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    # The address bar's list is a page with a process of its own, in every context, though nobody sees it here.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
)
LAUNCH: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(_TURNED_OFF)}",
    # No test asks any other machine, by mistake or by redirection. hub.test is this one, by a name that is no loopback's.
    "--host-resolver-rules=MAP hub.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# What is expected has to come, however busy the machine is: Playwright gives up after five seconds.
expect.set_options(timeout=30_000)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str:
    """Where Chromium is: ``AMPARO_CHROMIUM``, else the first of its usual names on PATH. Fails the test without one."""
    stated = os.environ.get("AMPARO_CHROMIUM")
    found = shutil.which(stated) if stated else next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail(
            "No Chromium: install the package chromium, or set AMPARO_CHROMIUM to a browser's path.", pytrace=False
        )
    return found


@contextmanager
def running_chromium() -> Generator[Browser]:
    """A headless Chromium that asks nothing of the network by itself."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(LAUNCH))
        try:
            yield browser
        finally:
            browser.close()


def press(page: Page, target: str | Locator) -> None:
    """Click what leads to another page (a selector, or a locator of this page), and return once that page stands.

    A click alone returns while the old page may still be there: whoever then looks at the document, rather than waiting for
    an element of the new page, may see the old one or none. The new page's scripts have run by then as well; a file chosen
    before would go unheard.
    """
    with page.expect_navigation():
        (page.locator(target) if isinstance(target, str) else target).click()


def choose(page: Page, files: Sequence[FilePayload]) -> None:
    """Choose ``files`` on a page that leads to the next one by itself once they are read, and return when that one stands."""
    with page.expect_navigation():
        page.set_input_files("#pictures", files=files)


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    """One browser for the whole run; each test opens a context of its own (``chromium.new_context()``)."""
    with running_chromium() as browser:
        yield browser


@dataclass(frozen=True)
class PageServer:
    """What ``serving`` runs. origin: ``http://127.0.0.1:PORT``; requests: method and path of each, in order."""

    origin: str
    requests: list[str] = field(default_factory=list[str])


@contextmanager
def serving(pages: Mapping[str, tuple[str, bytes]], folders: Mapping[str, Path] | None = None) -> Generator[PageServer]:
    """Serve ``pages`` (path -> media type, body) and the files of ``folders`` (path prefix -> folder) on 127.0.0.1."""
    types = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(f"GET {self.path}")
            found = pages.get(self.path) or self._file()
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            media_type, body = found or ("text/plain", b"")
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def _file(self) -> tuple[str, bytes] | None:
            for prefix, folder in (folders or {}).items():
                path = folder / self.path.removeprefix(prefix)
                if self.path.startswith(prefix) and path.parent == folder and path.is_file():
                    return types.get(path.suffix, "application/octet-stream"), path.read_bytes()
            return None

        def do_POST(self) -> None:
            requests.append(f"POST {self.path}")
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield PageServer(f"http://127.0.0.1:{server.server_port}", requests)
        finally:
            server.shutdown()
            thread.join()
