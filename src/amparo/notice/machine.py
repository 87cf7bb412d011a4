"""One notice's life as a pure state machine: (state, command) → events, and events fold back into the state.

::

    drafted ──approve──▶ approved ──sent──▶ sent ──receipt proved──▶ received ──▶ answered ──▶ removed | refused
       ▲                  │   ▲               │                         │             ▲
       └──── revise ──────┘   └─ not delivered┘                         └▶ expired ───┘

Every step that speaks for somebody needs a person's decision: ``by`` names who decided. A clock starts at provable receipt,
never at sending; a complaint's window starts when its sender was told of the decision. The end of a clock is computed from
stored instants (``running``); the event of its end only records that the desk was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected
from amparo.notice.award import Award
from amparo.notice.clock import Span, next_moment, span, warning_due, zone_named
from amparo.notice.content import Notice, NoticeId, check_line, check_text, validate
from amparo.notice.letter import Rendered, render
from amparo.notice.pack import ClockRule, ClockStart, MetBy, RulePack

CLOCK_SKEW: Final = timedelta(hours=1)
"""How far other people's clocks may be from ours before a typed moment is refused as impossible."""


class Phase(StrEnum):
    NONE = "none"
    DRAFTED = "drafted"
    APPROVED = "approved"
    SENT = "sent"
    RECEIVED = "received"
    ANSWERED = "answered"
    REMOVED = "removed"
    REFUSED = "refused"
    EXPIRED = "expired"
    ABANDONED = "abandoned"


class Channel(StrEnum):
    EMAIL = "email"
    FORM = "form"
    POST = "post"
    IN_PERSON = "in_person"


class Proof(StrEnum):
    """How receipt is proved."""

    ACKNOWLEDGEMENT = "acknowledgement"
    FORM_CONFIRMATION = "form_confirmation"
    DELIVERY_REPORT = "delivery_report"
    REGISTERED_POST = "registered_post"
    IN_PERSON = "in_person"


class Answer(StrEnum):
    """ANSWERED: they wrote, and decided nothing yet."""

    ANSWERED = "answered"
    REMOVED = "removed"
    REFUSED = "refused"


class Origin(StrEnum):
    PERSON = "person"
    CASEWORKER = "caseworker"
    SIGHTING = "sighting"


@dataclass(frozen=True, slots=True)
class NoticeDrafted:
    """clock: the pack's, as it was at that hour. zone: the operator's, for this notice's whole life (IANA name)."""

    at: datetime
    notice: Notice
    origin: Origin
    clock: ClockRule | None
    zone: str


@dataclass(frozen=True, slots=True)
class NoticeRevised:
    at: datetime
    by: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class NoticeApproved:
    """rendered: the very text and destination that were approved, and are used, whatever becomes of packs and texts."""

    at: datetime
    by: str
    rendered: Rendered
    clock: ClockRule | None


@dataclass(frozen=True, slots=True)
class NoticeSent:
    """reference: by which a second report of one sending is known: the Message-ID, a form's number, a post code."""

    at: datetime
    channel: Channel
    reference: str


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    at: datetime
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiptProved:
    at: datetime
    by: str
    received_at: datetime
    proof: Proof
    words: str


@dataclass(frozen=True, slots=True)
class AnswerRecorded:
    at: datetime
    by: str
    answer: Answer
    answered_at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class ClockWarned:
    """share: percent of the span that had passed at ``due_at``."""

    at: datetime
    due_at: datetime
    share: int


@dataclass(frozen=True, slots=True)
class ClockRanOut:
    at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeAbandoned:
    at: datetime
    by: str
    reason: str


Event = (
    NoticeDrafted
    | NoticeRevised
    | NoticeApproved
    | NoticeSent
    | DeliveryFailed
    | ReceiptProved
    | AnswerRecorded
    | ClockWarned
    | ClockRanOut
    | NoticeAbandoned
)


