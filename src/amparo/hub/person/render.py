"""Templates of the person's surface."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from amparo.hub.context import HubSettings
from amparo.hub.person.asked import Page
from amparo.hub.person.words import LANGUAGES, Words

TEMPLATES: Final = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(settings: HubSettings, words: Words, page: Page) -> str:
    """The page as HTML in this language."""
    shared = {
        "_": partial(_said, words),
        "moment": words.moment,
        "day": words.day,
        "country_name": words.country,
        "language": words.language,
        "notes_language": words.notes_language,
        "languages": LANGUAGES,
        "hub_name": settings.name,
        "kept": page.kept,
        "problem": None,
    }
    return _environment().get_template(page.template).render({**shared, **page.content})


def _said(words: Words, message: str, **values: object) -> str:
    """In Spanish on a page in another language, a text says so, for whoever has it read aloud (WCAG 3.1.2)."""
    text = words.text(message, **values)
    return Markup('<span lang="es">{}</span>').format(text) if words.borrows(message) else text
