"""Many files in several processes: order, errors, crashes, hangs."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amparo.core.clock import monotonic
from amparo.core.errors import AmparoError, InvalidInput
from amparo.signal import batch, pdq
from amparo.signal.batch import files_below, hash_files
from amparo.signal.limits import Limits


def _pictures(folder: Path, count: int) -> list[Path]:
    rng = np.random.default_rng(7)
    paths = [folder / f"{number:03}.png" for number in range(count)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        coarse.resize((80, 60), Image.Resampling.BICUBIC).save(path)
    return paths


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_paths_and_bad_files_stop_nobody(tmp_path: Path, workers: int) -> None:
    paths = _pictures(tmp_path, 12)
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    paths[3:3] = [tmp_path / "note.txt", tmp_path / "gone.png", tmp_path / "empty.jpg", tmp_path]
    done: list[int] = []
    results = list(hash_files(iter(paths), workers=workers, on_done=done.append))
    assert [hashed.path for hashed in results] == paths
    assert done == list(range(1, 17))
    for hashed in results:
        if isinstance(hashed.outcome, AmparoError):
            continue
        assert hashed.outcome == pdq.fingerprint(hashed.path)
    failures = [hashed.outcome.code for hashed in results if isinstance(hashed.outcome, AmparoError)]
    assert failures == ["picture_unreadable", "file_missing", "picture_empty", "file_unreadable"]


@pytest.mark.parametrize("workers", [0, 1])
def test_turns_come_along_where_they_are_asked_for(tmp_path: Path, workers: int) -> None:
    [path] = _pictures(tmp_path, 1)
    [plain] = hash_files([path], workers=workers)
    [turned] = hash_files([path], workers=workers, turned=True)
    assert plain.turns == ()
    assert turned.outcome == plain.outcome == turned.turns[0]
    assert turned.turns == pdq.turned(path)


def test_limits_reach_the_workers(tmp_path: Path) -> None:
    [path] = _pictures(tmp_path, 1)
    [hashed] = hash_files([path], workers=1, limits=Limits(max_pixels=100))
    assert isinstance(hashed.outcome, InvalidInput)
    assert hashed.outcome.code == "picture_too_large"


def test_a_worker_that_dies_costs_one_file_and_is_replaced(tmp_path: Path) -> None:
    paths = _pictures(tmp_path, 40)
    killed: list[int] = []

    def kill_all_once(done: int) -> None:
        if done == 5:
            for child in multiprocessing.active_children():
                assert child.pid is not None
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)

    results = list(hash_files(paths, workers=2, on_done=kill_all_once))
    assert len(killed) == 2
    assert [hashed.path for hashed in results] == paths
    lost = [hashed.outcome for hashed in results if isinstance(hashed.outcome, AmparoError)]
    assert {error.code for error in lost} <= {"decoder_crashed"}
    assert len(lost) <= 2
    assert multiprocessing.active_children() == []


def test_a_worker_that_hangs_is_killed_and_its_file_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent's clock leaps past every deadline while the stopped worker lives, and goes on as usual afterwards."""
    paths = _pictures(tmp_path, 30)
    stopped: list[int] = []
    leapt = 0.0

    def stop_it(done: int) -> None:
        if done == 1:
            [child] = multiprocessing.active_children()
            assert child.pid is not None
            os.kill(child.pid, signal.SIGSTOP)
            stopped.append(child.pid)

    def clock() -> float:
        nonlocal leapt
        with contextlib.suppress(ProcessLookupError):
            for pid in stopped:
                os.kill(pid, 0)
                leapt += 10_000
        return monotonic() + leapt

    monkeypatch.setattr(batch, "monotonic", clock)
    results = list(hash_files(paths, workers=1, limits=Limits(max_seconds=600), on_done=stop_it))
    assert [hashed.path for hashed in results] == paths
    lost = [hashed.outcome for hashed in results if isinstance(hashed.outcome, AmparoError)]
    assert [error.code for error in lost] == ["picture_timeout"]


def test_leaving_early_ends_the_workers(tmp_path: Path) -> None:
    results = hash_files(_pictures(tmp_path, 20), workers=2)
    next(results)
    assert len(multiprocessing.active_children()) == 2
    results.close()
    assert multiprocessing.active_children() == []


def test_no_paths_no_results() -> None:
    assert list(hash_files([], workers=1)) == []


def test_a_negative_number_of_workers_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        hash_files([], workers=-1)
    assert caught.value.code == "workers_invalid"


def test_folders_are_walked_in_order_without_hidden_names_or_links_to_folders(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", ".hidden.png", ".folder/x.png", "c/.x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "round").symlink_to(tmp_path, target_is_directory=True)
    gone = tmp_path / "gone.png"
    found = list(files_below([tmp_path, gone]))
    assert found == [tmp_path / "a.png", tmp_path / "b/1.png", tmp_path / "b/2.png", gone]


def test_a_folder_that_cannot_be_walked_is_handed_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "z.png").touch()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert list(files_below([tmp_path])) == [tmp_path / "z.png", tmp_path / "shut"]


def test_a_name_that_is_too_long_is_handed_through(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    assert list(files_below([long, tmp_path])) == [long]
