"""Uploads that partners are unsure of: is this one an altered version of a registered photo, and what did people say?

Of an upload the hub hears its keypoints and tiles for as long as the answer takes. It keeps its PDQ alone, sealed with the
case's key, and only where the upload is held back for a person's decision.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from amparo.bank import EntryState, Opinion
from amparo.case import machine
from amparo.case.events import DerivativeHeld, Unbanked
from amparo.case.outcome import Outcome
from amparo.core.errors import Conflict, NotFound, Rejected
from amparo.core.ids import EntryId, ReviewId, random_id
from amparo.exchange.native.tracing import Aligned, OwnFinding, Question, TraceAnswer
from amparo.hub.commands import person
from amparo.hub.commands.feedback import judge_entry
from amparo.hub.commands.quotas import deciding
from amparo.hub.commands.sighting_notices import ask_for_draft
from amparo.hub.context import Hub
from amparo.hub.vault import OpenedCase
from amparo.signal.fingerprint import PDQ_MINIMUM_QUALITY, Pdq, SignalType
from amparo.signal.trace import Comparison, Relation, TraceRecord, align, judge
from amparo.store import PartnerRecord, ReviewRecord, ReviewState, Transaction

REVIEW_LIVES: Final = timedelta(days=30)
"""How long an upload waits for a decision, and how long a decision is remembered for that very upload."""
MOST_PENDING: Final = 100
"""Reviews of one photo that wait at one partner; a flood of variations beyond it is held there without a review each."""
OWN_PHOTO_RADIUS: Final = 40
"""Bits. A derivative that lies so near a registered photo, of whichever case, does not join the bank: its fingerprint would
block the photo itself, which is its person's own to show (31 bits, and what re-encoding moves)."""
DISMISSALS_OF_ONE_PHOTO: Final = 3
"""Different uploads of one photo that a partner has dismissed, and none that it has confirmed, before it counts as rejecting the
photo itself. A sticker on an ordinary photo is rightly dismissed and says nothing against the photo, and two such uploads at two
partners must not be enough to have a person's photo suspended."""
_AT_ONCE: Final = 200
_STRICTNESS: Final = (Relation.UNRELATED, Relation.COPY, Relation.UNCERTAIN, Relation.ALTERED)


def align_upload(hub: Hub, partner: PartnerRecord, question: Question) -> tuple[Aligned, ...]:
    """In which frames the upload may show these photos. Raises Unavailable ``partner_too_fast``.

    Photos that are none of the partner's, or have ended, are passed over.
    """
    hub.verifications.take(partner.id)
    found: list[Aligned] = []
    for pseudonym, _, record in _records(hub, partner, [entry for entry, _ in question.photos]):
        alignment = align(record, question.query)
        if alignment is not None:
            found.append(Aligned(pseudonym, alignment.similarity, alignment.frame))
    return tuple(found)


def judge_upload(hub: Hub, partner: PartnerRecord, question: Question) -> TraceAnswer:
    """The answer for an upload with its tiles: the strictest of all its photos.

    Where the partner holds the upload, there is a review to decide on; when this returns, it is on disk. Strictest, so that
    nobody can register a fake as an ordinary photo and have it pass as a copy of that. Raises as ``align_upload`` does.
    """
    hub.verifications.take(partner.id)
    tiles = dict(question.photos)
    best: tuple[Comparison, EntryId, EntryId] | None = None
    for pseudonym, entry, record in _records(hub, partner, list(tiles)):
        alignment, seen = align(record, question.query), tiles[pseudonym]
        if alignment is None or seen is None:
            continue
        answer = judge(record, question.query, alignment, seen)
        if best is None or _rank(answer) > _rank(best[0]):
            best = answer, pseudonym, entry
    if best is None:
        return TraceAnswer(Relation.UNRELATED)
    comparison, pseudonym, entry = best
    told = TraceAnswer(comparison.relation, comparison.altered_fraction, comparison.region, pseudonym)
    if comparison.relation not in (Relation.ALTERED, Relation.UNCERTAIN) or not question.hold:
        return told
    return _hold(hub, partner, entry, told, question.query.pdqs[0], question.place)


