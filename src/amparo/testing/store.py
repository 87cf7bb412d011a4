"""The contract of ``amparo.store.protocol.Store``, as tests over two fixtures that the subclass gives.

::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            with closing(open_my_store(tmp_path)) as store:
                yield store

        def open_again(self, store):
            store.close()
            return open_my_store(...)   # over the same state
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from amparo.bank import Entry, EntryState, TombstoneReason
from amparo.bank import entry as entries
from amparo.core.errors import Conflict
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId, random_id
from amparo.signal.fingerprint import SignalType
from amparo.store.protocol import EntryRecord, ReviewState, SightingRecord, Store
from amparo.testing.partner_store import PartnerContract
from amparo.testing.records import LATER, NOW, some_case, some_entry, some_partner, some_review


class StoreContract(PartnerContract):
    """What every store must do. A test that fails names a promise of the protocol that is not kept."""

    # Transactions

    def test_what_was_written_is_there_after_a_restart(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.append_events(case.id, 0, [b"one", b"two"])
        again = self.open_again(store)
        with again.read() as transaction:
            assert transaction.case(case.id) == replace(case, version=2)
            assert transaction.sealed_events(case.id) == [b"one", b"two"]
        again.close()

    def test_an_error_in_the_block_leaves_nothing_behind(self, store: Store) -> None:
        case = some_case()
        with pytest.raises(ZeroDivisionError), store.write() as transaction:  # noqa: PT012  # the whole block is at stake
            transaction.add_case(case)
            transaction.add_entry(some_entry(case.id))
            raise ZeroDivisionError
        with store.read() as transaction:
            assert transaction.case(case.id) is None
            assert transaction.head() == 0
            assert transaction.count_entries()["active"] == 0

    def test_a_transaction_reads_what_it_wrote(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
            assert transaction.case_by_code(case.code_tag) == case
            assert transaction.case_by_request(case.request_tag) == case

    def test_a_reader_neither_waits_for_a_writer_nor_sees_its_half(self, store: Store) -> None:
        """Run in one thread: a reader that waited would hang or fail here."""
        case = some_case()
        with store.write() as writing:
            writing.add_case(case)
            with store.read() as reading:
                assert reading.case(case.id) is None
                assert reading.count_cases() == 0
        with store.read() as reading:
            assert reading.case(case.id) == case

    def test_a_reader_keeps_one_picture_while_others_write(self, store: Store) -> None:
        with store.read() as reading:
            before = reading.count_cases()
            with store.write() as writing:
                writing.add_case(some_case())
            assert reading.count_cases() == before

    def test_writers_of_many_threads_take_turns(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
        failed: list[Exception] = []

        def add() -> None:
            try:
                for _ in range(5):
                    with store.write() as transaction:
                        record = transaction.case(case.id)
                        assert record is not None
                        transaction.append_events(case.id, record.version, [b"event"])
            except Exception as error:  # noqa: BLE001  # carried to the asserting thread
                failed.append(error)

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        with store.read() as transaction:
            assert len(transaction.sealed_events(case.id)) == 20

    # Cases

    def test_a_spent_request_is_known_again_and_no_other(self, store: Store) -> None:
        for _ in range(2):
            with store.write() as transaction:
                transaction.spend_request(b"s" * 32)
        with store.read() as transaction:
            assert transaction.request_spent(b"s" * 32)
            assert not transaction.request_spent(b"t" * 32)

    def test_a_code_or_a_request_belongs_to_one_case(self, store: Store) -> None:
        first, second = some_case(1), some_case(2)
        with store.write() as transaction:
            transaction.add_case(first)
        for twin in (replace(second, code_tag=first.code_tag), replace(second, request_tag=first.request_tag)):
            with pytest.raises(Conflict) as caught, store.write() as transaction:
                transaction.add_case(twin)
            assert caught.value.code == "case_exists"

    def test_events_are_appended_only_to_the_version_that_was_seen(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.append_events(case.id, 0, [b"one"])
        for seen in (0, 2):
            with pytest.raises(Conflict) as caught, store.write() as transaction:
                transaction.append_events(case.id, seen, [b"late"])
            assert caught.value.code == "case_moved_on"
        with store.read() as transaction:
            assert transaction.sealed_events(case.id) == [b"one"]

    def test_destroying_a_case_leaves_only_its_ended_entries(self, store: Store) -> None:
        case, other = some_case(1), some_case(2)
        entry = some_entry(case.id)
        with store.write() as transaction:
            for record in (case, other):
                transaction.add_case(record)
                transaction.append_events(record.id, 0, [b"opened"])
            transaction.add_entry(entry)
            transaction.change_entry(entries.withdraw(entry.entry), NOW, TombstoneReason.WITHDRAWN)
            transaction.destroy_case(case.id)
        with store.read() as transaction:
            assert transaction.case(case.id) is None
            assert transaction.case_by_code(case.code_tag) is None
            assert transaction.case_by_request(case.request_tag) is None
            assert transaction.sealed_events(case.id) == []
            kept = transaction.entry(entry.entry.id)
            assert kept is not None
            assert (kept.entry.state, kept.sealed) == (EntryState.WITHDRAWN, b"")
            assert transaction.sealed_events(other.id) == [b"opened"]
            assert transaction.count_cases() == 1

    # Bank and feed

    def test_an_entry_comes_back_as_it_was_stored(self, store: Store) -> None:
        record = some_entry(CaseId(random_id()))
        with store.write() as transaction:
            transaction.add_entry(record)
        with store.read() as transaction:
            assert transaction.entry(record.entry.id) == record
            assert transaction.entry(EntryId(random_id())) is None

    def test_the_feed_tells_every_step_in_order(self, store: Store) -> None:
        case, kept, held = some_case(), some_entry(CaseId("")), some_entry(CaseId(""))
        kept, held = (replace(r, entry=replace(r.entry, case=case.id)) for r in (kept, held))
        with store.write() as transaction:
            transaction.add_case(case)
            sequences = [transaction.add_entry(kept), transaction.add_entry(held)]
            held_entry = entries.hold(held.entry)
            sequences.append(transaction.change_entry(held_entry, NOW, TombstoneReason.HELD))
        with store.read() as transaction:
            steps = transaction.changes(0, 10)
            assert transaction.head() == sequences[-1]
            assert transaction.entries_of(case.id) == {kept.entry.id: kept.entry, held_entry.id: held_entry}
            assert transaction.last_changes(case.id) == {
                kept.entry.id: sequences[0],
                held.entry.id: sequences[2],
            }
        assert sequences == sorted(set(sequences))
        assert [step.sequence for step in steps] == sequences
        assert [step.reason for step in steps] == [None, None, TombstoneReason.HELD]
        assert steps[0].sealed == kept.sealed
        assert steps[0].wrapped_key == case.wrapped_key
        assert (steps[1].sealed, steps[1].wrapped_key) == (b"", b""), "an addition of what is held now brings it back"

    def test_a_released_entry_is_added_again_with_its_fingerprint(self, store: Store) -> None:
        case = some_case()
        record = some_entry(case.id)
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.add_entry(record)
            held = entries.hold(record.entry)
            transaction.change_entry(held, NOW, TombstoneReason.HELD)
            transaction.change_entry(entries.release(held), NOW, None)
        with store.read() as transaction:
            last = transaction.changes(0, 10)[-1]
        assert (last.reason, last.sealed, last.wrapped_key) == (None, record.sealed, case.wrapped_key)

    def test_an_old_addition_never_carries_what_has_ended(self, store: Store) -> None:
        case = some_case()
        record = some_entry(case.id)
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.add_entry(record)
            transaction.change_entry(entries.withdraw(record.entry), NOW, TombstoneReason.WITHDRAWN)
        with store.read() as transaction:
            added, ended = transaction.changes(0, 10)
        assert (added.sealed, added.wrapped_key) == (b"", b"")
        assert (ended.sealed, ended.reason) == (b"", TombstoneReason.WITHDRAWN)

    def test_the_feed_is_cut_by_cursor_and_limit(self, store: Store) -> None:
        case = CaseId(random_id())
        with store.write() as transaction:
            sequences = [transaction.add_entry(some_entry(case)) for _ in range(5)]
        with store.read() as transaction:
            assert [step.sequence for step in transaction.changes(sequences[1], 2)] == sequences[2:4]
            assert transaction.changes(sequences[-1], 10) == []

    def test_entries_are_due_at_their_end_and_not_before(self, store: Store) -> None:
        case = CaseId(random_id())
        soon, late = some_entry(case, NOW + timedelta(days=1)), some_entry(case, NOW + timedelta(days=2))
        ended = some_entry(case, NOW + timedelta(hours=1))
        with store.write() as transaction:
            for record in (late, soon, ended):
                transaction.add_entry(record)
            transaction.change_entry(entries.withdraw(ended.entry), NOW, TombstoneReason.WITHDRAWN)
        with store.read() as transaction:
            assert transaction.entries_due(NOW + timedelta(days=1, microseconds=-1), 10) == []
            assert transaction.entries_due(NOW + timedelta(days=1), 10) == [soon]
            assert transaction.entries_due(NOW + timedelta(days=3), 10) == [soon, late]
            assert transaction.entries_due(NOW + timedelta(days=3), 1) == [soon]
            assert transaction.count_entries() == {"active": 2, "held": 0, "withdrawn": 1, "expired": 0}

    # Partners

    def test_partners_have_names_of_their_own_and_are_listed_by_them(self, store: Store) -> None:
        beta, alpha = some_partner("Beta"), some_partner("Alpha")
        with store.write() as transaction:
            transaction.add_partner(beta)
            transaction.add_partner(alpha)
        with pytest.raises(Conflict) as caught, store.write() as transaction:
            transaction.add_partner(some_partner("Beta"))
        assert caught.value.code == "partner_exists"
        changed = replace(alpha, key_expires_at=LATER, suspended_at=NOW, last_sync_at=NOW, acknowledged=7)
        with store.write() as transaction:
            transaction.update_partner(changed)
        with store.read() as transaction:
            assert transaction.partners() == [changed, beta]
            assert transaction.partner(alpha.id) == changed
            assert transaction.partner(PartnerId(random_id())) is None

    def test_every_range_that_was_sent_is_on_record_once(self, store: Store) -> None:
        partner, other = some_partner("Alpha"), some_partner("Beta")
        with store.write() as transaction:
            transaction.add_partner(partner)
            transaction.add_partner(other)
            for after, cursor, additions in ((9, 10, 1), (9, 10, 1), (0, 10, 10)):
                transaction.record_export(partner.id, after, cursor, additions, NOW)
        with store.read() as transaction:
            assert transaction.exported(partner.id) == 11, "asking for all again after the last step left no trace"
            assert transaction.exported(other.id) == 0

    def test_a_sighting_counts_once_for_each_partner(self, store: Store) -> None:
        partner, other = some_partner("Alpha"), some_partner("Beta")
        record = some_entry(CaseId(random_id()))
        told = SightingRecord(SightingId(random_id()), partner.id, record.entry.id, NOW)
        by_other = replace(told, partner=other.id, at=NOW + timedelta(seconds=1))
        with store.write() as transaction:
            transaction.add_partner(partner)
            transaction.add_partner(other)
            transaction.add_entry(record)
            assert transaction.record_sighting(told)
            assert not transaction.record_sighting(told)
            assert transaction.record_sighting(by_other)
        with store.read() as transaction:
            assert transaction.sightings(10) == [by_other, told]
            assert transaction.sightings(1) == [by_other]

    def test_states_survive_a_life_in_full(self, store: Store) -> None:
        record = some_entry(CaseId(random_id()))
        with store.write() as transaction:
            transaction.add_entry(record)
        state: Entry = record.entry
        for step, reason in ((entries.hold, TombstoneReason.HELD), (entries.release, None)):
            state = step(state)
            with store.write() as transaction:
                transaction.change_entry(state, NOW, reason)
            with store.read() as transaction:
                stored = transaction.entry(state.id)
            assert stored == EntryRecord(state, record.sealed)

    def test_sightings_are_counted_by_entry_within_a_case(self, store: Store) -> None:
        mine, other = some_case(0), some_case(1)
        often, once, never = (some_entry(mine.id) for _ in range(3))
        elsewhere, partner = some_entry(other.id), some_partner("Alpha")
        with store.write() as transaction:
            transaction.add_partner(partner)
            for case in (mine, other):
                transaction.add_case(case)
            for record in (often, once, never, elsewhere):
                transaction.add_entry(record)
            for record in (often, often, once, elsewhere):
                told = SightingRecord(SightingId(random_id()), partner.id, record.entry.id, NOW)
                assert transaction.record_sighting(told)
        with store.read() as transaction:
            assert transaction.count_sightings(mine.id) == {often.entry.id: 2, once.entry.id: 1}

    # Traces and reviews

    def test_traces_share_the_feeds_sequence_and_can_be_followed_alone(self, store: Store) -> None:
        case = some_case()
        plain, trace = some_entry(case.id), replace(some_entry(case.id), signal_type=SignalType.TRACE)
        with store.write() as transaction:
            transaction.add_case(case)
            first = transaction.add_entry(plain)
            second = transaction.add_entry(trace)
            third = transaction.change_entry(entries.withdraw(trace.entry), NOW, TombstoneReason.WITHDRAWN)
        with store.read() as transaction:
            assert transaction.entry(trace.entry.id) == replace(trace, entry=entries.withdraw(trace.entry), sealed=b"")
            assert [change.sequence for change in transaction.changes(0, 10)] == [first, second, third]
            told = transaction.trace_changes(0, 10)
            assert [(change.sequence, change.signal_type) for change in told] == [
                (second, SignalType.TRACE),
                (third, SignalType.TRACE),
            ]
            assert [change.sequence for change in transaction.trace_changes(second, 10)] == [third]

    def test_a_review_waits_is_decided_and_loses_its_seal(self, store: Store) -> None:
        case, partner = some_case(), some_partner("Alpha")
        photo = replace(some_entry(case.id), signal_type=SignalType.TRACE)
        first, second = (some_review(case.id, photo.entry.id, partner.id, tag) for tag in (b"1", b"2"))
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.add_partner(partner)
            transaction.add_entry(photo)
            transaction.add_review(first)
            transaction.add_review(second)
            assert transaction.count_reviews(photo.entry.id, partner.id, ReviewState.PENDING) == 2
            assert transaction.pending_reviews(NOW, 10) == []
            both = transaction.pending_reviews(NOW + timedelta(seconds=1), 10)
            assert sorted(one.id for one in both) == sorted((first.id, second.id))
            assert len(transaction.pending_reviews(NOW + timedelta(seconds=1), 1)) == 1
            transaction.decide_review(first.id, ReviewState.DISMISSED)
        with store.read() as transaction:
            assert transaction.review(first.id) == replace(first, state=ReviewState.DISMISSED, sealed=b"")
            assert transaction.review_of(photo.entry.id, partner.id, b"2") == second
            assert transaction.review_of(photo.entry.id, PartnerId(random_id()), b"2") is None
            assert transaction.count_reviews(photo.entry.id, partner.id, ReviewState.PENDING) == 1
            assert transaction.count_reviews(photo.entry.id, partner.id, ReviewState.DISMISSED) == 1
            assert transaction.pending_reviews(NOW + timedelta(seconds=1), 10) == [second]
        with store.write() as transaction:
            assert transaction.forget_old_reviews(NOW) == 0
            transaction.forget_review(first.id)
            assert transaction.review(first.id) is None
            transaction.forget_reviews_of(photo.entry.id)
            assert transaction.review(second.id) is None

    def test_reviews_end_with_their_case_and_with_time(self, store: Store) -> None:
        cases, partner = [some_case(0), some_case(1)], some_partner("Alpha")
        photos = [replace(some_entry(case.id), signal_type=SignalType.TRACE) for case in cases]
        reviews = [some_review(photo.entry.case, photo.entry.id, partner.id, b"1") for photo in photos]
        with store.write() as transaction:
            transaction.add_partner(partner)
            for case, photo, review in zip(cases, photos, reviews, strict=True):
                transaction.add_case(case)
                transaction.add_entry(photo)
                transaction.add_review(review)
            transaction.destroy_case(cases[0].id)
            assert transaction.review(reviews[0].id) is None
            assert transaction.review(reviews[1].id) == reviews[1]
            assert transaction.forget_old_reviews(NOW + timedelta(seconds=1)) == 1
