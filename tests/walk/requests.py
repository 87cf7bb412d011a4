"""Looks at every request of a person's pages, and says which could have carried a picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page, Request

import amparo.hub
from amparo.core.errors import InvalidInput
from amparo.exchange.native.base64url import from_base64url
from amparo.signal.trace import codec

_CODE: Final = r"[A-Za-z -]{0,120}"
# Every field that a page of ours may send, and the shape its value must have. Nothing else may leave the browser.
_FIELDS: Final = {
    "do": re.compile(r"[a-z-]{2,20}"),
    "lang": re.compile(r"[a-z]{2}"),
    "code": re.compile(_CODE),
    "fresh": re.compile(r"1?"),
    "added": re.compile(r"1?"),
    # Where somebody was who looks at another page meanwhile.
    "aside": re.compile(r"help-lines|leaving|kit"),
    "from": re.compile(r"[a-z-]{2,20}"),
    "at": re.compile(r"\d{1,2}"),
    "request": re.compile(r"[0-9a-f]{32}"),
    "entry": re.compile(r"([0-9a-f]{32})?"),
    "receipt": re.compile(r"[A-Za-z0-9_=-]{0,200}"),
    "fingerprint": re.compile(r"[0-9a-f]{64}:(\d{1,2}|100)"),
    # What is said by pressing buttons.
    "door": re.compile(r"picture|helping|witness|threat"),
    "age": re.compile(r"minor|adult|unsaid"),
    "relation": re.compile(r"(parent|guardian|school|friend|professional)?"),
    "told": re.compile(r"[01]?"),
    "earlier": re.compile(_CODE),
    "step": re.compile(r"\d{1,2}"),
    "kind": re.compile(r"link|handle|place|sender|demand|payment|name|contact|note|message"),
    "words": re.compile(r"([0-9a-f]{32})?"),
    "notice": re.compile(r"[0-9a-f]{32}"),
    "digest": re.compile(r"[0-9a-f]{64}"),
}
_TYPED: Final = frozenset({"link", "handle", "place", "demand", "payment", "note", "text", "site", "urls"})
"""Fields that people type into. What they hold must be what the test has typed, to the letter."""
_MANY: Final = {"earlier": 20}
"""Fields that stand in a form more than once, apart from fingerprints and traces: of these, one for each file that was chosen."""
_STATIC: Final = Path(amparo.hub.__file__).parent / "static"
_ASSETS: Final = frozenset(f"/static/{path.relative_to(_STATIC).as_posix()}" for path in _STATIC.rglob("*.*"))
_HEADERS: Final = {
    "accept": re.compile(r"[\w/*+.,;= -]{0,200}"),
    "accept-encoding": re.compile(r"[\w, ]{0,40}"),
    "accept-language": re.compile(r"[\w,;=. -]{0,40}"),
    "cache-control": re.compile(r"no-cache|max-age=0"),
    "connection": re.compile(r"keep-alive"),
    "content-length": re.compile(r"\d{1,6}"),
    "content-type": re.compile(r"application/x-www-form-urlencoded(;charset=UTF-8)?"),
    "host": re.compile(r"[\w.:-]{1,60}"),
    "origin": re.compile(r"http://[\w.:-]{1,60}"),
    "pragma": re.compile(r"no-cache"),
    "purpose": re.compile(r"prefetch"),
    "sec-ch-ua": re.compile(r'[\w;=", ./()?:-]{0,200}'),
    "sec-ch-ua-mobile": re.compile(r"\?[01]"),
    "sec-ch-ua-platform": re.compile(r'"[\w ]{0,20}"'),
    "sec-fetch-dest": re.compile(r"[a-z]{1,20}"),
    "sec-fetch-mode": re.compile(r"[a-z-]{1,20}"),
    "sec-fetch-site": re.compile(r"[a-z-]{1,20}"),
    "sec-fetch-user": re.compile(r"\?1"),
    "upgrade-insecure-requests": re.compile(r"1"),
    "user-agent": re.compile(r"[\w./ ;:,()-]{0,200}"),
}
"""What a browser says of itself. The referrer is looked at apart, and there is no cookie."""
_COUNT: Final = """document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.type === "file") {
    window.filesChosen(event.target.files.length);
  }
}, true);"""


@dataclass
class RequestWatch:
    """Collects what leaves the pages of one browser context.

    typed: every text that the test types into a field. chosen: how many files were chosen so far.
    """

    origin: str
    seen: list[str] = field(default_factory=list[str])
    faults: list[str] = field(default_factory=list[str])
    typed: frozenset[str] = frozenset()
    chosen: int = 0
    sent: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def attach(self, context: BrowserContext) -> None:
        untyped: Any = context  # playwright's own annotation of this one is unfinished
        untyped.expose_function("filesChosen", self.choose)
        context.add_init_script(_COUNT)
        context.on("request", self._look)
        context.on("page", self._watch_sockets)

    def choose(self, count: int) -> None:
        self.chosen += count

    def look(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Note a request, and what is wrong with it."""
        address = urlsplit(url)
        line = f"{method} {url[:200]}"
        self.seen.append(line)
        if f"{address.scheme}://{address.netloc}" != self.origin:
            self.faults.append(f"to another origin: {line}")
        paths = {"/"} | _ASSETS if method == "GET" else {"/", "/save"}
        if address.query or address.fragment or address.path not in paths:
            self.faults.append(f"an address of its own: {line}")
        for name, value in headers.items():
            if not self._is_usual(name.lower(), value):
                self.faults.append(f"header {name} with {value[:40]!r}: {line}")
        if method == "POST":
            self._look_into(line, headers.get("content-type", ""), body)
        elif method != "GET" or body:
            self.faults.append(f"a body where there is none, or another method: {line}")

    def _look(self, request: Request) -> None:
        self.look(request.method, request.url, request.headers, request.post_data_buffer or b"")

    def _watch_sockets(self, page: Page) -> None:
        page.on("websocket", lambda socket: self.faults.append(f"a web socket: {socket.url[:200]}"))

    def _is_usual(self, name: str, value: str) -> bool:
        if name == "referer":
            address = urlsplit(value)
            ours = f"{address.scheme}://{address.netloc}" == self.origin and not (address.query or address.fragment)
            return ours and address.path in {"/"} | _ASSETS
        shape = _HEADERS.get(name)
        return shape is not None and shape.fullmatch(value) is not None

    def _look_into(self, line: str, kind: str, body: bytes) -> None:
        if not kind.startswith("application/x-www-form-urlencoded"):
            self.faults.append(f"another type of body, {kind[:40]}: {line}")
            return
        try:
            fields = parse_qs(body.decode("ascii"), keep_blank_values=True)
        except UnicodeDecodeError:
            self.faults.append(f"a body that is no form: {line}")
            return
        for name, values in fields.items():
            faulty = [value for value in values if not self._allowed(name, value)]
            if faulty:
                self.faults.append(f"field {name[:40]} with {faulty[0][:40]!r}: {line}")
            if len(values) > self._times(name, values):
                self.faults.append(f"field {name[:40]} {len(values)} times: {line}")

    def _times(self, name: str, values: list[str]) -> int:
        """How often a field may stand in this form. A form that is sent again brings no new fingerprint."""
        if name not in ("fingerprint", "trace"):
            return _MANY.get(name, 1)
        sent = self.sent.setdefault(name, set())
        sent.update(values)
        return self.chosen if len(sent) <= self.chosen else 0

    def _allowed(self, name: str, value: str) -> bool:
        if name in _TYPED:
            return value in self.typed | {""}
        if name == "trace":
            return _is_trace(value)
        shape = _FIELDS.get(name)
        return shape is not None and shape.fullmatch(value) is not None


def _is_trace(text: str) -> bool:
    """Whether it is a record and nothing but a record: read, and written again, it is the same."""
    try:
        raw = from_base64url(text)
        return codec.encode(codec.decode(raw)) == raw
    except (ValueError, InvalidInput):
        return False
