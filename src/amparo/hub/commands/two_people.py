"""Whether two are needed, and whether two accounts are two people.

Everybody who is let in reads cases, reads the log, or decides what needs two. So as soon as there are two who decide, nobody is
let in, let in again or bound by one alone. And who could sit at both accounts is no second person: whoever opened an account has
held its link, and whoever opened two of them alone may sit at both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from amparo.core.errors import Rejected
from amparo.core.ids import StaffId
from amparo.hub.context import Hub
from amparo.hub.desk.access import DECIDERS
from amparo.store import Transaction
from amparo.store.staff.protocol import Deed, StaffDeed, StaffRecord

STILL_COUNTS: Final = timedelta(days=7)
"""How long whoever was sent away counts as one who could decide: sending the others away makes nobody alone at once."""


def two_needed(hub: Hub, by: StaffRecord) -> bool:
    """Whether letting somebody in takes two people now."""
    with hub.store.read() as transaction:
        return not _alone(hub, transaction, by)


def require_one_enough(hub: Hub, transaction: Transaction, by: StaffRecord) -> None:
    """Raises Rejected ``two_needed`` where ``by`` alone may let nobody in, since somebody else could agree."""
    if not _alone(hub, transaction, by):
        raise Rejected("two_needed", "Letting somebody in needs two people. Propose it.")


def can_enter(transaction: Transaction, record: StaffRecord) -> bool:
    """Whether they have a way in by now."""
    return record.disabled_at is None and (record.subject is not None or bool(transaction.staff.passkeys(record.id)))


def are_apart(openings: Sequence[StaffDeed], one: StaffId, other: StaffId) -> bool:
    """Whether neither opened the other's account, and nobody alone opened both.

    openings: every invitation and binding there ever was, the oldest first. An account that was opened from the hub's machine
    is nobody's at the desk, whoever invited it before: its earlier ways in have ended.
    """
    opened = {who: _openers(openings, who) for who in {deed.staff for deed in openings}}
    if any(deed.by == other for deed in opened.get(one, ())) or any(deed.by == one for deed in opened.get(other, ())):
        return False
    return not _hands(opened, one) & _hands(opened, other)


def _openers(openings: Sequence[StaffDeed], who: StaffId) -> list[StaffDeed]:
    """By which deeds this account can be entered now."""
    deeds: list[StaffDeed] = []
    for deed in openings:
        if deed.staff == who:
            # An invitation ends every earlier way in; a binding is one beside the passkeys.
            deeds = [*deeds, deed] if deed.deed is Deed.BOUND else [deed]
    return deeds


def _hands(opened: dict[StaffId, list[StaffDeed]], who: StaffId) -> set[StaffId]:
    """Who may sit at this account: its owner, and whoever opened it with nobody who agreed, and so on."""
    hands, found = set[StaffId](), [who]
    while found:
        one = found.pop()
        if one not in hands:
            hands.add(one)
            found += [deed.by for deed in opened.get(one, ()) if deed.by is not None and deed.agreed is None]
    return hands


def _alone(hub: Hub, transaction: Transaction, by: StaffRecord) -> bool:
    """Whether nobody else could decide."""
    gone = {
        one.staff for one in transaction.staff.sent_away_since(hub.clock.now() - STILL_COUNTS) if one.role in DECIDERS
    }
    others = (one for one in transaction.staff.everyone() if one.id != by.id and one.role in DECIDERS)
    return not any(one.id in gone or can_enter(transaction, one) for one in others)
