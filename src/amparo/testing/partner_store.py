"""The part of the store's contract that tells of partners: what each was sent, holds and said, and what the desk decided."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta

from amparo.bank import Opinion, TombstoneReason
from amparo.bank import entry as entries
from amparo.core.ids import CaseId, EntryId, PartnerId, SightingId, random_id
from amparo.signal.fingerprint import SignalType
from amparo.store.protocol import (
    Alert,
    AlertKind,
    DeskAct,
    ExportRecord,
    OpinionRecord,
    PartnerRecord,
    RecallRecord,
    SightingRecord,
    Store,
    Transaction,
)
from amparo.testing.records import LATER, NOW, some_case, some_entry, some_partner

MINUTE = timedelta(minutes=1)


def two_partners(transaction: Transaction) -> tuple[PartnerRecord, PartnerRecord]:
    partners = some_partner("Alpha"), some_partner("Beta")
    for partner in partners:
        transaction.add_partner(partner)
    return partners


def added(transaction: Transaction, count: int) -> list[EntryId]:
    """Entries that the store knows."""
    records = [some_entry(CaseId("")) for _ in range(count)]
    for record in records:
        transaction.add_entry(record)
    return [record.entry.id for record in records]


def some_recall(partner: PartnerId, entry: EntryId, sequence: int) -> RecallRecord:
    return RecallRecord(partner, entry, sequence, b"sealed for its key", NOW)


class PartnerContract:
    """Inherited by ``amparo.testing.store.StoreContract``, which says how to use it."""

    @abstractmethod
    def open_again(self, store: Store) -> Store:
        """Close ``store`` and open another over the same state, as after a restart."""

    # Entries, as partners and the desk ask for them

    def test_entries_are_known_again_by_their_tag_until_they_end(self, store: Store) -> None:
        case, partner = some_case(), some_partner("Alpha")
        active, held, ended, canary = (replace(some_entry(case.id), tag=tag) for tag in (b"a", b"h", b"e", b"c"))
        canary = replace(canary, canary_of=partner.id)
        untagged = some_entry(case.id)
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.add_partner(partner)
            for record in (active, held, ended, canary, untagged):
                transaction.add_entry(record)
            held = replace(held, entry=entries.hold(held.entry))
            transaction.change_entry(held.entry, NOW, TombstoneReason.HELD)
            transaction.change_entry(entries.withdraw(ended.entry), NOW, TombstoneReason.WITHDRAWN)
        with store.read() as transaction:
            found = {
                record.entry.id: record for record in transaction.entries_tagged([b"a", b"h", b"e", b"c", b"x", b""])
            }
        assert found == {record.entry.id: record for record in (active, held, canary)}

    def test_what_waits_for_the_desk_is_listed_oldest_first(self, store: Store) -> None:
        case = some_case()
        records = [some_entry(case.id) for _ in range(3)]
        records = [
            replace(record, entry=replace(record.entry, added_at=NOW - age * MINUTE))
            for age, record in enumerate(records)
        ]
        with store.write() as transaction:
            transaction.add_case(case)
            for record in (*records, some_entry(case.id)):
                transaction.add_entry(record)
            for record in records:
                transaction.change_entry(entries.hold(record.entry), NOW, TombstoneReason.HELD)
        with store.read() as transaction:
            oldest = [record.entry.id for record in reversed(records)]
            assert [record.entry.id for record in transaction.entries_held(10)] == oldest
            assert [record.entry.id for record in transaction.entries_held(1)] == oldest[:1]

    def test_an_entry_tells_its_newest_addition(self, store: Store) -> None:
        case = some_case()
        record = some_entry(case.id)
        with store.write() as transaction:
            transaction.add_case(case)
            first = transaction.add_entry(record)
            held = entries.hold(record.entry)
            transaction.change_entry(held, NOW, TombstoneReason.HELD)
            assert transaction.last_addition(record.entry.id) == first
            again = transaction.change_entry(entries.release(held), NOW, None)
            assert transaction.last_addition(record.entry.id) == again
            assert transaction.last_addition(EntryId(random_id())) == 0

    def test_the_feed_is_found_by_time_also_where_the_clock_went_back(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
            sequences: list[int] = []
            for minutes in (0, 5, 3, 10):
                record = some_entry(case.id)
                entry = replace(record.entry, added_at=NOW + minutes * MINUTE)
                sequences.append(transaction.add_entry(replace(record, entry=entry)))
        with store.read() as transaction:
            assert transaction.first_change_since(NOW) == sequences[0]
            assert transaction.first_change_since(NOW + 4 * MINUTE) == sequences[1]
            assert transaction.first_change_since(NOW + 6 * MINUTE) == sequences[3]
            assert transaction.first_change_since(NOW + 11 * MINUTE) == transaction.head() + 1

    # What a partner was sent, and holds

    def test_a_partners_exports_are_listed_newest_first_and_their_end_is_known(self, store: Store) -> None:
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            for minutes, (after, cursor) in enumerate(((0, 10), (10, 30), (5, 20))):
                transaction.record_export(partner.id, after, cursor, cursor - after, NOW + minutes * MINUTE)
        with store.read() as transaction:
            listed = [ExportRecord(5, 20, 15, NOW + 2 * MINUTE), ExportRecord(10, 30, 20, NOW + MINUTE)]
            assert transaction.exports(partner.id, 2) == listed
            assert transaction.exported_up_to(partner.id) == 30
            assert (transaction.exports(other.id, 2), transaction.exported_up_to(other.id)) == ([], 0)

    def test_a_partner_holds_what_it_was_sent_and_is_active_still(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            transaction.add_case(case)
            kept, ended, late = (some_entry(case.id) for _ in range(3))
            trace = replace(some_entry(case.id), signal_type=SignalType.TRACE)
            mine = replace(some_entry(case.id), canary_of=partner.id)
            theirs = replace(some_entry(case.id), canary_of=other.id)
            for record in (kept, ended, trace, mine, theirs):
                transaction.add_entry(record)
            sent = transaction.head()
            transaction.record_export(partner.id, 0, sent, 4, NOW)
            transaction.add_entry(late)
            transaction.change_entry(entries.withdraw(ended.entry), NOW, TombstoneReason.WITHDRAWN)
        with store.read() as transaction:
            assert transaction.count_received(partner.id) == {SignalType.PDQ: 2, SignalType.TRACE: 1}
            assert transaction.count_received(other.id) == {}

    def test_a_partners_sightings_are_counted_from_a_moment_on(self, store: Store) -> None:
        record = some_entry(CaseId(random_id()))
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            transaction.add_entry(record)
            for minutes in (0, 1, 2):
                at = NOW + minutes * MINUTE
                told = SightingRecord(SightingId(random_id()), partner.id, record.entry.id, at)
                assert transaction.record_sighting(told)
        with store.read() as transaction:
            assert transaction.sightings_since(partner.id, NOW + MINUTE) == 2
            assert transaction.sightings_since(partner.id, NOW + 3 * MINUTE) == 0
            assert transaction.sightings_since(other.id, NOW) == 0

    def test_sightings_are_counted_by_partner_and_day_and_told_twice_they_count_once(self, store: Store) -> None:
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            (entry,) = added(transaction, 1)
            for who, days in ((partner, (0, 1, 1, 1)), (other, (1,))):
                for ahead in days:
                    told = SightingRecord(SightingId(random_id()), who.id, entry, NOW + timedelta(days=ahead))
                    assert transaction.record_sighting(told)
                    assert not transaction.record_sighting(told)
        first = NOW.date()
        second = first + timedelta(days=1)
        with store.read() as transaction:
            assert transaction.sightings_by_day(first) == {partner.id: {first: 1, second: 3}, other.id: {second: 1}}
            assert transaction.sightings_by_day(second) == {partner.id: {second: 3}, other.id: {second: 1}}
            assert transaction.sightings_by_day(second + timedelta(days=1)) == {}

    # What partners say

    def test_the_newest_opinion_of_each_partner_stands(self, store: Store) -> None:
        photo, trace = some_entry(CaseId("")), replace(some_entry(CaseId("")), signal_type=SignalType.TRACE)
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            for record in (photo, trace):
                transaction.add_entry(record)
            first = OpinionRecord(partner.id, photo.entry.id, Opinion.REJECT, NOW)
            newest = replace(first, opinion=Opinion.CONFIRM, at=NOW + 2 * MINUTE)
            by_other = OpinionRecord(other.id, photo.entry.id, Opinion.REJECT, NOW + MINUTE)
            of_trace = OpinionRecord(partner.id, trace.entry.id, Opinion.ASK, NOW)
            for record in (first, by_other, newest, of_trace):
                transaction.record_opinion(record)
        with store.read() as transaction:
            assert transaction.opinions(photo.entry.id) == [by_other, newest]
            asked = [photo.entry.id, trace.entry.id, EntryId(random_id())]
            assert transaction.opinions_of(partner.id, asked) == {
                photo.entry.id: Opinion.CONFIRM,
                trace.entry.id: Opinion.ASK,
            }
            assert transaction.count_opinions() == {
                partner.id: {Opinion.CONFIRM: 1, Opinion.ASK: 1},
                other.id: {Opinion.REJECT: 1},
            }
            assert transaction.count_opinions_of(partner.id) == {
                SignalType.PDQ: {Opinion.CONFIRM: 1},
                SignalType.TRACE: {Opinion.ASK: 1},
            }
            assert transaction.opinions_since(partner.id, NOW + MINUTE) == 1
            assert transaction.opinions_since(partner.id, NOW) == 2

    def test_settled_opinions_stay_on_record_and_a_new_one_counts_again(self, store: Store) -> None:
        record = some_entry(CaseId(""))
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            transaction.add_entry(record)
            said = [OpinionRecord(one.id, record.entry.id, Opinion.REJECT, NOW) for one in (partner, other)]
            for opinion in said:
                transaction.record_opinion(opinion)
            transaction.settle_opinions(record.entry.id)
            assert all(opinion.settled for opinion in transaction.opinions(record.entry.id))
            again = replace(said[0], at=NOW + MINUTE)
            transaction.record_opinion(again)
        with store.read() as transaction:
            assert transaction.opinions(record.entry.id) == [replace(said[1], settled=True), again]

    # Recalls

    def test_recalls_are_blanked_dropped_and_taken_back(self, store: Store) -> None:
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            ids = added(transaction, 3)
            recalls = {entry: some_recall(partner.id, entry, number) for number, entry in enumerate(ids, start=5)}
            for recall in (*recalls.values(), some_recall(other.id, ids[0], 4)):
                transaction.add_recall(recall)
            newest = replace(recalls[ids[2]], sequence=9)
            transaction.add_recall(newest)
        with store.read() as transaction:
            assert transaction.recalls(partner.id, ids) == {**recalls, ids[2]: newest}
            assert transaction.first_recall(partner.id) == 5
        with store.write() as transaction:
            transaction.blank_recalls(partner.id, 5)
            blanked = transaction.recalls(partner.id, ids)
            assert [blanked[entry].sealed for entry in ids] == [b"", b"sealed for its key", b"sealed for its key"]
            assert transaction.first_recall(partner.id) == 5, "read is not followed"
            transaction.drop_recalls(partner.id, 5)
            assert set(transaction.recalls(partner.id, ids)) == set(ids[1:])
            assert transaction.first_recall(partner.id) == 6
            transaction.forget_recalls_of(ids[1])
            transaction.forget_recalls_of(ids[2])
            assert transaction.first_recall(partner.id) is None
            assert set(transaction.recalls(other.id, ids)) == {ids[0]}, "another's were not touched"

    def test_old_recalls_lose_their_values_and_stay_on_record(self, store: Store) -> None:
        with store.write() as transaction:
            partner, _ = two_partners(transaction)
            old, young = added(transaction, 2)
            transaction.add_recall(some_recall(partner.id, old, 1))
            transaction.add_recall(replace(some_recall(partner.id, young, 2), at=LATER))
            transaction.blank_old_recalls(LATER)
            kept = transaction.recalls(partner.id, [old, young])
        assert (kept[old].sealed, kept[young].sealed) == (b"", b"sealed for its key")

    # The desk

    def test_acts_and_alerts_are_listed_newest_first_and_survive_a_restart(self, store: Store) -> None:
        with store.write() as transaction:
            partner, other = two_partners(transaction)
            acts = [
                DeskAct("release", entry, "desk", NOW + minutes * MINUTE)
                for minutes, entry in enumerate(added(transaction, 3))
            ]
            kinds = (AlertKind.CANARY_TOLD, AlertKind.CANARY_SIGHTED)
            alerts = [Alert(kind, partner.id, other.id, NOW) for kind in kinds]
            for act in acts:
                transaction.record_act(act)
            for alert in alerts:
                transaction.raise_alert(alert)
        again = self.open_again(store)
        with again.read() as transaction:
            assert transaction.acts(2) == [acts[2], acts[1]]
            assert transaction.alerts(10) == alerts[::-1]
            assert transaction.alerts(1) == alerts[1:]
        again.close()
