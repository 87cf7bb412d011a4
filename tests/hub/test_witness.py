"""A witness's report: alike from outside, told to the cases it concerns, once, and to nobody else."""

import secrets

import pytest

from amparo.bank import EntryState
from amparo.case import machine
from amparo.case.code import CaseCode
from amparo.case.people import Door, WordsKind
from amparo.core.errors import Rejected
from amparo.hub.commands import person, witness
from amparo.hub.commands.housekeeping import keep_house
from amparo.hub.commands.person import CaseView, Opening
from amparo.hub.commands.spoken import Typed
from amparo.hub.commands.telling import tell_cases
from amparo.hub.context import Hub
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, Pdq
from tests.hub.hubs import fingerprints, near

SHOWN, OTHER = fingerprints(2, seed=3)
WITNESS = Opening("es", Door.WITNESS)


def opened(hub: Hub, *shown: Pdq) -> CaseCode:
    return person.open_case(hub, secrets.token_bytes(16), "es", shown)


def reported(hub: Hub, *shown: Pdq) -> CaseCode:
    return witness.report(hub, secrets.token_bytes(16), WITNESS, shown)


def seen(hub: Hub, code: CaseCode) -> CaseView:
    return person.view_case(hub, code)


def test_the_case_that_protects_the_picture_hears_of_it_once(hub: Hub) -> None:
    mine, theirs = opened(hub, OTHER, SHOWN), opened(hub, OTHER)
    reported(hub, near(SHOWN, PDQ_MATCH_RADIUS))
    assert seen(hub, mine).case.witnesses == ()
    keep_house(hub)
    keep_house(hub)
    (told,) = seen(hub, mine).case.witnesses
    assert told.entry == seen(hub, mine).pictures[1].picture.entry
    assert seen(hub, theirs).case.witnesses == ()


def test_of_two_pictures_alike_the_likest_is_named(hub: Hub) -> None:
    mine = opened(hub, near(SHOWN, 9), near(SHOWN, 2), near(SHOWN, 12))
    reported(hub, SHOWN)
    assert tell_cases(hub) == 1
    assert seen(hub, mine).case.witnesses[0].entry == seen(hub, mine).pictures[1].picture.entry


def test_a_picture_beyond_the_radius_or_withdrawn_concerns_nobody(hub: Hub) -> None:
    far, gone = opened(hub, near(SHOWN, PDQ_MATCH_RADIUS + 1)), opened(hub, SHOWN)
    person.withdraw_picture(hub, gone, seen(hub, gone).pictures[0].picture.entry)
    reported(hub, SHOWN)
    assert tell_cases(hub) == 0
    assert [seen(hub, code).case.witnesses for code in (far, gone)] == [(), ()]


def test_the_witness_sees_the_same_page_whether_the_picture_is_known_or_not(hub: Hub) -> None:
    opened(hub, SHOWN)
    views: list[CaseView] = []
    for shown in (SHOWN, OTHER):
        code = reported(hub, shown)
        keep_house(hub)
        views.append(seen(hub, code))
    for view in views:
        assert (view.case.door, view.case.witnesses, view.case.version) == (Door.WITNESS, (), 2)
        assert [one.state for one in view.pictures] == [EntryState.ACTIVE]


def test_one_witness_does_not_hear_of_another(hub: Hub) -> None:
    first = reported(hub, SHOWN)
    reported(hub, SHOWN)
    assert tell_cases(hub) == 0
    assert seen(hub, first).case.witnesses == ()


def test_what_is_added_later_is_told_and_what_was_told_is_not_told_again(hub: Hub) -> None:
    mine, theirs = opened(hub, SHOWN), opened(hub, OTHER)
    code = reported(hub, SHOWN)
    tell_cases(hub)
    person.add_pictures(hub, code, [OTHER])
    assert tell_cases(hub) == 1
    assert [len(seen(hub, one).case.witnesses) for one in (mine, theirs)] == [1, 1]


def test_a_report_without_any_picture_opens_a_case_with_words(hub: Hub) -> None:
    words = [Typed(WordsKind.PLACE, "grupo de clase 3B")]
    code = witness.report(hub, secrets.token_bytes(16), WITNESS, (), words)
    assert [one.text for one in seen(hub, code).spoken] == ["grupo de clase 3B"]
    assert tell_cases(hub) == 0


def test_a_refused_report_leaves_nothing_to_do(hub: Hub) -> None:
    with pytest.raises(Rejected):
        reported(hub, Pdq(bytes(32), 49))
    with hub.store.read() as transaction:
        assert not transaction.jobs.ready(("witness",), hub.clock.now())
        assert transaction.count_cases() == 0


def test_sending_a_report_twice_tells_once(hub: Hub) -> None:
    mine, request = opened(hub, SHOWN), secrets.token_bytes(16)
    assert witness.report(hub, request, WITNESS, [SHOWN]) == witness.report(hub, request, WITNESS, [SHOWN])
    tell_cases(hub)
    assert len(seen(hub, mine).case.witnesses) == 1


def test_what_was_withdrawn_before_it_was_told_is_not_told(hub: Hub) -> None:
    mine = opened(hub, SHOWN)
    whole, part = reported(hub, SHOWN), reported(hub, SHOWN)
    person.withdraw_case(hub, whole)
    person.withdraw_picture(hub, part, seen(hub, part).pictures[0].picture.entry)
    assert tell_cases(hub) == 0
    assert seen(hub, mine).case.witnesses == ()


def test_a_flood_of_reports_does_not_make_a_case_too_long(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "WITNESSES_A_CASE", 3)
    mine = opened(hub, SHOWN)
    for _ in range(5):
        reported(hub, SHOWN)
    assert tell_cases(hub) == 3
    assert len(seen(hub, mine).case.witnesses) == 3


def test_the_person_who_takes_a_witnesss_case_over_hears_of_other_witnesses_and_counts_as_affected(hub: Hub) -> None:
    code = reported(hub, SHOWN)
    for _ in range(2):
        person.take_over(hub, code)
    case = seen(hub, code).case
    assert (case.door, len(case.pictures)) == (Door.PICTURE, 1)
    with hub.store.read() as transaction:
        line = transaction.queue.line(case.id)
    assert line is not None
    assert line.door is Door.PICTURE
    reported(hub, SHOWN)
    assert tell_cases(hub) == 1
    assert len(seen(hub, code).case.witnesses) == 1


def test_nobody_takes_over_what_is_not_a_witnesss(hub: Hub) -> None:
    code = person.open_case(hub, secrets.token_bytes(16), Opening("es", Door.THREAT))
    version = seen(hub, code).case.version
    person.take_over(hub, code)
    assert (seen(hub, code).case.door, seen(hub, code).case.version) == (Door.THREAT, version)
