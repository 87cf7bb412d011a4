"""The engine beside its replica: after a restart, after a backup was restored, and where memory ran out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from amparo.bank import TombstoneReason
from amparo.core.errors import Unavailable, VerificationFailed
from amparo.exchange.native import Addition, Tombstone
from amparo.gate import kept_index
from amparo.gate.engine import FILE, Engine
from amparo.gate.keeper import SnapshotKeeper
from amparo.gate.replica import Replica
from amparo.gate.sealed_snapshot import Snapshot, read, write
from amparo.index import HammingIndex
from amparo.signal.fingerprint import Pdq
from tests.gate.test_replica import HUB, NOW, PARTNER, entry, page


class Folder:
    """A gate's data folder without the rest of the gate."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open()

    def open(self) -> None:
        self.replica = Replica(self.path)
        self.replica.join(HUB, PARTNER)
        self.engine = Engine(self.replica, self.path)

    def close(self) -> None:
        self.replica.close()

    def save(self) -> None:
        self.engine.kept.save_if_due()

    def add(self, *values: int) -> None:
        at = self._cursor()
        changes = [
            Addition(at + place, entry(value), "c" * 32, fingerprint(value), NOW + timedelta(days=9))
            for place, value in enumerate(values, start=1)
        ]
        self.engine.apply(lambda: self.replica.apply(page(at, changes)))

    def withdraw(self, value: int) -> None:
        at = self._cursor()
        gone = Tombstone(at + 1, entry(value), TombstoneReason.WITHDRAWN)
        self.engine.apply(lambda: self.replica.apply(page(at, [gone])))

    def matching(self, *values: int) -> list[int]:
        """Those of these that match an entry which is held as exactly this value."""
        found: list[int] = []
        for value in values:
            near = self.engine.near(fingerprint(value).value, 31)
            if near:
                assert [self.replica.entry_of(one.number) for one in near] == [entry(value)]
                found.append(value)
        return found

    def _cursor(self) -> int:
        standing = self.replica.standing()
        assert standing is not None
        return standing.cursor


def fingerprint(value: int) -> Pdq:
    """Far from that of any other value."""
    return Pdq((value.to_bytes(2) * 16)[:32], 90)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Folder]:
    monkeypatch.setattr(kept_index, "_FEWEST_CHANGES", 1)
    made = Folder(tmp_path / "gate")
    yield made
    made.close()


def test_what_came_and_went_around_a_snapshot_is_so_after_a_restart(folder: Folder) -> None:
    folder.add(0x1111, 0x2222, 0x3333)
    folder.withdraw(0x1111)
    folder.save()
    folder.withdraw(0x2222)
    folder.add(0x4444)
    folder.close()
    folder.open()
    assert folder.matching(0x1111, 0x2222, 0x3333, 0x4444) == [0x3333, 0x4444]


