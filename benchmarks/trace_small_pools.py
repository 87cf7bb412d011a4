"""What a gate with few registered photos sends on, and what it finds, with and without the background of its pool.

Registered: the test half of `sources`, then its other half, then every second photo of the test half of `others`, and at the
largest size the tuning half as well, of which the background is made (so a stranger hardly resembles these). Asked with: the
other photos of the test half of `others`, as they are and as they travel; edits of the first fifteen registered photos.
Run: python -m benchmarks.trace_small_pools PHOTOS. Writes benchmarks/results/trace_small_pools.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.index.trace import DEFAULT_LEVEL, PooledIndex, background
from amparo.signal.trace.extract import query, register
from amparo.signal.trace.record import QueryRecord
from benchmarks.report import measured as when
from benchmarks.trace_distractors import base_variants, invented
from benchmarks.trace_edits import Edit, Picture, again, as_picture, edits_of, numbered, read

RESULT: Final = Path(__file__).parent / "results" / "trace_small_pools.json"
SIZES: Final = (1, 16, 100, 367)
FILLED: Final = (2_000, 10_000)
"""Filled up with photos that nobody took."""
EDITED: Final = 15
SHOWN: Final = {
    "screenshot with bars": ("",),
    "collage 40%": ("",),
    "region 30% replaced, travelled": ("texture", "noise"),
    "region 50% replaced, travelled": ("texture", "noise"),
}
_LAST: Final = ("region 50% replaced, travelled", "noise")


@dataclass(frozen=True, slots=True)
class Gathered:
    """registered: descriptors, in the order in which they are registered; invented: those of photos that nobody took, after
    them; edits: family, place of the photo, upload."""

    registered: list[NDArray[np.uint8]]
    invented: list[NDArray[np.uint8]]
    strangers: list[QueryRecord]
    edits: list[tuple[str, int, QueryRecord]]


def _grey(picture: Picture) -> Picture:
    return as_picture(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def _shown(number: int, picture: Picture, fillings: list[Picture]) -> Iterator[Edit]:
    for edit in edits_of(number, picture, fillings, "test"):
        if edit.variant in SHOWN.get(edit.family, ()):
            yield edit
        if (edit.family, edit.variant) == _LAST:
            return


def gathered(photos: Path) -> Gathered:
    """Descriptors of all that is registered, and all that is asked with."""
    others = numbered(photos / "others", "test")
    sources = numbered(photos / "sources", "test")
    known = chain(sources, numbered(photos / "sources", "tune"), others[1::2], numbered(photos / "others", "tune"))
    registered: list[NDArray[np.uint8]] = []
    edits: list[tuple[str, int, QueryRecord]] = []
    fillings = [read(path) for path in others[1::2]]
    for path in known:
        if len(registered) == max(SIZES):
            break
        photo = read(path)
        try:
            registered.append(register(_grey(photo)).descriptors)
        except InvalidInput:
            continue
        if len(registered) <= EDITED:
            shown = _shown(int(path.stem), photo, fillings)
            edits += [(edit.family, len(registered) - 1, query(_grey(edit.picture))) for edit in shown]
    strangers: list[QueryRecord] = []
    rng = np.random.default_rng(7)
    for path in others[::2]:
        photo = read(path)
        for upload in (photo, again(photo, rng)):
            try:
                strangers.append(query(_grey(upload)))
            except InvalidInput:
                continue
    tune = [seen for seen in map(read, numbered(photos / "others", "tune")) if min(seen.shape[:2]) >= 150]
    made = invented(base_variants(tune, 5, seed=5), max(FILLED) - len(registered), seed=6)
    return Gathered(registered, made, strangers, edits)


def measured(seen: Gathered, size: int, *, helped: bool) -> dict[str, Any]:
    """One pool of ``size`` photos; ``helped``: with the background that ships."""
    index = PooledIndex(background=background.shipped() if helped else None)
    for number, rows in enumerate(chain(seen.registered, seen.invented)):
        if number == size:
            break
        index.add(number, rows)
    started = perf_counter()
    index.build()
    built = perf_counter() - started
    index.candidates(seen.strangers[0].descriptors)  # whatever is computed once
    taken: list[float] = []

    def scores(asked: QueryRecord) -> dict[int, float]:
        start = perf_counter()
        found = index.candidates(asked.descriptors, asked.mirrored)
        taken.append(perf_counter() - start)
        return {one.photo: one.score for one in found}

    best = np.array([max(scores(asked).values(), default=0.0) for asked in seen.strangers])
    hits: dict[str, list[bool]] = {}
    for family, photo, asked in seen.edits:
        if photo < size:
            hits.setdefault(family, []).append(scores(asked).get(photo, 0.0) > DEFAULT_LEVEL)
    return {
        "registered": size, "invented": max(0, size - len(seen.registered)), "background": helped, "strangers": len(best),
        "sent_on": round(float((best > DEFAULT_LEVEL).mean()), 4),
        "level_for_one_percent": round(float(np.quantile(best, 0.99)), 3),
        "recall": {family: round(float(np.mean(found)), 3) for family, found in hits.items()},
        "edits": {family: len(found) for family, found in hits.items()},
        "build_seconds": round(built, 2), "search_ms": round(float(np.median(taken)) * 1000, 1),
        "megabytes": round(index.nbytes / 1e6, 1),
    }  # fmt: skip


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    families = list(SHOWN)
    lines = [
        "### Pools with few photos",
        "",
        f"Measured on {result['date']} on {result['machine']}, by `python -m benchmarks.trace_small_pools`, at the default "
        f'level ({result["level"]}). "with": votes are weighed as among 50,000, as a gate does; "without": by the pool\'s '
        f"own photos only. Asked with {result['rows'][0]['strangers']} unrelated uploads and with edits of the first {EDITED} "
        "photos. The one factor of the weighing was chosen on these strangers. "
        f"Beyond {max(SIZES)} photos the pool is filled with invented ones.",
        "",
        "| photos | background | sent on | " + " | ".join(families) + " | search | MB |",
        "|---|---|---|" + "---|" * (len(families) + 2),
    ]
    for row in result["rows"]:
        recalls = [f"{row['recall'][one]:.3f} ({row['edits'][one]})" for one in families]
        lines.append(
            f"| {row['registered']:,} | {'with' if row['background'] else 'without'} | {row['sent_on']:.2%} | "
            + " | ".join(recalls)
            + f" | {row['search_ms']:.1f} ms | {row['megabytes']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    cv2.setNumThreads(1)
    seen = gathered(parser.parse_args().photos)
    rows = [measured(seen, size, helped=helped) for size in SIZES + FILLED for helped in (False, True)]
    RESULT.write_text(json.dumps(when() | {"level": DEFAULT_LEVEL, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    print(markdown(json.loads(RESULT.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
