"""Acts that need two people: erasing somebody's case, taking a list of cases out of the house, changing policy, letting
somebody in.

One asks and says why; another, a supervisor or an administrator, decides. Who could sit at the account of whoever asks is no
other (``two_people``). An approved erasure or change of policy is done in the transaction of the decision, so it is done once
or not at all. An approved export may be fetched once, within a day, by
whoever asked; so may the link of an approved invitation. Everything that was ever asked stays on record.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from amparo.core.errors import Conflict, NotFound, Rejected, Unavailable
from amparo.core.ids import CaseId, ProposalId, StaffId, random_id
from amparo.core.logs import get_logger
from amparo.hub import policy
from amparo.hub.commands import staff
from amparo.hub.commands.desk_words import checked_reason
from amparo.hub.commands.ending import erase_case
from amparo.hub.commands.staff import Invited, names_of
from amparo.hub.commands.subjects import bind_in, subject_of
from amparo.hub.commands.two_people import are_apart
from amparo.hub.context import Hub
from amparo.hub.desk.access import CASES, DECIDERS
from amparo.hub.vault import OpenedCase
from amparo.store import Transaction
from amparo.store.staff.protocol import Deed, PolicyRecord, ProposalRecord, ProposalState, Role, StaffRecord

log: Final = get_logger("amparo.hub")

EXPORT_LIVES: Final = timedelta(days=1)
SHOWN: Final = 200


class Act(StrEnum):
    """Their targets, each of two parts: a case's id and number; the list of all cases; a setting and its new value; a role and
    a name; an account's id and name; an account's id and its subject."""

    ERASE = "erase"
    EXPORT = "export"
    POLICY = "policy"
    INVITE = "invite"
    INVITE_AGAIN = "invite_again"
    BIND = "bind"


ASKERS: Final = {
    Act.ERASE: CASES,
    Act.EXPORT: (*CASES, Role.AUDITOR),
    Act.POLICY: DECIDERS,
    Act.INVITE: (Role.ADMINISTRATOR,),
    Act.INVITE_AGAIN: (Role.ADMINISTRATOR,),
    Act.BIND: (Role.ADMINISTRATOR,),
}
TAKEN_UP: Final = (Act.EXPORT, Act.INVITE, Act.INVITE_AGAIN)
"""Those of which whoever asked gets something, once, when they are approved."""
READERS: Final = tuple(Role)


@dataclass(frozen=True, slots=True)
class ProposalLine:
    """summary: what would be done, in words; may_decide, may_take_back, may_fetch: what who looks can do with it now."""

    id: ProposalId
    act: Act
    summary: str
    reason: str
    asked_by: str
    asked_at: datetime
    state: ProposalState
    decided_by: str
    decided_at: datetime | None
    may_decide: bool
    may_take_back: bool
    may_fetch: bool


def ask_erasure(hub: Hub, by: StaffRecord, number: int, reason: str) -> ProposalId:
    """Raises Rejected ``role_missing``, NotFound ``case_unknown``, InvalidInput ``reason_short``, Conflict ``asked_already``."""
    with hub.store.write() as transaction:
        line = transaction.queue.numbered(number)
        if line is None:
            raise NotFound("case_unknown", "There is no case with this number. It may have been withdrawn.")
        return _ask(hub, transaction, by, Act.ERASE, f"{line.case} {number}", reason)


def ask_export(hub: Hub, by: StaffRecord, reason: str) -> ProposalId:
    """Raises Rejected ``role_missing``, InvalidInput ``reason_short``."""
    with hub.store.write() as transaction:
        return _ask(hub, transaction, by, Act.EXPORT, f"cases {by.id}", reason)


def ask_policy(hub: Hub, by: StaffRecord, name: str, days: str, reason: str) -> ProposalId:
    """Raises Rejected ``role_missing``, InvalidInput ``policy_unknown``, ``policy_invalid``, ``reason_short``, Conflict
    ``asked_already``."""
    target = f"{name} {policy.checked_days(name, days)}"
    with hub.store.write() as transaction:
        return _ask(hub, transaction, by, Act.POLICY, target, reason)


def ask_invitation(hub: Hub, by: StaffRecord, name: str, role: Role, reason: str) -> ProposalId:
    """Raises Rejected ``role_missing``, InvalidInput ``staff_name_invalid``, ``reason_short``, Conflict ``asked_already``,
    ``staff_exists``."""
    name = staff.checked_name(name)
    with hub.store.write() as transaction:
        if transaction.staff.named(name) is not None:
            raise Conflict("staff_exists", f"There is somebody named {name} already.")
        return _ask(hub, transaction, by, Act.INVITE, f"{role.value} {name}", reason)


def ask_invitation_again(hub: Hub, by: StaffRecord, who: StaffId, reason: str) -> ProposalId:
    """Raises Rejected ``role_missing``, NotFound ``staff_unknown``, InvalidInput ``reason_short``, Conflict ``asked_already``."""
    with hub.store.write() as transaction:
        record = staff.known_staff(transaction, who)
        return _ask(hub, transaction, by, Act.INVITE_AGAIN, f"{record.id} {record.name}", reason)


def ask_binding(hub: Hub, by: StaffRecord, who: StaffId, issuer: str, subject: str, reason: str) -> ProposalId:
    """Raises Rejected ``role_missing``, NotFound ``staff_unknown``, InvalidInput ``subject_invalid``, ``reason_short``, Conflict
    ``asked_already``."""
    bound = subject_of(issuer, subject)
    with hub.store.write() as transaction:
        record = staff.known_staff(transaction, who)
        return _ask(hub, transaction, by, Act.BIND, f"{record.id} {bound}", reason)


def decide(hub: Hub, by: StaffRecord, proposal: ProposalId, *, approve: bool) -> None:
    """Say yes or no, and do it. When this returns, both are on disk, or neither.

    Raises Rejected ``role_missing``, ``same_person``, ``same_hands``, NotFound ``proposal_unknown``, ``case_unknown``, Conflict
    ``proposal_decided``, ``staff_exists``, ``staff_sent_away``.
    """
    if by.role not in DECIDERS:
        raise Rejected("role_missing", "A supervisor or an administrator decides this.")
    now = hub.clock.now()
    with hub.store.write() as transaction:
        record = _known(transaction, proposal)
        if record.asked_by == by.id:
            raise Rejected("same_person", "Whoever asks does not decide. Somebody else has to look at it.")
        if not are_apart(transaction.staff.openings(), record.asked_by, by.id):
            raise Rejected(
                "same_hands",
                "One of you two let the other in, or one person let in both. Somebody else has to look at it.",
            )
        state = ProposalState.APPROVED if approve else ProposalState.REFUSED
        if not transaction.staff.decide_proposal(proposal, state, by.id, now):
            raise Conflict("proposal_decided", "This has been decided already.")
        if approve:
            _do(hub, transaction, record, by, now)
    log.info("proposal_decided", reason=state.value, detail=proposal)
    if approve and record.act == Act.ERASE:
        hub.bell.ring()
        with suppress(Unavailable):
            hub.store.scrub()


def take_back(hub: Hub, by: StaffRecord, proposal: ProposalId) -> None:
    """Raises Rejected ``not_yours``, NotFound ``proposal_unknown``, Conflict ``proposal_decided``."""
    with hub.store.write() as transaction:
        if _known(transaction, proposal).asked_by != by.id:
            raise Rejected("not_yours", "Only whoever asked can take it back.")
        if not transaction.staff.decide_proposal(proposal, ProposalState.TAKEN_BACK, by.id, hub.clock.now()):
            raise Conflict("proposal_decided", "This has been decided already.")


def use_export(hub: Hub, by: StaffRecord, proposal: ProposalId) -> None:
    """Take up an approved export; the file may be made now, this once. When this returns, that it was used is on disk.

    Raises Rejected ``not_yours``, NotFound ``proposal_unknown``, Conflict ``export_over``.
    """
    with hub.store.write() as transaction:
        record = _known(transaction, proposal)
        if record.asked_by != by.id or record.act != Act.EXPORT:
            raise Rejected("not_yours", "Only whoever asked for this export can fetch it.")
        if not _may_fetch(record, by.id, hub.clock.now()) or not transaction.staff.use_proposal(proposal):
            raise Conflict("export_over", "This export was fetched, ran out, or was never approved.")


def use_invitation(hub: Hub, by: StaffRecord, proposal: ProposalId) -> Invited:
    """The link of an approved invitation, this once. When this returns, the account, the link and that it was used are on disk.

    Raises Rejected ``not_yours``, NotFound ``proposal_unknown``, Conflict ``invitation_over``, ``staff_exists``.
    """
    staff.require_administrator(by)
    with hub.store.write() as transaction:
        record = _known(transaction, proposal)
        if record.asked_by != by.id or record.act not in (Act.INVITE, Act.INVITE_AGAIN):
            raise Rejected("not_yours", "Only whoever asked for this invitation can hand it over.")
        if not _may_fetch(record, by.id, hub.clock.now()) or not transaction.staff.use_proposal(proposal):
            raise Conflict("invitation_over", "This link was made, ran out, or was never approved.")
        what, _, value = record.target.partition(" ")
        if record.act == Act.INVITE:
            return staff.invite_new(hub, transaction, value, Role(what), by.id, record.decided_by)
        known = staff.known_staff(transaction, StaffId(what))
        return staff.invite_anew(
            hub, transaction, known, Deed.INVITED_AGAIN, by=record.asked_by, agreed=record.decided_by
        )


def proposals(hub: Hub, by: StaffRecord, *, waiting: bool) -> list[ProposalLine]:
    """Those that wait, the oldest first; or those decided, the newest 200 first."""
    now = hub.clock.now()
    with hub.store.read() as transaction:
        names = names_of(transaction)
        found = transaction.staff.proposals(SHOWN, waiting=waiting)
        openings = transaction.staff.openings()
    others = {one.asked_by for one in found if one.asked_by != by.id and are_apart(openings, one.asked_by, by.id)}
    return [_line(hub, one, by, others, names, now) for one in found]


def _ask(hub: Hub, transaction: Transaction, by: StaffRecord, act: Act, target: str, reason: str) -> ProposalId:
    if by.role not in ASKERS[act]:
        raise Rejected("role_missing", f"This is not for the role {by.role.value}.")
    reason = checked_reason(reason)
    if any((one.act, one.target) == (act, target) for one in transaction.staff.proposals(SHOWN, waiting=True)):
        raise Conflict("asked_already", "The same has been asked for, and waits for a decision.")
    proposal = ProposalId(random_id())
    sealed = hub.vault.seal_desk_text(reason, _place(proposal))
    transaction.staff.add_proposal(ProposalRecord(proposal, act, target, sealed, by.id, hub.clock.now()))
    return proposal


def _do(hub: Hub, transaction: Transaction, record: ProposalRecord, by: StaffRecord, now: datetime) -> None:
    act, (what, _, value) = Act(record.act), record.target.partition(" ")
    if act is Act.ERASE:
        case = transaction.case(CaseId(what))
        if case is None:
            raise NotFound("case_unknown", "The case is gone already: its person withdrew it, or its time was over.")
        erase_case(hub.vault, transaction, OpenedCase.read(transaction, case, hub.vault), now)
    elif act is Act.POLICY:
        # Checked again: what may be set can have changed with the software since it was asked.
        days = policy.checked_days(what, value)
        transaction.staff.set_policy(PolicyRecord(what, str(days), now, by.id))
    elif act is Act.BIND:
        known = staff.known_staff(transaction, StaffId(what))
        bind_in(hub, transaction, known, value, record.asked_by, by.id)


def _line(
    hub: Hub,
    record: ProposalRecord,
    by: StaffRecord,
    others: Collection[StaffId],
    names: dict[StaffId, str],
    now: datetime,
) -> ProposalLine:
    """others: whose proposals ``by`` is another person for."""
    waits, mine = record.state is ProposalState.WAITING, record.asked_by == by.id
    return ProposalLine(
        record.id,
        Act(record.act),
        _summary(record, names),
        hub.vault.open_desk_text(record.sealed_reason, _place(record.id)),
        names[record.asked_by],
        record.asked_at,
        record.state,
        "" if record.decided_by is None else names[record.decided_by],
        record.decided_at,
        may_decide=waits and record.asked_by in others and by.role in DECIDERS,
        may_take_back=waits and mine,
        may_fetch=_may_fetch(record, by.id, now),
    )


def _summary(record: ProposalRecord, names: dict[StaffId, str]) -> str:
    act, (what, _, value) = Act(record.act), record.target.partition(" ")
    if act is Act.ERASE:
        return f"Erase case {value}, its fingerprints and everything in it"
    if act is Act.EXPORT:
        return "Take the list of all cases out of the house, without words and fingerprints"
    if act is Act.INVITE:
        return f"Invite {value} to the desk as {what}"
    if act is Act.INVITE_AGAIN:
        return f"Invite {value} again; their earlier ways in end"
    if act is Act.BIND:
        issuer, _, subject = value.partition(" ")
        return f"Let «{subject}» of {issuer} in as {names[StaffId(what)]}"
    setting = policy.SETTINGS.get(what)
    return f"{what if setting is None else setting.label}: {value}"


def _may_fetch(record: ProposalRecord, by: StaffId, now: datetime) -> bool:
    approved = record.act in TAKEN_UP and record.state is ProposalState.APPROVED and record.decided_at is not None
    return (
        approved and record.asked_by == by and record.decided_at is not None and now < record.decided_at + EXPORT_LIVES
    )


def _known(transaction: Transaction, proposal: ProposalId) -> ProposalRecord:
    record = transaction.staff.proposal(proposal)
    if record is None:
        raise NotFound("proposal_unknown", "There is no such proposal.")
    return record


def _place(proposal: ProposalId) -> str:
    return f"proposal {proposal}"
