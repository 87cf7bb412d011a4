"""The engine beside its replica: after a restart, after a backup was restored, and where memory ran out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from amparo.bank import TombstoneReason
from amparo.core.errors import Unavailable
from amparo.exchange.native import Addition, Tombstone
from amparo.gate import keeper
from amparo.gate.engine import Engine
from amparo.gate.keeper import FILE, SnapshotKeeper, load_engine
from amparo.gate.replica import Replica
from amparo.gate.sealed_snapshot import Snapshot
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
        self.engine = load_engine(self.replica, self.path)

    def close(self) -> None:
        self.replica.close()

    def save(self) -> None:
        SnapshotKeeper(self.replica, self.engine, self.path).save_if_due()

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
    monkeypatch.setattr(keeper, "_FEWEST_CHANGES", 1)
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
def test_a_snapshot_whose_writing_broke_off_costs_nothing_but_time(folder: Folder, named: bool) -> None:
    folder.add(0x1111)
    folder.save()
    folder.add(0x2222)
    folder.withdraw(0x1111)

    def break_off(snapshot: Snapshot) -> None:
        if named:
            keeper.write(folder.path / FILE, folder.replica.sealing_key, snapshot)
        raise Unavailable("snapshot_not_written", "The disk is full.")

    with pytest.raises(Unavailable):
        folder.engine.save(break_off)
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
    assert len(folder.engine) == len(Engine.load(folder.replica)) == 3


def _no_memory(_index: HammingIndex, _rows: object) -> None:
    raise MemoryError
