"""A visitor of web pages without a browser: reads their forms, fills them in, and presses their buttons, over real HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode

import httpx

from amparo.core.errors import Unavailable

_NOT_KEPT: Final = frozenset({"submit", "button", "checkbox", "radio", "file", "image", "reset"})


@dataclass
class Form:
    """fields: what the form would send if nobody typed; buttons: name and value of each."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    buttons: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class Visitor:
    """One person at one site. The last page is in ``text``; cookies are kept as a browser keeps them."""

    def __init__(self, address: str, language: str = "en") -> None:
        self.address = address
        self.text = ""
        self.at = address
        self._client = httpx.Client(
            base_url=address,
            headers={"Accept-Language": language},
            timeout=60,
            trust_env=False,
            follow_redirects=True,
        )

    def close(self) -> None:
        self._client.close()

    def keep_cookie(self, name: str, value: str) -> None:
        self._client.cookies.set(name, value)

    def go(self, path: str) -> Visitor:
        """Open a page of this site. Raises Unavailable ``demo_page_refused`` where it is an error's page."""
        return self._shown(self._client.get(path))

    def press(self, name: str, value: str, **typed: str) -> Visitor:
        """Press the button of this name and value. Raises Unavailable ``demo_page_other`` where there is none."""
        for form in self.forms():
            if (name, value) in form.buttons:
                return self._sent(form, [*_filled(form, typed, {name}), (name, value)])
        raise Unavailable("demo_page_other", f"There is no button {name}={value} on this page.", detail=self.at)

    def submit(self, action: str, **typed: str) -> Visitor:
        """Fill in the form that leads to ``action``, and send it. Raises as ``press`` does."""
        for form in self.forms():
            if form.action == action and form.method == "post":
                return self.send(form, **typed)
        raise Unavailable("demo_page_other", f"There is no form for {action} on this page.", detail=self.at)

    def send(self, form: Form, **typed: str) -> Visitor:
        """Send a form of this page, filled in; in names of fields, ``__`` stands for a hyphen."""
        return self._sent(form, _filled(form, typed, set()))

    def post(self, path: str, fields: list[tuple[str, str]]) -> httpx.Response:
        """As a script of the page sends it."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._client.post(path, content=urlencode(fields), headers=kind)

    def upload(self, path: str, name: str, content: bytes) -> Visitor:
        """Choose a picture and send it; a refusal is a page like any other here."""
        answer = self._client.post(path, files={name: ("photo.jpg", content, "image/jpeg")})
        return self._shown(answer, refusals=True)

    def forms(self) -> list[Form]:
        reader = _FormReader()
        reader.feed(self.text)
        return reader.forms

    def said(self, pattern: str) -> str:
        """The first group of a pattern on the page. Raises Unavailable ``demo_page_other``."""
        found = re.search(pattern, self.text, re.DOTALL)
        if found is None:
            raise Unavailable("demo_page_other", "The page is another one than the story expects.", detail=self.at)
        return unescape(found[1]).strip()

    def _sent(self, form: Form, fields: list[tuple[str, str]]) -> Visitor:
        return self._shown(self.post(form.action, fields))

    def _shown(self, answer: httpx.Response, *, refusals: bool = False) -> Visitor:
        self.text, self.at = answer.text, str(answer.url)
        if answer.status_code >= 500 or (answer.status_code >= 400 and not refusals):
            raise Unavailable("demo_page_refused", f"{self.at} answered {answer.status_code}.")
        return self


def _filled(form: Form, typed: dict[str, str], without: set[str]) -> list[tuple[str, str]]:
    names = {name.replace("__", "-"): value for name, value in typed.items()}
    kept = [(name, value) for name, value in form.fields if name not in names and name not in without]
    return [*kept, *names.items()]


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside: Form | None = None
        self._select = ""
        self._textarea: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._inside)
        form = self._inside
        if form is None:
            return
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "button" and name:
            form.buttons.append((name, value))
        elif tag == "input" and name:
            kind = given.get("type", "text")
            if kind not in _NOT_KEPT or (kind in ("checkbox", "radio") and "checked" in given):
                form.fields.append((name, value or ("on" if kind in ("checkbox", "radio") else "")))
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select:
            self._options.append((value, "selected" in given))
        elif tag == "textarea" and name:
            self._textarea = ""
            self._select = name

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._textarea += data

    def handle_endtag(self, tag: str) -> None:
        form = self._inside
        if form is None:
            return
        if tag == "form":
            self._inside = None
        elif tag == "select" and self._select:
            chosen = next((value for value, selected in self._options if selected), None)
            first = self._options[0][0] if self._options else ""
            form.fields.append((self._select, first if chosen is None else chosen))
            self._select = ""
        elif tag == "textarea" and self._textarea is not None:
            form.fields.append((self._select, self._textarea.strip()))
            self._select, self._textarea = "", None
