"""Finding a case: by its number, its code, or what somebody typed into it. Nothing is opened, and no words come back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from amparo.case.code import parse
from amparo.case.linking import search_terms
from amparo.case.people import WordsKind
from amparo.core.errors import InvalidInput
from amparo.core.ids import CaseId
from amparo.hub.commands.queue import QueueRow, check_works_on_cases, row_of, staff_names
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase
from amparo.store import Transaction
from amparo.store.staff.protocol import StaffRecord

SHOWN: Final = 25
LONGEST: Final = 500
_NUMBER: Final = re.compile(r"#?\s*([0-9]{1,18})")


class FoundBy(StrEnum):
    NUMBER = "number"
    CODE = "code"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Found:
    """kinds: of the words in which a term stands; none where it was found by number or code."""

    row: QueueRow
    kinds: tuple[WordsKind, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """total: how many cases fit; the most urgent 25 are shown. by: how it was understood."""

    by: FoundBy
    found: tuple[Found, ...]
    total: int


def search(hub: Hub, by: StaffRecord, typed: str) -> SearchResult:
    """Cases that fit what was typed: a queue number (``#12``), a case code, or a link, handle, place or payment name.

    A code that opens nothing finds nothing, whatever the reason is. Raises Rejected ``role_missing``, InvalidInput
    ``search_empty``.
    """
    check_works_on_cases(by)
    typed = typed.strip()[:LONGEST]
    number = _NUMBER.fullmatch(typed)
    if number is not None:
        return _by_number(hub, by, int(number[1]))
    try:
        code = parse(typed)
    except InvalidInput:
        return _by_words(hub, by, typed)
    tag = hub.keys_of(code).tag
    with hub.store.read() as transaction:
        record = transaction.case_by_code(tag)
        line = None if record is None else transaction.queue.line(record.id)
        names = staff_names(transaction)
    found = () if line is None else (Found(row_of(line, by, names, hub.clock.now())),)
    return SearchResult(FoundBy.CODE, found, len(found))


def _by_number(hub: Hub, by: StaffRecord, number: int) -> SearchResult:
    with hub.store.read() as transaction:
        line = transaction.queue.numbered(number)
        names = staff_names(transaction)
    found = () if line is None else (Found(row_of(line, by, names, hub.clock.now())),)
    return SearchResult(FoundBy.NUMBER, found, len(found))


def _by_words(hub: Hub, by: StaffRecord, typed: str) -> SearchResult:
    tags = [hub.vault.term_tag(term) for term in search_terms(typed)]
    if not tags:
        raise InvalidInput("search_empty", "Type a number, a case code, a link, a user name or a place.")
    with hub.store.read() as transaction:
        cases = list(transaction.words.tagged(tags))
        lines = transaction.queue.lines_of(cases, SHOWN)
        names = staff_names(transaction)
        now = hub.clock.now()
        found = tuple(Found(row_of(line, by, names, now), _kinds(hub, transaction, line.case, tags)) for line in lines)
    return SearchResult(FoundBy.WORDS, found, len(cases))


def _kinds(hub: Hub, transaction: Transaction, case: CaseId, tags: list[bytes]) -> tuple[WordsKind, ...]:
    """Of the words in which one of these terms stands; the history says it, and no words are opened."""
    record = transaction.case(case)
    if record is None:
        return ()
    words = transaction.words.found(case, tags)
    notes = OpenedCase.read(transaction, record, hub.vault).state.notes
    kinds = {note.kind for note in notes if note.words in words}
    return tuple(kind for kind in WordsKind if kind in kinds)
