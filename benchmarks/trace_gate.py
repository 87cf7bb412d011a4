"""Recall against the share of unrelated uploads sent on, against what a gate holds of the registered photos.

Four holdings: descriptors with rarity-weighted votes (the product's default); descriptors with plain votes; descriptors
with cells of 128 pixels, directions and sizes (matches that agree on one similarity among those cells); whole records (the
full comparison).
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np

from amparo.core.errors import InvalidInput
from amparo.index.trace import PooledIndex
from amparo.index.trace.level import DEFAULT_LEVEL
from amparo.signal.trace import match
from amparo.signal.trace.compare import Relation, compare
from amparo.signal.trace.extract import query, register
from amparo.signal.trace.record import QueryRecord, TraceRecord
from amparo.signal.trace.similarity import LARGEST_SCALE, placed, proposals
from benchmarks.trace_distractors import base_variants, invented
from benchmarks.trace_edits import Picture, again, as_picture, edits_of, numbered, read

mpl.use("Agg")
import matplotlib.pyplot as plt  # the backend must be chosen first

SHOWN = (
    "JPEG 30-90", "screenshot with bars", "crop 40% a side", "mirror", "collage 40%", "region 30% replaced",
    "region 30% replaced, travelled", "region 50% replaced, travelled", "background replaced", "thumbnail 96 px",
)  # fmt: skip
DRAWN = ("collage 40%", "region 30% replaced, travelled", "region 50% replaced, travelled")
VARIANTS = ("", "texture", "noise", "30", "0")
COARSE = 128.0


def grey(picture: Picture) -> Picture:
    return as_picture(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def coarse_inliers(record: TraceRecord, asked: QueryRecord) -> int:
    """Matches that agree on a similarity when the record's positions are known to 128 pixels only."""
    most = 0
    for coded, geometry in zip(asked.coded, asked.geometry, strict=True):
        if len(geometry) == 0:
            continue
        found = match.pairs(record.words, coded, geometry)
        rows = placed(record.geometry, geometry, found)
        rows[:, :2] = (rows[:, :2] // COARSE + 0.5) * COARSE
        told = proposals(rows, 1, 64.0, 0.1, LARGEST_SCALE)
        most = max(most, int(told[0, 4]))
    return most


def curve(photos: Path, registered: int, picture: Path, quick: bool) -> dict[str, Any]:
    """Register the test half of `sources` among invented photos; ask with edits of them, and with unrelated photos."""
    tune = [seen for seen in (read(p) for p in numbered(photos / "others", "tune")) if min(seen.shape[:2]) >= 150]
    fillings = [read(path) for path in numbered(photos / "others", "test")]
    base = base_variants(tune, 1 if quick else 5, seed=5)
    index = PooledIndex()
    records: list[TraceRecord] = []
    sources = numbered(photos / "sources", "test")[:: 4 if quick else 1]
    for number, path in enumerate(sources):
        records.append(register(grey(read(path))))
        index.add(number, records[-1].descriptors)
    for number, rows in enumerate(invented(base, registered - len(records), seed=6)):
        index.add(1_000_000 + number, rows)
    started = perf_counter()
    index.build()
    built = perf_counter() - started

    unrelated: list[QueryRecord] = []
    rng = np.random.default_rng(7)
    for path in numbered(photos / "others", "test")[:: 4 if quick else 1]:
        photo = read(path)
        for upload in (photo, again(photo, rng)):
            try:
                unrelated.append(query(grey(upload)))
            except InvalidInput:
                continue
    taken: list[float] = []

    def asked_of(asked: QueryRecord) -> tuple[float, int, dict[int, float]]:
        start = perf_counter()
        found = index.candidates(asked.descriptors, asked.mirrored, most=64)
        taken.append(perf_counter() - start)
        return (
            found[0].score if found else 0.0,
            max((c.votes for c in found), default=0),
            {c.photo: c.score for c in found},
        )

    strangers = [asked_of(asked) for asked in unrelated]
    # With positions a stranger can only match a real record here: invented photos have none.
    cells = [max(coarse_inliers(record, asked) for record in records) for asked in unrelated[:: 4 if quick else 2]]
    scores = {
        "rarity": np.array([s[0] for s in strangers]),
        "votes": np.array([float(s[1]) for s in strangers]),
        "cells": np.array(cells, np.float64),
    }
    level = {kind: float(np.quantile(values, 0.99)) for kind, values in scores.items()}
    hits: dict[str, dict[str, list[float]]] = {}
    for number, path in enumerate(sources):
        for edit in edits_of(int(path.stem), read(path), fillings, "test"):
            if edit.family not in SHOWN or edit.variant not in VARIANTS:
                continue
            asked = query(grey(edit.picture))
            _, _, found = asked_of(asked)
            kept = hits.setdefault(edit.family, {"rarity": [], "votes": [], "cells": [], "records": []})
            kept["rarity"].append(found.get(number, 0.0))
            votes = {c.photo: c.votes for c in index.candidates(asked.descriptors, asked.mirrored, most=64)}
            kept["votes"].append(float(votes.get(number, 0)))
            kept["cells"].append(float(coarse_inliers(records[number], asked)) if number in found else 0.0)
            answer = compare(records[number], asked).relation if number in found else Relation.UNRELATED
            kept["records"].append(float(answer is not Relation.UNRELATED))
    at_one = {
        family: {
            kind: round(float(np.mean(np.array(values) > (level.get(kind, 0.5)))), 4) for kind, values in kept.items()
        }
        for family, kept in hits.items()
    }
    _draw(picture, scores, hits, registered)
    per_photo = (index.nbytes - 12 * 4 * ((1 << 24) + 1)) / len(index)
    return {
        "registered": len(index), "invented": len(index) - len(records), "unrelated": len(unrelated),
        "level": level["rarity"], "default_level": DEFAULT_LEVEL,
        "default_sends_on": round(float((scores["rarity"] > DEFAULT_LEVEL).mean()), 4),
        "default_recall": {f: round(float(np.mean(np.array(kept["rarity"]) > DEFAULT_LEVEL)), 4) for f, kept in hits.items()},
        "levels": level, "at_one_percent": at_one, "build_seconds": round(built, 1),
        "search_ms": round(float(np.median(taken)) * 1000, 2), "search_ms_p90": round(float(np.quantile(taken, 0.9)) * 1000, 2),
        "megabytes": round(index.nbytes / 1e6),
        "megabytes_million": round((index.nbytes - per_photo * len(index) + per_photo * 1e6) / 1e6),
    }  # fmt: skip


def _draw(picture: Path, scores: dict[str, Any], hits: dict[str, dict[str, list[float]]], registered: int) -> None:
    figure: Any
    figure, axes = plt.subplots(1, len(DRAWN), figsize=(12, 3.6), sharey=True)
    names = {"rarity": "descriptors, by rarity", "votes": "descriptors, plain votes", "cells": "coarse cells (128 px)"}
    for axis, family in zip(axes, DRAWN, strict=True):
        for kind, values in scores.items():
            limits = np.unique(np.concatenate((values, [-0.5])))
            x = [max(float((values > limit).mean()), 1e-3) for limit in limits]
            y = [float((np.array(hits[family][kind]) > limit).mean()) for limit in limits]
            axis.step(x, y, where="post", label=names[kind])
        axis.axhline(float(np.mean(hits[family]["records"])), color="black", ls=":", label="whole records")
        axis.axvline(0.01, color="grey", lw=0.7)
        axis.set(xscale="log", xlim=(1e-3, 1), ylim=(0, 1.02), title=family, xlabel="unrelated uploads sent on")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"recall at {registered:,} photos")
    axes[0].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, dpi=80)
    plt.close(figure)
