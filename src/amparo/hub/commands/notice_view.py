"""Notices as the desk sees them: in a list by clock and phase, and one with everything that is known, missing and possible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from amparo.case.machine import Case
from amparo.core.errors import NotFound
from amparo.core.ids import StaffId
from amparo.hub.commands.addressees import known_names, open_addressee
from amparo.hub.commands.notice_drafts import places_at
from amparo.hub.commands.notice_letter import letter_of, signed_by_person
from amparo.hub.commands.notices import THE_PERSON, is_open
from amparo.hub.commands.queue import check_works_on_cases, line_numbered, staff_names
from amparo.hub.commands.sending import SEND, job_name
from amparo.hub.context import Hub
from amparo.hub.notice_file import OpenedNotice
from amparo.hub.vault import OpenedCase
from amparo.notice.address_book import Platform, Route
from amparo.notice.award import Award
from amparo.notice.clock import Span
from amparo.notice.content import Notice, NoticeId, check
from amparo.notice.help_lines import HelpLine
from amparo.notice.letter import Rendered, Surroundings, has_letter, label, surroundings
from amparo.notice.machine import (
    Answer,
    AnswerRecorded,
    Channel,
    ClockRanOut,
    ClockWarned,
    DeliveryFailed,
    Event,
    NoticeAbandoned,
    NoticeApproved,
    NoticeDrafted,
    NoticeRevised,
    NoticeSent,
    NoticeState,
    Origin,
    Phase,
    Proof,
    ReceiptProved,
    standing,
)
from amparo.notice.next_step import NextStep, next_steps
from amparo.notice.pack import Element, Language, RulePack
from amparo.store import Transaction
from amparo.store.jobs.protocol import JobRecord, JobState
from amparo.store.notices.protocol import NoticeFilter, NoticeRecord
from amparo.store.staff.protocol import StaffRecord

ROWS: Final = 50


class Shelf(StrEnum):
    """Which notices a list shows. OVER: their time is over and nobody has answered. CLOCKS: a clock runs."""

    OVER = "over"
    CLOCKS = "clocks"
    DRAFTS = "drafts"
    TO_SEND = "to-send"
    ON_THEIR_WAY = "on-their-way"
    ANSWERED = "answered"
    ENDED = "ended"
    ALL = "all"


_PHASES: Final[dict[Shelf, Collection[Phase] | None]] = {
    Shelf.OVER: (Phase.EXPIRED,),
    Shelf.CLOCKS: None,
    Shelf.DRAFTS: (Phase.DRAFTED,),
    Shelf.TO_SEND: (Phase.APPROVED,),
    Shelf.ON_THEIR_WAY: (Phase.SENT, Phase.RECEIVED, Phase.EXPIRED),
    Shelf.ANSWERED: (Phase.ANSWERED, Phase.REFUSED),
    Shelf.ENDED: (Phase.REMOVED, Phase.ABANDONED),
    Shelf.ALL: None,
}
_KINDS: Final[dict[type[Event], str]] = {
    NoticeDrafted: "Drafted",
    NoticeRevised: "Changed",
    NoticeApproved: "Approved",
    NoticeSent: "Sent",
    DeliveryFailed: "Came back undelivered",
    ReceiptProved: "Receipt proved",
    AnswerRecorded: "Answered",
    ClockWarned: "The clock warned",
    ClockRanOut: "The time ran out",
    NoticeAbandoned: "Given up",
}
_CHANNELS: Final = {
    Channel.EMAIL: "by e-mail",
    Channel.FORM: "by the addressee's form",
    Channel.POST: "by post",
    Channel.IN_PERSON: "in person",
}
_PROOFS: Final = {
    Proof.ACKNOWLEDGEMENT: "Their acknowledgement",
    Proof.FORM_CONFIRMATION: "The form's confirmation",
    Proof.DELIVERY_REPORT: "A delivery report",
    Proof.REGISTERED_POST: "Registered post",
    Proof.IN_PERSON: "Handed over in person",
}
_ANSWERS: Final = {
    Answer.ANSWERED: "They wrote, and decided nothing yet",
    Answer.REMOVED: "They removed it",
    Answer.REFUSED: "They refused",
}


@dataclass(frozen=True, slots=True)
class Period:
    """A clock as the desk sees it. share: percent that has passed, 0 to 100. over: its end has come and nothing stopped it."""

    span: Span
    share: int
    over: bool
    runs: bool
    met_late: bool


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """number: of the case. addressee: "" where it is in the person's own words. phase: as the stored moments have it now."""

    record: NoticeRecord
    number: int
    addressee: str
    rule: RulePack
    phase: Phase
    period: Period | None
    sending: JobRecord | None


