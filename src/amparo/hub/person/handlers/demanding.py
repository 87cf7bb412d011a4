"""Notices to sites: the person asks for one, and says yes to those that carry her name."""

from __future__ import annotations

from amparo.core.errors import Conflict, InvalidInput, NotFound
from amparo.core.ids import random_id
from amparo.hub.commands import notices, person
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.duties import duty_to_tell
from amparo.hub.person.handlers.case import open_page
from amparo.notice.content import NoticeId


def letter(hub: Hub, asked: Asked, problem: str | None = None) -> Page:
    """The very text that would be sent."""
    notice = NoticeId(asked.one("notice"))
    found = next((one for one in notices.letters_to_sign(hub, asked.code()) if one.id == notice), None)
    if found is None:
        raise NotFound("notice_unknown", "There is no such notice.")
    kept = (("do", "letter"), ("code", asked.one("code")), ("notice", notice))
    return Page("letter.html", {"code": asked.one("code"), "letter": found, "problem": problem}, kept=kept)


def sign(hub: Hub, asked: Asked) -> Page:
    try:
        notices.sign(hub, asked.code(), NoticeId(asked.one("notice")), asked.one("digest"))
    except Conflict as error:
        # Somebody has changed it since she read it: her word is for what she read.
        return letter(hub, asked, error.code)
    return open_page(hub, asked)


def ask(hub: Hub, asked: Asked) -> Page:
    """To which site?"""
    person.view_case(hub, asked.code())
    return _form(hub, asked)


def wish(hub: Hub, asked: Asked) -> Page:
    urls = tuple(asked.one("urls").split())
    try:
        notices.wish(hub, asked.code(), NoticeId(asked.one("notice")), asked.one("site"), urls)
    except InvalidInput as error:
        if error.code == "case_code_malformed":
            raise
        return _form(hub, asked, error.code)
    return open_page(hub, asked)


def _form(hub: Hub, asked: Asked, problem: str | None = None) -> Page:
    content = {
        "code": asked.one("code"),
        "notice": asked.one("notice") or random_id(),
        "problem": problem,
        "duty": duty_to_tell(hub),
    }
    typed = {"site": asked.one("site"), "urls": asked.one("urls")}
    kept = (("do", "ask-notice"), *((name, asked.one(name)) for name in ("code", "site", "urls")))
    return Page("wish.html", content | typed, kept=kept)
