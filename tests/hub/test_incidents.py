"""Incidents at the desk: what is suggested and why, what people say to it, and that no person ever sees any of it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amparo.case.code import CaseCode
from amparo.case.incident import COMMON_NAMES, Ground
from amparo.case.people import Door, WordsKind
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected
from amparo.core.ids import CaseId, IncidentId, StaffId, random_id
from amparo.hub import kinship
from amparo.hub.commands import incidents, person, spoken, trace
from amparo.hub.commands.person import Opening
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import DATABASE_FILE, Hub
from amparo.hub.desk_keys import DeskKeys
from amparo.signal.fingerprint import Pdq
from amparo.store.staff.protocol import Role, StaffRecord
from tests.altered import record
from tests.hub.hubs import fingerprints, near

ONE, OTHER, THIRD = fingerprints(3, seed=5)


@pytest.fixture
def by(hub: Hub) -> StaffRecord:
    record = StaffRecord(StaffId(random_id()), "Ana", Role.CASEWORKER, hub.clock.now())
    with hub.store.write() as transaction:
        transaction.staff.add(record)
    return record


def opened(hub: Hub, pictures: list[Pdq] | None = None, door: Door = Door.PICTURE, *words: str) -> CaseCode:
    """words: each as ``kind: text``."""
    typed = [Typed(WordsKind(kind), text) for kind, _, text in (one.partition(": ") for one in words)]
    return person.open_case(hub, secrets.token_bytes(16), Opening("es", door), pictures or [], typed)


def noted(hub: Hub, *words: str) -> CaseCode:
    return opened(hub, None, Door.PICTURE, *words)


def case_of(hub: Hub, code: CaseCode) -> CaseId:
    return person.view_case(hub, code).case.id


def number(hub: Hub, code: CaseCode) -> int:
    with hub.store.read() as transaction:
        line = transaction.queue.line(case_of(hub, code))
    assert line is not None
    return line.number


def suggestions(hub: Hub, by: StaffRecord) -> list[tuple[tuple[int, ...], list[tuple[Ground, tuple[int, ...]]]]]:
    page = incidents.suggestions_page(hub, by)
    assert page.total == len(page.suggestions)
    return [(one.numbers, [(reason.ground, reason.numbers) for reason in one.reasons]) for one in page.suggestions]


# What is suggested


def test_pictures_that_look_alike_bring_cases_together_and_others_do_not(hub: Hub, by: StaffRecord) -> None:
    for pictures in ([ONE, OTHER], [near(ONE, 31)], [near(OTHER, 40)], [THIRD]):
        opened(hub, pictures)
    assert suggestions(hub, by) == [((1, 2), [(Ground.PICTURE, (1, 2))])]


def test_a_picture_that_a_witness_brought_is_told_apart(hub: Hub, by: StaffRecord) -> None:
    opened(hub, [ONE])
    opened(hub, [near(ONE, 3)], Door.WITNESS)
    assert suggestions(hub, by) == [((1, 2), [(Ground.WITNESS, (1, 2))])]


def test_an_ordinary_photo_of_two_cases_is_a_ground(hub: Hub, by: StaffRecord) -> None:
    for _ in range(2):
        trace.register(hub, secrets.token_bytes(16), "es", [record(3)])
    assert suggestions(hub, by) == [((1, 2), [(Ground.PHOTO, (1, 2))])]


def test_terms_bring_cases_together_while_the_desk_is_locked(hub: Hub, by: StaffRecord) -> None:
    noted(hub, "link: https://www.example.com/fotos/7?utm_source=x", "handle: Pepe_Bros")
    noted(hub, "link: example.com/fotos/7/")
    opened(hub, None, Door.THREAT, "handle: @pepe_bros", "payment: pepe.cobra")
    noted(hub, "payment: Pepe.Cobra")
    noted(hub, "handle: somebody_else")
    locked = replace(hub, desk=DeskKeys({}))
    assert suggestions(locked, by) == [
        ((1, 2, 3, 4), [(Ground.HANDLE, (1, 3)), (Ground.LINK, (1, 2)), (Ground.PAYMENT, (3, 4))])
    ]


def test_a_user_name_that_looks_like_an_address_too_is_one_thing_in_common(hub: Hub, by: StaffRecord) -> None:
    for name in ("@quien.sea", "Quien.Sea"):
        noted(hub, f"handle: {name}")
    (one,) = incidents.suggestions_page(hub, by).suggestions
    assert [(reason.ground, reason.times) for reason in one.reasons] == [(Ground.HANDLE, 1)]


def test_what_everybody_names_brings_nobody_together(hub: Hub, by: StaffRecord) -> None:
    for kind in ("place", "handle", "sender"):
        for _ in range(2):
            noted(hub, f"{kind}: Instagram")
    for _ in range(COMMON_NAMES + 1):
        noted(hub, "place: IES Example")
    assert suggestions(hub, by) == []


def test_a_given_name_counts_beside_a_place(hub: Hub, by: StaffRecord) -> None:
    for place in ("Clase 3B", "clase 3b", "Clase 4A"):
        noted(hub, "sender: Juan", f"place: {place}")
    assert suggestions(hub, by) == [((1, 2), [(Ground.PLACE, (1, 2)), (Ground.SENDER, (1, 2))])]


def test_what_comes_and_goes_is_followed(hub: Hub, by: StaffRecord) -> None:
    first, second = opened(hub, [ONE]), opened(hub, [THIRD])
    assert suggestions(hub, by) == []
    person.add_pictures(hub, second, [near(ONE, 1)])
    assert len(suggestions(hub, by)) == 1
    person.withdraw_picture(hub, first, person.view_case(hub, first).pictures[0].picture.entry)
    assert suggestions(hub, by) == []
    spoken.note(hub, first, [Typed(WordsKind.HANDLE, "one_name")])
    spoken.note(hub, second, [Typed(WordsKind.HANDLE, "@One_Name")])
    assert len(suggestions(hub, by)) == 1
    person.withdraw_case(hub, second)
    assert suggestions(hub, by) == []


def test_a_large_hub_looks_for_ties_once_a_minute_and_hears_people_at_once(
    hub: Hub, by: StaffRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = [0.0]
    monkeypatch.setattr(kinship, "LARGE", 1)
    monkeypatch.setattr(kinship, "monotonic", lambda: 60 * minutes[0])
    for _ in range(2):
        opened(hub, [ONE])
    together = [((1, 2), [(Ground.PICTURE, (1, 2))])]
    assert suggestions(hub, by) == together
    opened(hub, [ONE])
    assert suggestions(hub, by) == together, "the third is not looked at yet"
    incidents.say_apart(hub, by, [1, 2])
    assert suggestions(hub, by) == []
    minutes[0] = 1.0
    ((numbers, _),) = suggestions(hub, by)
    assert numbers in ((1, 3), (2, 3)), "either is as good"


def test_a_page_waits_for_nobody_who_looks_once_something_was_found(
    hub: Hub, by: StaffRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinship, "LARGE", 1)
    monkeypatch.setattr(kinship, "_SECONDS", 0.0)
    for _ in range(2):
        opened(hub, [ONE])
    incidents.look_for_ties(hub)
    opened(hub, [ONE])
    looking, seen = threading.Event(), threading.Event()
    found = hub.banked.held

    def slowly(*asked: Any) -> Any:
        looking.set()
        assert seen.wait(20)
        return found(*asked)

    monkeypatch.setattr(hub.banked, "held", slowly)
    housekeeping = threading.Thread(target=incidents.look_for_ties, args=[hub])
    housekeeping.start()
    assert looking.wait(20)
    assert [one.numbers for one in incidents.suggestions_page(hub, by).suggestions] == [(1, 2)]
    seen.set()
    housekeeping.join()
    assert [one.numbers for one in incidents.suggestions_page(hub, by).suggestions] == [(1, 2, 3)]


# What people say to it


def test_a_confirmed_group_is_an_incident_and_a_newcomer_is_suggested_for_it(hub: Hub, by: StaffRecord) -> None:
    for _ in range(2):
        opened(hub, [ONE])
    incident = incidents.confirm(hub, by, [1, 2], title="  Class  3B ")
    assert suggestions(hub, by) == []
    opened(hub, [ONE])
    (one,) = incidents.suggestions_page(hub, by).suggestions
    assert [named.title for named in one.incidents] == ["Class 3B"]
    assert [member.incident is None for member in one.members] == [False, False, True]
    assert incidents.confirm(hub, by, [3], into=incident) == incident
    (row,) = incidents.incidents_page(hub, by).rows
    assert (row.named, row.cases, row.opened_by) == (incidents.Named(incident, "Class 3B"), 3, "Ana")


def test_a_link_is_undone_and_the_incident_goes_with_its_last_case(hub: Hub, by: StaffRecord) -> None:
    codes = [opened(hub, [ONE]) for _ in range(2)]
    incident = incidents.confirm(hub, by, [1, 2], title="One")
    assert incidents.take_out(hub, by, incident, 1)
    assert suggestions(hub, by) == [((1, 2), [(Ground.PICTURE, (1, 2))])], "undone is as before"
    assert incidents.incident_of(hub, by, case_of(hub, codes[1])) == incidents.Named(incident, "One")
    assert not incidents.take_out(hub, by, incident, 2)
    assert not incidents.take_out(hub, by, incident, 2)
    assert incidents.incidents_page(hub, by).rows == ()


def test_a_case_moves_from_one_incident_to_another(hub: Hub, by: StaffRecord) -> None:
    for seed in range(4):
        opened(hub, fingerprints(1, seed=seed))
    first = incidents.confirm(hub, by, [1, 2], title="One")
    second = incidents.confirm(hub, by, [3, 4], title="Two")
    incidents.confirm(hub, by, [1, 2], into=second)
    assert [(row.named.id, row.cases) for row in incidents.incidents_page(hub, by).rows] == [(second, 4)]
    with pytest.raises(NotFound) as caught:
        incidents.rename(hub, by, first, "gone")
    assert caught.value.code == "incident_unknown"


def test_cases_said_apart_are_not_suggested_until_it_is_taken_back(hub: Hub, by: StaffRecord) -> None:
    for _ in range(3):
        opened(hub, [ONE])
    incidents.say_apart(hub, by, [1, 2], one=3)
    assert suggestions(hub, by) == [((1, 2), [(Ground.PICTURE, (1, 2))])]
    incidents.say_apart(hub, by, [1, 2, 3])
    page = incidents.suggestions_page(hub, by)
    assert page.suggestions == ()
    assert {tuple(sorted((one.first, one.second))) for one in page.apart} == {(1, 2), (1, 3), (2, 3)}
    assert {one.said_by for one in page.apart} == {"Ana"}
    incidents.unsay_apart(hub, by, 3, 1)
    assert suggestions(hub, by) == [((1, 3), [(Ground.PICTURE, (1, 3))])]


def test_whoever_links_two_cases_takes_back_that_they_are_apart(hub: Hub, by: StaffRecord) -> None:
    for _ in range(2):
        opened(hub, [ONE])
    incidents.say_apart(hub, by, [1, 2])
    incident = incidents.confirm(hub, by, [1, 2], title="One after all")
    assert incidents.suggestions_page(hub, by).apart == ()
    with pytest.raises(Conflict) as caught:
        incidents.say_apart(hub, by, [1], one=2)
    assert caught.value.code == "cases_linked"
    incidents.say_apart(hub, by, [1, 2])
    assert incidents.suggestions_page(hub, by).apart == ()
    assert incidents.take_out(hub, by, incident, 2)


@pytest.mark.parametrize(
    ("numbers", "title", "code"),
    [
        ([1], "One", "incident_cases_few"),
        ([1, 1], "One", "incident_cases_few"),
        ([1, 9], "One", "case_unknown"),
        ([1, 2], "   ", "incident_title_invalid"),
        ([1, 2], "a\x00b", "incident_title_invalid"),
        ([1, 2], "x" * 121, "incident_title_invalid"),
        (list(range(1, 300)), "One", "incident_cases_many"),
    ],
)
def test_what_cannot_be_confirmed_changes_nothing(
    hub: Hub, by: StaffRecord, numbers: list[int], title: str, code: str
) -> None:
    for _ in range(2):
        opened(hub, [ONE])
    with pytest.raises((InvalidInput, NotFound)) as caught:
        incidents.confirm(hub, by, numbers, title=title)
    assert caught.value.code == code
    assert incidents.incidents_page(hub, by).rows == ()
    with hub.store.read() as transaction:
        assert transaction.incidents.links() == {}


def test_who_works_on_no_cases_neither_sees_nor_changes_incidents(hub: Hub, by: StaffRecord) -> None:
    opened(hub, [ONE])
    opened(hub, [ONE])
    incident = incidents.confirm(hub, by, [1, 2], title="One")
    acts: list[Callable[[StaffRecord], object]] = [
        lambda by: incidents.suggestions_page(hub, by),
        lambda by: incidents.incidents_page(hub, by),
        lambda by: incidents.confirm(hub, by, [1, 2], title="x"),
        lambda by: incidents.take_out(hub, by, incident, 1),
        lambda by: incidents.rename(hub, by, incident, "x"),
        lambda by: incidents.say_apart(hub, by, [1, 2]),
        lambda by: incidents.unsay_apart(hub, by, 1, 2),
    ]
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        for act in acts:
            with pytest.raises(Rejected) as caught:
                act(replace(by, role=role))
            assert caught.value.code == "role_missing"


def test_the_database_does_not_reveal_what_staff_call_an_incident(hub: Hub, by: StaffRecord, tmp_path: Path) -> None:
    for _ in range(2):
        opened(hub, [ONE], Door.PICTURE, "handle: @very_secret_name")
    incidents.confirm(hub, by, [1, 2], title="Girls of Class 3B")
    hub.store.scrub()
    raw = b"".join(file.read_bytes() for file in (tmp_path / "hub").glob(f"{DATABASE_FILE}*"))
    assert b"Girls of Class" not in raw
    assert b"very_secret_name" not in raw


def test_an_unknown_incident_is_not_found(hub: Hub, by: StaffRecord) -> None:
    opened(hub, [ONE])
    for unknown in (IncidentId(random_id()), IncidentId("../etc")):
        with pytest.raises(AmparoError) as caught:
            incidents.confirm(hub, by, [1], into=unknown)
        assert caught.value.code == "incident_unknown"


# What no person sees


def test_nothing_of_an_incident_reaches_anybodys_view(hub: Hub, by: StaffRecord) -> None:
    codes = [opened(hub, [near(ONE, bits)], Door.PICTURE, "handle: @same_sender") for bits in range(3)]
    before = [repr(person.view_case(hub, code)) for code in codes]
    incidents.suggestions_page(hub, by)
    incident = incidents.confirm(hub, by, [1, 2], title="Class 3B")
    incidents.say_apart(hub, by, [1], one=3)
    assert [repr(person.view_case(hub, code)) for code in codes] == before
    others = {code: [repr(case_of(hub, other)) for other in codes if other != code] for code in codes}
    for code, shown in zip(codes, before, strict=True):
        assert not any(word in shown for word in (*others[code], incident, "Class 3B"))
