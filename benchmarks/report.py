"""Puts benchmarks/RESULTS.md together from what each benchmark left in results/: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "RESULTS.md"
# Module by module, in the order of the page; each has ``markdown(result)`` for results/<name>.json.
SECTIONS: Final = {
    "pdq_recall": "pdq_recall",
    "browser_agreement": "browser_agreement",
    "hasher": "hasher_bench",
    "index": "index_bench",
    "long_runs": "long_runs",
    "gate": "gate_bench",
    "trace": "trace_bench",
    "trace_wide": "trace_wide",
    "trace_small_pools": "trace_small_pools",
    "trace_sessions": "trace_sessions",
    "trace_inversion": "trace_inversion",
    "browser_trace": "browser_trace",
    "desk": "desk_bench",
    "code_timing": "code_timing",
}
PLOTS: Final = {
    "index": ("index.png", "Microseconds a query against the number of fingerprints"),
    "trace": ("trace_curve.png", "Recall against uploads sent on"),
}


def instructions() -> str:
    """The widest vector instructions of the processor that kernels are compiled for."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    names = {"avx512_bitalg": "AVX-512 with BITALG", "avx512f": "AVX-512", "avx2": "AVX2"}
    return next((name for flag, name in names.items() if flag in flags), "no AVX2")


def machine() -> str:
    """Processor, cores and memory, as a reader needs them to compare."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    memory = f"{os.cpu_count()} cores, {gigabytes:.0f} GiB"
    return f"{model} ({instructions()}), {memory}, {platform.system()}, Python {platform.python_version()}"


def measured() -> dict[str, str]:
    """Date and machine, for whoever measures now."""
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}


def write() -> list[str]:
    """Write RESULTS.md; returns the names of the sections that have no result yet."""
    parts = [
        "# Results",
        "",
        f"Put together on {datetime.now(UTC):%Y-%m-%d} on {machine()}. Shared machine: trust ratios before single times.",
        "Each section says what was run, with its peers in the same run; `make bench` and its relatives run them again.",
        "",
    ]
    missing: list[str] = []
    for name, module in SECTIONS.items():
        stored = HERE / "results" / f"{name}.json"
        if not stored.is_file():
            missing.append(name)
            continue
        markdown = cast("Callable[[dict[str, Any]], str]", import_module(f"benchmarks.{module}").markdown)
        parts += [markdown(json.loads(stored.read_text(encoding="utf-8"))).strip(), ""]
        plot, caption = PLOTS.get(name, ("", ""))
        if plot and (HERE / "results" / plot).is_file():
            parts += [f"![{caption}](results/{plot})", ""]
    RESULTS.write_text("\n".join(parts), encoding="utf-8")
    return missing


if __name__ == "__main__":
    absent = write()
    sys.stdout.write(f"{RESULTS.name} is written." + (f" No result yet: {', '.join(absent)}." if absent else "") + "\n")
