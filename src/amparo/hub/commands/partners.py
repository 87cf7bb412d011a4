"""The partners' commands: join, follow the feed, tell sightings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from amparo.bank import Action
from amparo.case import machine
from amparo.case.events import CopySighted
from amparo.core.errors import Conflict, InvalidInput, NotFound, Rejected, Unauthenticated
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId, is_id, random_id
from amparo.core.keys import bearer_digest, new_bearer_secret, same_bytes
from amparo.core.recipient import recipient_key
from amparo.exchange.native import Addition, FeedPage, SightingReport, Tombstone, TraceAddition, encode_page
from amparo.exchange.native.page import MAXIMUM_CHANGES
from amparo.gate.card import PartnerCard
from amparo.hub.commands.canaries import notice_sighting, place_canaries
from amparo.hub.commands.quotas import telling_sightings
from amparo.hub.commands.sighting_notices import ask_for_draft
from amparo.hub.context import Hub
from amparo.hub.policy import fingerprints_live
from amparo.hub.vault import OpenedCase
from amparo.signal.fingerprint import Pdq, SignalType
from amparo.signal.trace import codec
from amparo.signal.trace.permutation import permuted
from amparo.store import Change, EntryRecord, Interface, PartnerRecord, Transaction
from amparo.store.protocol import SightingRecord

_SYNC_NOTED_EVERY = timedelta(seconds=5)
_PAGE_BYTES: Final = 2_300_000
"""Of traces, which are the only changes of any size: with 5,000 others, a page stays below what the format allows."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of told sightings. unknown: entries that are none of the partner's, or have ended since."""

    accepted: tuple[SightingId, ...]
    unknown: tuple[SightingId, ...]


def add_partner(hub: Hub, name: str, valid_for: timedelta | None = None, *, whole_records: bool = False) -> PartnerCard:
    """A new partner and its card. The secret in the card is shown this once and stored as a digest only.

    whole_records: it receives traces as they are, with positions and tiles, and judges uploads by itself: for partners that
    the operator trusts as the hub itself.
    Raises InvalidInput ``partner_name_invalid``, Conflict ``partner_exists``.
    """
    if not name.strip() or not name.isprintable() or len(name) > 60:
        raise InvalidInput("partner_name_invalid", "A partner's name has 1 to 60 printable letters.")
    now = hub.clock.now()
    partner = PartnerId(random_id())
    secret = _new_secret(partner)
    expires_at = None if valid_for is None else now + valid_for
    with hub.store.write() as transaction:
        record = PartnerRecord(partner, name.strip(), bearer_digest(secret), now, expires_at)
        transaction.add_partner(replace(record, recall_key=recipient_key(secret), whole_records=whole_records))
        lives = fingerprints_live(hub, transaction)
        place_canaries(hub.vault, transaction, partner, hub.settings.canaries, now, lives)
    hub.bell.ring()
    return PartnerCard(hub.settings.url, hub.vault.signing.public.hex, partner, name.strip(), secret)


def renew_key(hub: Hub, name: str, valid_for: timedelta | None = None, *, unlimited: bool = False) -> PartnerCard:
    """A new key for a partner; the old one opens nothing from now on, recalls included, which are forgotten.

    valid_for: how long the new key opens; None for a partner whose key never expired, or with ``unlimited``.
    Raises NotFound ``partner_unknown``, InvalidInput ``validity_missing`` where the old key had an end and nothing is said
    of the new one: an end must not get lost in a routine.
    """
    now = hub.clock.now()
    with hub.store.write() as transaction:
        record = _named(transaction, name)
        if record.key_expires_at is not None and valid_for is None and not unlimited:
            raise InvalidInput(
                "validity_missing",
                "This partner's key has an end. Say how long the new one is valid, or that it has none.",
            )
        secret = _new_secret(record.id)
        transaction.blank_recalls(record.id, transaction.head())
        expires_at = None if valid_for is None else now + valid_for
        renewed = replace(
            record, key_digest=bearer_digest(secret), key_expires_at=expires_at, recall_key=recipient_key(secret)
        )
        transaction.update_partner(renewed)
    return PartnerCard(hub.settings.url, hub.vault.signing.public.hex, record.id, record.name, secret)


def suspend(hub: Hub, name: str) -> None:
    """The partner's key opens nothing until it is resumed; nothing happens the second time.

    What it holds already, it holds: write to its people. Raises NotFound ``partner_unknown``.
    """
    with hub.store.write() as transaction:
        record = _named(transaction, name)
        transaction.update_partner(replace(record, suspended_at=record.suspended_at or hub.clock.now()))


