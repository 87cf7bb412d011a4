"""Do copies match and strangers not? ``python -m benchmarks.pdq_recall PHOTOS`` on JPEG photos, at 31 bits.

Each photo is saved again as JPEG (quality 30, 50, 70, 90), resized (0.25, 0.5, 0.75, 1.5, 2) and both at once, and
fingerprinted from the new file's bytes; every pair of different photos is compared too. Writes
benchmarks/results/pdq_recall.json.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from amparo.signal import pdq
from amparo.signal.fingerprint import PDQ_MATCH_RADIUS, PDQ_MINIMUM_QUALITY
from benchmarks.report import measured

RESULTS: Final = Path(__file__).parent / "results" / "pdq_recall.json"
EDITS: Final[dict[str, tuple[int, float]]] = {
    **{f"JPEG {quality}": (quality, 1.0) for quality in (30, 50, 70, 90)},
    **{f"resized {scale:g}, JPEG 85": (85, scale) for scale in (0.25, 0.5, 0.75, 1.5, 2.0)},
    "resized 0.25, JPEG 30": (30, 0.25),
    "resized 2, JPEG 30": (30, 2.0),
}


def _edited(photo: Image.Image, quality: int, scale: float) -> bytes:
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    stream = io.BytesIO()
    (photo if scale == 1 else photo.resize(size, Image.Resampling.LANCZOS)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def run(photos: Path, most: int = 500) -> dict[str, Any]:
    """Recall of each edit and the close pairs among different photos. photos: folder of JPEGs; most: how many are used.

    Keys: photos, quality_below_50 (photos whose fingerprint is not bankable; they are counted all the same), radius,
    recall (edit -> share that matches), bits (edit -> mean and 99th percentile), recall_overall, pairs, pairs_matching.
    """
    paths = sorted(photos.rglob("*.jpg"))[:most]
    originals = [pdq.fingerprint(path) for path in paths]
    bits: dict[str, list[int]] = {edit: [] for edit in EDITS}
    for path, original in zip(paths, originals, strict=True):
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        for edit, (quality, scale) in EDITS.items():
            bits[edit].append(original.distance(pdq.fingerprint(_edited(photo, quality, scale))))
    rows = np.array([np.frombuffer(original.value, dtype=np.uint8) for original in originals])
    close: list[tuple[str, str, int]] = []
    for first in range(len(rows)):
        away = np.bitwise_count(rows[first + 1 :] ^ rows[first]).sum(axis=1)
        others = [first + 1 + int(offset) for offset in np.flatnonzero(away <= PDQ_MATCH_RADIUS)]
        close += [(paths[first].name, paths[other].name, int(away[other - first - 1])) for other in others]
    every = np.array([distance for distances in bits.values() for distance in distances])
    return {
        **measured(),
        "photos": len(paths),
        "quality_below_50": sum(original.quality < PDQ_MINIMUM_QUALITY for original in originals),
        "radius": PDQ_MATCH_RADIUS,
        "recall": {edit: round(float(np.mean(np.array(d) <= PDQ_MATCH_RADIUS)), 4) for edit, d in bits.items()},
        "bits": {
            edit: {"mean": round(float(np.mean(d)), 2), "p99": float(np.percentile(d, 99)), "most": max(d)}
            for edit, d in bits.items()
        },
        "recall_overall": round(float(np.mean(every <= PDQ_MATCH_RADIUS)), 4),
        "pairs": len(rows) * (len(rows) - 1) // 2,
        "pairs_matching": close,
    }


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    lines = [
        f"## PDQ: do copies match at {result['radius']} bits?",
        "",
        f"{result['date']}. {result['machine']}.",
        "",
        f"{result['photos']} photos, each edited and saved again; fingerprints from file bytes.",
        "",
        "| edit | match | bits: mean, 99 %, most |",
        "|---|---|---|",
    ]
    for edit, share in result["recall"].items():
        bits = result["bits"][edit]
        lines.append(f"| {edit} | {share:.1%} | {bits['mean']}, {bits['p99']:.0f}, {bits['most']} |")
    lines += [
        f"| all edits together | {result['recall_overall']:.2%} | |",
        "",
        f"Pairs of different photos: {result['pairs']:,}; matching: {len(result['pairs_matching'])}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--most", type=int, default=500)
    chosen = parser.parse_args()
    result = run(chosen.photos, chosen.most)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(markdown(result))


if __name__ == "__main__":
    main()
