"""Tests that are short in the suite, run long by hand: results/long_runs.json says which, when and how often."""

from __future__ import annotations

from typing import Any


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    lines = [
        "## The long runs of tests",
        "",
        "| what | date | how often | outcome | command |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {run['what']} | {run['date']} | {run['count']} | {run['outcome']} | `{run['command']}` |"
        for run in result["runs"]
    ]
    return "\n".join([*lines, "", f"On {result['machine']}.", ""])
