"""The contract of ``amparo.store.incidents.protocol.IncidentLedger``, as tests over the fixture ``store``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from amparo.case.people import Door
from amparo.case.urgency import Urgency
from amparo.core.ids import CaseId, IncidentId, StaffId, random_id
from amparo.store.incidents.protocol import ApartRecord, CasesMark, IncidentRecord, LinkRecord
from amparo.store.protocol import CaseRecord, Store, Transaction
from amparo.testing.records import NOW, some_case

_STAFF = StaffId("5" * 32)


class IncidentContract:
    """What every ledger of incidents must do."""

    def test_an_incident_lists_its_cases_in_the_order_in_which_they_were_linked(self, store: Store) -> None:
        late, early, incident = _case(store, 1), _case(store, 2), _incident()
        with store.write() as transaction:
            transaction.incidents.open(incident)
            transaction.incidents.link(_link(late, incident, NOW + timedelta(hours=1)))
            transaction.incidents.link(_link(early, incident, NOW))
        with store.read() as transaction:
            assert transaction.incidents.incident(incident.id) == incident
            assert [link.case for link in transaction.incidents.cases(incident.id)] == [early, late]
            assert transaction.incidents.link_of(late) == _link(late, incident, NOW + timedelta(hours=1))
            assert transaction.incidents.links() == {early: incident.id, late: incident.id}
            assert transaction.incidents.incident(IncidentId(random_id())) is None

    def test_lines_count_cases_and_stand_with_the_newest_link_first(self, store: Store) -> None:
        older, newer = _incident(), _incident()
        first, second, third = (_case(store, seed) for seed in (1, 2, 3))
        with store.write() as transaction:
            for incident in (older, newer):
                transaction.incidents.open(incident)
            transaction.incidents.link(_link(first, older, NOW))
            transaction.incidents.link(_link(second, older, NOW + timedelta(hours=1)))
            transaction.incidents.link(_link(third, newer, NOW + timedelta(hours=2)))
        with store.read() as transaction:
            lines = transaction.incidents.lines(10)
            assert [(line.record, line.cases) for line in lines] == [(newer, 1), (older, 2)]
            assert lines[1].linked_at == NOW + timedelta(hours=1)
            assert transaction.incidents.lines(1, 1) == lines[1:]
            assert transaction.incidents.count() == 2

    def test_a_case_is_in_one_incident_at_most_and_moves_to_another(self, store: Store) -> None:
        case, one, other = _case(store, 1), _incident(), _incident()
        with store.write() as transaction:
            for incident in (one, other):
                transaction.incidents.open(incident)
            transaction.incidents.link(_link(case, one, NOW))
            transaction.incidents.link(_link(case, one, NOW + timedelta(days=1)))
            assert transaction.incidents.link_of(case) == _link(case, one, NOW), "linked again is linked once"
            transaction.incidents.link(_link(case, other, NOW))
            assert transaction.incidents.link_of(case) == _link(case, other, NOW)
            assert transaction.incidents.incident(one.id) is None, "it has lost its last case"

    def test_an_incident_goes_when_its_last_case_is_taken_out(self, store: Store) -> None:
        first, second, incident = _case(store, 1), _case(store, 2), _incident()
        with store.write() as transaction:
            transaction.incidents.open(incident)
            for case in (first, second):
                transaction.incidents.link(_link(case, incident, NOW))
        with store.write() as transaction:
            assert transaction.incidents.unlink(first) == incident.id
            assert transaction.incidents.unlink(first) is None
            assert transaction.incidents.incident(incident.id) == incident
            assert transaction.incidents.unlink(second) == incident.id
            assert transaction.incidents.incident(incident.id) is None
            assert transaction.incidents.count() == 0

    def test_a_destroyed_case_takes_its_links_along_and_the_incident_with_the_last_one(self, store: Store) -> None:
        first, second, incident = _case(store, 1), _case(store, 2), _incident()
        with store.write() as transaction:
            transaction.incidents.open(incident)
            for case in (first, second):
                transaction.incidents.link(_link(case, incident, NOW))
            transaction.incidents.say_apart(ApartRecord(first, second, _STAFF, NOW))
        with store.write() as transaction:
            transaction.destroy_case(first)
        with store.read() as transaction:
            assert [link.case for link in transaction.incidents.cases(incident.id)] == [second]
            assert transaction.incidents.apart() == []
        with store.write() as transaction:
            transaction.destroy_case(second)
        with store.read() as transaction:
            assert transaction.incidents.incident(incident.id) is None

    def test_a_title_can_be_replaced(self, store: Store) -> None:
        case, incident = _case(store, 1), _incident()
        with store.write() as transaction:
            transaction.incidents.open(incident)
            transaction.incidents.link(_link(case, incident, NOW))
            transaction.incidents.retitle(incident.id, b"another title")
        with store.read() as transaction:
            found = transaction.incidents.incident(incident.id)
            assert found is not None
            assert found.sealed_title == b"another title"

    def test_two_cases_are_apart_whichever_is_named_first(self, store: Store) -> None:
        first, second, third = sorted(_case(store, seed) for seed in (1, 2, 3))
        with store.write() as transaction:
            transaction.incidents.say_apart(ApartRecord(second, first, _STAFF, NOW))
            transaction.incidents.say_apart(ApartRecord(first, second, StaffId("6" * 32), NOW + timedelta(days=2)))
            transaction.incidents.say_apart(ApartRecord(third, first, _STAFF, NOW + timedelta(days=1)))
        kept = ApartRecord(first, second, _STAFF, NOW)
        with store.read() as transaction:
            assert transaction.incidents.apart() == [ApartRecord(first, third, _STAFF, NOW + timedelta(days=1)), kept]
        with store.write() as transaction:
            transaction.incidents.unsay_apart(third, first)
            transaction.incidents.unsay_apart(third, first)
            assert transaction.incidents.apart() == [kept]

    def test_the_mark_moves_with_every_case_and_every_event(self, store: Store) -> None:
        first, second, third = (some_case(seed) for seed in (1, 2, 3))
        acts: list[Callable[[Transaction], None]] = [
            lambda transaction: _begin(transaction, first),
            lambda transaction: transaction.append_events(first.id, 1, [b"two"]),
            lambda transaction: _begin(transaction, second),
            # As many cases and events as before; but no number is given out twice.
            lambda transaction: (transaction.destroy_case(second.id), _begin(transaction, third))[1],
            lambda transaction: transaction.destroy_case(first.id),
        ]
        marks: list[CasesMark] = []
        for act in acts:
            with store.write() as transaction:
                act(transaction)
            with store.read() as transaction:
                marks.append(transaction.incidents.mark())
                assert transaction.incidents.mark() == marks[-1]
        assert len(set(marks)) == len(marks)


def _begin(transaction: Transaction, record: CaseRecord) -> None:
    transaction.add_case(record)
    transaction.append_events(record.id, 0, [b"one"])
    transaction.queue.show(record.id, Door.PICTURE, Urgency.USUAL, NOW)


def _case(store: Store, seed: int) -> CaseId:
    record = some_case(seed)
    with store.write() as transaction:
        transaction.add_case(record)
    return record.id


def _incident() -> IncidentRecord:
    return IncidentRecord(IncidentId(random_id()), b"sealed title", NOW, _STAFF)


def _link(case: CaseId, incident: IncidentRecord, at: datetime) -> LinkRecord:
    return LinkRecord(case, incident.id, _STAFF, at)
