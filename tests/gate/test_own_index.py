"""The platform's own banks beside their sealed snapshot: restarts, crashes, a list of famous pictures that changes."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from amparo.bank.famous import Fingerprints
from amparo.core.clock import SteppedClock
from amparo.core.errors import Unavailable
from amparo.gate import kept_index
from amparo.gate.local_banks import PDQ, VIDEO_MD5, LocalBanks
from amparo.gate.own_index import FILE, OwnIndex
from amparo.gate.sealed_snapshot import Snapshot, read, write
from tests.gate.test_engine import are_in, fingerprint

KEY = bytes(32)


class Banks:
    """A folder with a bank ONE, opened again and again."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.path = path
        self.famous: Fingerprints | None = None
        self.open()
        self.banks.create_bank("ONE")

    def open(self) -> None:
        self.banks = LocalBanks(self.path, KEY, SteppedClock(), self.famous)

    def restart(self) -> None:
        self.banks.close()
        self.open()

    def crash_anew(self, *famous: int) -> None:
        """Nothing is saved, and the list of famous pictures is another one at the next start."""
        self.famous = Fingerprints([fingerprint(value).value for value in famous]) if famous else None
        self.restart()

    def add(self, *values: int) -> None:
        self.banks.add_fingerprints("ONE", [fingerprint(value).hex for value in values])

    def matching(self, *values: int) -> list[int]:
        """Those of these that match a content which is held as exactly this value."""
        found: list[int] = []
        for value in values:
            near = self.banks.near(fingerprint(value).value, 31)
            if near:
                assert [self.banks.signals_of(one.number) for one in near] == [{PDQ: fingerprint(value).hex}]
                found.append(value)
        return found

    def delete(self, value: int) -> None:
        (content,) = self.banks.same(PDQ, fingerprint(value).hex)
        assert self.banks.delete_content("ONE", content)

    def snapshot(self) -> Snapshot:
        snapshot = read(self.path / FILE, KEY, self.banks.kept._register.secret_of)  # pyright: ignore[reportPrivateUsage]
        assert snapshot is not None
        return snapshot


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Banks]:
    monkeypatch.setattr(kept_index, "_FEWEST_CHANGES", 1)
    made = Banks(tmp_path)
    yield made
    made.banks.close()


