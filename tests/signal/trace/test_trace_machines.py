"""Sums of distances and matches are the same without a compiler and on machines with fewer vector instructions."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from amparo.signal.trace.distances import coded, summed
from amparo.signal.trace.match import pairs
from tests.index.test_machines import MACHINES

ROOT = Path(__file__).parents[3]
SCRIPT = "from tests.signal.trace.test_trace_machines import answers; print(answers())"


def answers() -> int:
    """A checksum over sums and matches of descriptors, some of which resemble others."""
    random = np.random.default_rng(7)
    theirs = random.integers(0, 1 << 64, (300, 2), np.uint64)
    ours = theirs[random.integers(0, 300, 60)] ^ np.uint64(0b1011)
    weights = random.integers(0, 1000, 129) * (np.arange(129) < 60)
    ready = coded(theirs)
    found = pairs(ours, ready, random.uniform(0, 500, (300, 4)))
    assert len(found) > 20
    parts = (summed(ours, ready, weights), summed(ours, ready, np.arange(129)), found)
    return zlib.crc32(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))


@pytest.mark.parametrize("settings", MACHINES.values(), ids=MACHINES.keys())
def test_every_machine_finds_the_same(settings: dict[str, str], tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "NUMBA_CACHE_DIR": str(tmp_path), **settings}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], env=environment, check=True, capture_output=True, text=True
    )
    assert int(done.stdout) == answers()
