"""The same answers without a compiler, without AVX-512, without any vector unit of note, and from a read-only install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import amparo
from amparo.index import HammingIndex, brute
from tests.index.material import family, flipped

ROOT = Path(__file__).parents[2]
SCRIPT = """
import ctypes, os, sys
if "AMPARO_TEST_POWERLESS" in os.environ and os.geteuid() == 0:
    # Without capabilities (capset(2), version 3) root may write only where its own files let it.
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
from pathlib import Path
from tests.index.test_machines import answers
print(answers(Path(sys.argv[1])))
"""


def answers(folder: Path) -> int:
    """A checksum over what an index answers that was opened, added to, cut down, compacted and saved again."""
    index = HammingIndex.open(folder)
    rows = family(300, 4)
    index.add(rows)
    index.remove(np.arange(0, 2000, 3))
    queries = flipped(rows, 45, np.random.default_rng(1))
    total = 0
    blocks = brute.prepare(rows)
    for radius in (0, 31, 38, 50, 120, 256):
        found = brute.search(queries, blocks, radius)
        total = zlib.crc32(np.stack([found.query, found.row, found.distance]).tobytes(), total)
    for radius in (0, 31, 50):
        found = index.search(queries, radius)
        total = zlib.crc32(np.stack([found.query, found.row, found.distance]).tobytes(), total)
    index.compact()
    found = index.search(queries[:100], 31)
    index.save(folder / "again")
    reopened = HammingIndex.open(folder / "again")
    assert reopened.search(queries[:100], 31) == found
    assert len(found) > 100
    return zlib.crc32(np.stack([found.query, found.row, found.distance]).tobytes(), total)


def _elsewhere(folder: Path, source: Path, **settings: str) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": f"{source}:{ROOT}", **settings}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(folder)],
        env=environment,
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    index = HammingIndex(delta_rows=100)
    index.add(family(2500, 1))
    index.add(family(60, 2))
    index.save(tmp_path / "snapshot")
    return tmp_path / "snapshot"


MACHINES = {
    "without compiler": {"AMPARO_JIT": "0"},
    "without AVX-512": {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+popcnt"},
    "without AVX": {"NUMBA_CPU_NAME": "x86-64-v2", "NUMBA_CPU_FEATURES": "+sse4.2,+popcnt"},
    "oldest of all": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_answers_the_same(saved: Path, machine: str) -> None:
    here = answers(saved)
    assert _elsewhere(saved, Path(amparo.__file__).parents[1], **MACHINES[machine]) == here


BROKEN = {
    "missing": "raise ModuleNotFoundError('No module named numba')",
    "of another time": "raise ImportError('Numba needs NumPy 1.26 or less')",
    "without its library": "raise OSError('Could not find/load shared object file: libllvmlite.so')",
}


@pytest.mark.parametrize("numba", BROKEN)
def test_a_compiler_that_cannot_be_loaded_is_done_without(saved: Path, tmp_path: Path, numba: str) -> None:
    here = answers(saved)
    blocked = tmp_path / "blocked"
    for package in ("numba", "llvmlite"):
        (blocked / package).mkdir(parents=True)
        (blocked / package / "__init__.py").write_text(BROKEN[numba])
    assert _elsewhere(saved, Path(f"{blocked}:{Path(amparo.__file__).parents[1]}")) == here


def test_a_compiler_that_cannot_be_loaded_is_said_once(tmp_path: Path) -> None:
    script = """
import logging, sys
logging.basicConfig(format="%(message)s", stream=sys.stdout)
sys.modules["numba"] = sys.modules["llvmlite"] = None
import numpy as np
import amparo.index, amparo.signal.batch, amparo.signal.trace
from amparo.signal import pdq
assert pdq.fingerprint(np.zeros((64, 64), np.uint8)).quality == 0
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    [line] = done.stdout.splitlines()
    assert '"event": "kernels_not_compiled"' in line


def test_a_read_only_install_without_home_works(saved: Path, tmp_path: Path) -> None:
    here = answers(saved)
    install, scratch = tmp_path / "install", tmp_path / "scratch"
    scratch.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(Path(amparo.__file__).parent, install / "amparo", ignore=unwanted)
    for entry in [install, *install.rglob("*")]:
        entry.chmod(0o555 if entry.is_dir() else 0o444)
    settings = {"HOME": "/nonexistent", "TMPDIR": str(scratch), "AMPARO_TEST_POWERLESS": "1"}
    try:
        assert _elsewhere(saved, install, **settings) == here
        [cache] = scratch.glob("amparo-kernels-*")
        assert any(cache.rglob("*.nbi"))
        assert not any(install.rglob("*.nbi"))
    finally:
        for entry in [install, *install.rglob("*")]:
            entry.chmod(0o755)
