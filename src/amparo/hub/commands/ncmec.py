"""The feed as NCMEC's format tells it: entries by id, changed between two times, and tombstones that clients do honour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from amparo.bank import Opinion
from amparo.core.errors import InvalidInput, NotFound, Unauthenticated
from amparo.core.ids import EntryId, PartnerId
from amparo.core.keys import same_bytes
from amparo.exchange.native import Addition
from amparo.exchange.ncmec import Deleted, EntryPage, ImageEntry, Vote, Voted, following_path
from amparo.hub.commands import feedback, partners, quotas
from amparo.hub.context import Hub
from amparo.store import Interface, PartnerRecord

THE_HUB: Final = 1
THE_PARTNER: Final = 2
"""Member numbers. A partner is told of itself and the hub only: who else takes part is no business of the format's."""
REASONS: Final = {"5d2b9a14-6f0c-4c39-9a6e-2f6f3a0f7c11": "Not the picture that this entry is for"}
MAXIMUM_PAGE: Final = 1000
_TOLERANCE: Final = timedelta(minutes=5)
"""How far a client's clock may be ahead of ours: its next question begins where, by its clock, the last one ended. What
happened since, but before that moment, would be lost."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OPINIONS: Final = {Vote.AFFIRMATIVE: Opinion.CONFIRM, Vote.NEGATIVE: Opinion.REJECT}


@dataclass(frozen=True, slots=True)
class Question:
    """start, end: whole seconds, both included; after, last: of a page's ``next``, None on the first page."""

    start: datetime
    end: datetime
    after: int | None
    last: int | None
    size: int


class Ends:
    """Where each partner's last complete range ended: by its time, and by the sequence that we had come to.

    The published client sweeps its way through time in ranges of a second where much has happened. A range that begins where
    the last one ended goes on after that sequence, and repeats nothing, whatever its clock says; any other begins five
    minutes earlier. In memory only: whoever is not known repeats five minutes once.
    """

    def __init__(self) -> None:
        self._ends: dict[PartnerId, tuple[datetime, int]] = {}

    def note(self, partner: PartnerId, end: datetime, sequence: int) -> None:
        self._ends[partner] = end, sequence

    def continued(self, partner: PartnerId, start: datetime) -> int | None:
        """The sequence after which a range from ``start`` on goes on; None where it does not begin at the last one's end."""
        end, sequence = self._ends.get(partner, (None, 0))
        return sequence if start == end else None


def authenticate(hub: Hub, user: str, password: str) -> PartnerRecord:
    """The partner of these credentials: its id as the user, its bearer secret as the password."""
    partner = partners.authenticate(hub, password)
    if not same_bytes(partner.id.encode(), user.encode()):
        raise Unauthenticated("partner_key_wrong", "The user name is not this partner's id.")
    return partner


def members(hub: Hub, partner: PartnerRecord) -> dict[int, str]:
    """The hub and the one who asks."""
    return {THE_HUB: hub.settings.name, THE_PARTNER: partner.name}


def entries_page(hub: Hub, partner: PartnerRecord, question: Question, ends: Ends) -> EntryPage:
    """What changed between the two times; the export is on record.

    Raises InvalidInput ``clock_of_another_zone`` for a range that reaches into the future: the published client writes its
    local time as if it were UTC, and would skip hours of the feed east of Greenwich. Raises Unavailable ``partner_quota``.
    """
    quotas.take_fetch(hub, partner)
    if question.end > hub.clock.now() + _TOLERANCE:
        raise InvalidInput("clock_of_another_zone", "The time lies in the future. Run this client in UTC (set TZ=UTC).")
    size = max(1, min(question.size, MAXIMUM_PAGE))
    with hub.store.read() as transaction:
        before = ends.continued(partner.id, question.start)
        if before is None:
            before = transaction.first_change_since(max(question.start, _EPOCH + _TOLERANCE) - _TOLERANCE) - 1
        last = max(before, transaction.first_change_since(question.end + timedelta(seconds=1)) - 1)
        if question.after is not None and question.last is not None:
            # The first page has fixed the end; what was added meanwhile belongs to the next question.
            last = question.last
        after = before if question.after is None else question.after
        changes = [change for change in transaction.changes(after, size) if change.sequence <= last]
        originals = {change.sequence: change.entry for change in changes}
        opinions = transaction.opinions_of(partner.id, list(originals.values()))
    told: list[ImageEntry | Deleted] = []
    for shown in partners.shown_to(hub, partner.id, changes):
        if isinstance(shown, Addition):
            voted = _voted(partner, opinions.get(originals[shown.sequence]))
            told.append(ImageEntry(THE_HUB, shown.entry, shown.fingerprint.hex, voted))
        else:
            told.append(Deleted(THE_HUB, shown.entry))
    cursor = changes[-1].sequence if changes else last
    following = None
    if cursor < last:
        following = following_path(question.start, question.end, str(cursor), str(last))
    told_to = cursor if following is None else 0
    if following is None:
        ends.note(partner.id, question.end, max(cursor, last))
    _note(hub, partner, question, told_to, after, cursor, sum(isinstance(one, ImageEntry) for one in told))
    newest = max((change.at for change in changes), default=None)
    return EntryPage(tuple(told), newest, following)


def take_feedback(
    hub: Hub, partner: PartnerRecord, member: int, entry: str, vote: Vote, reasons: Sequence[str]
) -> None:
    """A vote on an entry's PDQ fingerprint. Raises NotFound ``entry_unknown``, InvalidInput ``reason_unknown``."""
    if vote is Vote.NEGATIVE and (not reasons or any(reason not in REASONS for reason in reasons)):
        raise InvalidInput("reason_unknown", "A negative vote names one of the reasons that this hub lists.")
    if member != THE_HUB or entry in feedback.judge_entries(hub, partner, {EntryId(entry): _OPINIONS[vote]}).unknown:
        raise NotFound("entry_unknown", "There is no such entry.")


def _voted(partner: PartnerRecord, opinion: Opinion | None) -> tuple[Voted, ...]:
    for vote, meant in _OPINIONS.items():
        if meant is opinion:
            reason = "" if vote is Vote.AFFIRMATIVE else next(iter(REASONS.values()))
            return (Voted(vote, THE_PARTNER, partner.name, reason),)
    return ()


def _note(
    hub: Hub, partner: PartnerRecord, question: Question, told_to: int, after: int, cursor: int, additions: int
) -> None:
    """told_to: the end of a range whose last page this is, else 0."""
    now = hub.clock.now()
    with hub.store.write() as transaction:
        record = transaction.partner(partner.id) or partner
        if record.interface is not Interface.NCMEC:
            record = replace(record, interface=Interface.NCMEC, full_fetch=0)
        if question.after is None:
            # Whoever asks from a time on has applied what it was told of the time before.
            applied = min(record.full_fetch, transaction.first_change_since(question.start) - 1)
            record = replace(record, acknowledged=max(applied, record.acknowledged))
        record = replace(record, last_sync_at=now, full_fetch=max(told_to, record.full_fetch))
        transaction.update_partner(record)
        if additions:
            transaction.record_export(partner.id, after, cursor, additions, now)