@dataclass(frozen=True, slots=True)
class NoticeState:
    """The folded state. ``version`` counts the events, for optimistic concurrency. approved_version: the version that the
    newest approval made, 0 before the first: it tells one approval of the same text from another."""

    id: NoticeId
    version: int = 0
    phase: Phase = Phase.NONE
    drafted: NoticeDrafted | None = None
    notice: Notice | None = None
    clock: ClockRule | None = None
    approved: NoticeApproved | None = None
    approved_version: int = 0
    sent: NoticeSent | None = None
    failures: tuple[DeliveryFailed, ...] = ()
    receipt: ReceiptProved | None = None
    answers: tuple[AnswerRecorded, ...] = ()
    warned: int = 0
    ran_out_at: datetime | None = None
    abandoned: NoticeAbandoned | None = None

    @property
    def span(self) -> Span | None:
        """The clock's span, whether it still runs or not; None before it started and for rules without a clock."""
        if self.clock is None or self.drafted is None or self.notice is None:
            return None
        match self.clock.start:
            case ClockStart.INFORMED:
                start = self.notice.informed_at
            case ClockStart.PROVABLE_RECEIPT if self.receipt is not None and self.sent is not None:
                # Their clock may be behind ours: what came in before we sent it came in when we sent it.
                start = max(self.receipt.received_at, self.sent.at)
            case ClockStart.PROVABLE_RECEIPT:
                start = None
        return None if start is None else span(start, self.clock, zone_named(self.drafted.zone))

    @property
    def running(self) -> Span | None:
        """The span while nothing has stopped the clock yet; it may have run out."""
        if self.clock is None or self.phase is Phase.ABANDONED:
            return None
        match self.clock.met_by:
            case MetBy.SENDING:
                stopped = self.sent is not None
            case MetBy.REMOVAL | MetBy.DECISION:
                stopped = any(record.answer is not Answer.ANSWERED for record in self.answers)
        return None if stopped else self.span

    @property
    def waiting_since(self) -> datetime | None:
        """Since when the addressee's next word is awaited, clock or not; None while none is."""
        if self.sent is None or self.phase in (Phase.REMOVED, Phase.REFUSED, Phase.ABANDONED):
            return None
        if self.answers:
            return self.answers[-1].answered_at
        return self.receipt.received_at if self.receipt is not None else self.sent.at

    @property
    def met_late(self) -> bool:
        """Whether what stopped the clock came after its end, by the stored instants alone."""
        whole = self.span
        if whole is None or self.clock is None or self.running is not None:
            return False
        match self.clock.met_by:
            case MetBy.SENDING:
                stops = [self.sent.at] if self.sent else []
            case MetBy.REMOVAL | MetBy.DECISION:
                stops = [record.answered_at for record in self.answers if record.answer is not Answer.ANSWERED]
        return bool(stops) and min(stops) >= whole.end


def fold(notice: NoticeId, events: Iterable[Event]) -> NoticeState:
    """The state after these events, from the first."""
    state = NoticeState(notice)
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: NoticeState, event: Event) -> NoticeState:
    """The state after one more event. Total: an event that was recorded always folds."""
    state = replace(state, version=state.version + 1)
    match event:
        case NoticeDrafted():
            return replace(state, phase=Phase.DRAFTED, drafted=event, notice=event.notice, clock=event.clock)
        case NoticeRevised():
            return replace(state, phase=Phase.DRAFTED, notice=event.notice, approved=None, warned=0, ran_out_at=None)
        case NoticeApproved():
            approval = state.version
            return replace(state, phase=Phase.APPROVED, approved=event, approved_version=approval, clock=event.clock)
        case NoticeSent():
            return replace(state, phase=Phase.SENT, sent=event)
        case DeliveryFailed():
            return replace(state, phase=Phase.APPROVED, sent=None, failures=(*state.failures, event))
        case ReceiptProved():
            phase = Phase.RECEIVED if state.phase in (Phase.SENT, Phase.EXPIRED) and not state.answers else state.phase
            phase = Phase.ANSWERED if phase is Phase.EXPIRED else phase
            return replace(state, phase=phase, receipt=event, warned=0, ran_out_at=None)
        case AnswerRecorded():
            return replace(state, phase=Phase(event.answer), answers=(*state.answers, event))
        case ClockWarned():
            return replace(state, warned=max(state.warned, event.share))
        case ClockRanOut():
            # A window to send that closed leaves the notice where it was: the person may still send it.
            phase = state.phase if state.sent is None else Phase.EXPIRED
            return replace(state, phase=phase, ran_out_at=event.due_at)
        case NoticeAbandoned():
            return replace(state, phase=Phase.ABANDONED, abandoned=event)


