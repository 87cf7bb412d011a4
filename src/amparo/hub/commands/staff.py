"""Staff of the desk: invited by an administrator (the first one by the command line), known by their passkeys from then on.

A role stays as it was invited: who changes tasks is sent away and invited anew, so that what somebody did on record was
always done in one role.

Whoever is let in is let in by two people, as soon as there are two: otherwise one alone could make a second of her own, ask
with it and decide (``two_people``). Whatever is done about an account is a line in a log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected, Unauthenticated
from amparo.core.ids import StaffId, random_id
from amparo.core.keys import bearer_digest, new_bearer_secret
from amparo.core.logs import get_logger
from amparo.hub.commands.two_people import can_enter, require_one_enough
from amparo.hub.context import Hub
from amparo.store import Transaction
from amparo.store.staff.protocol import Deed, InvitationRecord, PasskeyRecord, Role, StaffDeed, StaffRecord

log: Final = get_logger("amparo.hub")

INVITATION_LIVES: Final = timedelta(days=3)
MACHINE_LINK_LIVES: Final = timedelta(minutes=30)
DEEDS_SHOWN: Final = 100
DEED_READERS: Final = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR)
LONGEST_NAME: Final = 60
PASSKEYS_A_PERSON: Final = 10
FIRST_NAME: Final = "Administrator"


@dataclass(frozen=True, slots=True)
class Invited:
    """secret: what the link carries. Shown once; the store has its digest only."""

    staff: StaffRecord
    secret: str
    until: datetime


@dataclass(frozen=True, slots=True)
class StaffLine:
    """invited_until: of an invitation that is open; last_seen: newest use of a passkey."""

    staff: StaffRecord
    passkeys: int
    last_seen: datetime | None
    invited_until: datetime | None


@dataclass(frozen=True, slots=True)
class DeedLine:
    """by: "" for whoever sat at the hub's machine; agreed: "" where one person was enough."""

    deed: Deed
    name: str
    role: Role
    at: datetime
    by: str
    agreed: str


def has_administrator(hub: Hub) -> bool:
    """Whether anybody can enter the desk and invite others."""
    with hub.store.read() as transaction:
        return bool(_administrators(transaction))


def link_from_machine(hub: Hub, name: str | None = None) -> Invited:
    """An invitation made by whoever sits at the hub's machine: the first administrator, or somebody whose passkeys are lost.

    While nobody can administer, ``name`` is who will. Afterwards it says whom the link is for; their earlier passkeys stop
    working. Raises InvalidInput ``staff_name_missing``, ``staff_name_invalid``, NotFound ``staff_unknown``.
    """
    now = hub.clock.now()
    with hub.store.write() as transaction:
        if _administrators(transaction):
            if name is None:
                raise InvalidInput(
                    "staff_name_missing", "The desk has an administrator. Say with --name whom to let in."
                )
            record = transaction.staff.named(name)
            if record is None:
                raise NotFound("staff_unknown", f"Nobody at the desk is called {name}.")
            return invite_anew(hub, transaction, record, Deed.INVITED_AGAIN, MACHINE_LINK_LIVES)
        name = checked_name(name or FIRST_NAME)
        record = transaction.staff.named(name)
        if record is None:
            record = StaffRecord(StaffId(random_id()), name, Role.ADMINISTRATOR, now)
            transaction.staff.add(record)
        elif record.role is not Role.ADMINISTRATOR:
            raise Conflict("staff_exists", f"{name} has another role. Name somebody else.")
        return invite_anew(hub, transaction, record, Deed.INVITED, MACHINE_LINK_LIVES)


def invite(hub: Hub, by: StaffRecord, name: str, role: Role) -> Invited:
    """Somebody new. When this returns, the account and the invitation are on disk.

    Raises Rejected ``role_missing``, ``two_needed``, InvalidInput ``staff_name_invalid``, Conflict ``staff_exists``.
    """
    require_administrator(by)
    with hub.store.write() as transaction:
        require_one_enough(hub, transaction, by)
        invited = invite_new(hub, transaction, name, role, by.id)
    log.info("staff_invited", reason=role.value, detail=invited.staff.id)
    return invited


def invite_again(hub: Hub, by: StaffRecord, staff: StaffId) -> Invited:
    """For lost passkeys, and for somebody who comes back: earlier passkeys and links stop working at once.

    Raises Rejected ``role_missing``, ``two_needed``, NotFound ``staff_unknown``.
    """
    require_administrator(by)
    with hub.store.write() as transaction:
        record = known_staff(transaction, staff)
        require_one_enough(hub, transaction, by)
        return invite_anew(hub, transaction, record, Deed.INVITED_AGAIN, by=by.id)


