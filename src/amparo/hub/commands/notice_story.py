"""A case's notices as the person in the pictures reads of them: what was demanded of whom, when, what they answered.

Only what has happened. No deadline, no hour that is still to come, and nothing to count down to is in these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from amparo.hub.commands.notice_letter import waits_for_person
from amparo.hub.context import Hub
from amparo.hub.notice_file import OpenedNotice
from amparo.hub.vault import OpenedCase
from amparo.notice.content import NoticeId
from amparo.notice.machine import NoticeState, Phase
from amparo.notice.pack import Language, RulePack
from amparo.store import Transaction


class Told(StrEnum):
    """How far a demand has come, in the person's order of things.

    PREPARED: the desk writes it. YOURS_TO_SIGN: it is complete, carries her name and waits for her word. DECIDED: it will go
    out. SENT, RECEIVED: it went out; they have it. ANSWERED: they wrote and decided nothing yet. REMOVED, REFUSED: what they
    decided. PURSUED: they have not done it, and the desk goes on. ENDED: it is not pursued any further.
    """

    PREPARED = "prepared"
    YOURS_TO_SIGN = "yours_to_sign"
    DECIDED = "decided"
    SENT = "sent"
    RECEIVED = "received"
    ANSWERED = "answered"
    REMOVED = "removed"
    REFUSED = "refused"
    PURSUED = "pursued"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One demand. language: of the title of its rule. links: how many it names. sent_at, received_at, answered_at: None while
    it has not happened. late: what they did came after the time that the rule gave them.
    """

    id: NoticeId
    addressee: str
    rule: RulePack
    language: Language
    told: Told
    links: int
    drafted_at: datetime
    sent_at: datetime | None
    received_at: datetime | None
    answered_at: datetime | None
    late: bool


def notices_of_case(hub: Hub, transaction: Transaction, opened: OpenedCase) -> tuple[NoticeLine, ...]:
    """Every demand of a case, the oldest first."""
    language = language_of(opened.state.language)
    return tuple(_line(hub, one, language) for one in OpenedNotice.of_case(transaction, opened.key))


def language_of(case_language: str) -> Language:
    """In which of the two languages of notices a case is spoken to; Catalan, Galician and Basque get Spanish."""
    return Language.EN if case_language == "en" else Language.ES


def _line(hub: Hub, opened: OpenedNotice, language: Language) -> NoticeLine:
    state, notice = opened.state, opened.notice
    assert state.drafted is not None  # as in ``OpenedNotice.notice``
    return NoticeLine(
        state.id,
        notice.addressee,
        hub.office.packs.get(notice.pack),
        language,
        _told(hub, state),
        len(notice.urls),
        state.drafted.at,
        state.sent.at if state.sent else None,
        state.receipt.received_at if state.receipt else None,
        state.answers[-1].answered_at if state.answers else None,
        state.met_late,
    )


def _told(hub: Hub, state: NoticeState) -> Told:
    match state.phase:
        case Phase.DRAFTED | Phase.NONE:
            return Told.YOURS_TO_SIGN if waits_for_person(hub, state) else Told.PREPARED
        case Phase.APPROVED:
            return Told.DECIDED
        case Phase.SENT:
            return Told.SENT
        case Phase.RECEIVED:
            return Told.RECEIVED
        case Phase.ANSWERED:
            return Told.ANSWERED
        case Phase.REMOVED:
            return Told.REMOVED
        case Phase.REFUSED:
            return Told.REFUSED
        case Phase.EXPIRED:
            return Told.PURSUED
        case Phase.ABANDONED:
            return Told.ENDED