def draft(
    state: NoticeState, now: datetime, notice: Notice, pack: RulePack, origin: Origin, zone: str
) -> tuple[Event, ...]:
    """Write a first draft; it may lack anything. Raises Conflict ``notice_exists``, InvalidInput as ``validate``,
    ``time_zone_unknown``, ``notice_of_other_pack``.
    """
    if state.phase is not Phase.NONE:
        raise Conflict("notice_exists", "This notice has been drafted already.")
    validate(notice)
    zone_named(zone)
    _same(state, notice)
    if notice.pack != pack.id:
        raise InvalidInput("notice_of_other_pack", "The notice belongs to another rule.")
    return (NoticeDrafted(now, notice, origin, pack.clock, zone),)


def revise(state: NoticeState, now: datetime, by: str, notice: Notice) -> tuple[Event, ...]:
    """Change what is not sent yet; an approval is void then. Nothing happens where nothing changes.

    Raises NotFound ``notice_unknown``, Conflict ``notice_sent``, Rejected ``decision_needed``.
    """
    _decided(by)
    _in(state, (Phase.DRAFTED, Phase.APPROVED), "notice_sent", "This notice is sent and cannot be changed.")
    validate(notice)
    _same(state, notice)
    if state.notice is not None and notice.pack != state.notice.pack:
        raise InvalidInput("notice_of_other_pack", "A notice under another rule is another notice.")
    return () if notice == state.notice else (NoticeRevised(now, by, notice),)


def approve(
    state: NoticeState, now: datetime, by: str, digest: str, pack: RulePack, award: Award | None = None
) -> tuple[Event, ...]:
    """A person's decision to send exactly the text that they read, known by its ``Rendered.digest``.

    Nothing happens the second time. Raises NotFound ``notice_unknown``, Conflict ``notice_sent`` or ``notice_changed`` where
    the text is no longer the one that was read, Rejected ``decision_needed``, and whatever ``letter.render`` refuses.
    """
    _decided(by)
    _in(state, (Phase.DRAFTED, Phase.APPROVED), "notice_sent", "This notice has been sent.")
    if state.approved is not None and state.approved.rendered.digest == digest:
        return ()
    rendered = render(_notice(state), pack, award)
    if rendered.digest != digest or state.approved is not None:
        raise Conflict("notice_changed", "The notice has changed meanwhile. Read it again.")
    return (NoticeApproved(now, by, rendered, pack.clock),)


def record_sent(state: NoticeState, now: datetime, channel: Channel, reference: str) -> tuple[Event, ...]:
    """The notice went out; told twice it is written once. Starts no clock of the addressee.

    Raises NotFound ``notice_unknown``, Rejected ``notice_not_approved``, Conflict ``notice_sent`` for another sending.
    """
    _known(state)
    if not reference.strip():
        raise InvalidInput("reference_missing", "A sending needs a reference.")
    check_line(reference)
    if state.sent is not None and state.sent.reference == reference:
        return ()
    if state.phase is Phase.DRAFTED:
        raise Rejected("notice_not_approved", "Nobody has approved this notice.")
    _in(state, (Phase.APPROVED,), "notice_sent", "This notice has been sent already.")
    return (NoticeSent(now, channel, reference),)


def record_failure(state: NoticeState, now: datetime, reference: str, reason: str) -> tuple[Event, ...]:
    """It came back undelivered: it waits to be sent again, under a new decision if its text is changed.

    Told twice it is written once. Raises NotFound ``notice_unknown``, Conflict ``notice_received`` after proof of receipt,
    InvalidInput ``reference_unknown``.
    """
    _known(state)
    if state.sent is None and any(failure.reference == reference for failure in state.failures):
        return ()
    if state.sent is None or state.sent.reference != reference:
        raise InvalidInput("reference_unknown", "No sending of this notice has that reference.")
    _in(state, (Phase.SENT,), "notice_received", "This notice was received.")
    check_text(reason)
    return (DeliveryFailed(now, reference, reason),)


def prove_receipt(
    state: NoticeState, now: datetime, by: str, received_at: datetime, proof: Proof, words: str
) -> tuple[Event, ...]:
    """The addressee provably had it at ``received_at``: the clock starts there. A later proof corrects an earlier one.

    Raises NotFound ``notice_unknown``, Conflict ``notice_not_sent``, Rejected ``decision_needed``, InvalidInput
    ``moment_impossible`` for one in the future or before the sending, by more than ``CLOCK_SKEW``.
    """
    _decided(by)
    sent = _sent(state)
    _possible(received_at, sent.at, now)
    check_text(words)
    event = ReceiptProved(now, by, received_at, proof, words)
    known = state.receipt
    return () if known is not None and replace(known, at=now, by=by) == event else (event,)


