"""Data files read strictly: every member known, every type right, no member twice, nothing left over."""

from __future__ import annotations

import json
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar, cast

from amparo.core.errors import InvalidInput

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

LARGEST_FILE: Final = 4_000_000
"""Bytes. A platform's address book of ten thousand routes fits; a file that fills the memory does not."""


class Reader:
    """One JSON object of a data file. Each member is asked for once; ``done`` refuses those that nobody asked for.

    Every method raises InvalidInput with the file's ``code`` and a detail that names the place.
    """

    def __init__(self, value: object, place: str, code: str) -> None:
        if not isinstance(value, dict):
            raise InvalidInput(code, "A data file is not in its format.", detail=f"{place}: an object is expected")
        self._members = dict(cast("dict[str, object]", value))
        self._place = place
        self._code = code

    @classmethod
    def of_bytes(cls, raw: bytes, place: str, code: str) -> Reader:
        """The object that a whole file holds."""
        if len(raw) > LARGEST_FILE:
            raise InvalidInput(code, "A data file is too large.", detail=f"{place}: {len(raw)} bytes")
        try:
            value = json.loads(raw.decode(), object_pairs_hook=_no_twins)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(code, "A data file is not in its format.", detail=f"{place}: {error}") from error
        return cls(value, place, code)

    def refused(self, name: str, why: str) -> InvalidInput:
        """The error for one member, to be raised by whoever found it wrong."""
        return InvalidInput(self._code, "A data file is not in its format.", detail=f"{self._place}: {name}: {why}")

    def text(self, name: str) -> str:
        """Text that is not blank."""
        value = self._take(name)
        if not isinstance(value, str) or not value.strip():
            raise self.refused(name, "text is expected")
        return value

    def text_or_blank(self, name: str) -> str:
        """Text, "" where the member is absent."""
        value = self._members.pop(name, "")
        if not isinstance(value, str):
            raise self.refused(name, "text is expected")
        return value

    def flag(self, name: str) -> bool:
        value = self._take(name)
        if not isinstance(value, bool):
            raise self.refused(name, "true or false is expected")
        return value

    def count(self, name: str) -> int:
        """A whole number above zero."""
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.refused(name, "a whole number above zero is expected")
        return value

    def day(self, name: str) -> date:
        """A day written as YYYY-MM-DD."""
        text = self.text(name)
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise self.refused(name, "a day as YYYY-MM-DD is expected") from error
        if day.isoformat() != text:
            raise self.refused(name, "a day as YYYY-MM-DD is expected")
        return day

    def day_or_none(self, name: str) -> date | None:
        """A day; None where the member is absent or null."""
        if self._members.get(name) is None:
            self._members.pop(name, None)
            return None
        return self.day(name)

    def choice(self, name: str, kind: type[ChoiceT]) -> ChoiceT:
        text = self.text(name)
        try:
            return kind(text)
        except ValueError as error:
            raise self.refused(name, f"one of {', '.join(kind)} is expected") from error

    def choice_or_none(self, name: str, kind: type[ChoiceT]) -> ChoiceT | None:
        """None where the member is null; it must be there."""
        if name in self._members and self._members[name] is None:
            del self._members[name]
            return None
        return self.choice(name, kind)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts that are not blank."""
        found: list[str] = []
        for value in self._list(name):
            if not isinstance(value, str) or not value.strip():
                raise self.refused(name, "a list of texts is expected")
            found.append(value)
        return tuple(found)

    def objects(self, name: str) -> list[Reader]:
        return [
            Reader(value, f"{self._place}: {name} {at}", self._code) for at, value in enumerate(self._list(name), 1)
        ]

    def object(self, name: str) -> Reader:
        return Reader(self._take(name), f"{self._place}: {name}", self._code)

    def object_or_none(self, name: str) -> Reader | None:
        """None where the member is null; it must be there."""
        value = self._take(name)
        return None if value is None else Reader(value, f"{self._place}: {name}", self._code)

    def has(self, name: str) -> bool:
        return name in self._members

    def names(self) -> tuple[str, ...]:
        """The members not yet asked for."""
        return tuple(self._members)

    def done(self) -> None:
        if self._members:
            raise self.refused(", ".join(sorted(self._members)), "unknown member")

    def _take(self, name: str) -> object:
        if name not in self._members:
            raise self.refused(name, "missing")
        return self._members.pop(name)

    def _list(self, name: str) -> list[object]:
        value = self._take(name)
        if not isinstance(value, list):
            raise self.refused(name, "a list is expected")
        return cast("list[object]", value)


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is written twice")
    return members
