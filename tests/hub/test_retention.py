"""Rules by which things end: shown before they act, and acting when they said."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from amparo.case.code import CaseCode
from amparo.case.people import WordsKind
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, NotFound
from amparo.hub.commands import person, proposals, spoken, staff
from amparo.hub.commands.housekeeping import keep_house
from amparo.hub.commands.retention import RetentionPanel, keep_case, retention_panel
from amparo.hub.commands.spoken import Typed
from amparo.hub.context import Hub
from amparo.hub.policy import CASE_IDLE_DAYS
from amparo.hub.vault import OpenedCase
from amparo.store.staff.protocol import Role
from tests.hub.desks import FORM, employ, signed_in
from tests.hub.hubs import fingerprints

DAY = timedelta(days=1)
IDLE, NOTICE = 365 * DAY, 30 * DAY
REASON = "Decided by the board in March"


def opened(hub: Hub, pictures: int = 0) -> CaseCode:
    words = [Typed(WordsKind.NOTE, "what I know")]
    return person.open_case(hub, secrets.token_bytes(16), "es", fingerprints(pictures, secrets.randbits(32)), words)


def there(hub: Hub, code: CaseCode) -> bool:
    """Without looking at it as its person would: that keeps a case."""
    with suppress(NotFound), hub.store.read() as transaction:
        OpenedCase.by_tag(transaction, hub.keys_of(code).tag, hub.vault)
        return True
    return False


def due(hub: Hub) -> dict[int, datetime]:
    return {one.number: one.erased_at for one in retention_panel(hub).due}


def rule(panel: RetentionPanel, what: str) -> datetime | None:
    (found,) = [one for one in panel.rules if one.what.startswith(what)]
    return found.next_at


def change_idle_days(hub: Hub, days: int) -> None:
    asks, decides = employ(hub, Role.SUPERVISOR), employ(hub, Role.ADMINISTRATOR)
    asked = proposals.ask_policy(hub, asks, CASE_IDLE_DAYS, str(days), REASON)
    proposals.decide(hub, decides, asked, approve=True)


def test_an_idle_case_is_shown_as_due_and_erased_when_the_notice_is_over(hub: Hub, clock: SteppedClock) -> None:
    start, code = clock.now(), opened(hub)
    assert rule(retention_panel(hub), "Cases") == start + IDLE + NOTICE, "what comes is said from the first day"
    clock.advance(IDLE)
    keep_house(hub)
    assert due(hub) == {}
    clock.advance(timedelta(microseconds=1))
    assert due(hub) == {1: start + IDLE + NOTICE}
    clock.advance(NOTICE - timedelta(microseconds=1))
    # At the hour itself the case is not older than it may be yet.
    keep_house(hub)
    assert there(hub, code)
    clock.advance(timedelta(microseconds=1))
    keep_house(hub)
    assert not there(hub, code)
    assert due(hub) == {}
    assert rule(retention_panel(hub), "Cases") is None


def test_a_case_that_still_protects_is_not_due_before_its_last_fingerprint_ends(hub: Hub, clock: SteppedClock) -> None:
    code = opened(hub, pictures=1)
    first = clock.now() + hub.settings.retention
    assert rule(retention_panel(hub), "Fingerprints") == first
    clock.advance(IDLE + NOTICE + DAY)
    keep_house(hub)
    assert there(hub, code)
    clock.advance(hub.settings.retention)
    keep_house(hub)
    assert rule(retention_panel(hub), "Fingerprints") is None
    assert not there(hub, code), "nothing has happened in it for long, and nothing is protected any more"


def test_a_step_or_somebody_who_keeps_the_case_begins_its_days_anew(hub: Hub, clock: SteppedClock) -> None:
    stepped, kept, left = opened(hub), opened(hub), opened(hub)
    clock.advance(IDLE + DAY)
    assert sorted(due(hub)) == [1, 2, 3]
    spoken.note(hub, stepped, [Typed(WordsKind.NOTE, "I am still here")])
    client = signed_in(hub, Role.CASEWORKER)
    page = client.get("/policy").text
    assert page.count('action="/policy/keep/') == 2
    assert client.post("/policy/keep/2", content="keep=1", headers=FORM).status_code == 303
    assert sorted(due(hub)) == [3]
    clock.advance(NOTICE + DAY)
    keep_house(hub)
    assert (there(hub, stepped), there(hub, kept), there(hub, left)) == (True, True, False)


def test_a_case_with_a_clock_running_is_never_due(hub: Hub, clock: SteppedClock) -> None:
    code = opened(hub)
    with hub.store.write() as transaction:
        line = transaction.queue.numbered(1)
        assert line is not None
        transaction.queue.set_next(line.case, clock.now() + DAY)
    clock.advance(IDLE + NOTICE + DAY)
    keep_house(hub)
    assert there(hub, code)
    assert due(hub) == {}


def test_a_stricter_policy_gives_the_whole_notice_first(hub: Hub, clock: SteppedClock) -> None:
    code = opened(hub)
    clock.advance(200 * DAY)
    change_idle_days(hub, 30)
    keep_house(hub)
    assert there(hub, code)
    assert due(hub) == {1: clock.now() + NOTICE}
    clock.advance(NOTICE)
    keep_house(hub)
    assert not there(hub, code)


def test_a_milder_policy_lets_what_was_due_stay(hub: Hub, clock: SteppedClock) -> None:
    code = opened(hub)
    clock.advance(IDLE + DAY)
    change_idle_days(hub, 1000)
    assert due(hub) == {}
    clock.advance(NOTICE + DAY)
    keep_house(hub)
    assert there(hub, code)


def test_more_cases_than_one_step_takes_all_go(hub: Hub, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amparo.hub.commands.retention._AT_ONCE", 2)
    codes = [opened(hub) for _ in range(5)]
    clock.advance(IDLE + NOTICE + DAY)
    keep_house(hub)
    assert not any(there(hub, code) for code in codes)


def test_a_person_who_looks_at_her_case_keeps_it(hub: Hub, clock: SteppedClock) -> None:
    looked, left = opened(hub), opened(hub)
    clock.advance(IDLE + DAY)
    assert set(due(hub)) == {1, 2}
    person.view_case(hub, looked)
    assert set(due(hub)) == {2}
    clock.advance(NOTICE)
    keep_house(hub)
    assert (there(hub, looked), there(hub, left)) == (True, False)


def test_a_clock_that_was_set_back_erases_nothing(hub: Hub, clock: SteppedClock) -> None:
    code = opened(hub)
    clock.advance(-1000 * DAY)
    keep_house(hub)
    assert there(hub, code)


def test_invitations_go_when_their_time_is_over(hub: Hub, clock: SteppedClock) -> None:
    administrator = employ(hub, Role.ADMINISTRATOR)
    staff.invite(hub, administrator, "Dora", Role.CASEWORKER)
    assert rule(retention_panel(hub), "Invitations") == clock.now() + staff.INVITATION_LIVES
    clock.advance(staff.INVITATION_LIVES)
    keep_house(hub)
    with hub.store.read() as transaction:
        assert transaction.staff.invitations() == []
    assert rule(retention_panel(hub), "Invitations") is None


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_only_who_works_on_cases_keeps_one(hub: Hub, role: Role) -> None:
    opened(hub)
    with pytest.raises(AmparoError) as caught:
        keep_case(hub, employ(hub, role), 1)
    assert caught.value.code == "role_missing"
    with pytest.raises(NotFound):
        keep_case(hub, employ(hub), 9)


@pytest.mark.parametrize("role", Role)
def test_everybody_sees_the_panel_and_deciders_ask_for_changes(hub: Hub, role: Role) -> None:
    page = signed_in(hub, role).get("/policy").text
    assert "The reveal log" in page
    assert ("Ask for the change" in page) is (role in (Role.SUPERVISOR, Role.ADMINISTRATOR))
