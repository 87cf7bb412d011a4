"""The feed as StopNCII's format tells it, and what partners say back in it.

Its checkpoint is a time in whole seconds. A fetch from time T begins at the first step of the feed made at T or later, and
a page names the newest time among all steps up to its end; so nothing behind a page is ever skipped, even where several
steps share a second or the hub's clock was set back, and the time never decreases. What shares the last second comes again.

Published clients never delete: they test the wrong field for "Withdrawn". A partner that fetches by this format therefore
counts as following a withdrawal only after it has fetched everything anew, from time 10 on, as a client does whose state
was cleared. Until then the person's page says that it still waits for this partner.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, NoReturn

from amparo.bank import EntryState, Opinion
from amparo.core.errors import InvalidInput, Rejected, Unauthenticated
from amparo.core.keys import same_bytes
from amparo.exchange.native import Addition
from amparo.exchange.stopncii import (
    CaseStatus,
    FeedbackValue,
    HashFeedback,
    HashPage,
    HashRecord,
    RecordFeedback,
    SignalKind,
)
from amparo.hub.commands import feedback, partners, quotas
from amparo.hub.commands.ending import open_recall
from amparo.hub.context import Hub
from amparo.signal.fingerprint import Pdq
from amparo.store import Change, EntryRecord, Interface, PartnerRecord, Transaction

FROM_THE_BEGINNING: Final = 10
"""Seconds since 1970 from which a client without a checkpoint asks."""
MAXIMUM_PAGE: Final = 1000
_LATEST: Final = 253402300799  # the end of the year 9999
_TOKEN: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,12})-([0-9]{1,15})")
_FEEDBACKS: Final = {
    FeedbackValue.BLOCKED: Opinion.CONFIRM,
    FeedbackValue.NOT_BLOCKED: Opinion.REJECT,
    FeedbackValue.PENDING_REVIEW: Opinion.ASK,
    FeedbackValue.QUALITY_UNKNOWN: Opinion.ASK,
}
_OPINIONS: Final = {
    Opinion.CONFIRM: FeedbackValue.BLOCKED,
    Opinion.REJECT: FeedbackValue.NOT_BLOCKED,
    Opinion.ASK: FeedbackValue.PENDING_REVIEW,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """after: the last step told; newest: time of the newest step told; whole: head when a full fetch set out, or 0."""

    after: int
    newest: int
    whole: int

    def token(self) -> str:
        return f"{self.after}-{self.newest}-{self.whole}"


def authenticate(hub: Hub, function_key: str, subscription_key: str) -> PartnerRecord:
    """The partner of these two keys: its bearer secret as the function key, its id as the subscription key.

    Raises what ``partners.authenticate`` raises.
    """
    partner = partners.authenticate(hub, function_key)
    if not same_bytes(partner.id.encode(), subscription_key.encode()):
        raise Unauthenticated("partner_key_wrong", "The subscription key is not this partner's id.")
    return partner


def fetch_page(hub: Hub, partner: PartnerRecord, secret: str, start: int, size: int, token: str) -> HashPage:
    """One page of the feed from time ``start``, or behind ``token``; the export is on record.

    secret: the partner's key, which opens its recalls. Raises InvalidInput ``feed_question_invalid``, Unavailable
    ``partner_quota``.
    """
    quotas.take_fetch(hub, partner)
    if not 0 <= start <= _LATEST or size < 1:
        raise InvalidInput("feed_question_invalid", "startTimestamp or pageSize is out of range.")
    size = min(size, MAXIMUM_PAGE)
    # One writing transaction: what a withdrawal recalls must be exactly what has been told before it.
    with hub.store.write() as transaction:
        head = transaction.head()
        place = _place(transaction, start, token, head)
        changes = transaction.changes(place.after, size)
        # Not ``partner`` as it was authenticated: another page may have ended a fetch from the beginning meanwhile.
        fresh = transaction.partner(partner.id) or partner
        records = _records(hub, transaction, partner, secret, changes, max(place.whole, _whole_before(fresh)))
        end = changes[-1].sequence if changes else place.after
        more = end < head
        _note(hub, transaction, partner, None if token else start, None if more else place.whole)
        if additions := sum(record.status is CaseStatus.ACTIVE for record in records):
            transaction.record_export(partner.id, place.after, end, additions, hub.clock.now())
    newest = max([place.newest, *(int(change.at.timestamp()) for change in changes)])
    following = replace(place, after=end, newest=newest)
    return HashPage(tuple(records), following.token() if more else None, newest, more)


def take_feedback(hub: Hub, partner: PartnerRecord, told: Sequence[HashFeedback]) -> None:
    """Opinions on values; values of other kinds, and feedback that is no opinion, are passed over.

    Raises Unavailable ``partner_quota``.
    """
    opinions: dict[bytes, Opinion] = {}
    for one in told:
        opinion, value = _FEEDBACKS.get(one.feedback), _pdq(one.value)
        if opinion is not None and value is not None:
            opinions[value] = opinion
    if opinions:
        feedback.judge_values(hub, partner, opinions)


def refuse_submission(hub: Hub, partner: PartnerRecord, told: Sequence[tuple[SignalKind, str]]) -> NoReturn:
    """Raises Rejected ``submissions_not_taken``, after looking for canaries of other partners among the values; Unavailable
    ``partner_quota`` where they are more than the partner may offer in a day.

    The bank holds what people asked to be protected and can take back. A fingerprint that a platform submits has no such
    person, and one platform could put any famous picture before all others.
    """
    values = [value for kind, text in told if kind is SignalKind.IMAGE_PDQ and (value := _pdq(text)) is not None]
    feedback.notice_values(hub, partner, values)
    raise Rejected(
        "submissions_not_taken", "This hub takes fingerprints from the people in the pictures only, not from platforms."
    )


def _place(transaction: Transaction, start: int, token: str, head: int) -> _Place:
    if token:
        read = _TOKEN.fullmatch(token)
        if read is None:
            raise InvalidInput("feed_question_invalid", "nextPageToken is none of ours.")
        after, newest, whole = map(int, read.groups())
        return _Place(after, newest, min(whole, head))
    first = transaction.first_change_since(datetime.fromtimestamp(start, UTC))
    return _Place(first - 1, start, head if start <= FROM_THE_BEGINNING else 0)


def _note(hub: Hub, transaction: Transaction, partner: PartnerRecord, start: int | None, whole: int | None) -> None:
    """start: None behind a token; whole: of a fetch that has just reached the head, else None."""
    record = transaction.partner(partner.id) or partner
    if record.interface is not Interface.STOPNCII:
        record = replace(record, interface=Interface.STOPNCII, full_fetch=0)
    record = replace(record, last_sync_at=hub.clock.now())
    if whole:
        record = replace(record, full_fetch=max(whole, record.full_fetch))
        transaction.drop_recalls(partner.id, whole)
    if start is not None and start > FROM_THE_BEGINNING:
        held = transaction.first_change_since(datetime.fromtimestamp(start, UTC)) - 1
        transaction.blank_recalls(partner.id, held)
        recalled = transaction.first_recall(partner.id)
        followed = held if recalled is None else min(held, recalled - 1)
        record = replace(record, acknowledged=max(followed, record.acknowledged))
    transaction.update_partner(record)


def _whole_before(partner: PartnerRecord) -> int:
    return partner.full_fetch if partner.interface is Interface.STOPNCII else 0


def _records(
    hub: Hub, transaction: Transaction, partner: PartnerRecord, secret: str, changes: Sequence[Change], whole: int
) -> list[HashRecord]:
    """The present record of every value that these changes touch.

    Nothing is told of what ended before the last fetch from the beginning set out: published clients would take it in.
    """
    at = {change.sequence: int(change.at.timestamp()) for change in changes}
    values: dict[bytes, tuple[int, str]] = {}
    for shown in partners.shown_to(hub, partner.id, changes):
        if isinstance(shown, Addition):
            values[shown.fingerprint.value] = (at[shown.sequence], shown.case)
    ended = [change for change in changes if change.reason is not None and change.sequence > whole]
    recalls = transaction.recalls(partner.id, [change.entry for change in ended])
    ended = [change for change in ended if change.entry in recalls and recalls[change.entry].sealed]
    cases = hub.vault.cases_for(partner.id).of([change.case for change in ended]) if ended else []
    for change, case in zip(ended, cases, strict=True):
        values[open_recall(recalls[change.entry], secret)] = (at[change.sequence], case)
    active = _active(hub, transaction, partner, list(values))
    opinions = transaction.opinions_of(partner.id, [record.entry.id for found in active.values() for record in found])
    told: list[HashRecord] = []
    for value, (modified, case) in values.items():
        if found := active.get(value):
            mine = [opinions[record.entry.id] for record in found if record.entry.id in opinions]
            own = tuple(RecordFeedback(partner.name, _OPINIONS[opinion]) for opinion in mine[-1:])
            numbers = hub.vault.cases_for(partner.id).of([record.entry.case for record in found])
            told.append(_record(value, modified, CaseStatus.ACTIVE, numbers, own))
        else:
            # The negative feedback is what a published client does show of a withdrawal: the match becomes "disputed".
            disputed = RecordFeedback(hub.settings.name, FeedbackValue.NOT_BLOCKED, ("withdrawn",))
            told.append(_record(value, modified, CaseStatus.WITHDRAWN, [case], (disputed,)))
    return told


def _active(
    hub: Hub, transaction: Transaction, partner: PartnerRecord, values: Sequence[bytes]
) -> dict[bytes, list[EntryRecord]]:
    """For each value its active entries that this partner is shown."""
    of_tag = {hub.vault.value_tag(value): value for value in values}
    found: dict[bytes, list[EntryRecord]] = {}
    for record in transaction.entries_tagged(list(of_tag)) if of_tag else []:
        if record.entry.state is EntryState.ACTIVE and record.canary_of in (None, partner.id):
            found.setdefault(of_tag[record.tag], []).append(record)
    return found


def _record(
    value: bytes, modified: int, status: CaseStatus, cases: Sequence[str], feedbacks: tuple[RecordFeedback, ...]
) -> HashRecord:
    return HashRecord(modified, SignalKind.IMAGE_PDQ, value.hex(), status, dict.fromkeys(cases, status), feedbacks)


def _pdq(text: str) -> bytes | None:
    try:
        return Pdq.from_hex(text.lower(), 100).value
    except InvalidInput:
        return None