@pytest.fixture
def from_database(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From which number on each start has read the signals of the database."""
    asked: list[int] = []
    real = OwnIndex._signals  # pyright: ignore[reportPrivateUsage]

    def signals(index: OwnIndex, above: int) -> object:
        asked.append(above)
        return real(index, above)

    monkeypatch.setattr(OwnIndex, "_signals", signals)
    return asked


def test_what_came_and_went_around_a_snapshot_is_so_after_a_restart(own: Banks, from_database: list[int]) -> None:
    own.add(0x1111, 0x2222, 0x3333)
    own.delete(0x1111)
    own.banks.kept.save_if_due()
    own.delete(0x2222)
    own.add(0x4444)
    own.restart()
    assert from_database == [3]
    assert own.matching(0x1111, 0x2222, 0x3333, 0x4444) == [0x3333, 0x4444]
    own.add(0x5555)
    assert own.matching(0x5555) == [0x5555]


def test_a_bank_that_was_deleted_since_the_snapshot_matches_nothing_after_a_crash(own: Banks) -> None:
    own.add(0x1111, 0x2222)
    own.banks.add_content("ONE", {VIDEO_MD5: "ab" * 16})
    own.banks.kept.save_if_due()
    own.banks.delete_bank("ONE")
    own.restart()
    assert own.matching(0x1111, 0x2222) == []
    assert len(own.banks) == 0


def test_a_snapshot_that_is_newer_than_a_restored_database_matches_nothing(
    own: Banks, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own.add(0x1111)
    own.banks.kept.save_if_due()
    own.banks.close()
    shutil.copy(own.path / "banks.sqlite", tmp_path / "backup")
    own.open()
    own.add(0x2222, 0x3333)
    own.banks.kept.save_if_due()
    own.banks.close()
    shutil.copy(tmp_path / "backup", own.path / "banks.sqlite")
    with caplog.at_level(logging.WARNING, "amparo.gate"):
        own.open()
    assert "snapshot_rebuilt" in caplog.text
    assert own.matching(0x1111, 0x2222, 0x3333) == [0x1111]
    own.add(0x4444, 0x5555)
    own.restart()
    assert own.matching(0x1111, 0x2222, 0x3333, 0x4444, 0x5555) == [0x1111, 0x4444, 0x5555]


@pytest.mark.parametrize("named", [False, True])
def test_a_snapshot_whose_writing_broke_off_costs_nothing_but_time(
    own: Banks, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.add(0x1111)
    own.banks.kept.save_if_due()
    own.add(0x2222)
    own.delete(0x1111)

    def break_off(path: Path, key: bytes, secret: bytes, snapshot: Snapshot) -> None:
        if named:
            write(path, key, secret, snapshot)
        raise Unavailable("snapshot_not_written", "The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(kept_index, "write", break_off)
        with pytest.raises(Unavailable):
            own.banks.kept.save()
    own.restart()
    assert own.matching(0x1111, 0x2222) == [0x2222]


def test_the_snapshot_of_the_feed_is_not_taken_for_that_of_the_banks(own: Banks) -> None:
    own.add(0x1111)
    own.banks.kept.save_if_due()
    other = Banks(own.path / "other")
    other.add(0x2222)
    other.banks.kept.save_if_due()
    other.banks.close()
    shutil.copy(other.path / FILE, own.path / FILE)
    own.restart()
    assert own.matching(0x1111, 0x2222) == [0x1111]


def test_what_lies_near_a_famous_picture_stays_left_out_after_a_restart(own: Banks, from_database: list[int]) -> None:
    own.crash_anew(0x1111, 0x2222)
    own.add(0x1111, 0x2222, 0x3333)
    own.banks.kept.save_if_due()
    own.delete(0x2222)
    from_database.clear()
    own.restart()
    assert from_database == [3]
    assert own.matching(0x1111, 0x2222, 0x3333) == [0x3333]
    assert own.banks.left_out == 1
    own.add(0x1111)
    assert own.banks.left_out == 2
    own.banks.delete_bank("ONE")
    assert (own.banks.left_out, len(own.banks)) == (0, 0)


def test_a_changed_list_of_famous_pictures_is_asked_about_everything(own: Banks, from_database: list[int]) -> None:
    own.crash_anew(0x1111)
    own.add(0x1111, 0x2222, 0x3333)
    for famous, matching in (
        ((0x2222,), [0x1111, 0x3333]),
        ((), [0x1111, 0x2222, 0x3333]),
        ((0x3333, 0x1111), [0x2222]),
    ):
        own.banks.kept.save()
        from_database.clear()
        own.crash_anew(*famous)
        assert from_database == [0]
        assert own.matching(0x1111, 0x2222, 0x3333) == matching
        assert own.banks.left_out == 3 - len(matching)


def test_the_same_list_in_another_order_is_the_same(own: Banks, from_database: list[int]) -> None:
    own.crash_anew(0x1111, 0x2222)
    own.add(0x2222, 0x3333)
    own.banks.kept.save()
    from_database.clear()
    own.crash_anew(0x2222, 0x1111, 0x2222)
    assert from_database == [2]
    assert own.matching(0x2222, 0x3333) == [0x3333]


def test_what_another_process_took_away_is_matched_no_more_and_leaves_the_snapshot(own: Banks) -> None:
    own.add(0x1111, 0x2222)
    own.banks.kept.save_if_due()
    other = LocalBanks(own.path, KEY, SteppedClock())  # as "amparo source remove" beside a running gate
    other.delete_content("ONE", 1)
    other.close()
    own.banks.kept.save_if_due()
    assert own.matching(0x1111, 0x2222) == [0x2222]
    assert are_in(own.snapshot(), 0x1111, 0x2222) == [False, True]


KILLED = """
import os, signal, sys
from pathlib import Path
from amparo.core.clock import SteppedClock
from amparo.gate import kept_index, sealed_snapshot
from amparo.gate.local_banks import LocalBanks
from tests.gate.test_engine import fingerprint

banks = LocalBanks(Path(sys.argv[1]), bytes(32), SteppedClock())
banks.add_fingerprints("ONE", [fingerprint(0x4444).hex])
banks.delete_content("ONE", 1)

def kill(*_given):
    os.kill(os.getpid(), signal.SIGKILL)

def named(*given):
    sealed_snapshot.write(*given)
    kill()

match sys.argv[2]:
    case "announced":
        kept_index.write = kill
    case "half-way":
        sealed_snapshot.os.fsync = kill
    case "named":
        kept_index.write = named
banks.kept.save()
"""


@pytest.mark.parametrize("moment", ["announced", "half-way", "named"])
def test_a_kill_while_the_snapshot_is_written_loses_and_brings_back_nothing(own: Banks, moment: str) -> None:
    own.add(0x1111, 0x2222)
    own.banks.kept.save()
    own.banks.close()
    done = subprocess.run([sys.executable, "-c", KILLED, str(own.path), moment], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    own.open()
    assert own.matching(0x1111, 0x2222, 0x4444) == [0x2222, 0x4444]
    own.banks.kept.save()
    assert are_in(own.snapshot(), 0x1111, 0x2222, 0x4444) == [False, True, True]