def hold_upload(hub: Hub, partner: PartnerRecord, finding: OwnFinding) -> TraceAnswer:
    """What a partner with whole records has found by itself: the review to decide on.

    Raises Rejected ``whole_records_only`` for other partners, whose findings the hub makes; Unavailable ``partner_too_fast``.
    """
    if not partner.whole_records:
        raise Rejected("whole_records_only", "This partner asks the hub about its uploads.")
    hub.verifications.take(partner.id)
    entry = EntryId(hub.vault.entries_for(partner.id).original(finding.entry))
    told = TraceAnswer(finding.relation, finding.altered_fraction, None, finding.entry)
    return _hold(hub, partner, entry, told, finding.fingerprint, finding.place)


def decide(hub: Hub, partner: PartnerRecord, review: ReviewId, *, confirmed: bool) -> bool:
    """A reviewer of the partner has looked. Returns whether the upload's copies are stopped at all partners from now on.

    When this returns, the decision is on disk, and what joins the bank is in the feed, or a hold of the photo that follows;
    saying the same again changes nothing. Raises NotFound ``review_unknown``, Conflict ``review_decided``, Unavailable
    ``partner_quota``.
    """
    now = hub.clock.now()
    wanted = ReviewState.CONFIRMED if confirmed else ReviewState.DISMISSED
    with deciding(hub, partner, confirmed=confirmed) as transaction:
        record = transaction.review(review)
        case = None if record is None or record.partner != partner.id else transaction.case(record.case)
        if record is None or case is None:
            raise NotFound("review_unknown", "There is no such upload to decide on.")
        opened = OpenedCase.read(transaction, case, hub.vault)
        if record.state is not ReviewState.PENDING:
            if record.state is not wanted:
                raise Conflict("review_decided", "Somebody has decided on this upload already.")
            return opened.state.derivative(review).banked is not None
        banked: EntryId | Unbanked | None = None
        if confirmed:
            fingerprint = opened.key.open_review(review, record.sealed)
            banked = _bank(hub, transaction, opened, fingerprint, now)
            events = machine.confirm_derivative(opened.state, now, review, banked, fingerprint.quality)
        else:
            events = machine.dismiss_derivative(opened.state, now, review)
        opened.append(transaction, events)
        transaction.decide_review(review, wanted)
        _judge_photo(hub, transaction, record)
        if confirmed:
            ask_for_draft(hub, transaction, case.id, opened.state.derivative(review).held)
    hub.bell.ring()
    return confirmed and not isinstance(banked, Unbanked)


def end_reviews(hub: Hub) -> None:
    """Forget uploads on which nobody can decide any more; cases whose person would still wait for it are told.

    When this returns, both are on disk.
    """
    now = hub.clock.now()
    before = now - REVIEW_LIVES
    many = True
    while many:
        with hub.store.write() as transaction:
            waiting = transaction.pending_reviews(before, _AT_ONCE)
            many = len(waiting) == _AT_ONCE
            for case in {review.case for review in waiting}:
                record = transaction.case(case)
                assert record is not None  # reviews go with their case
                opened = OpenedCase.read(transaction, record, hub.vault)
                own = [review.id for review in waiting if review.case == case]
                lapsed = [event for one in own for event in machine.lapse_derivative(opened.state, now, one)]
                opened.append(transaction, lapsed)
            for review in waiting:
                transaction.forget_review(review.id)
            if not many:
                transaction.forget_old_reviews(before)


def _judge_photo(hub: Hub, transaction: Transaction, review: ReviewRecord) -> None:
    """What a partner's decisions on uploads say of the photo itself counts as its opinion on that entry."""
    photo = transaction.entry(review.entry)
    if photo is None:
        return
    if transaction.count_reviews(review.entry, review.partner, ReviewState.CONFIRMED):
        judge_entry(hub, transaction, review.partner, photo, Opinion.CONFIRM)
    elif transaction.count_reviews(review.entry, review.partner, ReviewState.DISMISSED) >= DISMISSALS_OF_ONE_PHOTO:
        judge_entry(hub, transaction, review.partner, photo, Opinion.REJECT)


