"""Acts of two: asked by one, decided by another, done once."""

from __future__ import annotations

import re
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amparo.case.code import CaseCode
from amparo.case.people import WordsKind
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, NotFound
from amparo.core.ids import ProposalId
from amparo.hub.commands import person, proposals
from amparo.hub.commands.proposals import ASKERS, Act, ProposalLine
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import DATABASE_FILE, Hub
from amparo.hub.policy import FINGERPRINT_DAYS, SETTINGS, fingerprints_live
from amparo.store.staff.protocol import ProposalState, Role, StaffRecord
from tests.hub.desks import FORM, DeskDoor, employ
from tests.hub.hubs import fingerprints

REASON = "The person asked for it by telephone"


@pytest.fixture
def ana(hub: Hub) -> StaffRecord:
    return employ(hub, Role.CASEWORKER, "Ana")


@pytest.fixture
def berta(hub: Hub) -> StaffRecord:
    return employ(hub, Role.SUPERVISOR, "Berta")


def opened(hub: Hub) -> CaseCode:
    words = [Typed(WordsKind.LINK, "https://example.test/p/1")]
    return person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(2, secrets.randbits(32)), words)


def there(hub: Hub, code: CaseCode) -> bool:
    with suppress(NotFound):
        person.view_case(hub, code)
        return True
    return False


def line(hub: Hub, by: StaffRecord, proposal: ProposalId) -> ProposalLine:
    both = (*proposals.proposals(hub, by, waiting=True), *proposals.proposals(hub, by, waiting=False))
    return next(one for one in both if one.id == proposal)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AmparoError) as caught:
        act()
    return caught.value.code


