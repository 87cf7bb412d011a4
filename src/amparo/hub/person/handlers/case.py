"""The page of one case, by its code, and what can be taken back there."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from amparo.case.code import CaseCode
from amparo.case.people import AgeBand
from amparo.core.errors import IntegrityViolation, InvalidInput
from amparo.hub.commands import person, trace
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.sitting import Sitting


def ask_code(_hub: Hub, asked: Asked) -> Page:
    return Page("code.html", {"typed": asked.one("code")}, kept=(("do", "code"),))


def open_page(hub: Hub, asked: Asked) -> Page:
    return show(hub, asked, asked.code(), fresh=asked.one("fresh") == "1", added=asked.one("added") == "1")


def show(hub: Hub, asked: Asked, code: CaseCode, fresh: bool = False, added: bool = False) -> Page:
    """The case of this code, as it stands now. fresh, added: whether it was opened, or got a picture, just now.

    Raises NotFound ``case_unknown``.
    """
    view = person.view_case(hub, code)
    sitting = Sitting.of(asked)
    content = {"code": str(code), "view": view, "fresh": fresh, "added": added, "sitting": sitting}
    new = (("fresh", "1"), *sitting.kept) if fresh else (("added", "1"),) if added else ()
    kept = (("do", "open"), ("code", str(code)), *new)
    return Page("case.html", content | {"minor": view.case.age is not AgeBand.ADULT}, kept=kept)


def ask_age(hub: Hub, asked: Asked) -> Page:
    return _ask(hub, asked, "ask-age", "say_age.html")


def set_age(hub: Hub, asked: Asked) -> Page:
    person.state_age(hub, asked.code(), asked.choice("age", AgeBand) or AgeBand.UNSAID)
    return open_page(hub, asked)


def ask_about_me(hub: Hub, asked: Asked) -> Page:
    """Is it you, who was given a witness's code?"""
    return _ask(hub, asked, "about-me", "about_me.html")


def take_over(hub: Hub, asked: Asked) -> Page:
    """The case is hers now; what to advise her depends on her age."""
    person.take_over(hub, asked.code())
    return ask_age(hub, asked)


def ask_remove_photo(hub: Hub, asked: Asked) -> Page:
    photo = person.view_case(hub, asked.code()).case.photo(asked.entry())
    return Page("confirm_photo.html", {"code": asked.one("code"), "photo": photo}, kept=_kept(asked))


def remove_photo(hub: Hub, asked: Asked) -> Page:
    trace.remove(hub, asked.code(), asked.entry())
    return open_page(hub, asked)


def ask_withdraw(hub: Hub, asked: Asked) -> Page:
    picture = person.view_case(hub, asked.code()).case.picture(asked.entry())
    return Page("confirm.html", {"code": asked.one("code"), "picture": picture}, kept=_kept(asked))


def withdraw(hub: Hub, asked: Asked) -> Page:
    person.withdraw_picture(hub, asked.code(), asked.entry())
    return open_page(hub, asked)


def ask_withdraw_all(hub: Hub, asked: Asked) -> Page:
    return _ask(hub, asked, "ask-withdraw-all", "confirm_all.html")


def withdraw_all(hub: Hub, asked: Asked) -> Page:
    return _receipt_page(hub, person.withdraw_case(hub, asked.code()))


def receipt(hub: Hub, asked: Asked) -> Page:
    try:
        return _receipt_page(hub, urlsafe_b64decode(asked.one("receipt").encode()))
    except (ValueError, IntegrityViolation) as error:
        raise InvalidInput("receipt_invalid", "This page is too old. Nothing has changed.") from error


def _ask(hub: Hub, asked: Asked, do: str, template: str) -> Page:
    """A question about a whole case, for those who can open it only."""
    view = person.view_case(hub, asked.code())
    kept = (("do", do), ("code", asked.one("code")))
    return Page(template, {"code": asked.one("code"), "view": view}, kept=kept)


def _kept(asked: Asked) -> tuple[tuple[str, str], ...]:
    return tuple((name, asked.one(name)) for name in ("do", "code", "entry"))


def _receipt_page(hub: Hub, sealed: bytes) -> Page:
    text = urlsafe_b64encode(sealed).decode()
    content = {"receipt": text, "view": person.read_receipt(hub, sealed)}
    return Page("receipt.html", content, kept=(("do", "receipt"), ("receipt", text)))
