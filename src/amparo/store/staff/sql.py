"""``StaffLedger`` over a SQLAlchemy Core connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from amparo.case.people import WordsKind
from amparo.core.clock import from_text, to_text
from amparo.core.errors import Conflict
from amparo.core.ids import CaseId, ProposalId, StaffId
from amparo.store.staff.protocol import (
    Deed,
    InvitationRecord,
    PasskeyRecord,
    PolicyRecord,
    ProposalRecord,
    ProposalState,
    Reveal,
    RevealLine,
    Role,
    StaffDeed,
    StaffRecord,
)
from amparo.store.staff.tables import (
    deed_table,
    invitation_table,
    passkey_table,
    policy_table,
    proposal_table,
    reveal_table,
    staff_table,
)


class SqlStaff:
    """See ``StaffLedger`` for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # People

    def add(self, record: StaffRecord) -> None:
        try:
            self._connection.execute(insert(staff_table).values(_staff_values(record)))
        except IntegrityError as error:
            raise _taken(record) from error

    def one(self, staff: StaffId) -> StaffRecord | None:
        return self._staff_where(staff_table.c.id == staff)

    def named(self, name: str) -> StaffRecord | None:
        return self._staff_where(staff_table.c.name == name)

    def with_subject(self, subject: str) -> StaffRecord | None:
        return self._staff_where(staff_table.c.subject == subject)

    def everyone(self) -> list[StaffRecord]:
        return [_staff_of(row) for row in self._connection.execute(select(staff_table).order_by(staff_table.c.name))]

    def update(self, record: StaffRecord) -> None:
        change = update(staff_table).where(staff_table.c.id == record.id).values(_staff_values(record))
        try:
            self._connection.execute(change)
        except IntegrityError as error:
            raise _taken(record) from error

    def _staff_where(self, condition: Any) -> StaffRecord | None:
        row = self._connection.execute(select(staff_table).where(condition)).one_or_none()
        return None if row is None else _staff_of(row)

    # Passkeys and invitations

    def add_passkey(self, record: PasskeyRecord) -> None:
        values = {
            "credential": record.credential,
            "staff_id": record.staff,
            "public_key": record.public_key,
            "sign_count": record.sign_count,
            "label": record.label,
            "created_at": to_text(record.created_at),
            "last_used_at": _text(record.last_used_at),
        }
        try:
            self._connection.execute(insert(passkey_table).values(values))
        except IntegrityError as error:
            raise Conflict("passkey_exists", "This passkey is in use here already.") from error

    def passkey(self, credential: bytes) -> PasskeyRecord | None:
        query = select(passkey_table).where(passkey_table.c.credential == credential)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _passkey_of(row)

    def passkeys(self, staff: StaffId | None = None) -> list[PasskeyRecord]:
        query = select(passkey_table).order_by(passkey_table.c.created_at, passkey_table.c.credential)
        if staff is not None:
            query = query.where(passkey_table.c.staff_id == staff)
        return [_passkey_of(row) for row in self._connection.execute(query)]

    def use_passkey(self, credential: bytes, sign_count: int, at: datetime) -> None:
        change = update(passkey_table).where(passkey_table.c.credential == credential)
        self._connection.execute(change.values(sign_count=sign_count, last_used_at=to_text(at)))

    def remove_passkey(self, credential: bytes) -> None:
        self._connection.execute(delete(passkey_table).where(passkey_table.c.credential == credential))

    def invite(self, record: InvitationRecord) -> None:
        self.withdraw_invitations(record.staff)
        values = {"digest": record.digest, "staff_id": record.staff, "until": to_text(record.until)}
        self._connection.execute(insert(invitation_table).values(values))

    def invitation(self, digest: bytes) -> InvitationRecord | None:
        query = select(invitation_table).where(invitation_table.c.digest == digest)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _invitation_of(row)

    def invitations(self) -> list[InvitationRecord]:
        query = select(invitation_table).order_by(invitation_table.c.until)
        return [_invitation_of(row) for row in self._connection.execute(query)]

    def withdraw_invitations(self, staff: StaffId) -> None:
        self._connection.execute(delete(invitation_table).where(invitation_table.c.staff_id == staff))

    def forget_invitations(self, before: datetime) -> None:
        self._connection.execute(delete(invitation_table).where(invitation_table.c.until <= to_text(before)))

    # The reveal log

    def record_reveal(self, reveal: Reveal) -> int:
        values = {
            "staff_id": reveal.staff,
            "case_id": reveal.case,
            "number": reveal.number,
            "what": " ".join(reveal.what),
            "sealed_reason": reveal.sealed_reason,
            "at": to_text(reveal.at),
        }
        row = insert(reveal_table).values(values).returning(reveal_table.c.id)
        return self._connection.execute(row).scalar_one()

    def reveals(
        self, limit: int, *, staff: StaffId | None = None, number: int | None = None, before: int | None = None
    ) -> list[RevealLine]:
        query = select(reveal_table).order_by(reveal_table.c.id.desc()).limit(limit)
        if staff is not None:
            query = query.where(reveal_table.c.staff_id == staff)
        if number is not None:
            query = query.where(reveal_table.c.number == number)
        if before is not None:
            query = query.where(reveal_table.c.id < before)
        return [RevealLine(row.id, _reveal_of(row)) for row in self._connection.execute(query)]

    # What was done about accounts

    def record_deed(self, deed: StaffDeed) -> None:
        values = {
            "deed": deed.deed,
            "staff_id": deed.staff,
            "role": deed.role,
            "at": to_text(deed.at),
            "by_id": deed.by,
            "agreed_id": deed.agreed,
        }
        self._connection.execute(insert(deed_table).values(values))

    def deeds(self, limit: int) -> list[StaffDeed]:
        query = select(deed_table).order_by(deed_table.c.id.desc()).limit(limit)
        return [_deed_of(row) for row in self._connection.execute(query)]

    def openings(self) -> list[StaffDeed]:
        opens = deed_table.c.deed.in_((Deed.INVITED, Deed.INVITED_AGAIN, Deed.BOUND))
        return [
            _deed_of(row) for row in self._connection.execute(select(deed_table).where(opens).order_by(deed_table.c.id))
        ]

    def sent_away_since(self, moment: datetime) -> list[StaffDeed]:
        since = and_(deed_table.c.deed == Deed.SENT_AWAY, deed_table.c.at >= to_text(moment))
        query = select(deed_table).where(since).order_by(deed_table.c.id)
        return [_deed_of(row) for row in self._connection.execute(query)]

    # Acts of two, and policy

    def add_proposal(self, record: ProposalRecord) -> None:
        values = {
            "id": record.id,
            "act": record.act,
            "target": record.target,
            "sealed_reason": record.sealed_reason,
            "asked_by": record.asked_by,
            "asked_at": to_text(record.asked_at),
            "state": record.state,
            "decided_by": record.decided_by,
            "decided_at": _text(record.decided_at),
        }
        self._connection.execute(insert(proposal_table).values(values))

    def proposal(self, proposal: ProposalId) -> ProposalRecord | None:
        row = self._connection.execute(select(proposal_table).where(proposal_table.c.id == proposal)).one_or_none()
        return None if row is None else _proposal_of(row)

    def proposals(self, limit: int, *, waiting: bool) -> list[ProposalRecord]:
        query = select(proposal_table).limit(limit)
        if waiting:
            query = query.where(proposal_table.c.state == ProposalState.WAITING)
            query = query.order_by(proposal_table.c.asked_at, proposal_table.c.id)
        else:
            query = query.where(proposal_table.c.state != ProposalState.WAITING)
            query = query.order_by(proposal_table.c.decided_at.desc(), proposal_table.c.id)
        return [_proposal_of(row) for row in self._connection.execute(query)]

    def decide_proposal(self, proposal: ProposalId, state: ProposalState, by: StaffId, at: datetime) -> bool:
        waits = and_(proposal_table.c.id == proposal, proposal_table.c.state == ProposalState.WAITING)
        change = update(proposal_table).where(waits).values(state=state, decided_by=by, decided_at=to_text(at))
        return self._connection.execute(change).rowcount == 1

    def use_proposal(self, proposal: ProposalId) -> bool:
        approved = and_(proposal_table.c.id == proposal, proposal_table.c.state == ProposalState.APPROVED)
        change = update(proposal_table).where(approved).values(state=ProposalState.USED)
        return self._connection.execute(change).rowcount == 1

    def policy(self) -> list[PolicyRecord]:
        query = select(policy_table).order_by(policy_table.c.name)
        return [
            PolicyRecord(row.name, row.value, from_text(row.changed_at), StaffId(row.changed_by))
            for row in self._connection.execute(query)
        ]

    def set_policy(self, record: PolicyRecord) -> None:
        self._connection.execute(delete(policy_table).where(policy_table.c.name == record.name))
        self._connection.execute(
            insert(policy_table).values(
                name=record.name,
                value=record.value,
                changed_at=to_text(record.changed_at),
                changed_by=record.changed_by,
            )
        )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


