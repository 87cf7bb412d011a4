"""The queue as its commands give it, over a real store."""

from __future__ import annotations

import re
import secrets
import threading
from datetime import UTC, datetime, timedelta

import pytest

from amparo.case.people import AgeBand, Door, WordsKind
from amparo.case.urgency import Urgency
from amparo.core.clock import SteppedClock
from amparo.core.errors import AmparoError, Conflict, InvalidInput, NotFound, Rejected
from amparo.core.ids import random_id
from amparo.hub.commands import notices, person, spoken
from amparo.hub.commands.clocks import look_at_clocks
from amparo.hub.commands.figures import figures
from amparo.hub.commands.queue import Due, QueueAsk, Whose, assign, mark_read, queue_page
from amparo.hub.context import Hub
from amparo.hub.desk.pages.queue import asked_in, link_to
from amparo.notice.content import NoticeId
from amparo.notice.machine import Answer
from amparo.notice.standing import ClockStanding
from amparo.store.staff.protocol import Role, StaffRecord
from amparo.testing.records import some_case
from tests.hub.desks import FORM, employ, signed_in
from tests.hub.noticing import received, town
from tests.hub.queues import open_case, set_line

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ana(hub: Hub) -> StaffRecord:
    return employ(hub, Role.CASEWORKER, "Ana")


@pytest.fixture
def boss(hub: Hub) -> StaffRecord:
    return employ(hub, Role.SUPERVISOR, "Berta")


def numbers(hub: Hub, by: StaffRecord, asked: QueueAsk | None = None) -> list[int]:
    return [row.line.number for row in queue_page(hub, by, asked or QueueAsk()).rows]


def test_a_threat_stands_first_then_a_minor_then_the_others_by_who_has_waited_longest(
    hub: Hub, clock: SteppedClock, ana: StaffRecord
) -> None:
    opened: dict[str, int] = {}
    for name, door, age in (
        ("adult", Door.PICTURE, AgeBand.ADULT),
        ("witness", Door.WITNESS, AgeBand.UNSAID),
        ("minor", Door.PICTURE, AgeBand.MINOR),
        ("unsaid", Door.HELPING, AgeBand.UNSAID),
        ("threat", Door.THREAT, AgeBand.ADULT),
    ):
        opened[name] = open_case(hub, door, age)
        clock.advance(timedelta(hours=1))
    order = ["threat", "minor", "adult", "unsaid", "witness"]
    assert numbers(hub, ana) == [opened[name] for name in order]


def test_a_clock_goes_before_what_has_none_and_the_nearer_one_first(hub: Hub, ana: StaffRecord) -> None:
    first, second, third = (open_case(hub) for _ in range(3))
    set_line(hub, third, next_at=NOW + timedelta(hours=2))
    set_line(hub, second, next_at=NOW + timedelta(hours=30))
    assert numbers(hub, ana) == [third, second, first]


def test_tallies_say_what_burns_what_waits_for_whom_and_which_clocks_speak_today(hub: Hub, ana: StaffRecord) -> None:
    burning = open_case(hub, Door.THREAT)
    mine, read, nobodys = (open_case(hub) for _ in range(3))
    set_line(hub, mine, next_at=NOW + timedelta(hours=22, minutes=59))
    set_line(hub, read, waits=False, next_at=NOW + timedelta(hours=23))
    set_line(hub, nobodys, next_at=NOW - timedelta(days=2))
    for number in (mine, read):
        assign(hub, ana, number, ana.id, None)
    tallies = queue_page(hub, ana, QueueAsk()).tallies
    # Midnight in Madrid is 23:00 UTC in winter: a clock at that minute speaks tomorrow.
    assert (tallies.burning, tallies.yours, tallies.nobodys, tallies.today) == (1, 1, 2, 2)
    assert tallies.total == 4
    assert set(numbers(hub, ana, QueueAsk(due=Due.TODAY))) == {mine, nobodys}
    assert set(numbers(hub, ana, QueueAsk(due=Due.SOON))) == {mine, read, nobodys}
    assert numbers(hub, ana, QueueAsk(urgency=Urgency.NOW)) == [burning]
    assert set(numbers(hub, ana, QueueAsk(whose=Whose.MINE))) == {mine, read}
    assert numbers(hub, ana, QueueAsk(whose=Whose.MINE, waits=True)) == [mine]
    assert set(numbers(hub, ana, QueueAsk(whose=Whose.NOBODY))) == {burning, nobodys}
    assert numbers(hub, ana, QueueAsk(door=Door.THREAT)) == [burning]
    (late,) = [row for row in queue_page(hub, ana, QueueAsk()).rows if row.late]
    assert late.line.number == nobodys


