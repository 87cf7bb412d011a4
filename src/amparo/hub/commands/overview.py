"""What the desk sees first: counts and partners. No fingerprint, no code, no person's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from amparo.bank import Opinion
from amparo.core.ids import PartnerId
from amparo.hub.context import Hub
from amparo.store import Interface, PartnerRecord, Transaction


@dataclass(frozen=True, slots=True)
class PartnerLine:
    """behind: steps of the feed that the partner has not confirmed yet; received: additions ever sent to it.

    keeps_withdrawn: it fetches by StopNCII's format, in which a stock client cannot delete, and has not fetched everything
    anew since something it holds was withdrawn; confirms, rejects, asks: its opinions.
    """

    id: PartnerId
    name: str
    state: str
    last_sync_at: datetime | None
    behind: int
    received: int
    interface: str
    keeps_withdrawn: bool
    confirms: int
    rejects: int
    asks: int


@dataclass(frozen=True, slots=True)
class AlertLine:
    """A canary of ``partner`` came up; ``told_by`` is through whom."""

    kind: str
    partner: str
    told_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SightingLine:
    partner: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    cases: int
    entries: dict[str, int]
    head: int
    partners: tuple[PartnerLine, ...]
    sightings: tuple[SightingLine, ...]
    alerts: tuple[AlertLine, ...]


def overview(hub: Hub) -> Overview:
    """The state of the hub in one consistent picture."""
    now = hub.clock.now()
    with hub.store.read() as transaction:
        head = transaction.head()
        partners = transaction.partners()
        opinions = transaction.count_opinions()
        names = {partner.id: partner.name for partner in partners}
        lines = [partner_line(transaction, partner, now, opinions) for partner in partners]
        sightings = tuple(SightingLine(names[s.partner], s.at) for s in transaction.sightings(50))
        alerts = tuple(AlertLine(a.kind, names[a.partner], names[a.told_by], a.at) for a in transaction.alerts(50))
        return Overview(transaction.count_cases(), transaction.count_entries(), head, tuple(lines), sightings, alerts)


def partner_line(
    transaction: Transaction, partner: PartnerRecord, now: datetime, opinions: Mapping[PartnerId, Mapping[Opinion, int]]
) -> PartnerLine:
    """opinions: as the store counts them, of all partners."""
    state = "active"
    if partner.suspended_at is not None:
        state = "suspended"
    elif partner.key_expires_at is not None and partner.key_expires_at <= now:
        state = "key expired"
    told = opinions.get(partner.id, {})
    return PartnerLine(
        id=partner.id,
        name=partner.name,
        state=state,
        last_sync_at=partner.last_sync_at,
        behind=transaction.head() - partner.acknowledged,
        received=transaction.exported(partner.id),
        interface=partner.interface.value,
        keeps_withdrawn=partner.interface is Interface.STOPNCII and transaction.first_recall(partner.id) is not None,
        confirms=told.get(Opinion.CONFIRM, 0),
        rejects=told.get(Opinion.REJECT, 0),
        asks=told.get(Opinion.ASK, 0),
    )
