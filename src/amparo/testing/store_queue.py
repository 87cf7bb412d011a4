"""The part of the store's contract that keeps the desk's queue: numbers, order, filters.

::

    class TestMyQueue(QueueContract):
        @pytest.fixture
        def store(self, tmp_path): ...
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amparo.bank import TombstoneReason
from amparo.bank import entry as entries
from amparo.case.people import Door
from amparo.case.urgency import Urgency
from amparo.core.ids import CaseId, StaffId, random_id
from amparo.store.protocol import Store, Transaction
from amparo.store.queue.protocol import QueueFilter, QueueLine
from amparo.store.staff.protocol import Role, StaffRecord
from amparo.testing.records import LATER, NOW, some_case, some_entry

_HOURS: Final = st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours))
_STAFF: Final = (StaffId("a" * 32), StaffId("b" * 32))


@dataclass(frozen=True, slots=True)
class Told:
    """What a test tells the queue of one case."""

    door: Door
    urgency: Urgency
    touched_at: datetime
    waits: bool
    next_at: datetime | None
    assigned_to: StaffId | None


_TOLD: Final = st.builds(
    Told,
    st.sampled_from(Door),
    st.sampled_from(Urgency),
    _HOURS,
    st.booleans(),
    st.none() | _HOURS,
    st.none() | st.sampled_from(_STAFF),
)
_FILTERS: Final = st.builds(
    QueueFilter,
    st.none() | st.sampled_from(Urgency),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(Door),
    st.none() | st.sampled_from(_STAFF),
    st.booleans(),
    st.none() | _HOURS,
)
_EXAMPLES: Final = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class _Undone(Exception):
    """Ends an example without leaving anything behind."""


@contextmanager
def undone(store: Store) -> Generator[Transaction]:
    """A writing transaction of which nothing stays."""
    with suppress(_Undone), store.write() as transaction:
        yield transaction
        raise _Undone


def employ(transaction: Transaction) -> None:
    """The two people to whom cases can be given."""
    for number, staff in enumerate(_STAFF):
        transaction.staff.add(StaffRecord(staff, f"Caseworker {number}", Role.CASEWORKER, NOW))


def fill(transaction: Transaction, told: list[Told]) -> list[QueueLine]:
    """One line for each, by number."""
    cases: list[CaseId] = []
    for seed, one in enumerate(told):
        case = some_case(seed)
        transaction.add_case(case)
        transaction.queue.show(case.id, one.door, one.urgency, one.touched_at)
        transaction.queue.set_waits(case.id, one.waits)
        transaction.queue.set_next(case.id, one.next_at)
        transaction.queue.assign(case.id, one.assigned_to)
        cases.append(case.id)
    lines = [transaction.queue.line(case) for case in cases]
    return [line for line in lines if line is not None]


def fits(line: QueueLine, wanted: QueueFilter) -> bool:
    """What a filter says, in plain words."""
    return (
        wanted.urgency in (None, line.urgency)
        and wanted.waits in (None, line.waits)
        and wanted.door in (None, line.door)
        and wanted.assigned_to in (None, line.assigned_to)
        and not (wanted.unassigned and line.assigned_to is not None)
        and (wanted.due_before is None or (line.next_at is not None and line.next_at < wanted.due_before))
    )


def place(line: QueueLine) -> tuple[object, ...]:
    """Where a line stands: the most urgent, the nearest clock, what is unread, what has waited longest."""
    far = datetime.max.replace(tzinfo=UTC)
    return (-line.urgency, line.next_at or far, not line.waits, line.touched_at, line.number)


class QueueContract:
    """What every ``QueueLedger`` must do."""

    @_EXAMPLES
    @given(st.lists(_TOLD, max_size=12), _FILTERS, st.integers(1, 5))
    def test_lines_come_in_order_filtered_and_in_pages(
        self, store: Store, told: list[Told], wanted: QueueFilter, page: int
    ) -> None:
        with undone(store) as transaction:
            employ(transaction)
            kept = fill(transaction, told)
            expected = sorted((line for line in kept if fits(line, wanted)), key=place)
            queue = transaction.queue
            pages = [queue.lines(wanted, page, offset) for offset in range(0, len(kept) + page, page)]
            assert [line for lines in pages for line in lines] == expected
            assert queue.count(wanted) == len(expected)

    @_EXAMPLES
    @given(st.lists(_TOLD, max_size=8))
    def test_the_lines_of_some_cases_come_in_the_same_order(self, store: Store, told: list[Told]) -> None:
        with undone(store) as transaction:
            employ(transaction)
            kept = fill(transaction, told)
            asked = kept[::2]
            cases = [line.case for line in reversed(asked)]
            found = transaction.queue.lines_of([*cases, CaseId(random_id())], 100)
            assert found == sorted(asked, key=place)
            assert transaction.queue.lines_of(cases, 2, 1) == found[1:3]
            by_number = [line for line in kept if line.number > kept[len(kept) // 3].number] if kept else []
            after = kept[len(kept) // 3].number if kept else 0
            assert transaction.queue.lines_after(after, 3) == by_number[:3]

    @_EXAMPLES
    @given(st.lists(_TOLD, max_size=12))
    def test_counts_agree_with_the_lines(self, store: Store, told: list[Told]) -> None:
        with undone(store) as transaction:
            employ(transaction)
            kept = fill(transaction, told)
            counted = transaction.queue.count_by_urgency()
            assert counted == {urgency: sum(line.urgency is urgency for line in kept) for urgency in Urgency}
            days: dict[date, int] = {}
            for line in kept:
                if line.opened_at >= NOW:
                    days[line.opened_at.date()] = days.get(line.opened_at.date(), 0) + 1
            assert transaction.queue.opened_by_day(NOW) == days

    def test_a_new_line_waits_and_keeps_its_number_and_first_hour(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.queue.show(case.id, Door.PICTURE, Urgency.USUAL, NOW)
            first = transaction.queue.line(case.id)
            assert first is not None
            assert (first.waits, first.next_at, first.assigned_to) == (True, None, None)
            transaction.queue.set_waits(case.id, False)
            for arrived in (2, 3):
                transaction.queue.set_waits(case.id, True)
                line = transaction.queue.line(case.id)
                assert line is not None
                assert (line.waits, line.arrived) == (True, arrived), "each counts, also where something waits already"
            transaction.queue.set_waits(case.id, False)
            later = NOW + timedelta(days=1)
            transaction.queue.show(case.id, Door.THREAT, Urgency.NOW, later)
            expected = replace(first, door=Door.THREAT, urgency=Urgency.NOW, touched_at=later, waits=False, arrived=3)
            assert transaction.queue.line(case.id) == expected
            assert transaction.queue.numbered(first.number) == expected

    def test_a_line_goes_with_its_case_and_its_number_is_never_given_again(self, store: Store) -> None:
        first, second = some_case(1), some_case(2)
        with store.write() as transaction:
            transaction.add_case(first)
            transaction.queue.show(first.id, Door.PICTURE, Urgency.USUAL, NOW)
            gone = transaction.queue.line(first.id)
            assert gone is not None
            transaction.destroy_case(first.id)
        with store.write() as transaction:
            assert transaction.queue.line(first.id) is None
            assert transaction.queue.numbered(gone.number) is None
            transaction.add_case(second)
            transaction.queue.show(second.id, Door.PICTURE, Urgency.USUAL, NOW)
            new = transaction.queue.line(second.id)
            assert new is not None
            assert new.number > gone.number

    def test_what_is_idle_comes_longest_untouched_first_without_what_protects_or_has_a_clock(
        self, store: Store
    ) -> None:
        with undone(store) as transaction:
            usual = Told(Door.PICTURE, Urgency.USUAL, NOW, False, None, None)
            ago = [replace(usual, touched_at=NOW - timedelta(days=day)) for day in (1, 3, 2, 0, 5)]
            kept = fill(transaction, [*ago, replace(ago[1], next_at=NOW)])
            protecting = some_entry(kept[4].case)
            transaction.add_entry(protecting)
            idle = transaction.queue.idle_since(NOW, 9)
            assert [line.number for line in idle] == [kept[1].number, kept[2].number, kept[0].number]
            transaction.change_entry(entries.expire(protecting.entry, LATER), LATER, TombstoneReason.EXPIRED)
            idle = transaction.queue.idle_since(NOW, 9)
            assert [line.number for line in idle] == [kept[at].number for at in (4, 1, 2, 0)]
            assert transaction.queue.idle_since(NOW, 1) == idle[:1]