def test_a_case_is_erased_when_a_second_person_agrees(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    code, other = opened(hub), opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    assert there(hub, code), "asking does nothing"
    shown = line(hub, berta, proposal)
    assert (shown.reason, shown.asked_by, shown.may_decide) == (REASON, "Ana", True)
    proposals.decide(hub, berta, proposal, approve=True)
    assert not there(hub, code)
    assert there(hub, other)
    with hub.store.read() as transaction:
        assert transaction.entries_due(hub.clock.now() + timedelta(days=9999), 9)[0].sealed
        assert transaction.count_entries() == {"active": 2, "held": 0, "withdrawn": 2, "expired": 0}
    decided = line(hub, ana, proposal)
    assert (decided.state, decided.decided_by) == (ProposalState.APPROVED, "Berta")
    assert decided.decided_at == hub.clock.now()


def test_a_refusal_does_nothing_and_stays_on_record(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    code = opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    proposals.decide(hub, berta, proposal, approve=False)
    assert there(hub, code)
    assert line(hub, ana, proposal).state is ProposalState.REFUSED
    assert refusal(lambda: proposals.decide(hub, berta, proposal, approve=True)) == "proposal_decided"
    assert there(hub, code)


def test_whoever_asks_takes_back_and_nobody_else(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    assert refusal(lambda: proposals.take_back(hub, berta, proposal)) == "not_yours"
    proposals.take_back(hub, ana, proposal)
    assert refusal(lambda: proposals.decide(hub, berta, proposal, approve=True)) == "proposal_decided"
    assert refusal(lambda: proposals.take_back(hub, ana, proposal)) == "proposal_decided"


def test_the_same_is_not_asked_twice_while_it_waits(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    assert refusal(lambda: proposals.ask_erasure(hub, berta, 1, REASON)) == "asked_already"
    proposals.take_back(hub, ana, proposal)
    proposals.ask_erasure(hub, berta, 1, REASON)


def test_an_erasure_of_a_case_that_is_gone_stays_undecided(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    code = opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    person.withdraw_case(hub, code)
    assert refusal(lambda: proposals.decide(hub, berta, proposal, approve=True)) == "case_unknown"
    assert line(hub, ana, proposal).state is ProposalState.WAITING
    proposals.decide(hub, berta, proposal, approve=False)


@pytest.mark.parametrize("reason", ["", "short"])
def test_nothing_is_asked_without_a_reason_or_of_nothing(hub: Hub, ana: StaffRecord, reason: str) -> None:
    opened(hub)
    assert refusal(lambda: proposals.ask_erasure(hub, ana, 1, reason)) == "reason_short"
    assert refusal(lambda: proposals.ask_export(hub, ana, reason)) == "reason_short"
    assert refusal(lambda: proposals.ask_erasure(hub, ana, 7, REASON)) == "case_unknown"
    assert proposals.proposals(hub, ana, waiting=True) == []


def test_a_change_of_policy_counts_for_what_is_banked_afterwards(hub: Hub, berta: StaffRecord) -> None:
    carla = employ(hub, Role.ADMINISTRATOR, "Carla")
    before = person.view_case(hub, opened(hub)).pictures[0]
    proposal = proposals.ask_policy(hub, carla, FINGERPRINT_DAYS, "90", REASON)
    with hub.store.read() as transaction:
        assert fingerprints_live(hub, transaction) == hub.settings.retention
    proposals.decide(hub, berta, proposal, approve=True)
    after = person.view_case(hub, opened(hub)).pictures[0]
    assert before.expires_at == hub.clock.now() + hub.settings.retention
    assert after.expires_at == hub.clock.now() + timedelta(days=90)


@pytest.mark.parametrize("days", ["", "0", "29", "3651", "-90", "9" * 30, "٣٠٠", "90.5", "90 91"])
def test_a_policy_outside_its_bounds_is_not_even_asked_for(hub: Hub, berta: StaffRecord, days: str) -> None:
    assert refusal(lambda: proposals.ask_policy(hub, berta, FINGERPRINT_DAYS, days, REASON)) == "policy_invalid"
    assert refusal(lambda: proposals.ask_policy(hub, berta, "everything", "90", REASON)) == "policy_unknown"


def test_an_export_is_fetched_once_within_a_day_by_whoever_asked(
    hub: Hub, clock: SteppedClock, ana: StaffRecord, berta: StaffRecord
) -> None:
    opened(hub)
    asked = proposals.ask_export(hub, ana, REASON)
    assert refusal(lambda: proposals.use_export(hub, ana, asked)) == "export_over"
    proposals.decide(hub, berta, asked, approve=True)
    assert refusal(lambda: proposals.use_export(hub, berta, asked)) == "not_yours"
    assert line(hub, ana, asked).may_fetch
    assert not line(hub, berta, asked).may_fetch
    door = DeskDoor(hub)
    got = door.signed_in(ana).post(f"/proposals/{asked}/fetch", content="fetch=1", headers=FORM)
    assert got.headers["Content-Type"].startswith("text/csv")
    assert [row.partition(",")[0] for row in got.text.split()] == ["number", "1"]
    assert "example.test" not in got.text
    again = door.signed_in(ana).post(f"/proposals/{asked}/fetch", content="fetch=1", headers=FORM)
    assert again.status_code == 409
    late = proposals.ask_export(hub, ana, REASON)
    proposals.decide(hub, berta, late, approve=True)
    clock.advance(proposals.EXPORT_LIVES)
    assert refusal(lambda: proposals.use_export(hub, ana, late)) == "export_over"


def test_two_who_decide_at_once_decide_once(hub: Hub, ana: StaffRecord) -> None:
    deciders = [employ(hub, Role.SUPERVISOR, f"S{number}") for number in range(4)]
    opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    barrier = threading.Barrier(4)
    said: list[str] = []

    def decide(by: StaffRecord) -> None:
        barrier.wait()
        try:
            proposals.decide(hub, by, proposal, approve=True)
            said.append("done")
        except AmparoError as error:
            said.append(error.code)

    threads = [threading.Thread(target=decide, args=(by,)) for by in deciders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", *["proposal_decided"] * 3]


def test_the_database_keeps_every_proposal_as_it_was_decided(
    hub: Hub, ana: StaffRecord, berta: StaffRecord, tmp_path: Path
) -> None:
    opened(hub)
    proposal = proposals.ask_erasure(hub, ana, 1, REASON)
    proposals.decide(hub, berta, proposal, approve=False)
    with closing(sqlite3.connect(tmp_path / "hub" / DATABASE_FILE)) as connection:
        for change in (
            "DELETE FROM desk_proposal",
            "UPDATE desk_proposal SET state = 'waiting'",
            "UPDATE desk_proposal SET state = 'used'",
            "UPDATE desk_proposal SET decided_by = asked_by",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(change)


def test_the_page_offers_each_person_what_they_may_do(hub: Hub, ana: StaffRecord, berta: StaffRecord) -> None:
    opened(hub)
    door = DeskDoor(hub)
    asking, deciding = door.signed_in(ana), door.signed_in(berta)
    form = "case=1&reason=" + REASON.replace(" ", "+") + "+%3Cb%3E"
    assert asking.post("/proposals/erase", content=form, headers=FORM).status_code == 303
    mine, theirs = asking.get("/proposals").text, deciding.get("/proposals").text
    assert "Yes, do it" not in mine
    assert "Take it back" in mine
    assert "&lt;b&gt;»" in theirs
    action = re.search(r'action="(/proposals/[0-9a-f]{32}/decide)"', theirs)
    assert action is not None
    assert asking.post(action[1], content="say=yes", headers=FORM).status_code == 403
    assert deciding.post(action[1], content="say=perhaps", headers=FORM).status_code == 422
    assert deciding.post(action[1], content="say=yes", headers=FORM).status_code == 303
    assert "Erase case 1" in deciding.get("/proposals").text
    assert deciding.post(action[1], content="say=yes", headers=FORM).status_code == 409


_ROLES = st.sampled_from(Role)
_SETTINGS = st.sampled_from(sorted(SETTINGS))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asks=_ROLES,
    decides=_ROLES,
    same=st.booleans(),
    act=st.sampled_from([Act.ERASE, Act.EXPORT, Act.POLICY]),
    name=_SETTINGS,
)
def test_nobody_decides_what_they_asked_and_only_the_right_roles_do_either(
    hub: Hub, asks: Role, decides: Role, same: bool, act: Act, name: str
) -> None:
    """Whatever the roles: an act is done if and only if one who may ask did, and another who may decide agreed."""
    salt = secrets.token_hex(4)
    first = employ(hub, asks, f"First {salt}")
    second = first if same else employ(hub, decides, f"Second {salt}")
    code = opened(hub)
    with hub.store.read() as transaction:
        number = max(one.number for one in transaction.queue.lines_after(0, 10_000))
        days_before = [one.value for one in transaction.staff.policy() if one.name == name]
    value = str(SETTINGS[name].least + secrets.randbelow(200))
    asked: list[ProposalId] = []

    def ask() -> None:
        if act is Act.ERASE:
            asked.append(proposals.ask_erasure(hub, first, number, REASON))
        elif act is Act.EXPORT:
            asked.append(proposals.ask_export(hub, first, REASON))
        else:
            asked.append(proposals.ask_policy(hub, first, name, value, REASON))

    if asks not in ASKERS[act]:
        assert refusal(ask) == "role_missing"
        return
    ask()
    may = not same and second.role in (Role.SUPERVISOR, Role.ADMINISTRATOR)
    if may:
        proposals.decide(hub, second, asked[0], approve=True)
    else:
        assert refusal(lambda: proposals.decide(hub, second, asked[0], approve=True)) in ("same_person", "role_missing")
        proposals.take_back(hub, first, asked[0])
    done = may and act is Act.ERASE
    assert there(hub, code) is not done
    with hub.store.read() as transaction:
        days = [one.value for one in transaction.staff.policy() if one.name == name]
    assert days == ([value] if may and act is Act.POLICY else days_before)