def send_away(hub: Hub, by: StaffRecord, staff: StaffId) -> None:
    """They may not enter any more; what they did stays on record. When this returns, their passkeys are gone.

    Raises Rejected ``role_missing``, NotFound ``staff_unknown``, Conflict ``staff_is_self``: somebody has to be left.
    """
    require_administrator(by)
    if staff == by.id:
        raise Conflict("staff_is_self", "Nobody can send themselves away. Another administrator does it.")
    with hub.store.write() as transaction:
        record = known_staff(transaction, staff)
        if record.disabled_at is None:
            came_in = can_enter(transaction, record)
            deed = Deed.SENT_AWAY if came_in else Deed.WITHDRAWN
            note_deed(hub, transaction, deed, record, by.id)
        _lock_out(transaction, staff)
        gone_at = record.disabled_at or hub.clock.now()
        transaction.staff.update(replace(record, disabled_at=gone_at, subject=None, generation=record.generation + 1))
    log.info("staff_sent_away", detail=staff)


def invited_by(hub: Hub, secret: str) -> StaffRecord:
    """Whom this link is for. Raises Unauthenticated ``desk_link_invalid`` for a wrong, old or used one."""
    with hub.store.read() as transaction:
        return invited_in(hub, transaction, secret)


def accept(hub: Hub, secret: str, passkey: PasskeyRecord) -> StaffRecord:
    """The invited person has made her passkey; the link is used up in the same step.

    Raises Unauthenticated ``desk_link_invalid``, Conflict ``passkey_exists``.
    """
    with hub.store.write() as transaction:
        record = invited_in(hub, transaction, secret)
        if passkey.staff != record.id:
            raise Unauthenticated("desk_link_invalid", "This link is wrong, too old or used. Ask for a new one.")
        transaction.staff.withdraw_invitations(record.id)
        transaction.staff.add_passkey(passkey)
        note_deed(hub, transaction, Deed.ENTERED, record, record.id)
    log.info("staff_entered_first", reason=record.role.value, detail=record.id)
    return record


def add_passkey(hub: Hub, by: StaffRecord, passkey: PasskeyRecord) -> None:
    """One more, for somebody who is in. Raises Conflict ``passkey_exists``, ``passkeys_many``, Unauthenticated
    ``desk_session_over`` where their ways in were ended meanwhile."""
    with hub.store.write() as transaction:
        record = transaction.staff.one(by.id)
        if record is None or record.disabled_at is not None or record.generation != by.generation:
            raise Unauthenticated("desk_session_over", "Sign in to go on.")
        if len(transaction.staff.passkeys(passkey.staff)) >= PASSKEYS_A_PERSON:
            raise Conflict("passkeys_many", f"At most {PASSKEYS_A_PERSON} passkeys. Remove one first.")
        transaction.staff.add_passkey(passkey)


def passkeys(hub: Hub, staff: StaffId) -> list[PasskeyRecord]:
    with hub.store.read() as transaction:
        return transaction.staff.passkeys(staff)


def passkey(hub: Hub, credential: bytes) -> PasskeyRecord:
    """Raises Unauthenticated ``passkey_refused``: whether it was ever known is not told."""
    with hub.store.read() as transaction:
        found = transaction.staff.passkey(credential)
        owner = None if found is None else transaction.staff.one(found.staff)
    if found is None or owner is None or owner.disabled_at is not None:
        raise Unauthenticated("passkey_refused", "This passkey does not open the desk.")
    return found


def use_passkey(hub: Hub, known: PasskeyRecord, sign_count: int) -> StaffRecord:
    """Note its use; whose it is. Raises Unauthenticated ``passkey_refused`` where another use of it came between: two
    authenticators that share a key would count alike."""
    with hub.store.write() as transaction:
        found, owner = transaction.staff.passkey(known.credential), transaction.staff.one(known.staff)
        if found is None or owner is None or found.sign_count != known.sign_count:
            raise Unauthenticated("passkey_refused", "This passkey was used elsewhere just now. Try again.")
        transaction.staff.use_passkey(known.credential, sign_count, hub.clock.now())
        return owner


def remove_passkey(hub: Hub, by: StaffRecord, credential: bytes) -> None:
    """One of their own. Raises NotFound ``passkey_unknown``, Conflict ``passkey_last``: it would lock them out."""
    with hub.store.write() as transaction:
        own = [one.credential for one in transaction.staff.passkeys(by.id)]
        if credential not in own:
            raise NotFound("passkey_unknown", "There is no such passkey of yours.")
        if len(own) == 1:
            raise Conflict("passkey_last", "This is your last passkey. Add another one first.")
        transaction.staff.remove_passkey(credential)


