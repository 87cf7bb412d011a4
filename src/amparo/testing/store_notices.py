"""The contract of ``amparo.store.notices.protocol.NoticeLedger``, as tests over a fixture ``store``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from amparo.core.errors import Conflict
from amparo.core.ids import CaseId, random_id
from amparo.notice.content import NoticeId
from amparo.notice.machine import Phase
from amparo.notice.standing import ClockStanding
from amparo.store.notices.protocol import NoticeFilter, NoticeRecord
from amparo.store.protocol import Store
from amparo.testing.records import NOW, some_case

HOUR = timedelta(hours=1)


def some_notice(case: CaseId, phase: Phase = Phase.DRAFTED) -> NoticeRecord:
    return NoticeRecord(NoticeId(random_id()), case, "eu-dsa-16", phase, 1, None, NOW)


class NoticesContract:
    """What every store must do for notices."""

    def test_a_notice_is_read_back_with_its_events_in_order(self, store: Store) -> None:
        case = some_case()
        notice = some_notice(case.id)
        sent = replace(notice, phase=Phase.SENT, version=3, due_at=NOW + HOUR, changed_at=NOW + HOUR)
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.notices.add(notice, [b"first"])
            assert transaction.notices.record(notice.id) == notice
            transaction.notices.append(sent, [b"second", b"third"])
        with store.read() as transaction:
            assert transaction.notices.record(notice.id) == sent
            assert transaction.notices.sealed_events(notice.id) == [b"first", b"second", b"third"]
            assert transaction.notices.record(NoticeId(random_id())) is None
            assert transaction.notices.sealed_events(NoticeId(random_id())) == []

    def test_a_notice_is_drafted_once(self, store: Store) -> None:
        case = some_case()
        notice = some_notice(case.id)
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.notices.add(notice, [b"first"])
        with pytest.raises(Conflict) as caught, store.write() as transaction:
            transaction.notices.add(notice, [b"another"])
        assert caught.value.code == "notice_exists"
        with store.read() as transaction:
            assert transaction.notices.sealed_events(notice.id) == [b"first"]

    def test_who_saw_an_older_notice_changes_nothing(self, store: Store) -> None:
        case = some_case()
        notice = some_notice(case.id)
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.notices.add(notice, [b"first"])
            transaction.notices.append(replace(notice, version=2, phase=Phase.APPROVED), [b"faster"])
        with pytest.raises(Conflict) as caught, store.write() as transaction:
            transaction.notices.append(replace(notice, version=2, phase=Phase.ABANDONED), [b"slower"])
        assert caught.value.code == "notice_moved_on"
        with store.read() as transaction:
            assert transaction.notices.sealed_events(notice.id) == [b"first", b"faster"]
            record = transaction.notices.record(notice.id)
        assert record is not None
        assert record.phase is Phase.APPROVED

    def test_notices_go_with_their_case(self, store: Store) -> None:
        case, other = some_case(0), some_case(1)
        gone, kept = some_notice(case.id), some_notice(other.id)
        with store.write() as transaction:
            for record, notice in ((case, gone), (other, kept)):
                transaction.add_case(record)
                transaction.notices.add(notice, [b"first"])
            transaction.destroy_case(case.id)
        with store.read() as transaction:
            assert transaction.notices.record(gone.id) is None
            assert transaction.notices.sealed_events(gone.id) == []
            assert transaction.notices.of_case(other.id) == [kept]
        with pytest.raises(Conflict) as caught, store.write() as transaction:
            transaction.notices.append(replace(gone, version=2), [b"late"])
        assert caught.value.code == "notice_moved_on"

    def test_the_notices_of_a_case_come_in_the_order_in_which_they_were_drafted(self, store: Store) -> None:
        """Also where the clock was set back between them."""
        case = some_case()
        notices = [replace(some_notice(case.id), changed_at=NOW - at * HOUR) for at in range(4)]
        with store.write() as transaction:
            transaction.add_case(case)
            for notice in notices:
                transaction.notices.add(notice, [b"first"])
            assert transaction.notices.of_case(case.id) == notices
            assert transaction.notices.of_case(CaseId(random_id())) == []

    def test_what_is_due_is_found_at_its_moment_and_not_before(self, store: Store) -> None:
        case = some_case()
        first, second, silent = (
            replace(some_notice(case.id), due_at=due) for due in (NOW + HOUR, NOW + 2 * HOUR, None)
        )
        with store.write() as transaction:
            transaction.add_case(case)
            for notice in (second, silent, first):
                transaction.notices.add(notice, [b"first"])
            ledger = transaction.notices
            assert ledger.due(NOW + HOUR - timedelta(microseconds=1), 9) == []
            assert ledger.due(NOW + HOUR, 9) == [first]
            assert ledger.due(NOW + 5 * HOUR, 9) == [first, second]
            assert ledger.due(NOW + 5 * HOUR, 1) == [first]
            ledger.set_due(first.id, None)
            assert ledger.due(NOW + 5 * HOUR, 9) == [second]
            assert ledger.record(first.id) == replace(first, due_at=None)

    def test_lines_are_filtered_paged_and_counted(self, store: Store) -> None:
        case, other = some_case(0), some_case(1)
        clocked = [replace(some_notice(case.id, Phase.RECEIVED), due_at=NOW + at * HOUR) for at in (3, 1, 2)]
        drafts = [replace(some_notice(other.id), changed_at=NOW + at * HOUR) for at in (1, 2)]
        with store.write() as transaction:
            for record in (case, other):
                transaction.add_case(record)
            for notice in (*clocked, *drafts):
                transaction.notices.add(notice, [b"first"])
        nearest = sorted(clocked, key=lambda one: str(one.due_at))
        ordered = [*nearest, *reversed(drafts)]
        with store.read() as transaction:
            ledger = transaction.notices
            assert ledger.lines(NoticeFilter(), 9) == ordered
            assert [one for at in range(0, 6, 2) for one in ledger.lines(NoticeFilter(), 2, at)] == ordered
            assert ledger.lines(NoticeFilter(phases={Phase.RECEIVED}), 9) == nearest
            assert ledger.lines(NoticeFilter(phases=()), 9) == []
            assert ledger.lines(NoticeFilter(case=other.id), 9) == list(reversed(drafts))
            assert ledger.lines(NoticeFilter(clocked=True), 9) == nearest
            assert ledger.count(NoticeFilter(clocked=False)) == 2
            assert ledger.count(NoticeFilter()) == 5
            assert ledger.count_phases() == {Phase.RECEIVED: 3, Phase.DRAFTED: 2}

    def test_notices_are_counted_by_how_their_clocks_stand(self, store: Store) -> None:
        case = some_case()
        notices = [some_notice(case.id) for _ in range(3)]
        with store.write() as transaction:
            transaction.add_case(case)
            for notice in notices:
                transaction.notices.add(notice, [b"first"])
            assert transaction.notices.count_clocks() == {ClockStanding.NONE: 3}
            transaction.notices.append(replace(notices[1], version=2, clock=ClockStanding.LATE), [b"second"])
            assert transaction.notices.count_clocks() == {ClockStanding.NONE: 2, ClockStanding.LATE: 1}
