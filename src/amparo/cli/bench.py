"""``amparo bench``: runs the benchmarks of a checkout in the environment that has the peers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from amparo.core.errors import InvalidInput

_MODULES: Final = {
    "index": ["index_bench", "plot_index"],
    "hasher": ["pdq_recall", "hasher_bench"],
    "gate": ["gate_bench"],
    "trace": ["trace_bench", "trace_inversion"],
}
_TAKES_PHOTOS: Final = frozenset({"index_bench", "pdq_recall", "hasher_bench", "trace_bench", "trace_inversion"})


def run(what: str, photos: Path, more: list[str]) -> int:
    """Run one group of benchmarks and write RESULTS.md anew; returns the first exit status that is not 0.

    Raises InvalidInput ``bench_unknown``, or ``bench_not_here`` outside a checkout with its environment of peers.
    """
    modules = _MODULES.get(what)
    if modules is None:
        raise InvalidInput("bench_unknown", f"There are these benchmarks: {', '.join(_MODULES)}.")
    python = Path(".bench-venv/bin/python")
    if not python.exists() or not Path(".venv").is_dir() or not Path("benchmarks").is_dir():
        raise InvalidInput("bench_not_here", "Run this in a checkout, after: make setup .bench-venv")
    for module in modules:
        places = [str(photos)] if module in _TAKES_PHOTOS else []
        done = subprocess.run([python, "-m", f"benchmarks.{module}", *places, *more], check=False)
        if done.returncode:
            return done.returncode
    # The page also has sections of the browser, whose driver the tests' environment has.
    return subprocess.run([".venv/bin/python", "-m", "benchmarks.report"], check=False).returncode