def _records(hub: Hub, partner: PartnerRecord, pseudonyms: list[EntryId]) -> list[tuple[EntryId, EntryId, TraceRecord]]:
    """Pseudonym, entry and record of the photos that are recognised now."""
    originals = hub.vault.entries_for(partner.id)
    found: list[tuple[EntryId, EntryId, TraceRecord]] = []
    with hub.store.read() as transaction:
        for pseudonym in pseudonyms:
            record = transaction.entry(EntryId(originals.original(pseudonym)))
            if record is None or record.signal_type is not SignalType.TRACE:
                continue
            case = transaction.case(record.entry.case)
            if case is None or record.entry.state is not EntryState.ACTIVE:
                continue
            key = hub.vault.case_key(case.id, case.wrapped_key)
            found.append((pseudonym, record.entry.id, key.open_trace(record.entry.id, record.sealed)))
    return found


def _rank(answer: Comparison) -> tuple[int, int]:
    return _STRICTNESS.index(answer.relation), answer.inliers


def _hold(
    hub: Hub, partner: PartnerRecord, entry: EntryId, told: TraceAnswer, fingerprint: Pdq, place: str
) -> TraceAnswer:
    now = hub.clock.now()
    tag = hub.vault.value_tag(b"review\0" + fingerprint.value)
    with hub.store.write() as transaction:
        photo = transaction.entry(entry)
        case = None if photo is None else transaction.case(photo.entry.case)
        if photo is None or case is None or photo.entry.state is not EntryState.ACTIVE:
            return TraceAnswer(Relation.UNRELATED)
        if photo.signal_type is not SignalType.TRACE:
            raise NotFound("photo_unknown", "There is no such photo.")
        known = transaction.review_of(entry, partner.id, tag)
        if known is not None:
            return _told(told, known)
        if transaction.count_reviews(entry, partner.id, ReviewState.PENDING) >= MOST_PENDING:
            return told
        opened = OpenedCase.read(transaction, case, hub.vault)
        review = ReviewId(random_id())
        sealed = opened.key.seal_review(review, fingerprint)
        held = DerivativeHeld(
            at=now,
            review=review,
            entry=entry,
            partner=partner.id,
            partner_name=partner.name,
            seen_at=now,
            place=place,
            percent=round(100 * told.altered_fraction),
        )
        opened.append(transaction, machine.hold_derivative(opened.state, held))
        record = ReviewRecord(review, case.id, entry, partner.id, ReviewState.PENDING, tag, sealed, now)
        transaction.add_review(record)
    return _told(told, record)


def _told(told: TraceAnswer, review: ReviewRecord) -> TraceAnswer:
    decided = None if review.state is ReviewState.PENDING else Outcome(review.state.value)
    return TraceAnswer(told.relation, told.altered_fraction, told.region, told.entry, review.id, decided)


def _bank(
    hub: Hub, transaction: Transaction, opened: OpenedCase, fingerprint: Pdq, now: datetime
) -> EntryId | Unbanked:
    """The entry that stops copies of this derivative, or why nothing may or can.

    The fingerprint is what the partner says of an upload that nobody here has seen: so nobody's ordinary photo is banked.
    """
    if fingerprint.quality < PDQ_MINIMUM_QUALITY:
        return Unbanked.PLAIN
    if len(hub.famous.near(fingerprint)):
        return Unbanked.FAMOUS
    if hub.ordinary.near(hub.vault, transaction, fingerprint, OWN_PHOTO_RADIUS):
        return Unbanked.ORDINARY
    # Those of this case also where they are held.
    for photo in opened.state.photos:
        record = transaction.entry(photo.entry)
        if record is None or not record.sealed:
            continue
        own = opened.key.open_trace_pdq(photo.entry, record.sealed)
        if own.distance(fingerprint) <= OWN_PHOTO_RADIUS:
            return Unbanked.ORDINARY
    known = person.held_values(transaction, opened).get(fingerprint.value)
    if known is not None:
        return known
    (admitted,) = person.admit(hub, transaction, opened.key, now, [fingerprint])
    transaction.add_entry(admitted)
    return admitted.entry.id
