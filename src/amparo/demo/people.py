"""What the people of the story do at the hub's pages and at the sites, each by the very forms that a browser would send."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from amparo.core.clock import monotonic
from amparo.core.errors import Unavailable
from amparo.demo.visitor import Visitor
from amparo.exchange.native.base64url import to_base64url
from amparo.signal import pdq, trace
from amparo.signal.trace import codec

_CODE: Final = r'id="case-code"[^>]*>([^<]+)<'
_REQUEST: Final = r'data-request="([^"]+)"'
_MESSAGE: Final = r'class="message"[^>]*>([^<]*)<'
_NEWEST: Final = r'src="/photos/([0-9a-f]+)"'
_NOT_SENT: Final = frozenset({"do", "code", "fresh"})


def keep_pictures(page: Visitor, pictures: Sequence[bytes]) -> str:
    """On the page that fingerprints on the device: choose these, and get the code of the case."""
    fingerprints = [pdq.fingerprint(picture) for picture in pictures]
    return _save(page, [("fingerprint", f"{one.hex}:{one.quality}") for one in fingerprints])


def keep_photos(page: Visitor, photos: Sequence[bytes]) -> str:
    """The same on the page for ordinary photos, of which their traces are sent."""
    records = [trace.register(photo) for photo in photos]
    return _save(page, [("trace", to_base64url(codec.encode(record))) for record in records])


def note(page: Visitor, kind: str, text: str) -> None:
    """On the page of a case: add words of this kind."""
    page.press("do", "choose-words").press("kind", kind)
    (form,) = [form for form in page.forms() if ("do", "keep-words") in form.fields]
    page.send(form, text=text)


def open_case(page: Visitor, code: str) -> None:
    page.go("/").press("do", "code")
    (form,) = [form for form in page.forms() if ("do", "open") in form.fields]
    page.send(form, code=code)


def code_shown(page: Visitor) -> str:
    return page.said(_CODE)


def publish(site: Visitor, picture: bytes) -> str:
    """Upload a picture to one of the sites; what the site says."""
    site.go("/").upload("/upload", "photo", picture)
    return site.said(_MESSAGE)


def newest_photo(site: Visitor) -> str:
    """The name of the photo that was published last."""
    return site.go("/").said(_NEWEST)


def until(happened: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait for what another part does by itself. Raises Unavailable ``demo_waits``."""
    end = monotonic() + seconds
    while not happened():
        if monotonic() > end:
            raise Unavailable("demo_waits", f"It did not happen in {seconds:.0f} seconds: {what}.")
        time.sleep(0.2)


def _save(page: Visitor, computed: list[tuple[str, str]]) -> str:
    """As the page's script does: what was computed goes out with what was said before, and the page of the case opens."""
    (form,) = [form for form in page.forms() if ("do", "open") in form.fields and ("fresh", "1") in form.fields]
    said = [(name, value) for name, value in form.fields if name not in _NOT_SENT]
    answer = page.post("/save", [("request", page.said(_REQUEST)), ("code", ""), *said, *computed])
    if answer.status_code != 200:
        raise Unavailable("demo_page_refused", f"The hub answered {answer.status_code}.", detail=answer.text[:200])
    code = str(answer.json()["code"])
    page.send(form, code=code)
    return code
