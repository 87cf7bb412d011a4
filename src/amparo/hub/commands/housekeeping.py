"""What the hub does by itself: ending entries and cases whose retention is over, passing on what witnesses reported, and
cleaning the disk of what was deleted."""

from __future__ import annotations

from typing import Final

from amparo.bank import TombstoneReason
from amparo.bank import entry as entries
from amparo.hub.commands.ending import RECALL_LIVES, stop_matching
from amparo.hub.commands.retention import erase_idle_cases
from amparo.hub.commands.reviews import end_reviews
from amparo.hub.commands.telling import tell_cases
from amparo.hub.context import Hub

_AT_ONCE: Final = 500


def keep_house(hub: Hub) -> int:
    """One round; returns how many entries ended. When this returns, what was deleted before is off the disk.

    A withdrawal scrubs at once, but may have been killed before it could, or found a reader in the way.
    """
    ended = expire_entries(hub)
    erase_idle_cases(hub)
    tell_cases(hub)
    end_reviews(hub)
    with hub.store.write() as transaction:
        transaction.blank_old_recalls(hub.clock.now() - RECALL_LIVES)
        transaction.staff.forget_invitations(hub.clock.now())
    hub.store.scrub()
    return ended


def expire_entries(hub: Hub) -> int:
    """End every entry that is due; returns how many. When this returns, their tombstones are in the feed."""
    ended = 0
    while True:
        now = hub.clock.now()
        with hub.store.write() as transaction:
            due = transaction.entries_due(now, _AT_ONCE)
            for record in due:
                expired = entries.expire(record.entry, now)
                stop_matching(hub.vault, transaction, record, expired, now, TombstoneReason.EXPIRED)
        ended += len(due)
        if len(due) < _AT_ONCE:
            break
    if ended:
        hub.bell.ring()
    return ended
