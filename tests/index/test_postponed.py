"""An index that answers before its compiler is loaded, and goes on when it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from amparo.core.kernels import compiles, postpone, ready
from amparo.index import HammingIndex, LinearIndex
from tests.index.material import family, flipped

ROOT = Path(__file__).parents[2]
SCRIPT = "import sys; from tests.index.test_postponed import {name}; {name}(int(sys.argv[1]))"


def lived_through(seed: int) -> None:
    """Additions, removals, restarts and questions, of which the first half finds no compiler loaded."""
    postpone()
    random = np.random.default_rng(seed)
    index, oracle = HammingIndex(delta_rows=60), LinearIndex()
    given = np.empty((0, 4), np.uint64)
    for step in range(120):
        if step == 60:
            assert "numba" not in sys.modules
            assert compiles() == ready() == ("AMPARO_JIT" not in os.environ)
        rows = family(int(random.integers(1, 12 if step % 20 else 90)), int(random.integers(1 << 30)))
        assert np.array_equal(index.add(rows), oracle.add(rows))
        given = np.concatenate([given, rows])
        if step % 3 == 0:
            gone = random.permutation(oracle.numbers())[:2]
            index.remove(gone)
            oracle.remove(gone)
        if step % 17 == 0:
            index.compact()
        if step % 7 == 0:
            index = HammingIndex.from_arrays(index.to_arrays())
        asked = flipped(given[random.integers(0, len(given), 3)], 45, random)
        for queries in (asked, asked[:1]):
            assert index.search(queries, 31) == oracle.search(queries, 31)


def waited(_seed: int) -> None:
    """More than a few questions at once are worth the compiler."""
    postpone()
    index = HammingIndex.build(family(50, 1))
    index.search(family(4, 2), 31)
    assert "numba" not in sys.modules
    index.search(family(5, 2), 31)
    assert "numba" in sys.modules


def _run(name: str, seed: int, **settings: str) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **settings}
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(name=name), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_before_the_compiler_is_found_before_and_after(seed: int) -> None:
    _run("lived_through", seed)


def test_without_any_compiler_nothing_changes() -> None:
    _run("lived_through", 9, AMPARO_JIT="0")


@pytest.mark.skipif(os.environ.get("AMPARO_JIT") == "0", reason="nothing is compiled here")
def test_a_batch_waits_for_the_compiler() -> None:
    _run("waited", 0)
