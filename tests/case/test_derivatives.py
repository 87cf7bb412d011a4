"""Ordinary photos of a case, and what becomes of uploads that seem to be altered versions of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from amparo.case import machine
from amparo.case.events import DerivativeHeld, Event, Unbanked
from amparo.case.machine import Case, evolve
from amparo.case.outcome import Outcome
from amparo.core.errors import AmparoError
from amparo.core.ids import CaseId, EntryId, PartnerId, ReviewId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE, PHOTO, OTHER, BANKED = CaseId("c" * 32), EntryId("1" * 32), EntryId("2" * 32), EntryId("3" * 32)
REVIEW = ReviewId("4" * 32)


def after(case: Case, events: tuple[Event, ...]) -> Case:
    for event in events:
        case = evolve(case, event)
    return case


def registered() -> Case:
    case = after(Case(CASE), machine.open_case(Case(CASE), NOW, "es"))
    return after(case, machine.register_photos(case, NOW, [(PHOTO, False), (OTHER, True)]))


def held(case: Case, entry: EntryId = PHOTO) -> Case:
    event = DerivativeHeld(NOW, REVIEW, entry, PartnerId("5" * 32), "Demo", NOW, "upload", 23)
    return after(case, machine.hold_derivative(case, event))


def test_photos_are_numbered_and_one_may_wait_for_a_caseworker() -> None:
    case = registered()
    assert [(photo.number, photo.held) for photo in case.photos] == [(1, False), (2, True)]
    assert case.pictures == ()


def test_a_confirmed_derivative_becomes_a_picture_that_can_be_withdrawn() -> None:
    case = held(registered())
    assert case.derivatives[0].outcome is Outcome.WAITING
    case = after(case, machine.confirm_derivative(case, NOW, REVIEW, BANKED, 90))
    assert case.derivatives[0].outcome is Outcome.CONFIRMED
    assert [(picture.entry, picture.derived_from) for picture in case.pictures] == [(BANKED, PHOTO)]
    case = after(case, machine.withdraw_picture(case, NOW, BANKED))
    assert case.picture(BANKED).withdrawn_at == NOW


def test_the_same_fake_confirmed_twice_is_one_picture() -> None:
    case = held(registered())
    case = after(case, machine.confirm_derivative(case, NOW, REVIEW, BANKED, 90))
    again = ReviewId("6" * 32)
    event = DerivativeHeld(NOW, again, PHOTO, PartnerId("7" * 32), "Other", NOW, "upload", 23)
    case = after(case, machine.hold_derivative(case, event))
    case = after(case, machine.confirm_derivative(case, NOW, again, BANKED, 90))
    assert len(case.pictures) == 1


def test_too_plain_a_derivative_is_confirmed_and_stops_nothing() -> None:
    case = after(held(registered()), machine.confirm_derivative(held(registered()), NOW, REVIEW, Unbanked.PLAIN, 3))
    assert (case.derivatives[0].outcome, case.derivatives[0].unbanked) == (Outcome.CONFIRMED, Unbanked.PLAIN)
    assert case.pictures == ()


def test_a_decision_is_made_once() -> None:
    case = held(registered())
    case = after(case, machine.dismiss_derivative(case, NOW, REVIEW))
    assert case.derivatives[0].outcome is Outcome.DISMISSED
    with pytest.raises(AmparoError) as caught:
        machine.confirm_derivative(case, NOW, REVIEW, BANKED, 90)
    assert caught.value.code == "review_decided"


def test_nothing_is_held_for_a_removed_photo() -> None:
    case = after(registered(), machine.remove_photo(registered(), NOW, PHOTO))
    assert machine.remove_photo(case, NOW, PHOTO) == ()
    with pytest.raises(AmparoError) as caught:
        held(case)
    assert caught.value.code == "photo_unknown"


def test_withdrawing_everything_removes_the_photos_too() -> None:
    case = after(registered(), machine.withdraw_case(registered(), NOW))
    assert all(photo.removed_at == NOW for photo in case.photos)
    assert not case.open


@pytest.mark.parametrize(("count", "code"), [(0, "photos_none"), (11, "photos_many")])
def test_one_request_brings_1_to_10_photos(count: int, code: str) -> None:
    photos = [(EntryId(f"{number:032x}"), False) for number in range(count)]
    with pytest.raises(AmparoError) as caught:
        machine.register_photos(registered(), NOW, photos)
    assert caught.value.code == code


def test_a_case_keeps_200_photos_at_most() -> None:
    case = registered()
    for start in range(2, 200, 10):
        photos = [(EntryId(f"{number:032x}"), False) for number in range(start, min(start + 10, 200))]
        case = after(case, machine.register_photos(case, NOW, photos))
    assert len(case.photos) == 200
    with pytest.raises(AmparoError) as caught:
        machine.register_photos(case, NOW, [(BANKED, False)])
    assert caught.value.code == "photos_many"
    case = after(case, machine.remove_photo(case, NOW, PHOTO))
    assert machine.register_photos(case, NOW, [(BANKED, False)])


def test_nobodys_decision_lapses_once_and_is_final() -> None:
    case = held(registered())
    case = after(case, machine.lapse_derivative(case, NOW, REVIEW))
    assert case.derivatives[0].outcome is Outcome.LAPSED
    assert machine.lapse_derivative(case, NOW, REVIEW) == ()
    with pytest.raises(AmparoError) as caught:
        machine.dismiss_derivative(case, NOW, REVIEW)
    assert caught.value.code == "review_decided"


def test_what_waits_for_a_decision_on_a_removed_photo_waits_no_longer() -> None:
    case = held(registered())
    other = after(case, machine.remove_photo(case, NOW, OTHER))
    assert other.derivatives[0].outcome is Outcome.WAITING
    case = after(case, machine.remove_photo(case, NOW, PHOTO))
    assert case.derivatives[0].outcome is Outcome.LAPSED
