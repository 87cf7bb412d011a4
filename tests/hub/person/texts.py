"""Every page of a person as it is read aloud: its sentences, in order, without buttons' names or markup."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from html.parser import HTMLParser
from typing import Final

from amparo.case.code import parse
from amparo.case.people import AgeBand, Door, Relation, WordsKind
from amparo.hub.commands import person, witness
from amparo.hub.commands.person import Opening
from amparo.hub.commands.spoken import Typed
from amparo.hub.commands.telling import tell_cases
from amparo.hub.context import Hub
from amparo.hub.person.handlers.writing import KINDS
from tests.hub.hubs import fingerprints
from tests.hub.person.pages import Pages

_BLOCKS: Final = frozenset({"p", "li", "h1", "h2", "h3", "label", "strong", "span", "button", "summary", "dd"})
_SILENT: Final = frozenset({"script", "style", "dt", "textarea"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = dict(attrs).get("class") or ""
        if (
            tag in _SILENT
            or "words" in words.split()
            or "line" in words.split()
            or (self._silent and tag not in ("input", "br"))
        ):
            self._silent += 1
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - 1)
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.lines[-1] += data


def sentences_of(page: str) -> list[str]:
    """Of the page's main part. What ends without a full stop, such as a heading or a button, counts as one."""
    reader = _Reader()
    reader.feed(page[page.index("<main") : page.index("</main>")])
    lines = [" ".join(line.split()) for line in reader.lines]
    parts = [part for line in lines if line for part in re.split(r"(?<=[.!?…])\s+", line)]
    return [part for part in parts if re.search(r"[^\W\d_]{2}", part)]


def every_page(hub: Hub, language: str) -> dict[str, str]:
    """Name and HTML of every page, with cases that show everything there is to be read."""
    tell = [Typed(kind, "x") for kind in (*KINDS, WordsKind.MESSAGE)]
    shown = fingerprints(2, seed=12)
    helping = Opening(language, Door.HELPING, AgeBand.MINOR, (Relation.PARENT, False))
    openings = {
        "minor": Opening(language, Door.PICTURE, AgeBand.MINOR),
        "adult": Opening(language, Door.PICTURE, AgeBand.ADULT),
        "helping": helping,
        "threat": Opening(language, Door.THREAT),
    }
    codes = {
        name: str(person.open_case(hub, secrets.token_bytes(16), opening, shown, tell))
        for name, opening in openings.items()
    }
    codes["witness"] = str(witness.report(hub, secrets.token_bytes(16), Opening(language, Door.WITNESS), shown))
    tell_cases(hub)
    view = person.view_case(hub, parse(codes["minor"]))
    entry, words = view.pictures[0].picture.entry, view.spoken[0].noted.words
    minor = {"code": codes["minor"]}
    asked: dict[str, dict[str, str]] = {
        **{page: {"do": page} for page in ("home", "picture", "helping", "witness", "threat", "agreed", "have")},
        **{page: {"do": page} for page in ("protect", "ordinary", "help-lines", "kit", "holding", "leaving", "code")},
        **{f"{page} of another": {"do": page, "door": "helping"} for page in ("age", "ordinary")},
        **{f"question, {kind}": {"do": "write", "kind": kind, **minor} for kind in (*KINDS, WordsKind.MESSAGE)},
        "first question": {"do": "tell"},
        "next question": {"do": "tell", "step": "1"},
        **{f"new case, {name}": {"do": "open", "code": code, "fresh": "1"} for name, code in codes.items()},
        "case": {"do": "open", **minor},
        "erase words": {"do": "ask-erase-words", "words": words, **minor},
        "withdraw one": {"do": "ask-withdraw", "entry": entry, **minor},
        **{page: {"do": page, **minor} for page in ("ask-age", "choose-words", "ask-notice", "ask-withdraw-all")},
        "about me": {"do": "about-me", "code": codes["witness"]},
        "picture added": {"do": "open", "added": "1", **minor},
        "wrong code": {"do": "open", "code": "x"},
        "nonsense": {"do": "letter", "notice": "x", **minor},
        "withdrawn": {"do": "withdraw-all", "code": codes["adult"]},
    }
    pages = Pages.of(hub, language)
    read = {name: pages.ask(fields).text for name, fields in asked.items()}
    return read | {
        f"{name}, {country}": text for country in ("GB", "AU") for name, text in _abroad(hub, country, language, minor)
    }


def _abroad(hub: Hub, country: str, language: str, case: dict[str, str]) -> list[tuple[str, str]]:
    """Pages that read otherwise where no letter can be written to most sites."""
    pages = Pages.of(replace(hub, settings=replace(hub.settings, country=country)), language)
    return [(page, pages.ask({"do": page, "site": "Foro", **case}).text) for page in ("ask-notice", "no-letter")]