def test_a_notice_that_ran_out_is_told_until_somebody_answers_it(hub: Hub, clock: SteppedClock) -> None:
    place = town(hub)
    notice = received(place)
    assert queue_page(hub, place.by, QueueAsk()).tallies.ran_out == 0
    clock.advance(timedelta(hours=49))
    look_at_clocks(hub)
    assert queue_page(hub, place.by, QueueAsk()).tallies.ran_out == 1
    notices.open_words(hub, place.by, notice, "To record what they answered.")
    notices.record_answer(hub, place.by, notice, Answer.REMOVED, clock.now(), "")
    assert queue_page(hub, place.by, QueueAsk()).tallies.ran_out == 0
    assert figures(hub).clocks[ClockStanding.LATE] == 1


def test_pages_follow_each_other_without_gaps_and_past_the_end_is_the_last_one(hub: Hub, ana: StaffRecord) -> None:
    opened = [open_case(hub) for _ in range(2)]
    with hub.store.write() as transaction:
        for seed in range(61):
            case = some_case(seed)
            transaction.add_case(case)
            transaction.queue.show(case.id, Door.PICTURE, Urgency.LATER, NOW + timedelta(minutes=seed))
    first, second = queue_page(hub, ana, QueueAsk()), queue_page(hub, ana, QueueAsk(page=2))
    assert (len(first.rows), len(second.rows), first.total, first.pages) == (50, 13, 63, 2)
    shown = [row.line.number for page in (first, second) for row in page.rows]
    assert len(set(shown)) == 63
    assert shown[:2] == opened
    past = queue_page(hub, ana, QueueAsk(page=99))
    assert past.rows == second.rows
    assert past.asked.page == 2


def test_a_caseworker_takes_what_is_nobodys_and_gives_back_what_is_theirs(hub: Hub, ana: StaffRecord) -> None:
    number = open_case(hub)
    assign(hub, ana, number, ana.id, None)
    (row,) = queue_page(hub, ana, QueueAsk()).rows
    assert (row.assignee, row.mine) == ("Ana", True)
    assign(hub, ana, number, None, ana.id)
    (row,) = queue_page(hub, ana, QueueAsk()).rows
    assert (row.assignee, row.mine) == ("", False)


def test_of_two_who_take_a_case_at_once_the_second_is_told(hub: Hub, ana: StaffRecord) -> None:
    other = employ(hub, Role.CASEWORKER, "Cleo")
    number = open_case(hub)
    assign(hub, ana, number, ana.id, None)
    with pytest.raises(Conflict) as caught:
        assign(hub, other, number, other.id, None)
    assert caught.value.code == "case_taken"
    assert queue_page(hub, other, QueueAsk()).rows[0].assignee == "Ana"


