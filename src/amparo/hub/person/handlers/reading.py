"""Pages that only tell something. Whoever comes to one in the middle of something else goes back to that very place."""

from __future__ import annotations

from amparo.case.people import AgeBand, Door
from amparo.hub.commands import person
from amparo.hub.context import Hub
from amparo.hub.person.asked import Asked, Kept, Page
from amparo.hub.person.help_lines import lines_by_country

ASIDE = frozenset({"help-lines", "leaving", "kit"})
"""Pages that can be asked for from anywhere, in the field ``aside``: all other fields say where that was."""
_OURS = frozenset({"aside", "lang", "do", "from", "at", "step"})


def help_lines(hub: Hub, asked: Asked) -> Page:
    countries = lines_by_country(hub.office.lines, hub.settings.country)
    return _page("help-lines", "help_lines.html", asked, countries=countries, today=hub.clock.now().date())


def kit(_hub: Hub, asked: Asked) -> Page:
    """What parents can write to a chat group; without any picture."""
    return _page("kit", "kit.html", asked)


def holding(hub: Hub, asked: Asked) -> Page:
    """What to do with a picture that is still on the phone; of one case, by whom it shows and who has it."""
    age = AgeBand.UNSAID
    if asked.one("code"):
        known = person.view_case(hub, asked.code()).case
        # A witness keeps nothing, however old the person in the picture is.
        age = AgeBand.MINOR if known.door is Door.WITNESS else known.age
    return _page("holding", "holding.html", asked, age=age)


def leaving(_hub: Hub, asked: Asked) -> Page:
    """What the quick exit does, and what it cannot do."""
    return _page("leaving", "leaving.html", asked)


def _page(do: str, template: str, asked: Asked, **content: object) -> Page:
    came = asked.one("from")
    if came:
        # The page before says of itself which step it is; its own buttons would say the next one.
        step = asked.one("at") or asked.one("step")
        others = [(name, value) for name, values in asked.fields.items() if name not in _OURS for value in values]
        rest: Kept = (*((("step", step),) if step else ()), *others)
        back, here = (("do", came), *rest), (("from", came), *rest)
    else:
        code = (("code", asked.one("code")),) if asked.one("code") else ()
        back, here = (("do", "open" if code else "home"), *code), code
    return Page(template, content | {"back": back}, kept=(("do", do), *here))