def test_a_snapshot_that_is_newer_than_a_restored_database_matches_nothing(
    folder: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.add(0x1111)
    folder.save()
    folder.close()
    shutil.copy(folder.path / "gate.sqlite", tmp_path / "backup")
    folder.open()
    folder.add(0x2222, 0x3333)
    folder.save()
    folder.close()
    shutil.copy(tmp_path / "backup", folder.path / "gate.sqlite")
    with caplog.at_level(logging.WARNING, "amparo.gate"):
        folder.open()
    assert "snapshot_rebuilt" in caplog.text
    assert folder.matching(0x1111, 0x2222, 0x3333) == [0x1111]
    # The numbers that 0x2222 and 0x3333 had are given again, to other entries, before the next snapshot is written.
    folder.add(0x4444, 0x5555)
    folder.close()
    folder.open()
    assert folder.matching(0x1111, 0x2222, 0x3333, 0x4444, 0x5555) == [0x1111, 0x4444, 0x5555]


def test_a_database_that_was_made_anew_does_not_believe_the_old_snapshot(folder: Folder) -> None:
    folder.add(0x1111)
    folder.save()
    folder.close()
    for file in folder.path.glob("gate.sqlite*"):
        file.unlink()
    folder.open()
    folder.add(0x2222)
    folder.close()
    folder.open()
    assert folder.matching(0x1111, 0x2222) == [0x2222]


@pytest.mark.parametrize("named", [False, True])
def test_a_snapshot_whose_writing_broke_off_costs_nothing_but_time(
    folder: Folder, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(0x1111)
    folder.save()
    folder.add(0x2222)
    folder.withdraw(0x1111)

    def break_off(path: Path, key: bytes, secret: bytes, snapshot: Snapshot) -> None:
        if named:
            write(path, key, secret, snapshot)
        raise full_disk()

    with monkeypatch.context() as broken:
        broken.setattr(kept_index, "write", break_off)
        with pytest.raises(Unavailable):
            folder.engine.kept.save()
    folder.close()
    folder.open()
    assert folder.matching(0x1111, 0x2222) == [0x2222]


def test_a_change_that_the_index_could_not_take_in_is_matched_with_the_next(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(0x1111)
    with monkeypatch.context() as broken:
        broken.setattr(HammingIndex, "add", _no_memory)
        with pytest.raises(MemoryError):
            folder.add(0x2222)
        with pytest.raises(MemoryError):
            folder.withdraw(0x2222)
        with pytest.raises(MemoryError):
            folder.add(0x3333)
    folder.add(0x4444)
    assert folder.matching(0x1111, 0x2222, 0x3333, 0x4444) == [0x1111, 0x3333, 0x4444]
    assert len(folder.engine) == len(Engine(folder.replica, folder.path)) == 3


def full_disk() -> Unavailable:
    return Unavailable("snapshot_not_written", "The disk is full.")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedSeconds:
    stepped = SteppedSeconds()
    monkeypatch.setattr(kept_index.time, "monotonic", stepped)
    # What is added alone makes no snapshot due here.
    monkeypatch.setattr(kept_index, "_FEWEST_CHANGES", 1000)
    return stepped


class SteppedSeconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened_snapshot(folder: Folder) -> Snapshot:
    snapshot = read(folder.path / FILE, folder.replica.sealing_key, folder.replica.snapshots.secret_of)
    assert snapshot is not None
    return snapshot


def are_in(snapshot: Snapshot, *values: int) -> list[bool]:
    """Whether the bytes of each are in the arrays: as they lie there, and by a search that takes no row for removed."""
    index = {name.removeprefix("index/"): array.copy() for name, array in snapshot.arrays.items() if "index/" in name}
    index["removed"] &= np.uint8(0)  # type: ignore[misc]
    search = HammingIndex.from_arrays(index)
    found: list[bool] = []
    for value in values:
        row = np.frombuffer(fingerprint(value).value, np.uint8)
        permuted = HammingIndex.build(row).to_arrays()["delta"].tobytes()
        lies = any(permuted in array.tobytes() for array in snapshot.arrays.values())
        assert lies == (len(search.search(row, 0)) == 1)
        found.append(lies)
    return found


def test_no_snapshot_that_is_written_holds_what_was_removed_before(folder: Folder) -> None:
    folder.add(0x1111, 0x2222, 0x3333)
    folder.save()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222, 0x3333) == [True, True, True]
    folder.withdraw(0x2222)
    folder.save()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222, 0x3333) == [True, False, True]
    folder.close()
    folder.open()
    assert folder.matching(0x1111, 0x2222, 0x3333) == [0x1111, 0x3333]


def test_a_snapshot_is_in_one_part_that_searches_go_through_once(folder: Folder) -> None:
    """Each part costs a search as much as all of them together would."""
    rows = np.random.default_rng(3).integers(0, 256, (60_000, 32), np.uint8)
    kept = folder.engine.kept
    for first, last in ((0, 50_000), (50_000, 55_000)):
        kept.add(range(first + 1, last + 1), rows[first:last].tobytes())
    folder.save()
    arrays = opened_snapshot(folder).arrays
    assert [name for name in arrays if name.endswith("-rows")] == ["index/segment-0-rows"]
    assert kept.near(rows[54_999].tobytes(), 0) == [(0, 55_000, 0)]


def test_a_single_removal_waits_for_its_time_and_no_longer(folder: Folder, clock: SteppedSeconds) -> None:
    folder.add(0x1111, 0x2222)
    folder.engine.kept.save()
    before = (folder.path / FILE).read_bytes()
    folder.withdraw(0x1111)
    clock.now += kept_index.REMOVED_WITHIN / 2
    folder.save()
    assert (folder.path / FILE).read_bytes() == before
    clock.now += kept_index.REMOVED_WITHIN / 2 - kept_index.LOOK_EVERY
    folder.save()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222) == [False, True]
    # That one holds nothing that is removed, so that no other follows.
    after = (folder.path / FILE).read_bytes()
    clock.now += 10 * kept_index.REMOVED_WITHIN
    folder.save()
    assert (folder.path / FILE).read_bytes() == after


def test_what_was_removed_before_any_snapshot_had_it_makes_none_due(folder: Folder, clock: SteppedSeconds) -> None:
    folder.add(0x1111)
    folder.engine.kept.save()
    before = (folder.path / FILE).read_bytes()
    folder.add(0x2222)
    folder.withdraw(0x2222)
    clock.now += 2 * kept_index.REMOVED_WITHIN
    folder.save()
    assert (folder.path / FILE).read_bytes() == before


def test_a_stop_leaves_no_snapshot_with_what_was_removed(folder: Folder, clock: SteppedSeconds) -> None:
    folder.add(0x1111, 0x2222)
    folder.engine.kept.save()
    folder.withdraw(0x1111)
    SnapshotKeeper([folder.engine.kept]).stop()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222) == [False, True]


def test_after_a_crash_what_was_removed_leaves_the_snapshot_at_the_first_look(
    folder: Folder, clock: SteppedSeconds
) -> None:
    folder.add(0x1111, 0x2222)
    folder.engine.kept.save()
    folder.withdraw(0x1111)
    folder.close()
    folder.open()
    folder.save()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222) == [False, True]