def resume(hub: Hub, name: str) -> None:
    """End a suspension. Raises NotFound ``partner_unknown``."""
    with hub.store.write() as transaction:
        transaction.update_partner(replace(_named(transaction, name), suspended_at=None))


def authenticate(hub: Hub, secret: str) -> PartnerRecord:
    """The partner whose key this is.

    Raises Unauthenticated ``partner_key_wrong`` or ``partner_key_expired``, Rejected ``partner_suspended``.
    """
    identifier = secret.partition(".")[0]
    record = None
    if is_id(identifier):
        with hub.store.read() as transaction:
            record = transaction.partner(PartnerId(identifier))
    if record is None or not same_bytes(record.key_digest, bearer_digest(secret)):
        raise Unauthenticated("partner_key_wrong", "This hub does not know the partner key that was shown.")
    if record.key_expires_at is not None and record.key_expires_at <= hub.clock.now():
        raise Unauthenticated(
            "partner_key_expired", "This partner key has expired. Ask the hub's operator for a new one."
        )
    if record.suspended_at is not None:
        raise Rejected("partner_suspended", "This partner is suspended. Ask the hub's operator.")
    return record


def feed_head(hub: Hub) -> int:
    """The feed's last sequence."""
    with hub.store.read() as transaction:
        return transaction.head()


def acknowledge(hub: Hub, partner: PartnerId, after: int) -> None:
    """Note that the partner has applied everything up to ``after``, for it asks for what comes behind, and nothing more.

    A gate that was restored from a backup asks for less than it did before, and matches again what was withdrawn since; so
    what counts is its last question, not its furthest one. Two gates on one card would take turns here.

    Raises Conflict ``cursor_ahead`` where it claims more than there is: then one side was restored from an old backup,
    and going on would hide that.
    """
    now = hub.clock.now()
    with hub.store.read() as transaction:
        record, head = _known(transaction, partner), transaction.head()
    if after > head:
        raise Conflict("cursor_ahead", "This partner has seen more of the feed than this hub holds.")
    fresh = record.last_sync_at is not None and now - record.last_sync_at < _SYNC_NOTED_EVERY
    if after == record.acknowledged and fresh and record.interface is Interface.NATIVE:
        return
    with hub.store.write() as transaction:
        record = _known(transaction, partner)
        transaction.update_partner(replace(record, last_sync_at=now, acknowledged=after, interface=Interface.NATIVE))


def feed_page(hub: Hub, partner: PartnerId, after: int, limit: int, nonce: str, *, traces: bool = False) -> bytes:
    """The signed page of what changed behind ``after``, with this partner's pseudonyms; the export is on record.

    traces: a page of ``amparo-feed/2``, which holds traces too; else of ``amparo-feed/1``, which knows none.
    """
    if not is_id(nonce) or after < 0 or not 1 <= limit <= MAXIMUM_CHANGES:
        raise InvalidInput("feed_question_invalid", "after, limit or nonce is not as the format says.")
    now = hub.clock.now()
    with hub.store.read() as transaction:
        head = transaction.head()
        changes = _fitting(transaction.changes(after, limit)) if traces else transaction.changes(after, limit)
        whole = traces and _known(transaction, partner).whole_records
    shown: list[Addition | TraceAddition | Tombstone] = list(shown_to(hub, partner, changes))
    if traces:
        shown = sorted([*shown, *_traces_to(hub, partner, changes, whole=whole)], key=lambda one: one.sequence)
    cursor = changes[-1].sequence if changes else after
    additions = sum(not isinstance(change, Tombstone) for change in shown)
    if additions:
        with hub.store.write() as transaction:
            transaction.record_export(partner, after, cursor, additions, now)
    order = bytes(hub.vault.trace_order(partner)) if traces else None
    page = FeedPage(
        hub.vault.signing.public.hub_id, partner, after, cursor, max(head, cursor), nonce, now, tuple(shown), order
    )
    return encode_page(page, hub.vault.signing)


def tell_sightings(hub: Hub, partner: PartnerRecord, reports: Sequence[SightingReport]) -> Told:
    """Write sightings into the cases they belong to. When this returns, they are on disk, all in one transaction.

    Raises Unavailable ``partner_quota`` where the partner has told all it may in a day; then none is taken.
    Telling twice counts once. Each case is read and written once, however many of its entries were seen.
    """
    accepted: list[SightingId] = []
    unknown: list[SightingId] = []
    pseudonyms = hub.vault.entries_for(partner.id)
    entries = [EntryId(pseudonyms.original(report.entry)) for report in reports]
    now = hub.clock.now()
    with telling_sightings(hub, partner, len(reports)) as transaction:
        fresh: dict[CaseId, list[CopySighted]] = defaultdict(list)
        for report, entry in zip(reports, entries, strict=True):
            banked = transaction.entry(entry)
            if banked is None or not _may_sight(transaction, partner, banked):
                unknown.append(report.id)
                continue
            accepted.append(report.id)
            if not transaction.record_sighting(SightingRecord(report.id, partner.id, entry, now)):
                continue
            if banked.canary_of is None:
                fresh[banked.entry.case].append(_sighted(partner, report, entry, now))
            else:
                notice_sighting(transaction, banked, partner.id, now)
        for case, sightings in fresh.items():
            record = transaction.case(case)
            assert record is not None  # asked for in this same transaction
            opened = OpenedCase.read(transaction, record, hub.vault)
            opened.append(transaction, machine.record_sightings(opened.state, sightings))
            ask_for_draft(hub, transaction, case, sightings[-1])
    return Told(tuple(accepted), tuple(unknown))


