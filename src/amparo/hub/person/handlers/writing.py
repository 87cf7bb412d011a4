"""A person's own words in a case: added, corrected, erased; and messages to the desk."""

from __future__ import annotations

from typing import Final

from amparo.case.people import WordsKind
from amparo.core.errors import InvalidInput, NotFound
from amparo.hub.commands import person, spoken
from amparo.hub.commands.spoken import LONGEST_WORDS, Spoken, Typed
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Page
from amparo.hub.person.duties import duty_to_tell
from amparo.hub.person.handlers.case import open_page

KINDS: Final = (
    WordsKind.LINK,
    WordsKind.HANDLE,
    WordsKind.PLACE,
    WordsKind.SENDER,
    WordsKind.DEMAND,
    WordsKind.PAYMENT,
    WordsKind.NAME,
    WordsKind.CONTACT,
    WordsKind.NOTE,
)
"""What can be added, in the order in which it is offered."""


def choose(hub: Hub, asked: Asked) -> Page:
    """What is to be added?"""
    person.view_case(hub, asked.code())
    content = {"code": asked.one("code"), "kinds": [kind.value for kind in KINDS]}
    return Page("choose_words.html", content, kept=(("do", "choose-words"), ("code", asked.one("code"))))


def write(hub: Hub, asked: Asked) -> Page:
    """A field for new words of one kind."""
    person.view_case(hub, asked.code())
    kind = asked.choice("kind", WordsKind) or WordsKind.NOTE
    return _field(hub, asked, "write", "keep-words", kind, asked.one("text"))


def keep(hub: Hub, asked: Asked) -> Page:
    kind = asked.choice("kind", WordsKind) or WordsKind.NOTE
    try:
        spoken.note_new(hub, asked.code(), [Typed(kind, asked.one("text"))])
    except InvalidInput as error:
        return _again(hub, asked, "write", "keep-words", kind, error)
    return open_page(hub, asked)


def ask_correct(hub: Hub, asked: Asked) -> Page:
    """A field with the words as they are, or as they were being changed before a look at another page."""
    one = _words(hub, asked)
    return _field(hub, asked, "correct-words", "keep-correction", one.noted.kind, asked.one("text", one.text))


def correct(hub: Hub, asked: Asked) -> Page:
    if not spoken.as_kept(asked.one("text")):
        return ask_erase(hub, asked)
    try:
        spoken.correct(hub, asked.code(), asked.noted(), asked.one("text"))
    except InvalidInput as error:
        kind = _words(hub, asked).noted.kind
        return _again(hub, asked, "correct-words", "keep-correction", kind, error)
    return open_page(hub, asked)


def ask_erase(hub: Hub, asked: Asked) -> Page:
    content = {"code": asked.one("code"), "spoken": _words(hub, asked)}
    kept = (("do", "ask-erase-words"), ("code", asked.one("code")), ("words", asked.noted()))
    return Page("confirm_words.html", content, kept=kept)


def erase(hub: Hub, asked: Asked) -> Page:
    spoken.erase(hub, asked.code(), asked.noted())
    return open_page(hub, asked)


def _words(hub: Hub, asked: Asked) -> Spoken:
    for one in person.view_case(hub, asked.code()).spoken:
        if one.noted.words == asked.noted():
            return one
    raise NotFound("words_unknown", "This case holds no such words.")


def _again(hub: Hub, asked: Asked, do: str, then: str, kind: WordsKind, error: InvalidInput) -> Page:
    """The field again with what was typed, where it could not be kept as it is."""
    if error.code != "words_invalid":
        raise error
    return _field(hub, asked, do, then, kind, asked.one("text"), error.code)


def _field(
    hub: Hub, asked: Asked, do: str, then: str, kind: WordsKind, text: str = "", problem: str | None = None
) -> Page:
    own = (("code", asked.one("code")), ("kind", kind.value), ("words", asked.one("words")))
    content = {"then": then, "kind": kind.value, "text": text, "carried": own, "problem": problem}
    more = {"longest": LONGEST_WORDS, "duty": duty_to_tell(hub), "code": asked.one("code"), "here": do}
    return Page("write.html", content | more, kept=(("do", do), *own))
