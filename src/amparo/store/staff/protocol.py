"""What a store promises for the desk's staff: accounts, passkeys, invitations, the logs, acts of two, policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from amparo.case.people import WordsKind
from amparo.core.ids import CaseId, ProposalId, StaffId


class Role(StrEnum):
    """CASEWORKER: works on cases. SUPERVISOR: the same, and decides what needs two people. AUDITOR: reads who read what, and
    no case. ADMINISTRATOR: staff and policy, and no case."""

    CASEWORKER = "caseworker"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class StaffRecord:
    """One who works at the desk. subject: an OpenID provider's address, a space, and its name for them; disabled_at: since when
    they may not enter; generation: how often their ways in were ended or changed: a session holds for one of them only."""

    id: StaffId
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None
    subject: str | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class PasskeyRecord:
    """credential, public_key: as the authenticator made them; sign_count: of its newest use; label: in its owner's words."""

    credential: bytes
    staff: StaffId
    public_key: bytes
    sign_count: int
    label: str
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """digest: of the secret in the link, which is stored nowhere."""

    digest: bytes
    staff: StaffId
    until: datetime


@dataclass(frozen=True, slots=True)
class Reveal:
    """A line of the reveal log: who opened which kinds of words of which case, when, and why (sealed).

    number: of the case in the queue, and of the line where the log gives it one; it stays when the case is gone.
    """

    staff: StaffId
    case: CaseId
    number: int
    what: tuple[WordsKind, ...]
    sealed_reason: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class RevealLine:
    """line: its place in the log, from 1 upwards without a gap."""

    line: int
    reveal: Reveal


class Deed(StrEnum):
    """WITHDRAWN: sent away before they ever came in."""

    INVITED = "invited"
    INVITED_AGAIN = "invited_again"
    ENTERED = "entered"
    BOUND = "bound"
    UNBOUND = "unbound"
    WITHDRAWN = "withdrawn"
    SENT_AWAY = "sent_away"


@dataclass(frozen=True, slots=True)
class StaffDeed:
    """What was done about somebody's account. role: of theirs; by: None for whoever sits at the hub's machine; agreed: the
    second of two people, where there were two."""

    deed: Deed
    staff: StaffId
    role: Role
    at: datetime
    by: StaffId | None = None
    agreed: StaffId | None = None


class ProposalState(StrEnum):
    """USED: an approved act that somebody had to take up, and did."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"
    USED = "used"


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """An act that needs two people. act, target: what to do to what; sealed_reason: why, in the words of who asks."""

    id: ProposalId
    act: str
    target: str
    sealed_reason: bytes
    asked_by: StaffId
    asked_at: datetime
    state: ProposalState = ProposalState.WAITING
    decided_by: StaffId | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    name: str
    value: str
    changed_at: datetime
    changed_by: StaffId


class StaffLedger(Protocol):
    """Part of a transaction."""

    def add(self, record: StaffRecord) -> None:
        """Raises Conflict ``staff_exists`` where the name or the subject is taken."""
        ...

    def one(self, staff: StaffId) -> StaffRecord | None: ...

    def named(self, name: str) -> StaffRecord | None: ...

    def with_subject(self, subject: str) -> StaffRecord | None: ...

    def everyone(self) -> list[StaffRecord]:
        """By name, those who may not enter any more too: what they did stays on record."""
        ...

    def update(self, record: StaffRecord) -> None:
        """Raises Conflict ``staff_exists`` where the name or the subject is taken."""
        ...

    def add_passkey(self, record: PasskeyRecord) -> None:
        """Raises Conflict ``passkey_exists``."""
        ...

    def passkey(self, credential: bytes) -> PasskeyRecord | None: ...

    def passkeys(self, staff: StaffId | None = None) -> list[PasskeyRecord]:
        """Of one person or of all, oldest first."""
        ...

    def use_passkey(self, credential: bytes, sign_count: int, at: datetime) -> None: ...

    def remove_passkey(self, credential: bytes) -> None: ...

    def invite(self, record: InvitationRecord) -> None:
        """In place of every earlier invitation of the same person."""
        ...

    def invitation(self, digest: bytes) -> InvitationRecord | None: ...

    def invitations(self) -> list[InvitationRecord]: ...

    def withdraw_invitations(self, staff: StaffId) -> None: ...

    def forget_invitations(self, before: datetime) -> None:
        """Those whose time is over."""
        ...

    def record_reveal(self, reveal: Reveal) -> int:
        """Append; returns its line. Nothing can change or remove a line: the database itself refuses."""
        ...

    def reveals(
        self, limit: int, *, staff: StaffId | None = None, number: int | None = None, before: int | None = None
    ) -> list[RevealLine]:
        """The newest first. before: only lines below this one."""
        ...

    def record_deed(self, deed: StaffDeed) -> None:
        """Append. Nothing can change or remove a line: the database itself refuses."""
        ...

    def deeds(self, limit: int) -> list[StaffDeed]:
        """The newest first."""
        ...

    def openings(self) -> list[StaffDeed]:
        """Every invitation and binding there ever was, the oldest first."""
        ...

    def sent_away_since(self, moment: datetime) -> list[StaffDeed]:
        """Of those who had come in before."""
        ...

    def add_proposal(self, record: ProposalRecord) -> None: ...

    def proposal(self, proposal: ProposalId) -> ProposalRecord | None: ...

    def proposals(self, limit: int, *, waiting: bool) -> list[ProposalRecord]:
        """Those that wait, the oldest first; or those that are decided, the newest first."""
        ...

    def decide_proposal(self, proposal: ProposalId, state: ProposalState, by: StaffId, at: datetime) -> bool:
        """False where it was decided before: of two who decide at once, one did."""
        ...

    def use_proposal(self, proposal: ProposalId) -> bool:
        """An approved one is taken up. False where it was before, or is not approved."""
        ...

    def policy(self) -> Sequence[PolicyRecord]: ...

    def set_policy(self, record: PolicyRecord) -> None: ...
