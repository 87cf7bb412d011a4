"""Whom the house's own sign-in lets in: staff whose account is bound to a subject of the provider. It makes no account."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from amparo.core.errors import Conflict, InvalidInput, Unauthenticated
from amparo.core.ids import StaffId
from amparo.core.logs import get_logger
from amparo.hub.commands.staff import invited_in, known_staff, note_deed, require_administrator
from amparo.hub.commands.two_people import require_one_enough
from amparo.hub.context import Hub
from amparo.store import Transaction
from amparo.store.staff.protocol import Deed, StaffRecord

log: Final = get_logger("amparo.hub")

_LONGEST: Final = 255


def subject_of(issuer: str, subject: str) -> str:
    """How an account names it: a subject means nothing without its issuer (OpenID Connect Core 1.0, section 2), so another
    provider, however it came to be trusted, lets nobody in who was bound to this one.

    Raises InvalidInput ``subject_invalid``.
    """
    if not 0 < len(subject) <= _LONGEST or not subject.isprintable() or subject != subject.strip():
        raise InvalidInput("subject_invalid", f"A subject has 1 to {_LONGEST} letters, as the provider writes it.")
    return f"{issuer} {subject}"


def bind(hub: Hub, by: StaffRecord, staff: StaffId, issuer: str, subject: str) -> None:
    """Let ``subject`` in as this person, in place of any other; "" for none. When this returns, it is on disk.

    Raises Rejected ``role_missing``, ``two_needed``, NotFound ``staff_unknown``, InvalidInput ``subject_invalid``, Conflict
    ``staff_exists`` where it is somebody else's.
    """
    require_administrator(by)
    bound = subject_of(issuer, subject) if subject else None
    with hub.store.write() as transaction:
        record = known_staff(transaction, staff)
        if bound is not None:
            require_one_enough(hub, transaction, by)
        bind_in(hub, transaction, record, bound, by.id)
    log.info("staff_bound", detail=staff)


def bind_in(
    hub: Hub,
    transaction: Transaction,
    record: StaffRecord,
    bound: str | None,
    by: StaffId,
    agreed: StaffId | None = None,
) -> None:
    """Their sessions end. bound: as ``subject_of`` writes it, None for nobody. Raises Conflict ``staff_exists``,
    ``staff_sent_away``: an account is opened again by an invitation only."""
    if record.disabled_at is not None:
        raise Conflict("staff_sent_away", f"{record.name} was sent away. Invite them again.")
    transaction.staff.update(replace(record, subject=bound, generation=record.generation + 1))
    note_deed(hub, transaction, Deed.UNBOUND if bound is None else Deed.BOUND, record, by, agreed)


def accept_subject(hub: Hub, secret: str, issuer: str, subject: str) -> StaffRecord:
    """The invited person has signed in at the provider; the link is used up in the same step.

    Raises Unauthenticated ``desk_link_invalid``, Conflict ``staff_exists`` where the subject is somebody else's.
    """
    with hub.store.write() as transaction:
        record = replace(invited_in(hub, transaction, secret), subject=subject_of(issuer, subject))
        transaction.staff.update(record)
        transaction.staff.withdraw_invitations(record.id)
        note_deed(hub, transaction, Deed.ENTERED, record, record.id)
    log.info("staff_entered_first", reason=record.role.value, detail=record.id)
    return record


def entered_by(hub: Hub, issuer: str, subject: str) -> StaffRecord:
    """Whose account this is. Raises Unauthenticated ``oidc_unknown``; for who was sent away too."""
    with hub.store.read() as transaction:
        record = transaction.staff.with_subject(subject_of(issuer, subject))
    if record is None or record.disabled_at is not None:
        raise Unauthenticated(
            "oidc_unknown", f"Nobody at this desk is known as «{subject}». An administrator can say who that is."
        )
    return record
