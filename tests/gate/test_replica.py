import secrets
import tempfile
import threading
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amparo.bank import Action, TombstoneReason
from amparo.core.errors import Conflict, IntegrityViolation, Unavailable
from amparo.core.ids import EntryId, HubId, PartnerId, SightingId
from amparo.exchange.native import Addition, FeedPage, SightingReport, Tombstone
from amparo.gate.replica import Replica
from amparo.signal.fingerprint import Pdq

HUB, PARTNER = HubId("a" * 32), PartnerId("b" * 32)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def replica(tmp_path: Path) -> Generator[Replica]:
    made = Replica(tmp_path)
    made.join(HUB, PARTNER)
    yield made
    made.close()


def entry(number: int) -> EntryId:
    return EntryId(f"{number:032x}")


def added(sequence: int, number: int, expires_at: datetime = NOW + timedelta(days=9)) -> Addition:
    return Addition(sequence, entry(number), "c" * 32, Pdq(number.to_bytes(32), 90), expires_at)


def gone(sequence: int, number: int) -> Tombstone:
    return Tombstone(sequence, entry(number), TombstoneReason.WITHDRAWN)


def page(after: int, changes: Sequence[Addition | Tombstone], cursor: int | None = None) -> FeedPage:
    cursor = cursor if cursor is not None else (changes[-1].sequence if changes else after)
    return FeedPage(HUB, PARTNER, after, cursor, cursor, secrets.token_hex(16), NOW, tuple(changes))


def held(replica: Replica) -> set[EntryId]:
    return {name for one in replica.held() if (name := replica.entry_of(one.number)) is not None}


def test_an_origin_that_was_asked_for_is_forgotten_with_its_entry(replica: Replica) -> None:
    """Origins are remembered in memory; what is withdrawn or has expired must not be found there."""
    numbers = [one.number for one in replica.apply(page(0, [added(1, 10), added(2, 11), added(3, 12, NOW)])).added]
    for _ in range(2):
        assert [replica.origins_of(numbers)[number].entry for number in numbers] == [entry(10), entry(11), entry(12)]
    replica.apply(page(3, [gone(4, 10), added(5, 11)]))
    assert set(replica.origins_of(numbers)) == {numbers[2]}
    replica.apply_expiry(NOW + timedelta(seconds=1))
    assert replica.origins_of(numbers) == {}


def test_a_page_that_is_not_kept_takes_no_origin_away(replica: Replica) -> None:
    (held,) = replica.apply(page(0, [added(1, 10)])).added
    known = replica.origins_of([held.number])
    with pytest.raises(Conflict):
        replica.apply(page(9, [gone(10, 10)]))
    assert replica.origins_of([held.number]) == known