def test_what_is_removed_while_a_snapshot_is_written_is_in_none_after_its_time(
    folder: Folder, clock: SteppedSeconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(0x1111, 0x2222, 0x3333)
    folder.engine.kept.save()
    folder.withdraw(0x1111)
    real = HammingIndex.compact

    def compact(index: HammingIndex) -> None:
        real(index)
        folder.withdraw(0x2222)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(HammingIndex, "compact", compact)
        folder.engine.kept.save()
    # It does not match, at once and after a crash; its bytes came too late for this snapshot, and are known to be in it.
    assert folder.matching(0x1111, 0x2222, 0x3333) == [0x3333]
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222, 0x3333) == [False, True, True]
    for crashed in (False, True):
        if crashed:
            folder.close()
            folder.open()
            assert folder.matching(0x1111, 0x2222, 0x3333) == [0x3333]
        else:
            assert folder.replica.snapshots.removed() != []
    folder.save()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222, 0x3333) == [False, False, True]
    assert folder.replica.snapshots.removed() == []


def test_where_no_snapshot_can_be_written_the_one_with_what_was_removed_goes(
    folder: Folder, clock: SteppedSeconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(0x1111, 0x2222)
    folder.engine.kept.save()
    folder.withdraw(0x1111)

    def refused(*_given: object) -> None:
        raise full_disk()

    with monkeypatch.context() as broken:
        broken.setattr(kept_index, "write", refused)
        clock.now += kept_index.REMOVED_WITHIN
        folder.save()
    assert not (folder.path / FILE).exists()
    folder.close()
    folder.open()
    assert folder.matching(0x1111, 0x2222) == [0x2222]


def test_a_snapshot_that_is_not_believed_is_replaced_at_the_first_look(folder: Folder, clock: SteppedSeconds) -> None:
    folder.add(0x1111, 0x2222)
    folder.engine.kept.save()
    folder.withdraw(0x1111)
    folder.close()
    path = folder.path / FILE
    path.write_bytes(path.read_bytes()[:-1])
    folder.open()
    folder.save()
    assert are_in(opened_snapshot(folder), 0x1111, 0x2222) == [False, True]


@pytest.mark.parametrize("damage", ["cut", "longer", "flipped", "empty", "magic", "header"])
def test_a_damaged_snapshot_costs_nothing_but_time(
    folder: Folder, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.add(0x1111, 0x2222)
    folder.save()
    folder.close()
    path = folder.path / FILE
    whole = path.read_bytes()
    flipped_at = {"flipped": len(whole) - 20, "magic": 3, "header": 40}.get(damage, 0)
    flipped = whole[:flipped_at] + bytes([whole[flipped_at] ^ 1]) + whole[flipped_at + 1 :]
    path.write_bytes({"cut": whole[:-1], "longer": whole + b"x", "empty": b""}.get(damage, flipped))
    with caplog.at_level(logging.WARNING, "amparo.gate"):
        folder.open()
    assert "snapshot_rebuilt" in caplog.text
    assert folder.matching(0x1111, 0x2222) == [0x1111, 0x2222]


def test_a_file_that_was_replaced_opens_no_more(folder: Folder) -> None:
    """What the disk still has of it tells nobody anything, the folder's key in hand."""
    folder.add(0x1111)
    folder.save()
    old = (folder.path / FILE).read_bytes()
    assert are_in(opened_snapshot(folder), 0x1111) == [True]
    folder.withdraw(0x1111)
    folder.save()
    kept = folder.path / "recovered.sealed"
    kept.write_bytes(old)
    with pytest.raises(VerificationFailed) as caught:
        read(kept, folder.replica.sealing_key, folder.replica.snapshots.secret_of)
    assert caught.value.step == "database"
    with pytest.raises(VerificationFailed) as caught:
        read(kept, folder.replica.sealing_key, lambda _snapshot: bytes(32))
    assert caught.value.step == "checksum"


@pytest.mark.parametrize("wrong", ["numbers-missing", "numbers-fewer", "numbers-falling", "rows-fewer"])
def test_a_snapshot_that_contradicts_itself_is_built_anew(
    folder: Folder, wrong: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(0x1111, 0x2222, 0x3333)

    def bent(path: Path, key: bytes, secret: bytes, snapshot: Snapshot) -> None:
        arrays = dict(snapshot.arrays)
        if wrong == "numbers-missing":
            del arrays["numbers"]
        elif wrong == "numbers-fewer":
            arrays["numbers"] = arrays["numbers"][:2]
        elif wrong == "numbers-falling":
            arrays["numbers"] = arrays["numbers"][::-1]
        else:
            arrays["index/delta"] = arrays["index/delta"][:2]
        write(path, key, secret, Snapshot(snapshot.id, snapshot.covered, arrays))

    with monkeypatch.context() as broken:
        broken.setattr(kept_index, "write", bent)
        folder.save()
    folder.close()
    with caplog.at_level(logging.WARNING, "amparo.gate"):
        folder.open()
    assert "snapshot_rebuilt" in caplog.text
    assert folder.matching(0x1111, 0x2222, 0x3333) == [0x1111, 0x2222, 0x3333]


def _no_memory(_index: HammingIndex, _rows: object) -> None:
    raise MemoryError
