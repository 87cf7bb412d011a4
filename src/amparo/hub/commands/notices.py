"""What people do with notices: draft, revise, approve, record, abandon. Every step that speaks for somebody is a person's.

A notice signed by an agent, or by nobody, is approved by staff. One that carries the person's own signature is approved by
that person alone, with the case code: nobody at the desk can sign for her.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from amparo.case.code import CaseCode
from amparo.case.people import WordsKind
from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected
from amparo.hub.commands.desk_words import checked_reason, reveal_place
from amparo.hub.commands.notice_drafts import Wanted, first_draft, following
from amparo.hub.commands.notice_letter import letter_of, signed_by_person, waits_for_person
from amparo.hub.commands.notice_story import language_of
from amparo.hub.commands.queue import check_works_on_cases, line_numbered
from amparo.hub.commands.sending import stop_sending
from amparo.hub.context import Hub
from amparo.hub.notice_file import OpenedNotice
from amparo.hub.vault import CaseKey, OpenedCase
from amparo.notice import machine
from amparo.notice.content import Notice, NoticeId
from amparo.notice.letter import Rendered, has_letter
from amparo.notice.machine import Answer, Channel, Event, NoticeState, Origin, Proof
from amparo.notice.pack import RulePack
from amparo.store import Transaction
from amparo.store.staff.protocol import Reveal, StaffRecord

THE_PERSON: Final = "person"
"""Who decided, where it was the person with the case code; else a staff member's id."""
NOTICES_A_CASE: Final = 200
OPEN_FOR: Final = timedelta(hours=1)
"""How long the words of a notice stay open to whoever stated a reason."""
_WHAT: Final = (WordsKind.NAME, WordsKind.CONTACT, WordsKind.LINK, WordsKind.NOTE)