def test_more_origins_than_are_remembered_are_still_found(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amparo.gate.replica._REMEMBERED", 3)
    numbers = [one.number for one in replica.apply(page(0, [added(n, n) for n in range(1, 9)])).added]
    for asked in (numbers, numbers[:2], numbers[5:], numbers):
        assert list(replica.origins_of(asked)) == asked


def test_a_page_is_taken_in_with_its_cursor(replica: Replica) -> None:
    applied = replica.apply(page(0, [added(1, 10), added(2, 11)]))
    assert [one.fingerprint for one in applied.added] == [(10).to_bytes(32), (11).to_bytes(32)]
    assert held(replica) == {entry(10), entry(11)}
    standing = replica.standing()
    assert standing is not None
    assert (standing.cursor, standing.head, standing.issued_at) == (2, 2, NOW)


@pytest.mark.parametrize("fails_at", range(1, 8))
def test_a_page_that_fails_half_way_leaves_nothing(replica: Replica, fails_at: int) -> None:
    """The disk gives up at each statement in turn."""
    replica.apply(page(0, [added(1, 1)]))
    begun = 0
    failing = False

    def count(statement: str) -> None:
        nonlocal begun, failing
        begun += 1
        failing = begun == fails_at and statement != "ROLLBACK"

    # Where SQLite can be made to fail.
    connection = replica._database._connection  # pyright: ignore[reportPrivateUsage]
    connection.set_trace_callback(count)
    connection.set_progress_handler(lambda: failing, 1)
    with pytest.raises(Unavailable) as caught:
        replica.apply(page(1, [added(2, 2), gone(3, 1), added(4, 3)]))
    connection.set_trace_callback(None)
    connection.set_progress_handler(None, 0)
    assert caught.value.code == "replica_unavailable"
    standing = replica.standing()
    assert standing is not None
    assert (standing.cursor, held(replica)) == (1, {entry(1)})
    replica.apply(page(1, [added(2, 2), gone(3, 1), added(4, 3)]))
    assert held(replica) == {entry(2), entry(3)}


def test_an_entry_that_came_and_went_in_one_page_is_never_matched(replica: Replica) -> None:
    applied = replica.apply(page(0, [added(1, 1), added(2, 2), gone(3, 1)]))
    assert [one.fingerprint for one in applied.added] == [(2).to_bytes(32)]
    assert applied.removed == ()
    assert held(replica) == {entry(2)}


def test_an_entry_that_went_and_came_back_has_a_new_number(replica: Replica) -> None:
    (first,) = replica.apply(page(0, [added(1, 1)])).added
    applied = replica.apply(page(1, [gone(2, 1), added(3, 1)]))
    assert applied.removed == (first.number,)
    assert [one.number for one in applied.added] > [first.number]
    assert held(replica) == {entry(1)}


def test_an_addition_of_what_is_held_replaces_it(replica: Replica) -> None:
    (first,) = replica.apply(page(0, [added(1, 1)])).added
    applied = replica.apply(page(1, [added(2, 1)]))
    assert applied.removed == (first.number,)
    assert replica.count() == 1


def test_a_tombstone_of_what_was_never_held_is_ignored(replica: Replica) -> None:
    applied = replica.apply(page(0, [gone(1, 7)]))
    assert (applied.added, applied.removed) == ((), ())


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_page_out_of_turn_is_refused(replica: Replica, after: int) -> None:
    replica.apply(page(0, [added(1, 1), gone(2, 1)]))
    with pytest.raises(Conflict) as caught:
        replica.apply(page(after, [added(after + 1, 1)]))
    assert caught.value.code == "page_out_of_turn"
    assert held(replica) == set()


@pytest.mark.parametrize(("hub", "partner"), [("f" * 32, PARTNER), (HUB, "f" * 32)])
def test_a_folder_of_another_hub_or_partner_is_not_mixed(replica: Replica, hub: str, partner: str) -> None:
    replica.apply(page(0, [added(1, 1)]))
    with pytest.raises(Conflict) as caught:
        replica.join(HubId(hub), PartnerId(partner))
    assert caught.value.code == "gate_of_another_hub"
    assert held(replica) == {entry(1)}
    assert replica.join(HUB, PARTNER).cursor == 1


def test_what_has_reached_its_end_goes_without_the_hub(replica: Replica) -> None:
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    numbers = [one.number for one in replica.apply(page(0, [added(1, 1, soon), added(2, 2, late)])).added]
    assert replica.apply_expiry(soon - timedelta(microseconds=1)).removed == ()
    assert replica.apply_expiry(soon).removed == (numbers[0],)
    assert held(replica) == {entry(2)}
    assert replica.apply(page(2, [gone(3, 1)])).removed == (), "the hub's own tombstone comes later and finds nothing"


def test_everything_is_there_after_a_restart_and_numbers_are_never_given_twice(tmp_path: Path) -> None:
    first = Replica(tmp_path)
    first.join(HUB, PARTNER)
    number = first.apply(page(0, [added(1, 1)])).added[0].number
    first.apply(page(1, [gone(2, 1)]))
    first.note_sightings([sighting(1)])
    first.close()
    again = Replica(tmp_path)
    standing = again.standing()
    assert standing is not None
    assert standing.cursor == 2
    assert again.apply(page(2, [added(3, 2)])).added[0].number > number
    assert again.untold_sightings(10) == (sighting(1),)
    again.close()


def test_no_fingerprint_lies_readable_in_the_folder(tmp_path: Path) -> None:
    value = secrets.token_bytes(32)
    replica = Replica(tmp_path)
    replica.join(HUB, PARTNER)
    replica.apply(page(0, [Addition(1, entry(1), "c" * 32, Pdq(value, 90), NOW)]))
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert bytes.fromhex(entry(1)) in content
    assert value not in content
    assert value[:12] not in content
    replica.close()


def test_a_database_without_its_key_is_refused(tmp_path: Path) -> None:
    Replica(tmp_path).close()
    (tmp_path / "gate.key").unlink()
    with pytest.raises(IntegrityViolation) as caught:
        Replica(tmp_path)
    assert caught.value.code == "key_file_missing"


def test_a_closed_replica_answers_with_an_error_of_ours(tmp_path: Path) -> None:
    replica = Replica(tmp_path)
    replica.join(HUB, PARTNER)
    replica.close()
    for ask in (replica.count, replica.standing, lambda: replica.entry_of(1), lambda: replica.apply(page(0, []))):
        with pytest.raises(Unavailable):
            ask()


def sighting(number: int, seen_at: datetime = NOW) -> SightingReport:
    return SightingReport(SightingId(f"{number:032x}"), entry(number), seen_at, 3, Action.BLOCK, "upload")


def test_sightings_wait_oldest_first_until_they_are_told(replica: Replica) -> None:
    reports = [sighting(n, NOW + timedelta(seconds=10 - n)) for n in range(5)]
    replica.note_sightings(reports)
    replica.note_sightings(reports[:2])
    assert replica.count_untold() == 5
    assert replica.untold_sightings(2) == (reports[4], reports[3])
    replica.forget_sightings([reports[4].id])
    assert replica.untold_sightings(9) == tuple(reversed(reports[:4]))


def test_many_threads_may_ask_while_one_applies(replica: Replica) -> None:
    failed: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                for one in replica.held():
                    replica.entry_of(one.number)
                replica.count()
        except Exception as error:  # noqa: BLE001  # carried to the asserting thread
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 40):
        replica.apply(page(number - 1, [added(number, number)]))
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert replica.count() == 39


