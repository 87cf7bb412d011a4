"""Uploads that a partner holds: what decisions on them say of the photo, what may be banked, and what the person is told."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

import pytest

from amparo.bank import EntryState, Opinion
from amparo.bank.famous import Fingerprints
from amparo.case.code import CaseCode
from amparo.case.events import Unbanked
from amparo.case.outcome import Outcome
from amparo.core.clock import SteppedClock
from amparo.core.errors import NotFound, Unavailable
from amparo.core.ids import EntryId, ReviewId
from amparo.exchange.native.tracing import OwnFinding
from amparo.hub.app import public_app
from amparo.hub.commands import feedback, housekeeping, partners, person, quotas, reviews, trace
from amparo.hub.commands.holds import holds
from amparo.hub.context import Hub, HubSettings
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import Relation, TraceRecord
from amparo.store import PartnerRecord
from tests import altered
from tests.asgi import Asked
from tests.hub.hubs import fingerprints, near, open_hub, pseudonym

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@cache
def record(seed: int) -> TraceRecord:
    return altered.record(seed)


def register(hub: Hub, seed: int = 1) -> tuple[CaseCode, EntryId]:
    code = trace.register(hub, secrets.token_bytes(16), "en", [record(seed)])
    return code, person.view_case(hub, code).photos[0].photo.entry


def join(hub: Hub, name: str) -> PartnerRecord:
    return partners.authenticate(hub, partners.add_partner(hub, name, whole_records=True).key)


def hold(hub: Hub, partner: PartnerRecord, photo: EntryId, upload: Pdq) -> ReviewId:
    finding = OwnFinding(pseudonym(hub, partner.id, photo), Relation.ALTERED, 0.3, upload, "upload")
    review = reviews.hold_upload(hub, partner, finding).review
    assert review is not None
    return review


def decide(hub: Hub, partner: PartnerRecord, photo: EntryId, uploads: Sequence[Pdq], *, confirmed: bool) -> None:
    for upload in uploads:
        reviews.decide(hub, partner, hold(hub, partner, photo, upload), confirmed=confirmed)


def said(hub: Hub, entry: EntryId) -> list[Opinion]:
    with hub.store.read() as transaction:
        return [one.opinion for one in transaction.opinions(entry)]


def state(hub: Hub, entry: EntryId) -> EntryState:
    with hub.store.read() as transaction:
        stored = transaction.entry(entry)
    assert stored is not None
    return stored.entry.state


def page(hub: Hub, code: CaseCode) -> str:
    asked = {"lang": "en", "do": "open", "code": str(code)}
    answer = Asked(public_app(hub), "http://hub.test").post("/", data=asked, headers=FORM)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_photo_whose_uploads_several_partners_dismiss_is_held_for_review(hub: Hub) -> None:
    code, photo = register(hub)
    for at in range(2):
        decide(hub, join(hub, f"P{at}"), photo, fingerprints(3, seed=at), confirmed=False)
        if at == 0:
            assert state(hub, photo) is EntryState.ACTIVE, "one partner alone holds nothing"
            assert said(hub, photo) == [Opinion.REJECT]
    assert state(hub, photo) is EntryState.HELD
    assert [line.entry for line in holds(hub).waiting] == [photo]
    shown = page(hub, code)
    assert "This protection is being looked at by a person." in shown
    assert "Changed versions are noticed at" not in shown
    feedback.release(hub, photo)
    assert "This protection is being looked at by a person." not in page(hub, code)


def test_a_dismissed_upload_or_two_say_nothing_against_the_photo(hub: Hub) -> None:
    _, photo = register(hub)
    for name in ("P", "Q"):
        decide(hub, join(hub, name), photo, fingerprints(2), confirmed=False)
    assert (state(hub, photo), said(hub, photo)) == (EntryState.ACTIVE, [])


def test_a_partner_that_has_confirmed_an_altered_version_does_not_reject_the_photo(hub: Hub) -> None:
    _, photo = register(hub)
    for name in ("P", "Q"):
        partner = join(hub, name)
        decide(hub, partner, photo, fingerprints(1, seed=99), confirmed=True)
        decide(hub, partner, photo, fingerprints(5), confirmed=False)
    assert state(hub, photo) is EntryState.ACTIVE
    assert said(hub, photo) == [Opinion.CONFIRM, Opinion.CONFIRM]


def test_no_partner_can_bank_the_ordinary_photo_of_another_person(hub: Hub) -> None:
    code, photo = register(hub, 1)
    _, other = register(hub, 2)
    partner = join(hub, "P")
    upload = near(Pdq(record(2).pdq.value, 90), reviews.OWN_PHOTO_RADIUS)
    assert not reviews.decide(hub, partner, hold(hub, partner, photo, upload), confirmed=True)
    view = person.view_case(hub, code)
    assert view.pictures == ()
    assert [one.unbanked for one in view.photos[0].derivatives] == [Unbanked.ORDINARY]
    farther = near(Pdq(record(2).pdq.value, 90), reviews.OWN_PHOTO_RADIUS + 1)
    assert reviews.decide(hub, partner, hold(hub, partner, photo, farther), confirmed=True)
    assert state(hub, other) is EntryState.ACTIVE


def test_confirmations_have_a_days_quota_of_their_own(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "CONFIRMATIONS_A_DAY", 2)
    _, photo = register(hub)
    partner = join(hub, "P")
    uploads = fingerprints(4)
    decide(hub, partner, photo, uploads[:2], confirmed=True)
    with pytest.raises(Unavailable) as caught:
        decide(hub, partner, photo, uploads[2:3], confirmed=True)
    assert caught.value.code == "partner_quota"
    decide(hub, partner, photo, uploads[3:], confirmed=False)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Unbanked.PLAIN, "It shows too little"),
        (Unbanked.FAMOUS, "It is so like a well-known picture"),
        (Unbanked.ORDINARY, "It is so like an ordinary photo"),
        (None, "now every site is told to stop its copies"),
    ],
)
def test_the_page_says_why_copies_of_a_confirmed_version_are_not_stopped_everywhere(
    tmp_path_factory: pytest.TempPathFactory, why: Unbanked | None, words: str
) -> None:
    (upload,) = fingerprints(1)
    hub, _ = open_hub(tmp_path_factory.mktemp("hub"), HubSettings(canaries=0))
    if why is Unbanked.FAMOUS:
        object.__setattr__(hub, "famous", Fingerprints([upload.value]))
    code, photo = register(hub)
    told = {Unbanked.PLAIN: Pdq(upload.value, 10), Unbanked.ORDINARY: near(Pdq(record(1).pdq.value, 90), 9)}
    decide(hub, join(hub, "P"), photo, [told.get(why, upload) if why else upload], confirmed=True)
    shown = page(hub, code)
    assert words in shown
    assert shown.count("It is so like") + shown.count("It shows too little") == (why is not None)
    hub.close()


def test_an_upload_that_nobody_decides_on_in_time_does_not_wait_for_ever(hub: Hub, clock: SteppedClock) -> None:
    code, photo = register(hub)
    partner = join(hub, "P")
    (old, decided, young) = fingerprints(3)
    review = hold(hub, partner, photo, old)
    decide(hub, partner, photo, [decided], confirmed=True)
    clock.advance(timedelta(seconds=1))
    kept = hold(hub, partner, photo, young)
    clock.advance(reviews.REVIEW_LIVES)
    housekeeping.keep_house(hub)
    outcomes = [one.outcome for one in person.view_case(hub, code).photos[0].derivatives]
    assert outcomes == [Outcome.LAPSED, Outcome.CONFIRMED, Outcome.WAITING]
    shown = page(hub, code)
    assert shown.count("Nobody at P has decided on it, and we do not ask any more") == 1
    assert shown.count("Waiting for a person") == 1
    with pytest.raises(NotFound):
        reviews.decide(hub, partner, review, confirmed=True)
    housekeeping.keep_house(hub)
    assert reviews.decide(hub, partner, kept, confirmed=True)


def test_more_than_one_round_of_undecided_uploads_ends_at_once(
    hub: Hub, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "_AT_ONCE", 2)
    codes = [register(hub, seed) for seed in (1, 2)]
    partner = join(hub, "P")
    for at, (_, photo) in enumerate(codes):
        for upload in fingerprints(3, seed=at):
            hold(hub, partner, photo, upload)
    clock.advance(reviews.REVIEW_LIVES + timedelta(seconds=1))
    reviews.end_reviews(hub)
    for code, _ in codes:
        assert {one.outcome for one in person.view_case(hub, code).photos[0].derivatives} == {Outcome.LAPSED}
    with hub.store.read() as transaction:
        assert transaction.oldest_review() is None


def test_a_removed_photo_leaves_nothing_waiting(hub: Hub) -> None:
    code, photo = register(hub)
    hold(hub, join(hub, "P"), photo, *fingerprints(1))
    trace.remove(hub, code, photo)
    assert "Waiting for a person" not in page(hub, code)


def test_the_page_says_when_a_photos_protection_has_ended(hub: Hub, clock: SteppedClock) -> None:
    code, _ = register(hub)
    assert "Kept since" in page(hub, code)
    clock.advance(hub.settings.retention)
    for _ in range(2):
        # Before housekeeping has written it down, and afterwards.
        shown = page(hub, code)
        assert "This protection ended on" in shown
        assert "Kept since" not in shown
        assert "No changed version has turned up so far" not in shown
        assert "Remove ordinary photo" not in shown
        housekeeping.expire_entries(hub)
