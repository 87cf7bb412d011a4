"""A snapshot is whole, or the one before it stands; and a damaged one says so."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amparo.core.errors import NotFound, Unavailable, VerificationFailed
from amparo.index import HammingIndex, snapshot
from amparo.index.checksum import checksum
from amparo.index.delta import CAPACITY
from tests.index.material import family, uniform


def _varied() -> HammingIndex:
    """Two segments, doubles, removed rows and a delta."""
    index = HammingIndex(delta_rows=30)
    index.add(family(900, 1))
    index.add(family(40, 2))
    index.add(family(9, 3))
    index.remove([0, 5, 944])
    return index


def _queries() -> Any:
    return np.concatenate([family(900, 1)[:40], family(40, 2), family(9, 3)])


def _generations(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("generation-"))


def test_an_opened_snapshot_answers_and_goes_on(tmp_path: Path) -> None:
    index = _varied()
    index.save(tmp_path)
    opened = HammingIndex.open(tmp_path)
    assert len(opened) == len(index) == 946
    assert opened.search(_queries(), 40) == index.search(_queries(), 40)
    assert opened.add(uniform(2, 1)).tolist() == [949, 950]
    opened.remove([1, 949])
    opened.compact()
    opened.save(tmp_path)
    again = HammingIndex.open(tmp_path)
    assert again.search(_queries(), 40) == opened.search(_queries(), 40)
    assert len(_generations(tmp_path)) == 1
    with pytest.raises(NotFound):
        again.remove([1])


def test_an_empty_index_can_be_saved(tmp_path: Path) -> None:
    HammingIndex().save(tmp_path / "deep" / "below")
    assert len(HammingIndex.open(tmp_path / "deep" / "below")) == 0


def test_a_snapshot_replaced_while_mapped_can_still_be_read(tmp_path: Path) -> None:
    index = _varied()
    index.save(tmp_path)
    opened = HammingIndex.open(tmp_path)
    HammingIndex().save(tmp_path)
    assert opened.search(_queries(), 31) == index.search(_queries(), 31)


def test_snapshots_are_for_their_owner_only(tmp_path: Path) -> None:
    _varied().save(tmp_path)
    assert {entry.stat().st_mode & 0o077 for entry in tmp_path.rglob("*") if entry.is_file()} == {0}


def test_no_snapshot_is_a_case_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="snapshot_missing"):
        HammingIndex.open(tmp_path)


def _files(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.rglob("*") if entry.is_file())


def test_a_flipped_bit_in_any_file_is_noticed(tmp_path: Path) -> None:
    _varied().save(tmp_path)
    random = np.random.default_rng(1)
    for path in _files(tmp_path):
        sound = path.read_bytes()
        places = {0, len(sound) - 1, *random.integers(0, len(sound), 6).tolist()} if sound else set[int]()
        for place in places:
            damaged = bytearray(sound)
            damaged[place] ^= 1 << int(random.integers(0, 8))
            path.write_bytes(damaged)
            with pytest.raises(VerificationFailed) as caught:
                HammingIndex.open(tmp_path)
            assert caught.value.code == "snapshot_invalid"
            assert caught.value.step in {"magic", "version", "size", "checksum"}
        path.write_bytes(sound)
    HammingIndex.open(tmp_path)


@pytest.mark.parametrize("verify", [True, False])
def test_a_file_cut_short_grown_or_missing_is_noticed(tmp_path: Path, verify: bool) -> None:
    _varied().save(tmp_path)
    for path in _files(tmp_path):
        sound = path.read_bytes()
        for other in (sound[:-1], sound[: len(sound) // 2], sound + b"\0"):
            if other == sound:
                continue
            path.write_bytes(other)
            with pytest.raises(VerificationFailed, match="snapshot_invalid"):
                HammingIndex.open(tmp_path, verify=verify)
        path.unlink()
        with pytest.raises((VerificationFailed, NotFound)):
            HammingIndex.open(tmp_path, verify=verify)
        path.write_bytes(sound)
    HammingIndex.open(tmp_path, verify=verify)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("", "magic"),
        ("something else", "magic"),
        ("amparo-index", "version"),
        ("amparo-index 2 generation-1 00\n", "version"),
        ("amparo-index 1 generation-1\n", "size"),
        ("amparo-index 1 ../outside 00\n", "size"),
        ("amparo-index 1 generation-1 00\n", "size"),
        (f"amparo-index 1 generation-{16 * 'a'} {64 * '0'}\n", "size"),
        (f"amparo-index 1 generation-\0{15 * 'a'} {64 * '0'}\n", "size"),
        (f"amparo-index 1 {300 * 'a'} {64 * '0'}\n", "size"),
        (f"amparo-index 1 generation-{16 * 'a'} {64 * '0'}", "size"),
    ],
)
def test_a_foreign_pointer_names_its_step(tmp_path: Path, text: str, step: str) -> None:
    (tmp_path / "CURRENT").write_text(text)
    with pytest.raises(VerificationFailed) as caught:
        HammingIndex.open(tmp_path)
    assert caught.value.step == step


CALLS = ["mkdir", "open", "write", "fsync", "close", "replace", "unlink", "rmdir"]


class _Fault:
    """Lets the n-th call that ``save`` makes to the operating system fail: "once"; or all from there on, as in a
    "crash"; or it is "performed" and reported as failed.
    """

    def __init__(self, patch: pytest.MonkeyPatch, *, at: int, kind: str) -> None:
        self.calls, self.at, self.kind = 0, at, kind
        for name in CALLS:
            patch.setattr(os, name, self._wrapped(getattr(os, name)))
        patch.setattr(fcntl, "flock", self._wrapped(fcntl.flock))

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            failing = self.calls == self.at or (self.kind == "crash" and self.calls > self.at)
            if not failing or function is _close:
                return function(*arguments, **named)
            if self.kind == "performed":
                result = function(*arguments, **named)
                if function is _open:
                    _close(result)
            raise OSError(errno.ENOSPC, "No space left on device")

        return act


_open = os.open
_close = os.close


@pytest.mark.parametrize("kind", ["once", "crash", "performed"])
def test_whatever_fails_the_old_snapshot_or_the_new_one_stands(tmp_path: Path, kind: str) -> None:
    old, new = HammingIndex.build(uniform(3, 1)), _varied()
    failures = 0
    for at in range(1, 500):
        folder = tmp_path / str(at)
        old.save(folder)
        failed = False
        with pytest.MonkeyPatch.context() as patch:
            fault = _Fault(patch, at=at, kind=kind)
            try:
                new.save(folder)
            except Unavailable as error:
                failed = error.code == "snapshot_not_written"
                assert failed
        stands = HammingIndex.open(folder)
        assert len(stands) in (len(old), len(new))
        if not failed:
            assert len(stands) == len(new)
        failures += failed
        new.save(folder)
        assert len(HammingIndex.open(folder)) == len(new)
        assert len(_generations(folder)) == 1
        assert len(_files(folder)) == len(new.to_arrays()) + 2
        if fault.calls < at:
            break
    else:
        raise AssertionError("save never came to an end")
    assert failures > 30


class _Recorded:
    """What ``save`` asks of the operating system, in order: ("fsync", path) and ("replace", path)."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, Path]] = []
        self.written: set[Path] = set()
        self._fsync, self._replace, self._write = os.fsync, os.replace, os.write
        patch.setattr(os, "fsync", self.fsync)
        patch.setattr(os, "replace", self.replace)
        patch.setattr(os, "write", self.write)

    def fsync(self, descriptor: int) -> None:
        self.asked.append(("fsync", _path_of(descriptor)))
        self._fsync(descriptor)

    def replace(self, source: Any, target: Any) -> None:
        self.asked.append(("replace", Path(target)))
        self._replace(source, target)

    def write(self, descriptor: int, octets: Any) -> int:
        path = _path_of(descriptor)
        assert ("fsync", path) not in self.asked
        self.written.add(path)
        return self._write(descriptor, octets)


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def test_the_disk_is_asked_to_keep_everything_before_it_is_named_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path.resolve() / "new" / "deep"
    recorded = _Recorded(monkeypatch)
    _varied().save(folder)
    named = recorded.asked.index(("replace", folder / "CURRENT"))
    before, after = recorded.asked[:named], recorded.asked[named + 1 :]
    [generation] = _generations(folder)
    assert {path.name for path in recorded.written} > {"manifest", "delta"}
    wanted = {*recorded.written, folder / generation, folder, folder.parent, folder.parent.parent}
    assert {path for call, path in before if call == "fsync"} == wanted
    assert before.index(("fsync", folder / generation)) > before.index(("fsync", folder / generation / "manifest"))
    assert after == [("fsync", folder)]


