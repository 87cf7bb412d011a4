"""The sealed file itself: what a killed writer leaves of it, and when that goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from amparo.core.errors import Conflict
from amparo.gate.engine import FILE
from amparo.gate.runtime import GateRuntime
from tests.gate.feeding import new_gate

WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from amparo.gate import sealed_snapshot

parts = sealed_snapshot._parts

def killed_before_the_second_chunk(*given):
    for place, part in enumerate(parts(*given)):
        if place == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield part

sealed_snapshot._parts = killed_before_the_second_chunk
arrays = {"many": np.zeros(20 << 20, np.uint8)}
sealed_snapshot.write(Path(sys.argv[1]), bytes(32), bytes(32), sealed_snapshot.Snapshot("0" * 32, 0, arrays))
"""


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(f".{FILE}.*")]


def test_what_a_writer_left_that_was_killed_is_gone_when_the_next_gate_opens_the_folder(tmp_path: Path) -> None:
    gate = new_gate(tmp_path)
    gate.stop()
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path / FILE)], check=False, timeout=60)
    assert done.returncode == -9
    assert len(unfinished(tmp_path)) == 1
    assert not (tmp_path / FILE).exists()
    GateRuntime(gate.card, tmp_path, gate.clock).stop()
    assert unfinished(tmp_path) == []


def test_a_folder_that_another_gate_has_keeps_what_that_one_is_writing(tmp_path: Path) -> None:
    gate = new_gate(tmp_path)
    (tmp_path / f".{FILE}.0a1b2c3d").write_bytes(b"being written")
    with pytest.raises(Conflict):
        GateRuntime(gate.card, tmp_path, gate.clock)
    assert len(unfinished(tmp_path)) == 1
    gate.stop()


def test_only_what_a_writer_makes_is_swept(tmp_path: Path) -> None:
    kept = [".index.sealed.backup", "index.sealed.0a1b2c3d", ".index.sealed.0a1b2c3d.old"]
    for name in kept:
        (tmp_path / name).write_bytes(b"an operator's own")
    new_gate(tmp_path).stop()
    assert all((tmp_path / name).exists() for name in kept)
