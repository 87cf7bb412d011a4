"""A page that does nothing but fingerprint or trace the files chosen in it, with the hub's own built scripts and policy."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, FilePayload, Page

from tests.browser import BUILT, PageServer, serving

_PAGE: Final = b"""<!doctype html><meta charset="utf-8"><title>Fingerprints</title>
<input type="file" multiple><script type="module" src="/page.js"></script>"""

_SCRIPT: Final = b"""
import { fingerprintFiles, traceFiles } from "/built/client.js";
globalThis.fingerprintChosen = async (options = {}) => {
  const files = [...document.querySelector("input").files];
  const steps = [];
  const { abortAfter, kind = "pdq", ...rest } = options;
  const ending = new AbortController();
  const onProgress = ({ done, total }) => {
    steps.push([done, total]);
    if (done === abortAfter) ending.abort();
  };
  try {
    const run = kind === "trace" ? traceFiles : fingerprintFiles;
    const outcomes = await run(files, onProgress, { ...rest, signal: ending.signal });
    const plain = ({ fingerprint, trace, code }) =>
      trace ? { trace: btoa(String.fromCharCode(...trace)) } : fingerprint ?? { code };
    return { steps, outcomes: outcomes.map(plain) };
  } catch (error) {
    return { steps, thrown: error.name };
  }
};
globalThis.ready = true;
"""


@dataclass(frozen=True)
class FingerprintPage:
    """The open page. faults: what its console said at level error, and uncaught exceptions."""

    page: Page
    server: PageServer
    faults: list[str]

    def choose(self, files: Sequence[Path] | Sequence[FilePayload], **options: object) -> dict[str, Any]:
        """The files' outcomes: ``{"steps": [[done, total], ...], "outcomes": [{"value", "quality"} or {"code"}, ...]}``; with
        ``kind="trace"`` ``{"trace"}`` (base64) instead of the fingerprint."""
        self.page.set_input_files("input", files)
        return self.page.evaluate("options => globalThis.fingerprintChosen(options)", options)


@contextmanager
def open_page(chromium: Browser) -> Generator[FingerprintPage]:
    """A fresh browser context with the page. Fails the test where the browser part was not built."""
    if not (BUILT / "client.js").is_file():
        pytest.fail("The browser part is not built: run python hatch_build.py (make setup does).", pytrace=False)
    pages = {
        "/": ("text/html; charset=utf-8", _PAGE),
        "/page.js": ("text/javascript", _SCRIPT),
        "/favicon.ico": ("image/x-icon", b""),
    }
    with serving(pages, {"/built/": BUILT}) as server, chromium.new_context() as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(server.origin)
        page.wait_for_load_state("load")
        assert page.evaluate("globalThis.ready") is True, faults
        yield FingerprintPage(page, server, faults)
