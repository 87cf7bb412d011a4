"""The desk's side of people's words: opening them, which says who reads and why, and writing messages.

Simple and strict: a reveal opens the words it names, once, for the page that asked. Nothing stays open. Reading the same words
again is another reveal with a reason of its own. Whole conversations open by one reason, by naming all their messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from amparo.case import machine
from amparo.case.people import Author, WordsKind
from amparo.core.clock import to_text
from amparo.core.errors import InvalidInput, NotFound, Rejected, Unavailable
from amparo.core.ids import CaseId, StaffId, WordsId
from amparo.hub.commands.spoken import Spoken, Typed, put_words
from amparo.hub.commands.staff import names_of
from amparo.hub.context import Hub
from amparo.hub.desk.access import CASES
from amparo.hub.vault import OpenedCase
from amparo.store import Transaction
from amparo.store.staff.protocol import Reveal, Role, StaffRecord

SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 500
LOG_READERS: Final = (Role.AUDITOR, Role.SUPERVISOR)
LINES: Final = 100


@dataclass(frozen=True, slots=True)
class RevealedLine:
    """A line of the reveal log, readable. line: its number in the log; number: of the case."""

    line: int
    staff: StaffId
    name: str
    case: CaseId
    number: int
    what: tuple[WordsKind, ...]
    reason: str
    at: datetime


def reveal(hub: Hub, by: StaffRecord, case: CaseId, words: Sequence[WordsId], reason: str) -> tuple[Spoken, ...]:
    """Open these words of a case, in the order in which they were noted.

    When this returns, the line of the reveal log is on disk; where it cannot be written, nothing is opened. Raises Rejected
    ``role_missing``, InvalidInput ``reason_short``, ``words_none``, NotFound ``case_unknown``, ``words_unknown``, Unavailable
    ``desk_locked``, ``words_not_wrapped``.
    """
    _require(by, CASES)
    reason, now, wanted = checked_reason(reason), hub.clock.now(), set(words)
    if not wanted:
        raise InvalidInput("words_none", "Choose what to open.")
    with hub.store.write() as transaction:
        opened = _case(hub, transaction, case)
        for one in wanted:
            opened.state.note(one)
        line = transaction.queue.line(case)
        if line is None:
            raise NotFound("case_unknown", "There is no such case. It may have been withdrawn.")
        key = hub.desk.open(transaction, case)
        sealed = transaction.words.sealed(case)
        spoken = tuple(
            Spoken(noted, key.open(noted.words, sealed[noted.words]))
            for noted in opened.state.notes
            if noted.words in wanted
        )
        kinds = tuple(dict.fromkeys(one.noted.kind for one in spoken))
        sealed_reason = hub.vault.seal_desk_text(reason, reveal_place(case, now))
        transaction.staff.record_reveal(Reveal(by.id, case, line.number, kinds, sealed_reason, now))
    return spoken


def write_message(hub: Hub, by: StaffRecord, case: CaseId, text: str) -> None:
    """A message to the person, which she reads with her case code. When this returns, it is on disk, sealed.

    Raises Rejected ``role_missing``, NotFound ``case_unknown``, InvalidInput ``words_invalid``, ``words_many``, Unavailable
    ``desk_locked``, ``words_not_wrapped``.
    """
    _require(by, CASES)
    if not text.strip():
        raise InvalidInput("words_invalid", "Write something first.")
    with hub.store.write() as transaction:
        opened = _case(hub, transaction, case)
        noted = put_words(hub, transaction, hub.desk.open(transaction, case), [Typed(WordsKind.MESSAGE, text)])
        opened.append(transaction, machine.note_words(opened.state, hub.clock.now(), Author.DESK, noted))


def erase_message(hub: Hub, by: StaffRecord, case: CaseId, words: WordsId) -> None:
    """Take back what the desk wrote. When this returns, it is off the disk; the history says that something was erased.

    Raises Rejected ``role_missing``, NotFound ``case_unknown``, ``words_unknown`` (also for the person's own words).
    """
    _require(by, CASES)
    with hub.store.write() as transaction:
        opened = _case(hub, transaction, case)
        events = machine.erase_words(opened.state, hub.clock.now(), Author.DESK, words)
        transaction.words.erase(words)
        opened.append(transaction, events)
    with suppress(Unavailable):
        hub.store.scrub()


def reveal_log(
    hub: Hub, by: StaffRecord, *, staff: StaffId | None = None, number: int | None = None, before: int | None = None
) -> list[RevealedLine]:
    """The newest 100 lines, of one person or one case where asked, below ``before``. Raises Rejected ``role_missing``."""
    _require(by, LOG_READERS)
    with hub.store.read() as transaction:
        names = names_of(transaction)
        lines = transaction.staff.reveals(LINES, staff=staff, number=number, before=before)
    return [
        RevealedLine(
            one.line,
            one.reveal.staff,
            names[one.reveal.staff],
            one.reveal.case,
            one.reveal.number,
            one.reveal.what,
            hub.vault.open_desk_text(one.reveal.sealed_reason, reveal_place(one.reveal.case, one.reveal.at)),
            one.reveal.at,
        )
        for one in lines
    ]


def checked_reason(reason: str) -> str:
    """A reason in one line. Raises InvalidInput ``reason_short``, ``reason_long``."""
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise InvalidInput("reason_short", f"Say why, in {SHORTEST_REASON} letters or more.")
    if len(reason) > LONGEST_REASON:
        raise InvalidInput("reason_long", f"Say why, in {LONGEST_REASON} letters or fewer.")
    return reason


def _case(hub: Hub, transaction: Transaction, case: CaseId) -> OpenedCase:
    record = transaction.case(case)
    if record is None:
        raise NotFound("case_unknown", "There is no such case. It may have been withdrawn.")
    return OpenedCase.read(transaction, record, hub.vault)


def _require(by: StaffRecord, roles: Sequence[Role]) -> None:
    if by.role not in roles:
        raise Rejected("role_missing", f"This is not for the role {by.role.value}.")


def reveal_place(case: CaseId, at: datetime) -> str:
    """Where the reason of a line of the reveal log is sealed to."""
    return f"reveal {case} {to_text(at)}"