def _may_sight(transaction: Transaction, partner: PartnerRecord, banked: EntryRecord) -> bool:
    if banked.canary_of is not None:
        return banked.canary_of == partner.id
    return banked.signal_type is SignalType.PDQ and transaction.case(banked.entry.case) is not None


def _sighted(partner: PartnerRecord, report: SightingReport, entry: EntryId, now: datetime) -> CopySighted:
    return CopySighted(
        at=now,
        sighting=report.id,
        entry=entry,
        partner=partner.id,
        partner_name=partner.name,
        # A partner's clock may be wrong; nobody has seen anything in the future.
        seen_at=min(report.seen_at, now),
        place=report.place,
        stopped=report.action is Action.BLOCK,
    )


def shown_to(hub: Hub, partner: PartnerId, changes: Sequence[Change]) -> list[Addition | Tombstone]:
    """What this partner is told of these changes of fingerprints: its own pseudonyms, and no other's canaries.

    Tombstones of traces are in it, for a gate that holds one; to all others they name nothing.
    """
    changes = [change for change in changes if change.canary_of in (None, partner)]
    changes = [c for c in changes if c.reason is not None or c.signal_type is SignalType.PDQ]
    entries = hub.vault.entries_for(partner).of([change.entry for change in changes])
    cases = hub.vault.cases_for(partner).of([change.case for change in changes])
    shown: list[Addition | Tombstone] = []
    for change, entry, case in zip(changes, entries, cases, strict=True):
        if change.reason is not None:
            shown.append(Tombstone(change.sequence, EntryId(entry), change.reason))
        elif change.sealed:
            shown.append(Addition(change.sequence, EntryId(entry), case, _opened(hub, change), change.expires_at))
    return shown


def _traces_to(hub: Hub, partner: PartnerId, changes: Sequence[Change], *, whole: bool) -> list[TraceAddition]:
    live = [change for change in changes if change.signal_type is SignalType.TRACE and change.sealed]
    order = hub.vault.trace_order(partner)
    told: list[TraceAddition] = []
    for change, entry in zip(live, hub.vault.entries_for(partner).of([c.entry for c in live]), strict=True):
        record = hub.vault.case_key(change.case, change.wrapped_key).open_trace(change.entry, change.sealed)
        if whole:
            told.append(TraceAddition(change.sequence, EntryId(entry), b"", change.expires_at, codec.encode(record)))
            continue
        # Sorted anew: the record's own order would tell how the bits were moved.
        rows = sorted(row.tobytes() for row in permuted(record.descriptors, order))
        told.append(TraceAddition(change.sequence, EntryId(entry), b"".join(rows), change.expires_at))
    return told


def _fitting(changes: Sequence[Change]) -> Sequence[Change]:
    """As many of the first as fit on a page; one at least."""
    room = _PAGE_BYTES
    for at, change in enumerate(changes):
        if change.signal_type is SignalType.TRACE:
            room -= len(change.sealed) * 4 // 3 + 250
        if room < 0 and at:
            return changes[:at]
    return changes


def _opened(hub: Hub, change: Change) -> Pdq:
    if change.canary_of is not None:
        return hub.vault.open_canary(change.entry, change.sealed)
    return hub.vault.case_key(change.case, change.wrapped_key).open_fingerprint(change.entry, change.sealed)


def _named(transaction: Transaction, name: str) -> PartnerRecord:
    for partner in transaction.partners():
        if partner.name == name:
            return partner
    raise NotFound("partner_unknown", "There is no such partner.")


def _new_secret(partner: PartnerId) -> str:
    # The partner's id in front finds its record; the digest of the whole decides.
    return f"{partner}.{new_bearer_secret()}"


def _known(transaction: Transaction, partner: PartnerId) -> PartnerRecord:
    record = transaction.partner(partner)
    if record is None:
        raise NotFound("partner_unknown", "There is no such partner.")
    return record