Step: TypeAlias = Callable[[NoticeState, datetime], tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class LetterToSign:
    """A complete notice that carries the person's signature and waits for her word. rule: by which it is written."""

    id: NoticeId
    addressee: str
    rendered: Rendered
    rule: RulePack


# The desk


def draft(hub: Hub, by: StaffRecord, number: int, notice: NoticeId, wanted: Wanted) -> None:
    """Begin a notice of the case with this number; the same identifier again changes nothing.

    Raises Rejected ``role_missing``, ``rule_pack_without_letter``, NotFound ``case_unknown``, ``platform_unknown``,
    InvalidInput as ``content.validate``, ``notices_many``, Conflict ``notice_exists`` for one of another case.
    """
    check_works_on_cases(by)
    require_letter(wanted.pack)
    with hub.store.write() as transaction:
        opened = _case_numbered(hub, transaction, number)
        begin(hub, transaction, opened.key, first_draft(hub, opened.state, notice, wanted), Origin.CASEWORKER)
        _log_reveal(hub, transaction, by, number, opened, "Drafts a notice.")


def follow(hub: Hub, by: StaffRecord, before: NoticeId, notice: NoticeId, pack: RulePack) -> None:
    """Begin the next step after a notice: a complaint, a report to a regulator. Raises as ``draft`` does."""
    check_works_on_cases(by)
    require_letter(pack)
    with hub.store.write() as transaction:
        opened = OpenedNotice.read(transaction, before, hub.vault)
        require_open(hub, transaction, by, opened)
        begin(hub, transaction, opened.key, following(hub, opened.state, notice, pack), Origin.CASEWORKER)


def open_words(hub: Hub, by: StaffRecord, notice: NoticeId, reason: str) -> None:
    """State why one must read what a notice says; the line in the reveal log is on disk when this returns.

    Raises Rejected ``role_missing``, NotFound ``notice_unknown``, InvalidInput ``reason_short``, ``reason_long``.
    """
    check_works_on_cases(by)
    reason = checked_reason(reason)
    with hub.store.write() as transaction:
        opened = OpenedNotice.read(transaction, notice, hub.vault)
        line = transaction.queue.line(opened.case)
        case = transaction.case(opened.case)
        if line is None or case is None:
            raise NotFound("notice_unknown", "There is no such notice.")
        _log_reveal(hub, transaction, by, line.number, OpenedCase.read(transaction, case, hub.vault), reason)


def is_open(hub: Hub, transaction: Transaction, by: StaffRecord, opened: OpenedNotice) -> bool:
    """Whether this member of staff has stated a reason for this case's notices in the last hour."""
    now, line = hub.clock.now(), transaction.queue.line(opened.case)
    if line is None:
        return False
    lines = transaction.staff.reveals(200, staff=by.id, number=line.number)
    return any(
        one.reveal.what == _WHAT and one.reveal.case == opened.case and abs(now - one.reveal.at) < OPEN_FOR
        for one in lines
    )


def require_open(hub: Hub, transaction: Transaction, by: StaffRecord, opened: OpenedNotice) -> None:
    """Raises Rejected ``notice_closed_to_you`` where no reason is on record."""
    if not is_open(hub, transaction, by, opened):
        raise closed_to_you()


def closed_to_you() -> Rejected:
    return Rejected("notice_closed_to_you", "Open this notice first, and say why.")


def revise(hub: Hub, by: StaffRecord, notice: Notice, seen: int) -> None:
    """Put other words in place of those at version ``seen``; an approval is void then, and what waits to be sent is not.

    Raises Conflict ``notice_changed`` where somebody else was faster, ``notice_being_sent``, ``notice_sent``, and what
    ``content.validate`` refuses.
    """
    with hub.store.write() as transaction:
        opened = _opened(hub, transaction, by, notice.id)
        if opened.state.version != seen and opened.notice != notice:
            raise Conflict("notice_changed", "Somebody else has changed this notice meanwhile. Look again and repeat.")
        events = machine.revise(opened.state, hub.clock.now(), by.id, notice)
        if events:
            stop_sending(hub, transaction, opened.state)
        _append(hub, transaction, opened, events)


def approve(hub: Hub, by: StaffRecord, notice: NoticeId, digest: str) -> None:
    """Decide to send exactly the text and destination with this digest. It is not sent by that.

    Raises Rejected ``signature_of_person`` for a notice that carries the person's own signature, and what
    ``machine.approve`` raises: Conflict ``notice_changed``, ``notice_sent``, NoticeIncomplete.
    """
    with hub.store.write() as transaction:
        opened = _opened(hub, transaction, by, notice)
        if signed_by_person(opened.notice):
            raise Rejected(
                "signature_of_person", "It carries the person's own signature: only the case code approves it."
            )
        _approve(hub, transaction, opened, by.id, digest)


def record_sent(hub: Hub, by: StaffRecord, notice: NoticeId, channel: Channel, reference: str) -> None:
    """It went out by a form, by post, in person, or from a mailbox of one's own. What waits to be sent by us is not, then.

    Raises Rejected ``notice_not_approved``, Conflict ``notice_sent``, ``notice_being_sent``, InvalidInput
    ``reference_missing``.
    """
    with hub.store.write() as transaction:
        opened = _opened(hub, transaction, by, notice)
        events = machine.record_sent(opened.state, hub.clock.now(), channel, reference)
        if events:
            stop_sending(hub, transaction, opened.state)
        _append(hub, transaction, opened, events)


def record_failure(hub: Hub, by: StaffRecord, notice: NoticeId, reason: str) -> None:
    """A delivery report says that it did not arrive: it waits to be sent again. Raises as ``machine.record_failure`` does."""

    def step(state: NoticeState, now: datetime) -> tuple[Event, ...]:
        return machine.record_failure(state, now, state.sent.reference if state.sent else "", reason)

    _do(hub, by, notice, step)


def prove_receipt(hub: Hub, by: StaffRecord, notice: NoticeId, received_at: datetime, proof: Proof, words: str) -> None:
    """The addressee provably had it then: its clock starts. Raises as ``machine.prove_receipt`` does."""
    _do(hub, by, notice, lambda state, now: machine.prove_receipt(state, now, by.id, received_at, proof, words))


def record_answer(
    hub: Hub, by: StaffRecord, notice: NoticeId, answer: Answer, answered_at: datetime, words: str
) -> None:
    """What the addressee did or said. Raises as ``machine.record_answer`` does."""
    _do(hub, by, notice, lambda state, now: machine.record_answer(state, now, by.id, answer, answered_at, words))


def abandon(hub: Hub, by: StaffRecord, notice: NoticeId, reason: str) -> None:
    """Pursue it no further. Raises Conflict ``notice_being_sent``, and as ``machine.abandon`` does."""
    with hub.store.write() as transaction:
        opened = _opened(hub, transaction, by, notice)
        events = machine.abandon(opened.state, hub.clock.now(), by.id, reason)
        if events:
            stop_sending(hub, transaction, opened.state)
        _append(hub, transaction, opened, events)


# The person


def wish(hub: Hub, code: CaseCode, notice: NoticeId, addressee: str, urls: tuple[str, ...] = ()) -> None:
    """The person asks for a notice to somebody; the desk sees that something waits, and writes it.

    The same identifier again changes nothing. Raises NotFound ``case_unknown``, Rejected ``rule_pack_off`` where the operator
    writes none, InvalidInput as ``content.validate``, ``notices_many``.
    """
    tag = hub.keys_of(code).tag
    with hub.store.write() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        name = " ".join(addressee.split())
        platform = next((one for one in hub.office.book if one.name.casefold() == name.casefold()), None)
        rule = hub.office.for_platform(platform, hub.settings.country)
        if rule is None:
            raise Rejected("rule_pack_off", "This desk writes no such notices now.")
        language = language_of(opened.state.language)
        wanted = Wanted(rule[0], language, "" if platform else name, platform.id if platform else "", urls)
        begin(hub, transaction, opened.key, first_draft(hub, opened.state, notice, wanted), Origin.PERSON)
        transaction.queue.set_waits(opened.state.id, True)


def letters_to_sign(hub: Hub, code: CaseCode) -> tuple[LetterToSign, ...]:
    """The complete notices that wait for the person's word, with the very text. Raises NotFound ``case_unknown``."""
    tag = hub.keys_of(code).tag
    with hub.store.read() as transaction:
        opened = OpenedCase.by_tag(transaction, tag, hub.vault)
        waiting = [one for one in OpenedNotice.of_case(transaction, opened.key) if waits_for_person(hub, one.state)]
    letters = ((one.state.id, one.notice, letter_of(hub, one.state)) for one in waiting)
    return tuple(
        LetterToSign(notice, content.addressee, letter, hub.office.packs.get(content.pack))
        for notice, content, letter in letters
        if letter is not None
    )


def sign(hub: Hub, code: CaseCode, notice: NoticeId, digest: str) -> None:
    """The person approves exactly the text that she read; the desk sends it. Saying so again changes nothing.

    Raises NotFound ``case_unknown``, ``notice_unknown``, Rejected ``signature_of_agent``, and as ``machine.approve`` does.
    """
    tag = hub.keys_of(code).tag
    with hub.store.write() as transaction:
        case = OpenedCase.by_tag(transaction, tag, hub.vault)
        opened = OpenedNotice.read(transaction, notice, hub.vault)
        if opened.case != case.state.id:
            raise NotFound("notice_unknown", "There is no such notice.")
        if not signed_by_person(opened.notice):
            raise Rejected("signature_of_agent", "The desk signs this notice.")
        _approve(hub, transaction, opened, THE_PERSON, digest)
        transaction.queue.set_waits(case.state.id, True)


# What both share


def require_letter(pack: RulePack) -> None:
    """Raises Rejected ``rule_pack_without_letter``: guidance is read, and never sent."""
    if not has_letter(pack):
        raise Rejected("rule_pack_without_letter", "No notice can be made from this rule.", detail=pack.id)


def begin(hub: Hub, transaction: Transaction, key: CaseKey, notice: Notice, origin: Origin) -> None:
    """Record a first draft. Raises InvalidInput ``notices_many``, Conflict ``notice_exists`` for one of another case."""
    known = transaction.notices.record(notice.id)
    if known is not None:
        if known.case != key.case:
            raise Conflict("notice_exists", "Please open the page again and repeat.")
        return
    if len(transaction.notices.of_case(key.case)) >= NOTICES_A_CASE:
        raise InvalidInput("notices_many", f"A case holds at most {NOTICES_A_CASE} notices.")
    now, pack = hub.clock.now(), hub.office.packs.get(notice.pack)
    empty = OpenedNotice(NoticeState(notice.id), key)
    events = machine.draft(empty.state, now, notice, pack, origin, hub.settings.time_zone)
    _append(hub, transaction, empty, events)


def _approve(hub: Hub, transaction: Transaction, opened: OpenedNotice, by: str, digest: str) -> None:
    pack = hub.office.packs.get(opened.notice.pack)
    events = machine.approve(opened.state, hub.clock.now(), by, digest, pack, hub.office.own_award)
    _append(hub, transaction, opened, events)


def _do(hub: Hub, by: StaffRecord, notice: NoticeId, step: Step) -> None:
    with hub.store.write() as transaction:
        opened = _opened(hub, transaction, by, notice)
        _append(hub, transaction, opened, step(opened.state, hub.clock.now()))


def _opened(hub: Hub, transaction: Transaction, by: StaffRecord, notice: NoticeId) -> OpenedNotice:
    check_works_on_cases(by)
    opened = OpenedNotice.read(transaction, notice, hub.vault)
    require_open(hub, transaction, by, opened)
    return opened


def _append(hub: Hub, transaction: Transaction, opened: OpenedNotice, events: tuple[Event, ...]) -> None:
    opened.append(transaction, events, hub.office.warn_at, hub.clock.now())


def _case_numbered(hub: Hub, transaction: Transaction, number: int) -> OpenedCase:
    record = transaction.case(line_numbered(transaction, number).case)
    assert record is not None  # a line goes with its case
    return OpenedCase.read(transaction, record, hub.vault)


def _log_reveal(
    hub: Hub, transaction: Transaction, by: StaffRecord, number: int, opened: OpenedCase, reason: str
) -> None:
    case, now = opened.state.id, hub.clock.now()
    sealed = hub.vault.seal_desk_text(reason, reveal_place(case, now))
    transaction.staff.record_reveal(Reveal(by.id, case, number, _WHAT, sealed, now))