class ReplicaLife(RuleBasedStateMachine):
    """Any pages, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()

        self.folder = tempfile.TemporaryDirectory()
        self.replica = Replica(Path(self.folder.name))
        self.replica.join(HUB, PARTNER)
        self.cursor = 0
        self.model: dict[EntryId, bytes] = {}
        self.index: dict[int, bytes] = {}

    def teardown(self) -> None:
        self.replica.close()
        self.folder.cleanup()

    @rule(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=5))
    def apply(self, steps: list[tuple[bool, int]]) -> None:
        changes: list[Addition | Tombstone] = []
        for is_added, number in steps:
            sequence = self.cursor + len(changes) + 1
            if is_added:
                changes.append(added(sequence, number))
                self.model[entry(number)] = number.to_bytes(32)
            else:
                changes.append(gone(sequence, number))
                self.model.pop(entry(number), None)
        applied = self.replica.apply(page(self.cursor, changes))
        self.cursor += len(changes)
        for number in applied.removed:
            del self.index[number]
        self.index |= {one.number: one.fingerprint for one in applied.added}

    @rule()
    def restart(self) -> None:
        self.replica.close()
        self.replica = Replica(Path(self.folder.name))

    @invariant()
    def what_is_held_and_what_an_index_was_told_are_the_model(self) -> None:
        entries = {one.number: one.fingerprint for one in self.replica.held()}
        assert entries == self.index
        assert {self.replica.entry_of(number): value for number, value in entries.items()} == self.model


TestReplicaLife = ReplicaLife.TestCase
TestReplicaLife.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