def _taken(record: StaffRecord) -> Conflict:
    return Conflict("staff_exists", f"There is somebody named {record.name} already, or of the same subject.")


def _staff_values(record: StaffRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "name": record.name,
        "role": record.role,
        "subject": record.subject,
        "created_at": to_text(record.created_at),
        "disabled_at": _text(record.disabled_at),
        "generation": record.generation,
    }


def _staff_of(row: Row[Any]) -> StaffRecord:
    return StaffRecord(
        StaffId(row.id),
        row.name,
        Role(row.role),
        from_text(row.created_at),
        _moment(row.disabled_at),
        row.subject,
        row.generation,
    )


def _passkey_of(row: Row[Any]) -> PasskeyRecord:
    return PasskeyRecord(
        row.credential,
        StaffId(row.staff_id),
        row.public_key,
        row.sign_count,
        row.label,
        from_text(row.created_at),
        _moment(row.last_used_at),
    )


def _invitation_of(row: Row[Any]) -> InvitationRecord:
    return InvitationRecord(row.digest, StaffId(row.staff_id), from_text(row.until))


def _reveal_of(row: Row[Any]) -> Reveal:
    return Reveal(
        StaffId(row.staff_id),
        CaseId(row.case_id),
        row.number,
        tuple(WordsKind(kind) for kind in row.what.split()),
        row.sealed_reason,
        from_text(row.at),
    )


def _deed_of(row: Row[Any]) -> StaffDeed:
    return StaffDeed(
        Deed(row.deed),
        StaffId(row.staff_id),
        Role(row.role),
        from_text(row.at),
        None if row.by_id is None else StaffId(row.by_id),
        None if row.agreed_id is None else StaffId(row.agreed_id),
    )


def _proposal_of(row: Row[Any]) -> ProposalRecord:
    return ProposalRecord(
        ProposalId(row.id),
        row.act,
        row.target,
        row.sealed_reason,
        StaffId(row.asked_by),
        from_text(row.asked_at),
        ProposalState(row.state),
        None if row.decided_by is None else StaffId(row.decided_by),
        _moment(row.decided_at),
    )
