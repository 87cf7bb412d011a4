"""Microseconds a query against the number of rows, from results/index.json: ``python -m benchmarks.plot_index``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot  # the backend has to be chosen first

RESULTS: Final = Path(__file__).parent / "results"
_DASHES: Final = {"uniform": ":", "realistic": "-"}
_SCALE_ONLY: Final = ("pynear", "usearch")  # they answer another question


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw ``index_bench.run``'s result as a PNG. Both axes are logarithmic; dotted: uniform, solid: realistic."""
    lines: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for contest in result["contests"]:
        for name, took in contest["microseconds"].items():
            if not name.startswith(_SCALE_ONLY):
                lines.setdefault((name, contest["kind"]), []).append((contest["rows"], took))
    drawn: Any = pyplot
    figure, axes = drawn.subplots(figsize=(8, 5), dpi=150)
    names = sorted({name for name, _ in lines})
    for (name, kind), points in sorted(lines.items()):
        points.sort()
        label = name if kind == min(kind for other, kind in lines if other == name) else None
        colour = f"C{names.index(name)}"
        axes.plot(*zip(*points, strict=True), _DASHES[kind], marker="o", markersize=3, color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="fingerprints", ylabel="microseconds a query")
    axes.set_title("Exact search within 31 bits, one core (dotted: uniform, solid: realistic)", fontsize=10)
    axes.grid(visible=True, which="major", linewidth=0.3)
    axes.legend(fontsize=8)
    figure.text(0.01, 0.01, f"{result['machine']} ({result['date']})", fontsize=5)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path, metadata={"Software": None})
    drawn.close(figure)


def main() -> None:
    plot(json.loads((RESULTS / "index.json").read_text(encoding="utf-8")), RESULTS / "index.png")


if __name__ == "__main__":
    main()
