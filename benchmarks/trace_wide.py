"""Plain copies of many more photos: the test half of `others`, which no step was tuned on.

The test half of `sources` has 39 photos, so a row with one edit a photo is either 1.000 or at most .974: it cannot tell .99 from
.97. Here every edit that replaces nothing is made of the odd photos of `others` too.
Run: python -m benchmarks.trace_wide PHOTOS. Writes benchmarks/results/trace_wide.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import cv2

from amparo.core.errors import InvalidInput
from amparo.signal.trace.compare import Relation, compare
from amparo.signal.trace.extract import query, register
from benchmarks.trace_bench import GOALS, KNOWN, grey, share
from benchmarks.trace_edits import Edit, edits_of, numbered, read

RESULT: Final = Path(__file__).parent / "results" / "trace_wide.json"


def measure(photos: Path) -> dict[str, Any]:
    """Recall, and what was said, for each family of edits."""
    paths = numbered(photos / "others", "test")
    neighbours = [read(path) for path in numbered(photos / "sources", "test")]
    answers: dict[str, list[Relation]] = {}
    missed: list[list[str]] = []
    registered = small = 0
    for path in paths:
        picture = read(path)
        try:
            record = register(grey(picture))
        except InvalidInput:
            continue
        registered += 1
        for edit in _plain_copies(edits_of(int(path.stem), picture, neighbours, "test")):
            try:
                asked = query(grey(edit.picture))
            except InvalidInput:
                small += 1
                continue
            answer = compare(record, asked).relation
            answers.setdefault(edit.family, []).append(answer)
            if answer not in KNOWN:
                missed.append([edit.family, edit.variant, path.stem])
    return {
        "photos": len(paths),
        "registered": registered,
        "too_small": small,
        "rows": [
            {
                "edit": family,
                "count": len(some),
                "goal": GOALS.get(family),
                "trace": share(one in KNOWN for one in some),
                "copy": share(one is Relation.COPY for one in some),
                "altered": share(one is Relation.ALTERED for one in some),
                "uncertain": share(one is Relation.UNCERTAIN for one in some),
            }
            for family, some in answers.items()
        ],
        "missed": missed,
    }


def _plain_copies(edits: Iterator[Edit]) -> Iterator[Edit]:
    return takewhile(lambda edit: not edit.family.startswith("region"), edits)


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    copies = sum(row["count"] for row in result["rows"] if not row["edit"].startswith("text"))
    alarms = sum(row["altered"] * row["count"] for row in result["rows"] if not row["edit"].startswith("text"))
    lines = [
        "### Plain copies of more photos",
        "",
        f"By `python -m benchmarks.trace_wide`: {result['registered']} of {result['photos']} photos of the test half of `others` "
        "have enough keypoints to be registered; "
        f"{result['too_small']} edited pictures were too small to be looked at. No step was tuned on them. A row of 39 cannot "
        "tell .99 from .97; these can.",
        "",
        "| edit | n | goal | trace | said copy | altered | uncertain |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['edit']} | {row['count']} | {row['goal'] or 'report'} | {row['trace']:.4f} | {row['copy']:.3f} | "
        f"{row['altered']:.3f} | {row['uncertain']:.3f} |"
        for row in result["rows"]
    ]
    return "\n".join([*lines, "", f"False alarms among {copies:,} plain copies: {alarms / copies:.2%}."]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    cv2.setNumThreads(1)
    result = measure(parser.parse_args().photos)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(markdown(result))


if __name__ == "__main__":
    main()
