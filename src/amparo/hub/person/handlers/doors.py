"""The four doors, and the questions behind them: one a page, none that must be answered."""

from __future__ import annotations

import secrets
from dataclasses import replace

from amparo.case.people import AgeBand, Door
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.help_lines import lines_of
from amparo.hub.person.sitting import Sitting


def home(_hub: Hub, _asked: Asked) -> Page:
    return Page("home.html")


def picture(_hub: Hub, _asked: Asked) -> Page:
    """Door 1: there is a picture of me."""
    return _question("age", Sitting(Door.PICTURE))


def helping(_hub: Hub, asked: Asked) -> Page:
    """Door 2: it is my child, I help someone."""
    return _question("relation", Sitting.of(asked).through(Door.HELPING))


def agreed(_hub: Hub, asked: Asked) -> Page:
    """Does the person know, and agree?"""
    return _question("agreed", Sitting.of(asked))


def age(_hub: Hub, asked: Asked) -> Page:
    return _question("age", Sitting.of(asked))


def have(_hub: Hub, asked: Asked) -> Page:
    """Is the picture here, on this device?"""
    return _question("have", Sitting.of(asked))


def another(_hub: Hub, asked: Asked) -> Page:
    """One more child of the same sitting, from the first question that may differ."""
    return _question("agreed", Sitting.of(asked).next_child(str(asked.code())))


def witness(_hub: Hub, asked: Asked) -> Page:
    """Door 3: I was sent one, I saw one."""
    return _device("witness", Sitting(Door.WITNESS), asked)


def threat(hub: Hub, _asked: Asked) -> Page:
    """Door 4: somebody threatens me with one."""
    lines = {"lines": lines_of(hub.office.lines, hub.settings.country), "today": hub.clock.now().date()}
    content = lines | {"request": secrets.token_hex(16)}
    page = _question("threat", Sitting(Door.THREAT))
    return replace(page, content=page.content | content)


def protect(_hub: Hub, asked: Asked) -> Page:
    """The page that fingerprints on the device."""
    return _device("protect", Sitting.of(asked), asked)


def ordinary(_hub: Hub, asked: Asked) -> Page:
    """The page that computes traces of ordinary photos on the device."""
    return _device("ordinary", Sitting.of(asked), asked)


def _question(name: str, sitting: Sitting) -> Page:
    content = {"sitting": sitting, "child": len(sitting.earlier) + 1}
    return Page(f"{name}.html", content, kept=(("do", name), *sitting.kept))


def _device(name: str, sitting: Sitting, asked: Asked) -> Page:
    """``request`` makes sending it twice harmless."""
    code = asked.one("code")
    content = {"sitting": sitting, "request": secrets.token_hex(16), "code": code}
    kept = (("do", name), *sitting.kept, ("code", code))
    return Page(f"{name}.html", content | {"minor": sitting.age is not AgeBand.ADULT}, kept=kept)
