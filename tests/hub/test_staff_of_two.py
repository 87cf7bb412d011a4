"""Nobody makes a second one of themselves: everybody is let in by two, and every change of an account is a line."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError
from amparo.core.ids import ProposalId, StaffId
from amparo.hub.commands import proposals, staff, subjects
from amparo.hub.commands.staff import DeedLine
from amparo.hub.commands.two_people import STILL_COUNTS, are_apart
from amparo.hub.context import DATABASE_FILE, Hub
from amparo.hub.desk.access import DECIDERS
from amparo.hub.policy import CASE_IDLE_DAYS
from amparo.store.staff.protocol import Deed, PasskeyRecord, Role, StaffDeed, StaffRecord
from tests.hub.desks import FORM, DeskDoor, employ

REASON = "She leads the team from Monday on"
HOUSE = "https://id.example.org"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def came_in(hub: Hub, role: Role, name: str) -> StaffRecord:
    """Somebody who has a passkey."""
    record = employ(hub, role, name)
    with hub.store.write() as transaction:
        key = PasskeyRecord(secrets.token_bytes(16), record.id, b"key", 0, "Phone", hub.clock.now())
        transaction.staff.add_passkey(key)
    return record


@pytest.fixture
def ana(hub: Hub) -> StaffRecord:
    return came_in(hub, Role.ADMINISTRATOR, "Ana")


@pytest.fixture
def berta(hub: Hub) -> StaffRecord:
    return came_in(hub, Role.SUPERVISOR, "Berta")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AmparoError) as caught:
        act()
    return caught.value.code


def newest(hub: Hub, by: StaffRecord) -> DeedLine:
    return staff.staff_deeds(hub, by)[0]


@pytest.mark.parametrize("role", DECIDERS)
def test_the_first_administrator_alone_makes_the_second_and_it_is_a_line(
    hub: Hub, ana: StaffRecord, role: Role
) -> None:
    invited = staff.invite(hub, ana, "Berta", role)
    line = newest(hub, ana)
    assert (line.deed, line.name, line.role, line.by, line.agreed) == (Deed.INVITED, "Berta", role, "Ana", "")
    staff.invite_again(hub, ana, invited.staff.id)
    assert newest(hub, ana).deed is Deed.INVITED_AGAIN


@pytest.mark.parametrize("role", Role)
def test_once_two_could_decide_one_alone_lets_nobody_in(
    hub: Hub, ana: StaffRecord, berta: StaffRecord, role: Role
) -> None:
    assert refusal(lambda: staff.invite(hub, ana, "Carla", role)) == "two_needed"
    assert len(staff.staff_lines(hub)) == 2
    assert staff.staff_deeds(hub, ana) == []


@pytest.mark.parametrize("role", Role)
def test_nor_does_one_alone_take_over_an_account(hub: Hub, ana: StaffRecord, berta: StaffRecord, role: Role) -> None:
    dora = came_in(hub, role, "Dora")
    assert refusal(lambda: staff.invite_again(hub, ana, dora.id)) == "two_needed"
    assert refusal(lambda: subjects.bind(hub, ana, dora.id, HOUSE, "me")) == "two_needed"
    with hub.store.read() as transaction:
        assert len(transaction.staff.passkeys(dora.id)) == 1
        assert transaction.staff.one(dora.id) == dora


def test_while_nobody_else_could_decide_one_lets_in_caseworkers_and_auditors(hub: Hub, ana: StaffRecord) -> None:
    for role in (Role.CASEWORKER, Role.AUDITOR):
        invited = staff.invite(hub, ana, role.value.title(), role)
        assert invited.staff.role is role


@pytest.mark.parametrize("how", ["invited", "invited again", "bound"])
def test_nobody_decides_for_an_account_that_they_opened(hub: Hub, ana: StaffRecord, how: str) -> None:
    if how == "invited":
        puppet = staff.invite(hub, ana, "Puppet", Role.CASEWORKER).staff
    else:
        puppet = came_in(hub, Role.CASEWORKER, "Puppet")
        if how == "bound":
            subjects.bind(hub, ana, puppet.id, HOUSE, "ana")
        else:
            staff.invite_again(hub, ana, puppet.id)
    berta = came_in(hub, Role.SUPERVISOR, "Berta")
    asked = proposals.ask_export(hub, puppet, REASON)
    assert refusal(lambda: proposals.decide(hub, ana, asked, approve=True)) == "same_hands"
    (line,) = proposals.proposals(hub, ana, waiting=True)
    assert not line.may_decide
    (line,) = proposals.proposals(hub, berta, waiting=True)
    assert line.may_decide
    proposals.decide(hub, berta, asked, approve=True)


def test_nor_does_an_account_decide_for_whoever_opened_it(hub: Hub, ana: StaffRecord) -> None:
    puppet = staff.invite(hub, ana, "Puppet", Role.SUPERVISOR).staff
    asked = proposals.ask_policy(hub, ana, CASE_IDLE_DAYS, "400", REASON)
    assert refusal(lambda: proposals.decide(hub, puppet, asked, approve=True)) == "same_hands"


def test_nor_do_two_that_one_person_alone_opened(hub: Hub, ana: StaffRecord) -> None:
    first = staff.invite(hub, ana, "First", Role.CASEWORKER).staff
    second = staff.invite(hub, ana, "Second", Role.SUPERVISOR).staff
    asked = proposals.ask_export(hub, first, REASON)
    assert refusal(lambda: proposals.decide(hub, second, asked, approve=True)) == "same_hands"


def test_hands_go_on_through_accounts_that_one_alone_opened_and_end_at_a_second_person() -> None:
    one, two, three, four = (StaffId(str(at)) for at in range(4))

    def opened(who: StaffId, by: StaffId | None, agreed: StaffId | None = None, deed: Deed = Deed.INVITED) -> StaffDeed:
        return StaffDeed(deed, who, Role.SUPERVISOR, NOW, by, agreed)

    chain = [opened(one, None), opened(two, one), opened(three, two)]
    assert not are_apart(chain, one, three)
    assert not are_apart(chain, three, one)
    assert are_apart([*chain, opened(three, two, one)], one, three)
    assert are_apart([*chain, opened(three, None, deed=Deed.INVITED_AGAIN)], two, three)
    assert not are_apart([opened(one, None), opened(one, two, deed=Deed.BOUND)], one, two), (
        "a binding is one way in more"
    )
    both = [opened(three, one, two), opened(four, one, two)]
    assert are_apart(both, three, four), "somebody else agreed to each"
    assert are_apart([], one, two)


def test_whoever_agreed_decides_for_an_account_and_whoever_made_its_link_does_not(
    hub: Hub, ana: StaffRecord, berta: StaffRecord
) -> None:
    proposal = proposals.ask_invitation(hub, ana, "Carla", Role.CASEWORKER, REASON)
    proposals.decide(hub, berta, proposal, approve=True)
    carla = proposals.use_invitation(hub, ana, proposal).staff
    asked = proposals.ask_export(hub, carla, REASON)
    assert refusal(lambda: proposals.decide(hub, ana, asked, approve=True)) == "same_hands"
    proposals.decide(hub, berta, asked, approve=True)


def test_a_link_from_the_machine_makes_an_account_its_owners_own(hub: Hub, ana: StaffRecord) -> None:
    berta = staff.invite(hub, ana, "Berta", Role.SUPERVISOR).staff
    asked = proposals.ask_policy(hub, ana, CASE_IDLE_DAYS, "400", REASON)
    assert refusal(lambda: proposals.decide(hub, berta, asked, approve=True)) == "same_hands"
    staff.link_from_machine(hub, "Berta")
    proposals.decide(hub, berta, asked, approve=True)


@pytest.mark.parametrize("how", ["link from the machine", "invited again", "sent away", "bound", "unbound"])
def test_open_sessions_end_with_the_ways_in(hub: Hub, ana: StaffRecord, how: str) -> None:
    dora = came_in(hub, Role.CASEWORKER, "Dora")
    door = DeskDoor(hub)
    hers, others = door.signed_in(dora), door.signed_in(ana)
    assert hers.get("/queue").status_code == 200
    match how:
        case "link from the machine":
            staff.link_from_machine(hub, "Dora")
        case "invited again":
            staff.invite_again(hub, ana, dora.id)
        case "sent away":
            staff.send_away(hub, ana, dora.id)
        case "bound":
            subjects.bind(hub, ana, dora.id, HOUSE, "dora")
        case _:
            subjects.bind(hub, ana, dora.id, HOUSE, "")
    assert hers.get("/queue").status_code == 401
    assert others.get("/staff").status_code == 200
    late = PasskeyRecord(secrets.token_bytes(16), dora.id, b"key", 0, "Late", hub.clock.now())
    assert refusal(lambda: staff.add_passkey(hub, dora, late)) == "desk_session_over"


def test_sending_the_others_away_makes_nobody_alone_at_once(
    hub: Hub, ana: StaffRecord, berta: StaffRecord, clock: SteppedClock
) -> None:
    staff.send_away(hub, ana, berta.id)
    assert newest(hub, ana).deed is Deed.SENT_AWAY
    assert refusal(lambda: staff.invite(hub, ana, "Puppet", Role.SUPERVISOR)) == "two_needed"
    assert refusal(lambda: staff.invite_again(hub, ana, berta.id)) == "two_needed"
    clock.advance(STILL_COUNTS)
    assert refusal(lambda: staff.invite(hub, ana, "Puppet", Role.SUPERVISOR)) == "two_needed"
    clock.advance(timedelta(seconds=1))
    staff.invite(hub, ana, "Carla", Role.SUPERVISOR)


def test_an_invitation_that_was_withdrawn_does_not_count(hub: Hub, ana: StaffRecord) -> None:
    invited = staff.invite(hub, ana, "Brta", Role.SUPERVISOR)
    staff.send_away(hub, ana, invited.staff.id)
    assert newest(hub, ana).deed is Deed.WITHDRAWN
    staff.invite(hub, ana, "Berta", Role.SUPERVISOR)


def test_two_make_a_supervisor_and_the_link_is_made_once(
    hub: Hub, ana: StaffRecord, berta: StaffRecord, clock: SteppedClock
) -> None:
    proposal = proposals.ask_invitation(hub, ana, "Carla de la Torre", Role.SUPERVISOR, REASON)
    assert refusal(lambda: proposals.decide(hub, ana, proposal, approve=True)) == "same_person"
    assert refusal(lambda: proposals.use_invitation(hub, ana, proposal)) == "invitation_over"
    (line,) = proposals.proposals(hub, berta, waiting=True)
    assert (line.summary, line.reason) == ("Invite Carla de la Torre to the desk as supervisor", REASON)
    proposals.decide(hub, berta, proposal, approve=True)
    assert len(staff.staff_lines(hub)) == 2, "the account comes with its link"
    other = came_in(hub, Role.ADMINISTRATOR, "Eva")
    assert refusal(lambda: proposals.use_invitation(hub, other, proposal)) == "not_yours"
    invited = proposals.use_invitation(hub, ana, proposal)
    assert staff.invited_by(hub, invited.secret) == invited.staff
    assert (invited.staff.name, invited.staff.role) == ("Carla de la Torre", Role.SUPERVISOR)
    assert (newest(hub, ana).by, newest(hub, ana).agreed) == ("Ana", "Berta")
    assert refusal(lambda: proposals.use_invitation(hub, ana, proposal)) == "invitation_over"
    late = proposals.ask_invitation(hub, ana, "Dora", Role.ADMINISTRATOR, REASON)
    proposals.decide(hub, berta, late, approve=True)
    clock.advance(proposals.EXPORT_LIVES)
    assert refusal(lambda: proposals.use_invitation(hub, ana, late)) == "invitation_over"


def test_two_invite_somebody_again_and_bind_an_account(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    carla = came_in(hub, Role.SUPERVISOR, "Carla")
    again = proposals.ask_invitation_again(hub, ana, carla.id, REASON)
    proposals.decide(hub, berta, again, approve=True)
    invited = proposals.use_invitation(hub, ana, again)
    assert invited.staff.id == carla.id
    bound = proposals.ask_binding(hub, ana, berta.id, HOUSE, "berta b.", REASON)
    (line,) = proposals.proposals(hub, berta, waiting=True)
    assert line.summary == f"Let «berta b.» of {HOUSE} in as Berta"
    assert refusal(lambda: subjects.entered_by(hub, HOUSE, "berta b.")) == "oidc_unknown"
    assert refusal(lambda: proposals.decide(hub, carla, bound, approve=True)) == "same_hands"
    proposals.decide(hub, came_in(hub, Role.SUPERVISOR, "Dora"), bound, approve=True)
    assert subjects.entered_by(hub, HOUSE, "berta b.").id == berta.id
    assert (newest(hub, ana).deed, newest(hub, ana).agreed) == (Deed.BOUND, "Dora")
    with hub.store.read() as transaction:
        assert transaction.staff.passkeys(carla.id) == []


def test_a_refused_binding_or_one_to_who_is_gone_does_nothing(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    carla = came_in(hub, Role.SUPERVISOR, "Carla")
    asked = proposals.ask_binding(hub, ana, carla.id, HOUSE, "c", REASON)
    staff.send_away(hub, ana, carla.id)
    assert refusal(lambda: proposals.decide(hub, berta, asked, approve=True)) == "staff_sent_away"
    proposals.decide(hub, berta, asked, approve=False)
    assert refusal(lambda: subjects.entered_by(hub, HOUSE, "c")) == "oidc_unknown"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_administrators_ask_for_staff(hub: Hub, ana: StaffRecord, role: Role) -> None:
    by = employ(hub, role, "Somebody")
    for ask in (
        lambda: proposals.ask_invitation(hub, by, "New", Role.SUPERVISOR, REASON),
        lambda: proposals.ask_invitation_again(hub, by, ana.id, REASON),
        lambda: proposals.ask_binding(hub, by, ana.id, HOUSE, "s", REASON),
        lambda: proposals.use_invitation(hub, by, ProposalId("x")),
    ):
        assert refusal(ask) == "role_missing"
    if role is Role.CASEWORKER:
        assert refusal(lambda: staff.staff_deeds(hub, by)) == "role_missing"
    else:
        assert staff.staff_deeds(hub, by) == []


def test_what_is_asked_is_checked_when_it_is_asked(hub: Hub, ana: StaffRecord) -> None:
    assert refusal(lambda: proposals.ask_invitation(hub, ana, "Ana", Role.SUPERVISOR, REASON)) == "staff_exists"
    assert refusal(lambda: proposals.ask_invitation(hub, ana, " ", Role.SUPERVISOR, REASON)) == "staff_name_invalid"
    assert refusal(lambda: proposals.ask_invitation(hub, ana, "Eva", Role.SUPERVISOR, "")) == "reason_short"
    assert refusal(lambda: proposals.ask_invitation_again(hub, ana, StaffId("x"), REASON)) == "staff_unknown"
    assert refusal(lambda: proposals.ask_binding(hub, ana, ana.id, HOUSE, " s", REASON)) == "subject_invalid"


def test_on_the_pages_two_people_let_a_supervisor_in_and_an_auditor_reads_it(
    hub: Hub, ana: StaffRecord, berta: StaffRecord
) -> None:
    door = DeskDoor(hub)
    hers, theirs = door.signed_in(ana), door.signed_in(berta)
    assert "Somebody else who decides has to agree" in hers.get("/staff").text
    form = {"name": "Carla", "role": "supervisor"}
    assert hers.post("/staff/invite", content=urlencode(form), headers=FORM).status_code == 422
    asked = hers.post("/staff/invite", content=urlencode({**form, "reason": REASON}), headers=FORM)
    assert (asked.status_code, asked.headers["Location"]) == (303, "/proposals")
    path = re.findall(r'action="(/proposals/[^"]+)/decide"', theirs.get("/proposals").text)[0]
    assert theirs.post(f"{path}/decide", content="say=yes", headers=FORM).status_code == 303
    assert "Make the link" in hers.get("/proposals").text
    page = hers.post(f"{path}/link", content="link=1", headers=FORM)
    assert "/invitation?ticket=" in page.text
    assert hers.post(f"{path}/link", content="link=1", headers=FORM).status_code == 409
    read = door.signed_in(employ(hub, Role.AUDITOR)).get("/staff").text
    assert "Carla, supervisor, invited, by Ana; Berta agreed" in read
    assert "What was done about accounts" not in door.signed_in(employ(hub, Role.CASEWORKER)).get("/staff").text


def test_the_machines_own_link_is_a_line_too(hub: Hub) -> None:
    invited = staff.link_from_machine(hub, "Ana")
    assert (newest(hub, invited.staff).deed, newest(hub, invited.staff).by) == (Deed.INVITED, "")


@pytest.mark.parametrize("change", ["UPDATE staff_deed SET role = 'auditor'", "DELETE FROM staff_deed"])
def test_the_database_refuses_to_change_a_line(hub: Hub, tmp_path: Path, change: str) -> None:
    staff.link_from_machine(hub, "Ana")
    with (
        closing(sqlite3.connect(tmp_path / "hub" / DATABASE_FILE)) as database,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        database.execute(change)
