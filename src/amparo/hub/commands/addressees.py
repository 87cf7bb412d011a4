"""To whom a notice is, for pages on which nobody has said why they read.

A person who wishes a notice types the site in her own words, and they may name people. Those words open with the notice. What
the hub knows without her may be read by everybody who works on cases: names of the address book, of partners and of rules, and
what staff wrote in their place.
"""

from __future__ import annotations

from collections.abc import Collection

from amparo.hub.context import Hub
from amparo.notice.machine import NoticeState, Origin
from amparo.store import Transaction


def known_names(hub: Hub, transaction: Transaction) -> frozenset[str]:
    """Names that are nobody's own words."""
    return frozenset(
        (
            *(platform.name for platform in hub.office.book),
            *(partner.name for partner in transaction.partners()),
            *(title for pack in hub.office.packs for title in pack.title.values()),
        )
    )


def open_addressee(state: NoticeState, known: Collection[str]) -> str:
    """Its addressee where that may be read without a reason, else ""."""
    notice, drafted = state.notice, state.drafted
    assert notice is not None  # of a notice that was read, as its draft
    assert drafted is not None
    by_staff = notice.addressee != drafted.notice.addressee or (
        # A notice that follows another took its addressee over, whoever had written it.
        drafted.origin is Origin.CASEWORKER and drafted.notice.follows is None
    )
    return notice.addressee if by_staff or notice.addressee in known else ""