@dataclass(frozen=True, slots=True)
class NoticeList:
    shelf: Shelf
    page: int
    pages: int
    rows: tuple[NoticeRow, ...]
    counts: dict[Shelf, int]
    number: int | None


@dataclass(frozen=True, slots=True)
class StepLine:
    """One proposal, with what it needs to be shown: the rule, the help line or the award behind it. drafts: a letter can be made
    from the rule."""

    step: NextStep
    pack: RulePack | None
    line: HelpLine | None
    award: Award | None
    drafts: bool


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """by: a name, "the person", or "" for what nobody decided. words: what was written with it, "" until it may be read."""

    at: datetime
    kind: str
    by: str
    about: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """What a notice says, for whoever stated a reason. letter: the approved text, or what would be approved; None while
    anything is missing. seen: links that partners told of and that it lacks."""

    state: NoticeState
    notice: Notice
    missing: tuple[Element, ...]
    letter: Rendered | None
    platform: Platform | None
    route: Route | None
    route_stale: bool
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoticePage:
    """One notice. phase: as the stored moments have it now. hers: it carries the person's signature, so only she approves it.
    addressee: "" while it is in the person's own words and these are closed. words: None until this member of staff has stated a
    reason."""

    id: NoticeId
    number: int
    addressee: str
    phase: Phase
    origin: Origin
    pack: RulePack
    around: Surroundings
    labels: dict[Element, str]
    period: Period | None
    sending: JobRecord | None
    steps: tuple[StepLine, ...]
    history: tuple[HistoryLine, ...]
    hers: bool
    words: NoticeWords | None


