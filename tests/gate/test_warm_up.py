"""No upload waits for the compiler, and no start waits for what was compiled before."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from amparo.core.kernels import compiles
from amparo.gate import runtime
from amparo.gate.warm_up import warm_up
from amparo.index.trace import PooledIndex, groups
from amparo.index.trace import kernels as pooled_kernels
from amparo.index.trace.kernels import fill_table
from amparo.signal import jpeg_skip, pdq
from amparo.signal.trace import Relation, compare, match, query
from tests.altered import altered, record
from tests.gate.feeding import new_gate


def test_the_first_start_compiles_before_it_returns_and_says_so_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = threading.Event()
    monkeypatch.setattr(runtime, "warm_up", compiled.set)
    gate = new_gate(tmp_path)
    gate.start()
    assert compiled.is_set()
    assert runtime.compiled_before(tmp_path)
    gate.stop()


def test_a_later_start_does_not_wait_and_ends_in_good_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.note_compiled(tmp_path)
    begun, go_on = threading.Event(), threading.Event()

    def warm_up() -> None:
        begun.set()
        assert go_on.wait(20)

    monkeypatch.setattr(runtime, "warm_up", warm_up)
    monkeypatch.setattr(runtime, "_WARM_UP_AFTER", 0.0)
    before = threading.active_count()
    gate = new_gate(tmp_path)
    gate.start()
    assert begun.wait(20), "nothing is loaded beside the answers"
    go_on.set()
    gate.stop()
    assert threading.active_count() == before


def test_a_gate_that_stops_at_once_loads_nothing_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.note_compiled(tmp_path)
    begun = threading.Event()
    monkeypatch.setattr(runtime, "warm_up", begun.set)
    gate = new_gate(tmp_path)
    gate.start()
    gate.stop()
    assert not begun.is_set()


def test_a_later_start_follows_its_hub_once_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.note_compiled(tmp_path)
    followed = threading.Event()
    gate = new_gate(tmp_path)
    monkeypatch.setattr(gate.follower, "start", followed.set)
    gate.start()
    assert followed.wait(20)
    gate.stop()


def test_a_gate_that_stops_before_it_follows_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.note_compiled(tmp_path)
    monkeypatch.setattr(runtime, "_FOLLOW_AFTER", 1000.0)
    followed = threading.Event()
    gate = new_gate(tmp_path)
    monkeypatch.setattr(gate.follower, "start", followed.set)
    gate.start()
    gate.stop()
    assert not followed.is_set()


def test_the_first_upload_finds_everything_compiled() -> None:
    """What an upload of a registered photo goes through, at a gate with whole records too, compiles nothing more."""
    warm_up.cache_clear()
    warm_up()
    kernels = [
        pooled_kernels.vote,
        groups.grouped,
        groups.drop_common,
        match.paired,
        fill_table,
        vars(jpeg_skip)["_walk"],
    ]
    before = [len(getattr(one, "signatures", ())) for one in kernels]
    assert all(before) or not compiles()
    index = PooledIndex()
    for seed in (1, 2):
        index.add(seed, record(seed).descriptors)
    asked = query(altered(1))
    assert index.candidates(asked.descriptors, asked.mirrored)[0].photo == 1
    assert compare(record(1), asked).relation is Relation.ALTERED
    large = simplejpeg.encode_jpeg(np.zeros((3000, 4000, 3), np.uint8))
    assert len(pdq.turned(large)) == 8
    assert [len(getattr(one, "signatures", ())) for one in kernels] == before


def test_other_versions_compile_anew(tmp_path: Path) -> None:
    runtime.note_compiled(tmp_path)
    (mark,) = tmp_path.iterdir()
    mark.write_text(mark.read_text(encoding="utf-8").replace("numba", "numba 0"), encoding="utf-8")
    assert not runtime.compiled_before(tmp_path)


def test_a_folder_that_cannot_be_written_only_compiles_again(tmp_path: Path) -> None:
    runtime.note_compiled(tmp_path / "gone")
    assert not runtime.compiled_before(tmp_path / "gone")