def test_what_cannot_be_swept_away_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "CURRENT.left-by-a-crash").mkdir()  # unlink(2) refuses it, whoever asks
    _varied().save(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", _refuse)
        HammingIndex().save(tmp_path)
    assert len(HammingIndex.open(tmp_path)) == 0


def _refuse(*_arguments: Any) -> Any:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_two_saves_at_once_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins when the first has written its arrays and not yet named them: it waits, and stands at the end."""
    waits = threading.Event()
    first, second = _varied(), HammingIndex.build(uniform(3, 1))
    other = threading.Thread(target=second.save, args=(tmp_path,))
    point: Callable[[Path, str], None] = vars(snapshot)["_point"]
    flock = fcntl.flock

    def begin_another(folder: Path, text: str) -> None:
        if threading.current_thread() is not other:
            monkeypatch.setattr(fcntl, "flock", announced)
            other.start()
            while other.is_alive() and not waits.is_set():
                time.sleep(0.001)
            assert len(_generations(tmp_path)) == 1
        point(folder, text)

    def announced(descriptor: int, operation: int) -> None:
        waits.set()
        flock(descriptor, operation)

    monkeypatch.setattr(snapshot, "_point", begin_another)
    first.save(tmp_path)
    other.join()
    assert waits.is_set()
    assert len(HammingIndex.open(tmp_path)) == 3
    assert len(_generations(tmp_path)) == 1


@pytest.mark.parametrize("moment", ["pointer", "array", "map"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_save_while_a_snapshot_is_opened_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, verify: bool
) -> None:
    _varied().save(tmp_path)
    saves = iter([HammingIndex.build(uniform(count, 1)) for count in (3, 4)])
    opened: list[int] = []

    def meanwhile(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named) if moment == "pointer" else None
        if (index := next(saves, None)) is not None:
            index.save(tmp_path)
            opened.append(len(index))
        return result if moment == "pointer" else function(*arguments, **named)

    place = {"pointer": (snapshot, "_pointer"), "array": (snapshot, "_map"), "map": (np, "memmap")}[moment]
    monkeypatch.setattr(*place, partial(meanwhile, getattr(*place)))
    found = HammingIndex.open(tmp_path, verify=verify)
    assert opened == [3, 4]
    assert len(found) == 4


@pytest.mark.parametrize("name", ["file", "file/below", "loop", "a\0b", 300 * "x"])
def test_what_is_no_folder_of_snapshots_has_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(NotFound, match="snapshot_missing"):
        HammingIndex.open(tmp_path / name)
    with pytest.raises(Unavailable, match="snapshot_not_written"):
        HammingIndex().save(tmp_path / name)


def test_a_pointer_or_generation_of_another_kind_is_noticed(tmp_path: Path) -> None:
    _varied().save(tmp_path)
    [generation] = _generations(tmp_path)
    manifest = tmp_path / generation / "manifest"
    sound = manifest.read_bytes()
    manifest.unlink()
    manifest.mkdir()
    with pytest.raises(VerificationFailed, match="snapshot_invalid"):
        HammingIndex.open(tmp_path)
    manifest.rmdir()
    manifest.symlink_to("manifest")
    with pytest.raises(VerificationFailed, match="snapshot_invalid"):
        HammingIndex.open(tmp_path)
    manifest.unlink()
    manifest.write_bytes(sound)
    HammingIndex.open(tmp_path)
    (tmp_path / "CURRENT").unlink()
    (tmp_path / "CURRENT").mkdir()
    with pytest.raises(VerificationFailed, match="snapshot_invalid"):
        HammingIndex.open(tmp_path)


@pytest.mark.parametrize(
    "described",
    [
        b"[]",
        b"{",
        b'{"about": 1}',
        b'{"about": {}}',
        b'{"about": {"dtype": "O", "shape": [1], "size": 8}}',
        b'{"about": {"dtype": "<i8", "shape": [-9], "size": 80}}',
    ],
)
def test_a_manifest_that_describes_no_arrays_is_noticed(tmp_path: Path, described: bytes) -> None:
    _varied().save(tmp_path)
    [generation] = _generations(tmp_path)
    (tmp_path / generation / "manifest").write_bytes(described)
    digest = hashlib.sha256(described).hexdigest()
    (tmp_path / "CURRENT").write_text(f"{snapshot.MAGIC} {snapshot.VERSION} {generation} {digest}\n")
    with pytest.raises(VerificationFailed, match="snapshot_invalid"):
        HammingIndex.open(tmp_path)


def test_a_snapshot_that_may_not_be_read_is_no_missing_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _varied().save(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", _refuse)
    with pytest.raises(Unavailable, match="snapshot_unreadable"):
        HammingIndex.open(tmp_path)


def test_a_full_disk_is_a_typed_error_and_keeps_the_old_snapshot(tmp_path: Path) -> None:
    script = f"""
import resource, sys
from pathlib import Path
from amparo.core.errors import Unavailable
from amparo.index import HammingIndex
from tests.index.material import uniform
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    HammingIndex.build(uniform(20_000, 1)).save(Path({str(tmp_path)!r}))
except Unavailable as error:
    sys.exit(77 if error.code == "snapshot_not_written" else 1)
"""
    HammingIndex.build(uniform(7, 1)).save(tmp_path)
    before = [path.name for path in _files(tmp_path)]
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 77
    assert [path.name for path in _files(tmp_path)] == before
    assert len(HammingIndex.open(tmp_path)) == 7


def test_killed_at_any_moment_a_snapshot_stands(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from amparo.index import HammingIndex
from tests.index.material import uniform
indexes = [HammingIndex.build(uniform(count, count)) for count in (100, 3000)]
print("ready", flush=True)
while True:
    for index in indexes:
        index.save(Path({str(tmp_path)!r}))
"""
    random = np.random.default_rng(1)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            while not (tmp_path / "CURRENT").exists():
                time.sleep(0.001)
            time.sleep(float(random.uniform(0.0, 0.2)))
            writer.send_signal(signal.SIGKILL)
        count = len(HammingIndex.open(tmp_path))
        assert count in (100, 3000)
        assert len(HammingIndex.open(tmp_path).search(uniform(count, count), 0)) == count
    HammingIndex().save(tmp_path)
    assert len(_generations(tmp_path)) == 1


def test_arrays_make_the_same_index() -> None:
    index = _varied()
    arrays = index.to_arrays()
    through_bytes = {
        name: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape) for name, array in arrays.items()
    }
    other = HammingIndex.from_arrays(through_bytes)
    assert other.search(_queries(), 40) == index.search(_queries(), 40)
    assert len(other) == len(index)