def notice_list(hub: Hub, by: StaffRecord, shelf: Shelf, page: int = 1, number: int | None = None) -> NoticeList:
    """One page of the notices, of one case where its number is given. Raises Rejected ``role_missing``, NotFound
    ``case_unknown``.
    """
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        case = None if number is None else line_numbered(transaction, number).case
        wanted = {one: NoticeFilter(_PHASES[one], case, True if one is Shelf.CLOCKS else None) for one in Shelf}
        counts = {one: transaction.notices.count(asked) for one, asked in wanted.items()}
        pages = max(1, -(-counts[shelf] // ROWS))
        page = min(max(1, page), pages)
        records = transaction.notices.lines(wanted[shelf], ROWS, (page - 1) * ROWS)
        rows = _rows(hub, transaction, records)
    return NoticeList(shelf, page, pages, rows, counts, number)


def nearest_notices(hub: Hub, by: StaffRecord, number: int, limit: int) -> tuple[NoticeRow, ...]:
    """Of one case, the nearest clock first. Raises Rejected ``role_missing``, NotFound ``case_unknown``."""
    check_works_on_cases(by)
    with hub.store.read() as transaction:
        wanted = NoticeFilter(case=line_numbered(transaction, number).case)
        return _rows(hub, transaction, transaction.notices.lines(wanted, limit))


def notice_page(hub: Hub, by: StaffRecord, notice: NoticeId) -> NoticePage:
    """Raises Rejected ``role_missing``, NotFound ``notice_unknown``."""
    check_works_on_cases(by)
    now = hub.clock.now()
    with hub.store.read() as transaction:
        opened = OpenedNotice.read(transaction, notice, hub.vault)
        line = transaction.queue.line(opened.case)
        record = transaction.case(opened.case)
        if line is None or record is None:
            raise NotFound("notice_unknown", "There is no such notice.")
        case = OpenedCase.read(transaction, record, hub.vault).state
        sending = _sending(transaction, opened.state)
        names = staff_names(transaction)
        readable = is_open(hub, transaction, by, opened)
        known = known_names(hub, transaction)
        touched = _countries(hub, case, opened, transaction.notices.of_case(opened.case))
        events = opened.key.open_notice(notice, transaction.notices.sealed_events(notice))
    state = opened.state
    assert state.drafted is not None  # the first event of every notice
    pack = hub.office.packs.get(opened.notice.pack)
    return NoticePage(
        id=notice,
        number=line.number,
        addressee=opened.notice.addressee if readable else open_addressee(state, known),
        phase=standing(state, now),
        origin=state.drafted.origin,
        pack=pack,
        around=surroundings(pack, Language.EN),
        labels={asked.element: label(asked.element, Language.EN) for asked in pack.elements},
        period=period_of(state, now),
        sending=sending,
        steps=_steps(hub, state, now, touched),
        history=tuple(_history_line(event, names, readable) for event in events),
        hers=signed_by_person(opened.notice),
        words=_words(hub, opened, case, pack, now) if readable else None,
    )


def _words(hub: Hub, opened: OpenedNotice, case: Case, pack: RulePack, now: datetime) -> NoticeWords:
    notice = opened.notice
    platform = next((one for one in hub.office.book if one.name == notice.addressee), None)
    route = platform.route(pack.id) if platform else None
    told = places_at(case, platform.partner if platform else notice.addressee)
    return NoticeWords(
        opened.state,
        notice,
        check(notice, pack),
        letter_of(hub, opened.state),
        platform,
        route,
        route is not None and route.stale(now.date()),
        tuple(url for url in told if url not in notice.urls),
    )


def period_of(state: NoticeState, now: datetime) -> Period | None:
    """None while no clock has started."""
    whole, running = state.span, state.running
    if whole is None:
        return None
    passed = (now - whole.start) / (whole.end - whole.start)
    share = min(100, max(0, int(100 * passed)))
    runs = running is not None
    return Period(whole, share, runs and now >= whole.end, runs, state.met_late)


def _rows(hub: Hub, transaction: Transaction, records: Sequence[NoticeRecord]) -> tuple[NoticeRow, ...]:
    """What all of them need is read once for all."""
    now, known = hub.clock.now(), known_names(hub, transaction)
    cases = tuple({record.case for record in records})
    numbers = {line.case: line.number for line in transaction.queue.lines_of(cases, len(cases))}
    rows: list[NoticeRow] = []
    for record in records:
        opened = OpenedNotice.of_record(transaction, record, hub.vault)
        rows.append(
            NoticeRow(
                record,
                numbers.get(record.case, 0),
                open_addressee(opened.state, known),
                hub.office.packs.get(record.pack),
                standing(opened.state, now),
                period_of(opened.state, now),
                _sending(transaction, opened.state),
            )
        )
    return tuple(rows)


def _sending(transaction: Transaction, state: NoticeState) -> JobRecord | None:
    """The job that is to send it, or could not; None where nothing waits."""
    name = job_name(state)
    job = None if name is None else transaction.jobs.named(name)
    return job if job is not None and job.kind == SEND and job.state is not JobState.DROPPED else None


def _countries(hub: Hub, case: Case, opened: OpenedNotice, records: Iterable[NoticeRecord]) -> set[str]:
    """ISO 3166-1 codes that the case touches: the hub's, those of its notices' laws, and where platforms answer that hold or
    held a copy, as far as the address book knows them."""
    book, packs = hub.office.book, hub.office.packs
    platforms = [
        *(one for one in book if one.name == opened.notice.addressee),
        *(book.of_partner(one.partner_name) for one in case.sightings),
        *(book.of_partner(one.held.partner_name) for one in case.derivatives),
    ]
    touched = {hub.settings.country, *(packs.get(record.pack).jurisdiction for record in records)}
    return touched | {one.country for one in platforms if one is not None and one.country}


def _steps(hub: Hub, state: NoticeState, now: datetime, countries: Collection[str]) -> tuple[StepLine, ...]:
    office = hub.office
    lines = {line.id: line for line in office.lines}
    steps = next_steps(state, now, office.packs, countries, office.lines, office.awards)
    return tuple(
        StepLine(
            step,
            office.packs.get(step.pack) if step.pack else None,
            lines.get(step.line),
            next((award for award in office.awards if award.line == step.line), None),
            bool(step.pack) and has_letter(office.packs.get(step.pack)),
        )
        for step in steps
    )


def _history_line(event: Event, names: dict[StaffId, str], readable: bool) -> HistoryLine:
    by = getattr(event, "by", "")
    who = "the person" if by == THE_PERSON else names.get(StaffId(by), "")
    about, words = None, ""
    match event:
        case NoticeSent():
            words = f"{_CHANNELS[event.channel]}, {event.reference}"
        case DeliveryFailed() | NoticeAbandoned():
            words = event.reason
        case ReceiptProved():
            about, words = event.received_at, f"{_PROOFS[event.proof]}. {event.words}"
        case AnswerRecorded():
            about, words = event.answered_at, f"{_ANSWERS[event.answer]}. {event.words}"
        case ClockWarned():
            about, words = event.due_at, f"{event.share} % of the time"
        case ClockRanOut():
            about = event.due_at
        case _:
            pass
    return HistoryLine(event.at, _KINDS[type(event)], who, about, words.strip() if readable else "")
