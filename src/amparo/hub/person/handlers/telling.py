"""Words before there is a case: one question a page, and a case at the end, whatever was answered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from amparo.case.code import CaseCode
from amparo.case.people import Door, WordsKind
from amparo.hub.commands import person, spoken, witness
from amparo.hub.commands.spoken import LONGEST_WORDS, Typed
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Kept, Page
from amparo.hub.person.duties import duty_to_tell
from amparo.hub.person.handlers import case
from amparo.hub.person.sitting import Sitting

QUESTIONS: Final[Mapping[Door, tuple[WordsKind, ...]]] = {
    Door.PICTURE: (WordsKind.LINK, WordsKind.PLACE, WordsKind.HANDLE, WordsKind.NOTE),
    Door.HELPING: (WordsKind.LINK, WordsKind.PLACE, WordsKind.HANDLE, WordsKind.NOTE),
    Door.WITNESS: (WordsKind.PLACE, WordsKind.HANDLE, WordsKind.LINK),
    Door.THREAT: (WordsKind.HANDLE, WordsKind.DEMAND, WordsKind.PAYMENT, WordsKind.NOTE),
}


def tell(hub: Hub, asked: Asked) -> Page:
    """The question of this step, or the one whose answer cannot be kept; behind the last one, the case."""
    sitting = Sitting.of(asked)
    kinds = QUESTIONS[sitting.door]
    too_long = next((step for step, kind in enumerate(kinds) if spoken.too_long(asked.one(kind))), None)
    if too_long is not None:
        return _question(hub, asked, sitting, too_long, "words_invalid")
    if asked.number("step") < len(kinds):
        return _question(hub, asked, sitting, asked.number("step"))
    return case.show(hub, asked, _opened(hub, asked, sitting), fresh=True)


def _opened(hub: Hub, asked: Asked, sitting: Sitting) -> CaseCode:
    typed = [Typed(kind, asked.one(kind)) for kind in QUESTIONS[sitting.door]]
    command = witness.report if sitting.door is Door.WITNESS else person.open_case
    code = command(hub, asked.request(), sitting.opening(asked.words.language), (), typed)
    # Where this request had opened the case before, what was typed since is added: going back loses nothing.
    spoken.note_new(hub, code, typed)
    return code


def _question(hub: Hub, asked: Asked, sitting: Sitting, step: int, problem: str | None = None) -> Page:
    kinds = QUESTIONS[sitting.door]
    request = asked.one("request") or secrets.token_hex(16)
    others = tuple((kind.value, asked.one(kind)) for kind in kinds if kind is not kinds[step] and asked.one(kind))
    kept: Kept = (*sitting.kept, ("request", request), *others)
    content = {"kind": kinds[step].value, "text": asked.one(kinds[step]), "step": step, "steps": len(kinds)}
    more = {"carried": kept, "problem": problem, "longest": LONGEST_WORDS, "duty": duty_to_tell(hub)}
    own = ((kinds[step].value, asked.one(kinds[step])),)
    return Page("tell.html", content | more, kept=(("do", "tell"), ("step", str(step)), *kept, *own))