def test_to_arrays_copies_no_segment() -> None:
    index = HammingIndex.build(uniform(CAPACITY + 1, 1))
    once, twice = index.to_arrays(), index.to_arrays()
    assert np.shares_memory(once["segment-0-rows"], twice["segment-0-rows"])
    index.remove([0])
    assert once["removed"][0] == 0


def _spoiled(name: str, place: Any, value: int) -> Callable[[dict[str, Any]], None]:
    def spoil(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][place] = value

    return spoil


def _replaced(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def replace(arrays: dict[str, Any]) -> None:
        arrays[name] = change(arrays[name])

    return replace


SPOILED: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (_spoiled("about", 0, 2), "version"),
    (_replaced("about", lambda about: about[:0]), "version"),
    (_replaced("about", lambda about: about[:-1]), "size"),
    (_spoiled("about", 1, 3), "size"),
    (_spoiled("about", 2, 10**6), "content"),
    (_spoiled("about", 2, 0), "content"),
    (_spoiled("about", 2, 941), "content"),
    (_spoiled("about", 3, 7), "size"),
    (_replaced("removed", lambda removed: removed[:-1]), "size"),
    (_spoiled("removed", -1, 255), "content"),
    (_replaced("delta", lambda delta: delta[:, :3].copy()), "size"),
    (_replaced("delta", lambda delta: np.zeros((CAPACITY + 1, 4), np.uint64)), "size"),
    (_replaced("segment-0-rows", lambda rows: rows[:-1]), "size"),
    (_replaced("segment-0-rows", lambda rows: rows.astype(np.int64)), "size"),
    (_replaced("segment-0-signatures", lambda signatures: signatures[:-32]), "size"),
    (_replaced("segment-0-ids", lambda ids: ids[::-1]), "size"),
    (lambda arrays: arrays.pop("segment-1-ids"), "size"),
    (_spoiled("segment-0-ids", 17, 2**31), "content"),
    (_spoiled("segment-0-offsets", (3, 100), 2**31), "content"),
    (_spoiled("segment-0-offsets", (3, -1), 0), "content"),
    (_spoiled("segment-0-offsets", (0, 0), 1), "content"),
    (_spoiled("segment-0-numbers", 1, 949), "content"),
    (_spoiled("segment-0-numbers", 1, 2**31 + 10_000), "content"),
    (_spoiled("segment-0-group_bounds", -1, 2**30), "content"),
    (_spoiled("segment-0-group_bounds", 0, 1), "content"),
    (_spoiled("segment-0-group_numbers", 0, 949), "content"),
    (_spoiled("about", 5, 1), "content"),
]