def record_answer(
    state: NoticeState, now: datetime, by: str, answer: Answer, answered_at: datetime, words: str
) -> tuple[Event, ...]:
    """What the addressee did or said, and when. Told twice in a row it is written once.

    Raises NotFound ``notice_unknown``, Conflict ``notice_not_sent`` or ``notice_closed`` once it is removed, Rejected
    ``decision_needed``, InvalidInput ``moment_impossible``.
    """
    _decided(by)
    sent = _sent(state)
    _possible(answered_at, sent.at, now)
    check_text(words)
    event = AnswerRecorded(now, by, answer, answered_at, words)
    if state.answers and replace(state.answers[-1], at=now, by=by) == event:
        return ()
    if state.phase is Phase.REMOVED:
        raise Conflict("notice_closed", "This notice has reached its end: a copy that is back needs a new one.")
    if state.phase is Phase.REFUSED and answer is Answer.ANSWERED:
        raise Conflict("notice_refused", "After a refusal only a removal or another refusal can follow.")
    return (event,)


def abandon(state: NoticeState, now: datetime, by: str, reason: str) -> tuple[Event, ...]:
    """Pursue it no further; nothing happens the second time.

    Raises NotFound ``notice_unknown``, Conflict ``notice_closed`` where it has been removed, Rejected ``decision_needed``.
    """
    _decided(by)
    _known(state)
    check_text(reason)
    if state.phase is Phase.REMOVED:
        raise Conflict("notice_closed", "This notice has reached its end.")
    return () if state.phase is Phase.ABANDONED else (NoticeAbandoned(now, by, reason),)


def tick(state: NoticeState, now: datetime, warn_at: Sequence[int]) -> tuple[Event, ...]:
    """What the clock has to say at ``now``: at most one warning, or its end; each said once, however often this is asked.

    After a long sleep the latest warning stands for those missed, and the end for all.
    """
    running = state.running
    if running is None or state.ran_out_at is not None:
        return ()
    if now >= running.end:
        return (ClockRanOut(now, running.end),)
    share = warning_due(running, now, warn_at, state.warned)
    return () if share is None else (ClockWarned(now, running.point(share), share),)


def due_at(state: NoticeState, warn_at: Sequence[int]) -> datetime | None:
    """When ``tick`` has something to say next; None where no clock runs. For the job that asks it then."""
    running = state.running
    return None if running is None or state.ran_out_at is not None else next_moment(running, warn_at, state.warned)


def standing(state: NoticeState, now: datetime) -> Phase:
    """The phase as the stored instants have it at ``now``. An end that was told while the machine's clock ran ahead counts
    for nothing once the clock is right, until the period is really over.
    """
    running = state.running
    if state.phase is not Phase.EXPIRED or running is None or now >= running.end:
        return state.phase
    return Phase.ANSWERED if state.answers else Phase.RECEIVED


def _decided(by: str) -> None:
    if not by.strip():
        raise Rejected("decision_needed", "A person has to decide this.")
    check_line(by)


def _known(state: NoticeState) -> None:
    if state.phase is Phase.NONE:
        raise NotFound("notice_unknown", "There is no such notice.")


def _notice(state: NoticeState) -> Notice:
    if state.notice is None:
        raise NotFound("notice_unknown", "There is no such notice.")
    return state.notice


def _sent(state: NoticeState) -> NoticeSent:
    _known(state)
    if state.sent is None or state.phase is Phase.ABANDONED:
        raise Conflict("notice_not_sent", "This notice is not on its way.")
    return state.sent


def _same(state: NoticeState, notice: Notice) -> None:
    if notice.id != state.id:
        raise InvalidInput("notice_id_invalid", "The draft carries another notice's identifier.")


def _in(state: NoticeState, phases: tuple[Phase, ...], code: str, public: str) -> None:
    _known(state)
    if state.phase not in phases:
        raise Conflict(code, public)


def _possible(moment: datetime, sent_at: datetime, now: datetime) -> None:
    if moment.tzinfo is None or not sent_at - CLOCK_SKEW <= moment <= max(now, sent_at) + CLOCK_SKEW:
        raise InvalidInput("moment_impossible", "This cannot have happened before the sending, or after today's hour.")