def test_of_many_who_take_a_case_in_one_moment_one_has_it(hub: Hub) -> None:
    number = open_case(hub)
    people = [employ(hub, Role.CASEWORKER, f"Caseworker {one}") for one in range(6)]
    start, told = threading.Barrier(len(people)), list[tuple[str, str]]()

    def take(by: StaffRecord) -> None:
        start.wait()
        try:
            assign(hub, by, number, by.id, None)
        except AmparoError as error:
            told.append((by.name, error.code))
        else:
            told.append((by.name, "taken"))

    threads = [threading.Thread(target=take, args=(one,)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [name for name, code in told if code == "taken"]
    assert sorted(code for _, code in told) == ["case_taken"] * 5 + ["taken"]
    assert queue_page(hub, people[0], QueueAsk()).rows[0].assignee == winner


def test_only_a_supervisor_gives_a_case_to_somebody_else(hub: Hub, ana: StaffRecord, boss: StaffRecord) -> None:
    other = employ(hub, Role.CASEWORKER, "Cleo")
    number = open_case(hub)
    with pytest.raises(Rejected) as caught:
        assign(hub, ana, number, other.id, None)
    assert caught.value.code == "case_of_another"
    assign(hub, boss, number, other.id, None)
    for to in (ana.id, None):
        with pytest.raises(Rejected):
            assign(hub, ana, number, to, other.id)
    assign(hub, boss, number, ana.id, other.id)
    assert queue_page(hub, boss, QueueAsk()).rows[0].assignee == "Ana"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_a_case_is_given_only_to_who_works_on_cases(hub: Hub, boss: StaffRecord, role: Role) -> None:
    number, other = open_case(hub), employ(hub, role, "Dora")
    with pytest.raises(InvalidInput) as caught:
        assign(hub, boss, number, other.id, None)
    assert caught.value.code == "staff_unknown"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_does_not_work_on_cases_sees_and_changes_none(hub: Hub, role: Role) -> None:
    number, by = open_case(hub), employ(hub, role, "Dora")
    for act in (
        lambda: queue_page(hub, by, QueueAsk()),
        lambda: assign(hub, by, number, by.id, None),
        lambda: mark_read(hub, by, number, 1),
    ):
        with pytest.raises(Rejected) as caught:
            act()
        assert caught.value.code == "role_missing"


@pytest.mark.parametrize("number", [0, -1, 2, 2**63, 10**30])
def test_a_number_that_no_case_has_is_not_there(hub: Hub, ana: StaffRecord, number: int) -> None:
    open_case(hub)
    with pytest.raises(NotFound) as caught:
        assign(hub, ana, number, ana.id, None)
    assert caught.value.code == "case_unknown"


def test_what_came_in_after_somebody_looked_stays_unread(hub: Hub, ana: StaffRecord) -> None:
    code = person.open_case(hub, secrets.token_bytes(16), "en")
    number = queue_page(hub, ana, QueueAsk()).rows[0].line.number
    seen = queue_page(hub, ana, QueueAsk()).rows[0].line.arrived
    spoken.note(hub, code, [spoken.Typed(WordsKind.MESSAGE, "one more thing")])
    with pytest.raises(Conflict) as caught:
        mark_read(hub, ana, number, seen)
    assert caught.value.code == "case_moved_on"
    assert queue_page(hub, ana, QueueAsk()).rows[0].line.waits
    mark_read(hub, ana, number, queue_page(hub, ana, QueueAsk()).rows[0].line.arrived)
    assert not queue_page(hub, ana, QueueAsk()).rows[0].line.waits


def test_what_waits_without_a_step_of_the_case_is_not_marked_as_read_by_an_older_page(
    hub: Hub, ana: StaffRecord
) -> None:
    code = person.open_case(hub, secrets.token_bytes(16), "en")
    number = queue_page(hub, ana, QueueAsk()).rows[0].line.number
    client = signed_in(hub)
    shown = re.findall(r'name="arrived" value="(\d+)"', client.get(f"/cases/{number}").text)
    version = person.view_case(hub, code).case.version
    notices.wish(hub, code, NoticeId(random_id()), "Plaza")
    assert person.view_case(hub, code).case.version == version
    stale = client.post(f"/cases/{number}/read", content=f"arrived={shown[0]}", headers=FORM)
    assert stale.status_code == 409
    assert queue_page(hub, ana, QueueAsk()).rows[0].line.waits


def test_an_address_says_what_is_asked_and_says_it_again() -> None:
    asked = asked_in({"urgency": "now", "door": "threat", "waits": "1", "whose": "mine", "due": "soon", "page": "3"})
    assert asked == QueueAsk(Urgency.NOW, Door.THREAT, True, Whose.MINE, Due.SOON, 3)
    assert link_to(asked, 4) == "urgency=now&door=threat&waits=1&whose=mine&due=soon&page=4"
    assert asked_in({}) == QueueAsk()
    assert link_to(QueueAsk(), 1) == ""


@pytest.mark.parametrize(
    "query",
    [{"urgency": "never"}, {"door": "<b>"}, {"whose": "x"}, {"due": "1"}, {"page": "-1"}, {"page": "²"}],
    ids=str,
)
def test_an_address_that_asks_for_nonsense_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(AmparoError) as caught:
        asked_in(query)
    assert caught.value.status == 422