@pytest.mark.parametrize(("spoil", "step"), SPOILED)
def test_arrays_that_contradict_each_other_are_refused(spoil: Callable[[dict[str, Any]], None], step: str) -> None:
    arrays: dict[str, Any] = dict(_varied().to_arrays())
    spoil(arrays)
    with pytest.raises(VerificationFailed) as caught:
        HammingIndex.from_arrays(arrays)
    assert (caught.value.code, caught.value.step) == ("snapshot_invalid", step)


def test_checksums_see_every_octet_and_the_length() -> None:
    octets = np.random.default_rng(1).integers(0, 256, 20_000, dtype=np.uint8)
    seen = {checksum(octets), checksum(octets[:-1]), checksum(np.append(octets, np.uint8(0)))}
    for place in range(0, len(octets), 7):
        octets[place] ^= 0x80
        seen.add(checksum(octets))
        octets[place] ^= 0x80
    assert len(seen) == 3 + len(range(0, len(octets), 7))
    assert checksum(np.zeros(1024, np.uint64)) != checksum(np.zeros(2048, np.uint64))


def test_the_manifest_says_what_lies_there(tmp_path: Path) -> None:
    index = _varied()
    index.save(tmp_path)
    [generation] = _generations(tmp_path)
    manifest = json.loads((tmp_path / generation / "manifest").read_text())
    assert set(manifest) == set(index.to_arrays())
    assert (tmp_path / "CURRENT").read_text().startswith(f"{snapshot.MAGIC} {snapshot.VERSION} {generation} ")
