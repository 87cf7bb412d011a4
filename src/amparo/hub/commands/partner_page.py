"""One partner as the desk sees it: what it follows, holds, was sent and said. No fingerprint, no case, no key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from amparo.bank import Opinion
from amparo.core.errors import NotFound
from amparo.core.ids import PartnerId, is_id
from amparo.hub.commands.overview import AlertLine, PartnerLine, partner_line
from amparo.hub.context import Hub
from amparo.signal.fingerprint import SignalType
from amparo.store import ExportRecord, PartnerRecord

_EXPORTS: Final = 50
_ALERTS: Final = 1000


@dataclass(frozen=True, slots=True)
class BankLine:
    """One kind of entries. held: received and still active; precision: confirmed / (confirmed + rejected), None before the
    first of either."""

    kind: SignalType
    held: int
    confirms: int
    rejects: int
    asks: int

    @property
    def precision(self) -> float | None:
        decided = self.confirms + self.rejects
        return self.confirms / decided if decided else None


@dataclass(frozen=True, slots=True)
class PartnerPage:
    """exports: the newest lines of the export log; alerts: canaries that were this partner's, or that it spoke of."""

    line: PartnerLine
    record: PartnerRecord
    banks: tuple[BankLine, ...]
    exports: tuple[ExportRecord, ...]
    alerts: tuple[AlertLine, ...]


def partner_page(hub: Hub, partner: str) -> PartnerPage:
    """One consistent picture of this partner. Raises NotFound ``partner_unknown``."""
    with hub.store.read() as transaction:
        record = transaction.partner(PartnerId(partner)) if is_id(partner) else None
        if record is None:
            raise NotFound("partner_unknown", "There is no such partner.")
        names = {one.id: one.name for one in transaction.partners()}
        held = transaction.count_received(record.id)
        opinions = transaction.count_opinions_of(record.id)
        banks = tuple(_bank_line(kind, held.get(kind, 0), opinions.get(kind, {})) for kind in SignalType)
        exports = tuple(transaction.exports(record.id, _EXPORTS))
        alerts = tuple(
            AlertLine(one.kind, names[one.partner], names[one.told_by], one.at)
            for one in transaction.alerts(_ALERTS)
            if record.id in (one.partner, one.told_by)
        )
        line = partner_line(transaction, record, hub.clock.now(), transaction.count_opinions())
    return PartnerPage(line, record, banks, exports, alerts)


def _bank_line(kind: SignalType, held: int, told: dict[Opinion, int]) -> BankLine:
    return BankLine(kind, held, told.get(Opinion.CONFIRM, 0), told.get(Opinion.REJECT, 0), told.get(Opinion.ASK, 0))
