"""One function a page: parse what was asked, call the command, say which template shows the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from amparo.core.errors import AmparoError, NotFound
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.handlers import case, demanding, doors, reading, telling, writing

Handler: TypeAlias = Callable[[Hub, Asked], Page]

PAGES: Final[Mapping[str, Handler]] = {
    "home": doors.home,
    "picture": doors.picture,
    "helping": doors.helping,
    "witness": doors.witness,
    "threat": doors.threat,
    "relation": doors.helping,
    "agreed": doors.agreed,
    "age": doors.age,
    "have": doors.have,
    "another": doors.another,
    "protect": doors.protect,
    "ordinary": doors.ordinary,
    "tell": telling.tell,
    "help-lines": reading.help_lines,
    "kit": reading.kit,
    "holding": reading.holding,
    "leaving": reading.leaving,
    "code": case.ask_code,
    "open": case.open_page,
    "ask-age": case.ask_age,
    "set-age": case.set_age,
    "about-me": case.ask_about_me,
    "take-over": case.take_over,
    "choose-words": writing.choose,
    "write": writing.write,
    "keep-words": writing.keep,
    "correct-words": writing.ask_correct,
    "keep-correction": writing.correct,
    "ask-erase-words": writing.ask_erase,
    "erase-words": writing.erase,
    "letter": demanding.letter,
    "sign-letter": demanding.sign,
    "ask-notice": demanding.ask,
    "wish-notice": demanding.wish,
    "no-letter": demanding.no_letter,
    "ask-remove-photo": case.ask_remove_photo,
    "remove-photo": case.remove_photo,
    "ask-withdraw": case.ask_withdraw,
    "withdraw": case.withdraw,
    "ask-withdraw-all": case.ask_withdraw_all,
    "withdraw-all": case.withdraw_all,
    "receipt": case.receipt,
}


def handler_of(asked: Asked) -> Handler:
    """What answers this question: a page that is looked at beside another one, or the one that was asked for."""
    aside = asked.one("aside")
    return PAGES.get(aside if aside in reading.ASIDE else asked.one("do", "home"), doors.home)


def failed(asked: Asked, error: AmparoError) -> Page:
    """A page for every error: what it means, and what can be done now."""
    no_case = isinstance(error, NotFound) and error.code == "case_unknown"
    again = "code.html" if no_case or error.code == "case_code_malformed" else "error.html"
    return Page(again, {"problem": error.code, "typed": asked.one("code")}, error.status, (("do", "code"),))
