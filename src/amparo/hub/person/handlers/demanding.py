"""Notices to sites: the person asks for one, and says yes to those that carry her name."""

from __future__ import annotations

from typing import Final

from amparo.case.people import WordsKind
from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected
from amparo.core.ids import random_id
from amparo.hub.commands import notices, person, spoken
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.duties import duty_to_tell
from amparo.hub.person.handlers.case import open_page
from amparo.hub.person.help_lines import lines_of
from amparo.hub.person.referrals import referral_of
from amparo.notice.content import NoticeId
from amparo.notice.pack import Addressee

_OFF: Final = frozenset({"rule_pack_off", "rule_pack_not_in_force"})
"""No rule that may be used gives a letter: nobody has done anything wrong, so none of them is shown as an error."""


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
    except Rejected as error:
        if error.code not in _OFF:
            raise
        # Switched off since she read it. The desk has the draft, so it knows of her wish already.
        lines = person.view_case(hub, asked.code()).notices
        return _without_letter(hub, asked, next(one.addressee for one in lines if one.id == asked.one("notice")))
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
    except Rejected as error:
        if error.code not in _OFF:
            raise
        return _note_wish(hub, asked)
    return open_page(hub, asked)


def no_letter(hub: Hub, asked: Asked) -> Page:
    """What can be done for a site to which no letter can be written; notes nothing, so it may be looked at again."""
    person.view_case(hub, asked.code())
    return _without_letter(hub, asked, asked.one("site"))


def _note_wish(hub: Hub, asked: Asked) -> Page:
    """The desk reads the wish as a message, and the links as links: by those it finds cases that belong together."""
    site = " ".join(asked.one("site").split())
    if not site:
        return _form(hub, asked, "site_missing")
    wished = Typed(WordsKind.MESSAGE, f"{asked.words.text('Ask a site to take it down')}: {site}")
    try:
        spoken.note_new(hub, asked.code(), [wished, Typed(WordsKind.LINK, asked.one("urls"))])
    except InvalidInput as error:
        if error.code != "words_invalid":
            raise
        return _form(hub, asked, error.code)
    return _without_letter(hub, asked, site)


def _without_letter(hub: Hub, asked: Asked, site: str) -> Page:
    country = hub.settings.country
    content = {
        "code": asked.one("code"),
        "site": site,
        "referral": referral_of(hub),
        "search": any(pack.addressee is Addressee.SEARCH_ENGINE for pack in hub.office.letters),
        "lines": lines_of(hub.office.lines, country),
        "today": hub.clock.now().date(),
    }
    return Page("no_letter.html", content, kept=(("do", "no-letter"), ("code", asked.one("code")), ("site", site)))


def _form(hub: Hub, asked: Asked, problem: str | None = None) -> Page:
    content = {
        "code": asked.one("code"),
        "notice": asked.one("notice") or random_id(),
        "problem": problem,
        "duty": duty_to_tell(hub),
        "usual": hub.office.for_platform(None, hub.settings.country) is not None,
    }
    typed = {"site": asked.one("site"), "urls": asked.one("urls")}
    kept = (("do", "ask-notice"), *((name, asked.one(name)) for name in ("code", "site", "urls")))
    return Page("wish.html", content | typed, kept=kept)
