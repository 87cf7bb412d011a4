"""What a page is asked, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from amparo.case.code import CaseCode, parse
from amparo.core.errors import InvalidInput
from amparo.core.ids import EntryId, WordsId
from amparo.hub.person.words import Words

Kept: TypeAlias = tuple[tuple[str, str], ...]
"""Fields that a page hands on to the next one: nothing is remembered anywhere else, not even in a cookie."""

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """The form's fields and the language of the answer."""

    fields: Mapping[str, list[str]]
    words: Words

    def one(self, name: str, default: str = "") -> str:
        return self.fields.get(name, [default])[0]

    def number(self, name: str) -> int:
        """0 for what is no number: a page never fails for a field that people do not type."""
        text = self.one(name)
        return int(text) if text.isdecimal() and text.isascii() and len(text) < 4 else 0

    def choice(self, name: str, kind: type[_Choice]) -> _Choice | None:
        """None where nothing was chosen, or nothing that there is."""
        text = self.one(name)
        return next((one for one in kind if one == text), None)

    def code(self) -> CaseCode:
        """Raises InvalidInput ``case_code_malformed``."""
        return parse(self.one("code"))

    def entry(self) -> EntryId:
        return EntryId(self.one("entry"))

    def noted(self) -> WordsId:
        return WordsId(self.one("words"))

    def request(self) -> bytes:
        """The secret of this page's request. Raises InvalidInput ``request_invalid``."""
        try:
            return bytes.fromhex(self.one("request"))
        except ValueError as error:
            raise InvalidInput("request_invalid", "Please open the page again and repeat.") from error


@dataclass(frozen=True, slots=True)
class Page:
    """template and what it shows. kept: what leads to this same page again, in another language."""

    template: str
    content: dict[str, Any] = field(default_factory=dict[str, Any])
    status: int = 200
    kept: Kept = (("do", "home"),)
