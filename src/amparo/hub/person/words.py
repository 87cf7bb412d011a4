"""Languages of the person's pages: gettext catalogues, hours and dates as people say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final, cast
from zoneinfo import ZoneInfo

from babel.core import Locale, negotiate_locale
from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

LOCALE_FOLDER: Final = Path(__file__).parent.parent / "locale"
LANGUAGES: Final[Mapping[str, str]] = {
    "es": "Español",
    "en": "English",
    "ca": "Català",
    "gl": "Galego",
    "eu": "Euskara",
}
SOURCE_LANGUAGE: Final = "en"
WHOLE: Final = ("es", "en")
"""Languages in which nothing is missing. The others have the interface; what they lack is shown in Spanish."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``text`` is gettext: in Spanish where the catalogue of another of Spain's languages has no answer."""

    language: str
    time_zone: str

    def text(self, message: str, **values: object) -> str:
        translated = _messages("es" if self.borrows(message) else self.language).get(message, message)
        return translated.format(**values) if values else translated

    def borrows(self, message: str) -> bool:
        """Whether this message is said in Spanish on a page in another language."""
        return self.language not in WHOLE and message not in _messages(self.language)

    @property
    def notes_language(self) -> str:
        """In which of the two languages of packaged texts, such as help lines, this page shows them."""
        return self.language if self.language in WHOLE else "es"

    def moment(self, moment: datetime) -> str:
        return format_datetime(moment, "d MMM y, H:mm", tzinfo=ZoneInfo(self.time_zone), locale=self.language)

    def country(self, code: str) -> str:
        """The name of a country (ISO 3166-1)."""
        return cast("Mapping[str, str]", Locale(self.language).territories).get(code, code)

    def day(self, day: date) -> str:
        return format_date(day, "d MMM y", locale=self.language)


def choose_language(wanted: str | None, accepted: str) -> str:
    """The language asked for, or the best of an Accept-Language header, or Spanish."""
    if wanted in LANGUAGES:
        return wanted
    preferred = [part.partition(";")[0].strip() for part in accepted.split(",")]
    return negotiate_locale(preferred, list(LANGUAGES), sep="-") or "es"


@cache
def catalogue(language: str) -> Catalog:
    """The catalogue of a language; empty for the language the messages are written in."""
    if language == SOURCE_LANGUAGE:
        return Catalog(locale=language)
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "amparo.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def _messages(language: str) -> dict[str, str]:
    return {str(m.id): str(m.string) for m in catalogue(language) if m.id and m.string and not m.fuzzy}
