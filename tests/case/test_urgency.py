"""How soon somebody should look at a case."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from amparo.case.events import (
    AgeStated,
    CaseOpened,
    CopySighted,
    DerivativeDismissed,
    DerivativeHeld,
    Event,
    PhotoRegistered,
    PictureProtected,
    TakenOver,
)
from amparo.case.machine import fold
from amparo.case.people import AgeBand, Door
from amparo.case.urgency import Urgency, urgency_of
from amparo.core.ids import CaseId, EntryId, PartnerId, ReviewId, SightingId

AT = datetime(2026, 1, 1, tzinfo=UTC)
PARTNER = PartnerId("p")
PROTECTED = PictureProtected(AT, EntryId("a"), 80)
SEEN = CopySighted(AT, SightingId("s"), EntryId("a"), PARTNER, "Plaza", AT, "", True)
PHOTO = PhotoRegistered(AT, EntryId("b"), False)
HELD = DerivativeHeld(AT, ReviewId("r"), EntryId("b"), PARTNER, "Plaza", AT, "", 20)
DISMISSED = DerivativeDismissed(AT, ReviewId("r"))


def urgency(door: Door, age: AgeBand, *events: Event) -> Urgency:
    return urgency_of(fold(CaseId("c"), [CaseOpened(AT, "es", door, age), *events]))


@pytest.mark.parametrize("age", AgeBand)
def test_a_threat_cannot_wait_whoever_it_is(age: AgeBand) -> None:
    assert urgency(Door.THREAT, age) is Urgency.NOW


@pytest.mark.parametrize("door", [Door.PICTURE, Door.HELPING])
def test_a_minor_goes_before_an_adult(door: Door) -> None:
    assert urgency(door, AgeBand.MINOR) is Urgency.SOON
    assert urgency(door, AgeBand.ADULT) is Urgency.USUAL
    assert urgency(door, AgeBand.UNSAID) is Urgency.USUAL
    assert urgency(door, AgeBand.UNSAID, AgeStated(AT, AgeBand.MINOR)) is Urgency.SOON


def test_copies_that_are_seen_make_it_more_urgent() -> None:
    assert urgency(Door.PICTURE, AgeBand.ADULT, PROTECTED) is Urgency.USUAL
    assert urgency(Door.PICTURE, AgeBand.ADULT, PROTECTED, SEEN) is Urgency.SOON
    assert urgency(Door.WITNESS, AgeBand.UNSAID, PROTECTED) is Urgency.LATER
    assert urgency(Door.WITNESS, AgeBand.UNSAID, PROTECTED, SEEN) is Urgency.USUAL


def test_a_held_upload_counts_until_it_proves_harmless() -> None:
    assert urgency(Door.PICTURE, AgeBand.ADULT, PHOTO, HELD) is Urgency.SOON
    assert urgency(Door.PICTURE, AgeBand.ADULT, PHOTO, HELD, DISMISSED) is Urgency.USUAL


def test_a_witness_who_says_an_age_stands_where_witnesses_stand() -> None:
    assert urgency(Door.WITNESS, AgeBand.MINOR) is Urgency.LATER


def test_who_takes_a_witnesss_case_over_stands_where_those_affected_stand() -> None:
    assert urgency(Door.WITNESS, AgeBand.MINOR, TakenOver(AT)) is Urgency.SOON
    assert urgency(Door.WITNESS, AgeBand.UNSAID, TakenOver(AT), AgeStated(AT, AgeBand.MINOR)) is Urgency.SOON