def staff_lines(hub: Hub) -> list[StaffLine]:
    """Everybody, in one consistent picture."""
    now = hub.clock.now()
    with hub.store.read() as transaction:
        open_ones = {one.staff: one.until for one in transaction.staff.invitations() if one.until > now}
        keys = transaction.staff.passkeys()
        everyone = transaction.staff.everyone()
    lines: list[StaffLine] = []
    for record in everyone:
        own = [key for key in keys if key.staff == record.id]
        seen = max((key.last_used_at or key.created_at for key in own), default=None)
        lines.append(StaffLine(record, len(own), seen, open_ones.get(record.id)))
    return lines


def staff_deeds(hub: Hub, by: StaffRecord) -> list[DeedLine]:
    """What was done about accounts, the newest 100 first. Raises Rejected ``role_missing``."""
    if by.role not in DEED_READERS:
        raise Rejected("role_missing", f"This is not for the role {by.role.value}.")
    with hub.store.read() as transaction:
        names = names_of(transaction)
        found = transaction.staff.deeds(DEEDS_SHOWN)
    return [
        DeedLine(
            one.deed,
            names[one.staff],
            one.role,
            one.at,
            "" if one.by is None else names[one.by],
            "" if one.agreed is None else names[one.agreed],
        )
        for one in found
    ]


def invite_new(
    hub: Hub, transaction: Transaction, name: str, role: Role, by: StaffId, agreed: StaffId | None = None
) -> Invited:
    """Raises InvalidInput ``staff_name_invalid``, Conflict ``staff_exists``."""
    record = StaffRecord(StaffId(random_id()), checked_name(name), role, hub.clock.now())
    transaction.staff.add(record)
    return invite_anew(hub, transaction, record, Deed.INVITED, by=by, agreed=agreed)


def note_deed(
    hub: Hub,
    transaction: Transaction,
    deed: Deed,
    record: StaffRecord,
    by: StaffId | None,
    agreed: StaffId | None = None,
) -> None:
    transaction.staff.record_deed(StaffDeed(deed, record.id, record.role, hub.clock.now(), by, agreed))


def names_of(transaction: Transaction) -> dict[StaffId, str]:
    """Of everybody who ever worked here, to show who did what."""
    return {record.id: record.name for record in transaction.staff.everyone()}


def invite_anew(
    hub: Hub,
    transaction: Transaction,
    record: StaffRecord,
    deed: Deed,
    lives: timedelta = INVITATION_LIVES,
    by: StaffId | None = None,
    agreed: StaffId | None = None,
) -> Invited:
    """Every earlier way in of this person ends, and every session."""
    now = hub.clock.now()
    note_deed(hub, transaction, deed, record, by, agreed)
    _lock_out(transaction, record.id)
    record = replace(record, disabled_at=None, subject=None, generation=record.generation + 1)
    transaction.staff.update(record)
    transaction.staff.forget_invitations(now)
    secret = new_bearer_secret()
    transaction.staff.invite(InvitationRecord(bearer_digest(secret), record.id, now + lives))
    return Invited(record, secret, now + lives)


def _lock_out(transaction: Transaction, staff: StaffId) -> None:
    """Who has a session goes on in it until the account's generation is another, which is the caller's to write."""
    transaction.staff.withdraw_invitations(staff)
    for key in transaction.staff.passkeys(staff):
        transaction.staff.remove_passkey(key.credential)


def invited_in(hub: Hub, transaction: Transaction, secret: str) -> StaffRecord:
    """Whom this link is for. Raises Unauthenticated ``desk_link_invalid``."""
    found = transaction.staff.invitation(bearer_digest(secret))
    record = None if found is None else transaction.staff.one(found.staff)
    if found is None or record is None or found.until <= hub.clock.now() or record.disabled_at is not None:
        raise Unauthenticated("desk_link_invalid", "This link is wrong, too old or used. Ask for a new one.")
    return record


def _administrators(transaction: Transaction) -> list[StaffRecord]:
    """Those who can enter."""
    everyone = transaction.staff.everyone()
    return [one for one in everyone if one.role is Role.ADMINISTRATOR and can_enter(transaction, one)]


def known_staff(transaction: Transaction, staff: StaffId) -> StaffRecord:
    """Raises NotFound ``staff_unknown``."""
    record = transaction.staff.one(staff)
    if record is None:
        raise NotFound("staff_unknown", "There is nobody of this account.")
    return record


def require_administrator(by: StaffRecord) -> None:
    """Raises Rejected ``role_missing``."""
    if by.role is not Role.ADMINISTRATOR:
        raise Rejected("role_missing", "Only an administrator can do this.")


def checked_name(name: str) -> str:
    """Raises InvalidInput ``staff_name_invalid``."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput("staff_name_invalid", f"A name has 1 to {LONGEST_NAME} letters.")
    return name
