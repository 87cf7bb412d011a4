"""Opinions of partners that arrive on entries, the holds that follow from them, and the desk's decision on a hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from amparo.bank import EntryState, Opinion, TombstoneReason
from amparo.bank import entry as entries
from amparo.bank.opinion import Standing, must_hold
from amparo.core.errors import NotFound
from amparo.core.ids import EntryId, PartnerId
from amparo.core.logs import get_logger
from amparo.hub.commands import canaries
from amparo.hub.commands.ending import stop_matching
from amparo.hub.commands.quotas import offering_values, telling_opinions
from amparo.hub.context import Hub
from amparo.store import DeskAct, EntryRecord, OpinionRecord, PartnerRecord, Transaction

log: Final = get_logger("amparo.hub")

RELEASED: Final = "hold-released"


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of told opinions. unknown: pseudonyms of none of the partner's entries, or of ended ones."""

    accepted: tuple[EntryId, ...]
    unknown: tuple[EntryId, ...]


def judge_entries(hub: Hub, partner: PartnerRecord, opinions: Mapping[EntryId, Opinion]) -> Judged:
    """Opinions by the partner's pseudonyms. When this returns, they are on disk, and holds that follow are in the feed.

    Raises Unavailable ``partner_quota`` where the partner has given all it may in a day; then none is taken.
    """
    pseudonyms = hub.vault.entries_for(partner.id)
    accepted: list[EntryId] = []
    unknown: list[EntryId] = []
    with telling_opinions(hub, partner, len(opinions)) as transaction:
        for pseudonym, opinion in opinions.items():
            record = transaction.entry(EntryId(pseudonyms.original(pseudonym)))
            known = record is not None and judge_entry(hub, transaction, partner.id, record, opinion)
            (accepted if known else unknown).append(pseudonym)
    hub.bell.ring()
    return Judged(tuple(accepted), tuple(unknown))


def judge_values(hub: Hub, partner: PartnerRecord, opinions: Mapping[bytes, Opinion]) -> None:
    """Opinions by value (32 bytes), for formats without ids: they count for every entry of that value.

    What the bank does not hold is passed over without a word: feedback must not become a way of asking what is banked.
    Raises Unavailable ``partner_quota`` as ``judge_entries`` does.
    """
    tags = {hub.vault.value_tag(value): opinion for value, opinion in opinions.items()}
    with telling_opinions(hub, partner, len(opinions)) as transaction:
        for record in _tagged(transaction, list(tags)):
            judge_entry(hub, transaction, partner.id, record, tags[record.tag])
    hub.bell.ring()


def notice_values(hub: Hub, partner: PartnerRecord, values: Sequence[bytes]) -> None:
    """A partner offers these values for banking: they are looked through for other partners' canaries, and forgotten.

    Raises Unavailable ``partner_quota`` where they are more than it may offer in a day.
    """
    with offering_values(hub, partner, len(values)) as transaction:
        for record in _tagged(transaction, [hub.vault.value_tag(value) for value in values]):
            canaries.notice_told(transaction, record, partner.id, hub.clock.now())


def release(hub: Hub, entry: EntryId, by: str = "command line") -> None:
    """The desk has looked: the entry is right and matches again; the opinions given so far are settled.

    When this returns, its addition is in the feed, and it is on record (by: through which
    door). Raises NotFound ``entry_unknown``, Conflict ``entry_not_held``.
    """
    now = hub.clock.now()
    with hub.store.write() as transaction:
        record = transaction.entry(entry)
        if record is None:
            raise NotFound("entry_unknown", "There is no such entry.")
        transaction.change_entry(entries.release(record.entry), now, None)
        transaction.settle_opinions(entry)
        transaction.forget_recalls_of(entry)
        transaction.record_act(DeskAct(RELEASED, entry, by, now))
    log.info("hold_released", detail=entry, reason=by)
    hub.bell.ring()


def standings(transaction: Transaction) -> dict[PartnerId, Standing]:
    """How each partner has judged so far."""
    return {
        partner: Standing(sum(counted.values()), counted.get(Opinion.REJECT, 0))
        for partner, counted in transaction.count_opinions().items()
    }


def judge_entry(hub: Hub, transaction: Transaction, partner: PartnerId, record: EntryRecord, opinion: Opinion) -> bool:
    """Whether this is an entry that the partner may speak of; then its opinion counts, and may hold the entry."""
    now = hub.clock.now()
    if record.canary_of is not None:
        canaries.notice_told(transaction, record, partner, now)
        return record.canary_of == partner
    if record.entry.state not in (EntryState.ACTIVE, EntryState.HELD):
        return False
    transaction.record_opinion(OpinionRecord(partner, record.entry.id, opinion, now))
    if record.entry.state is EntryState.ACTIVE and opinion is Opinion.REJECT:
        _hold_if_due(hub, transaction, record, now)
    return True


def _hold_if_due(hub: Hub, transaction: Transaction, record: EntryRecord, now: datetime) -> None:
    open_ones = {o.partner: o.opinion for o in transaction.opinions(record.entry.id) if not o.settled}
    before: dict[PartnerId, Standing] = {}
    for partner, standing in standings(transaction).items():
        mine = open_ones.get(partner)
        before[partner] = Standing(
            standing.opinions - (mine is not None), standing.rejections - (mine is Opinion.REJECT)
        )
    if must_hold(open_ones, before):
        stop_matching(hub.vault, transaction, record, entries.hold(record.entry), now, TombstoneReason.HELD)


def _tagged(transaction: Transaction, tags: Sequence[bytes]) -> list[EntryRecord]:
    found: list[EntryRecord] = []
    for at in range(0, len(tags), 500):
        found += transaction.entries_tagged(tags[at : at + 500])
    return found
