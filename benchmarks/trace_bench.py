"""The whole measurement of traces on the test half: quality by edit, false matches, gate curve, speed, memory.

Run: make bench-trace, or python -m benchmarks.trace_bench PHOTOS [--quick]. Writes benchmarks/results/trace.json and
trace_curve.png. Deterministic but for the timings. See trace_edits.py for how photos and edits are split.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.index.trace import PooledIndex
from amparo.signal import pdq
from amparo.signal.trace import codec
from amparo.signal.trace.compare import Comparison, Relation, align, compare, judge, tiles_of
from amparo.signal.trace.extract import query, register
from amparo.signal.trace.record import QueryRecord, TraceRecord
from benchmarks.report import measured
from benchmarks.trace_edits import Picture, as_picture, crop, edits_of, numbered, read, rotate
from benchmarks.trace_gate import curve
from benchmarks.trace_measure import area_under_curve, at_side
from benchmarks.trace_plain import INLIERS, inliers, plain

RESULTS = Path(__file__).parent / "results"
KNOWN = (Relation.COPY, Relation.ALTERED, Relation.UNCERTAIN)
GOALS = {
    "JPEG 30-90": 0.995, "resize .25-.75": 0.995, "blur 1-3": 0.995, "colour filters": 0.995,
    "text and emoji overlay": 0.995, "screenshot with bars": 0.99, "crop 10% a side": 0.99, "crop 25% a side": 0.99,
    "crop 40% a side": 0.99, "mirror": 0.99, "rotation 5 / 15": 0.99, "collage 40%": 0.99,
    "region 10% replaced": 0.99, "region 20% replaced": 0.99, "region 30% replaced": 0.99, "region 40% replaced": 0.99,
    "region 10% replaced, travelled": 0.97, "region 20% replaced, travelled": 0.97,
    "region 30% replaced, travelled": 0.97, "region 40% replaced, travelled": 0.97,
    "region 50% replaced, travelled": 0.90, "subject's box replaced": 0.93, "background replaced": 0.90,
}  # fmt: skip
PLAIN_COPIES = tuple(family for family in GOALS if not family.startswith(("region", "subject", "background", "text")))


@dataclass(frozen=True)
class Row:
    family: str
    variant: str
    photo: int
    answer: Comparison
    pdq: int
    orb: int
    share: float
    overlap: float


def grey(picture: Picture) -> Picture:
    return as_picture(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def quality(photos: Path, some: slice) -> list[Row]:
    others = [read(path) for path in numbered(photos / "others", "test")]
    rows: list[Row] = []
    for path in numbered(photos / "sources", "test")[some]:
        picture = read(path)
        record, simple, own = register(grey(picture)), plain(grey(picture)), pdq.fingerprint(grey(picture))
        # What goes to the hub and comes back must answer as well.
        record = codec.decode(codec.encode(record))
        for edit in edits_of(int(path.stem), picture, others, "test"):
            seen = grey(edit.picture)
            asked = query(seen)
            answer = compare(record, asked)
            share = overlap = 0.0
            if edit.mask is not None:
                truth = at_side(edit.mask, 256)
                share = float(edit.mask.mean())
                guess = np.zeros((256, 256), np.uint8)
                if answer.region is not None:
                    outline = (np.array(answer.region) * 256 - 0.5).round().astype(np.int32)
                    cv2.fillPoly(guess, [outline], 1)
                shown = in_view(answer, record, asked)
                truth &= shown
                overlap = float((truth & (guess > 0)).sum() / max(int((truth | (guess > 0)).sum()), 1))
            rows.append(
                Row(
                    edit.family, edit.variant, int(path.stem), answer, own.distance(asked.pdqs[0]),
                    inliers(simple, plain(seen)), share, overlap,
                )
            )  # fmt: skip
    return rows


def in_view(answer: Comparison, record: TraceRecord, asked: QueryRecord) -> NDArray[np.bool_]:
    """(256, 256) bool: what of the photo the upload shows, by the similarity that was found."""
    if answer.similarity is None:
        return np.ones((256, 256), np.bool_)
    s = answer.similarity
    y, x = np.mgrid[0:256, 0:256]
    px, py = (x + 0.5) / 256 * record.width, (y + 0.5) / 256 * record.height
    u, v = s.a * px - s.b * py + s.dx, s.b * px + s.a * py + s.dy
    return (u >= 0) & (u < asked.width) & (v >= 0) & (v < asked.height)


def table(rows: list[Row]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for family in dict.fromkeys(row.family for row in rows):
        some = [row for row in rows if row.family == family]
        out.append(
            {
                "edit": family,
                "count": len(some),
                "goal": GOALS.get(family),
                "trace": share(row.answer.relation in KNOWN for row in some),
                "pdq_31": share(row.pdq <= 31 for row in some),
                "plain_orb": share(row.orb >= INLIERS for row in some),
                "copy": share(row.answer.relation is Relation.COPY for row in some),
                "altered": share(row.answer.relation is Relation.ALTERED for row in some),
                "uncertain": share(row.answer.relation is Relation.UNCERTAIN for row in some),
            }
        )
    return out


def share(flags: Any) -> float:
    listed = [bool(flag) for flag in flags]
    return round(sum(listed) / max(len(listed), 1), 4)


def alteration(rows: list[Row]) -> dict[str, Any]:
    """At least 8 % replaced against plain copies; only uploads that were recognised have an answer to judge."""
    changed = [r for r in rows if r.share >= 0.08 and r.answer.relation in KNOWN]
    copies = [r for r in rows if r.family in PLAIN_COPIES and r.answer.relation in KNOWN]
    regions = [r for r in changed if r.family.startswith(("region", "subject"))]
    evidence = [np.array([r.answer.evidence + r.answer.altered_fraction for r in some]) for some in (changed, copies)]
    fractions = [np.array([r.answer.altered_fraction for r in some]) for some in (changed, copies)]
    by_filling: dict[str, dict[str, float]] = {}
    for filling in dict.fromkeys(r.variant for r in regions):
        some = [r for r in regions if r.variant == filling]
        by_filling[filling] = {
            "iou": round(float(np.mean([r.overlap for r in some])), 4),
            "error": round(float(np.mean([abs(r.answer.altered_fraction - r.share) for r in some])), 4),
            "altered": share(r.answer.relation is Relation.ALTERED for r in some),
        }
    return {
        "auc_evidence": round(area_under_curve(*evidence), 5),
        "auc_fraction": round(area_under_curve(*fractions), 5),
        "copies": len(copies),
        "false_alarms_altered": share(r.answer.relation is Relation.ALTERED for r in copies),
        "false_alarms_uncertain": share(r.answer.relation is Relation.UNCERTAIN for r in copies),
        "false_alarms_without_filters": share(
            r.answer.relation is Relation.ALTERED for r in copies if r.family != "colour filters"
        ),
        "altered_said": share(r.answer.relation is Relation.ALTERED for r in changed),
        "region_iou": round(float(np.mean([r.overlap for r in regions])), 4),
        "fraction_error": round(float(np.mean([abs(r.answer.altered_fraction - r.share) for r in regions])), 4),
        "by_filling": by_filling,
    }


def false_matches(photos: Path, variants: int, brute: int) -> dict[str, Any]:
    """Every photo of both folders and halves against every other: nothing was tuned on pairs of different photos but the
    two inlier limits. The first ``brute`` variants of uploads are verified against every record; the others against all
    that get two votes from the pooled index, or more."""
    rng = np.random.default_rng(11)
    names: list[str] = []
    pictures: list[Picture] = []
    records: list[TraceRecord] = []
    for path in sorted((photos / "sources").glob("*.jpg")) + sorted((photos / "others").glob("*.jpg")):
        picture = read(path)
        try:
            records.append(register(grey(picture)))
        except InvalidInput:
            continue
        names.append(f"{path.parent.name}/{path.stem}")
        pictures.append(picture)
    index = PooledIndex(bits=16)
    for number, record in enumerate(records):
        index.add(number, record.descriptors)
    pairs = verified = 0
    found: dict[str, list[Any]] = {}
    for turn in range(variants):
        for number, picture in enumerate(pictures):
            upload = picture
            if turn:
                upload = crop(rotate(picture, float(rng.uniform(-12, 12))), float(rng.uniform(0.05, 0.4)), rng)
            if min(upload.shape[:2]) < 64:
                continue
            asked = query(grey(upload))
            pairs += len(records) - 1
            if turn < brute:
                candidates = range(len(records))
            else:
                voted = index.candidates(asked.descriptors, asked.mirrored, most=len(records))
                candidates = [c.photo for c in voted if c.votes >= 2]
            for other in candidates:
                if other == number:
                    continue
                verified += 1
                alignment = align(records[other], asked)
                if alignment is None:
                    continue
                answer = judge(records[other], asked, alignment, tiles_of(asked, alignment))
                if answer.relation is not Relation.UNRELATED:
                    key = " ~ ".join(sorted((names[other], names[number])))
                    found.setdefault(key, []).append(
                        [str(answer.relation), answer.inliers, answer.agreeing_tiles, answer.pdq_distance]
                    )
    return {"photos": len(records), "pairs": pairs, "verified": verified, "matched": found}


def speeds(photos: Path) -> dict[str, float]:
    picture = read(numbered(photos / "sources", "test")[3])
    height, width = picture.shape[:2]
    turned = picture if width >= height else as_picture(cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE))
    large = as_picture(cv2.resize(turned, (4000, 3000), interpolation=cv2.INTER_CUBIC))
    noise = np.random.default_rng(1).normal(0, 4, large.shape)
    file = cv2.imencode(".jpg", np.clip(large + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 88])[
        1
    ].tobytes()
    record, asked = register(file), query(file)
    strangers = [query(grey(read(path))) for path in numbered(photos / "others", "test")[:40]]
    alignment = align(record, asked)
    assert alignment is not None
    seen = tiles_of(asked, alignment)

    def middle(what: Any, times: int) -> float:
        taken: list[float] = []
        for _ in range(times):
            started = perf_counter()
            what()
            taken.append(perf_counter() - started)
        return round(float(np.median(taken)) * 1000, 3)

    return {
        "jpeg_megabytes": round(len(file) / 1e6, 2),
        "register_12mp_ms": middle(lambda: register(file), 15),
        "query_12mp_ms": middle(lambda: query(file), 15),
        "align_stranger_ms": round(
            middle(lambda: [align(record, other) for other in strangers], 5) / len(strangers), 3
        ),
        "align_true_ms": middle(lambda: align(record, asked), 30),
        "tiles_ms": middle(lambda: tiles_of(asked, alignment), 30),
        "judge_ms": middle(lambda: judge(record, asked, alignment, seen), 30),
        "record_bytes": len(codec.encode(record)),
        "query_bytes": len(codec.encode_query(asked)),
    }


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "## Traces", "",
        f"By `make bench-trace` ({result['mode']}); test half of photos and edits, never used for tuning.", "",
        *(f"- {part}: {when}" for part, when in result.get("parts", {}).items()), "",
        "| edit | n | goal | trace | PDQ <= 31 | plain ORB | said copy | altered | uncertain |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {r['edit']} | {r['count']} | {r['goal'] or 'report'} | {r['trace']:.3f} | {r['pdq_31']:.3f} | "
        f"{r['plain_orb']:.3f} | {r['copy']:.3f} | {r['altered']:.3f} | {r['uncertain']:.3f} |"
        for r in result["quality"]
    ]
    a, f = result["alteration"], result["false_matches"]
    lines += [
        "", "### Altered or not", "",
        f"AUC {a['auc_evidence']} (by evidence; {a['auc_fraction']} by fraction alone). False alarms among {a['copies']} "
        f"plain copies: altered {a['false_alarms_altered']}, uncertain {a['false_alarms_uncertain']}; without colour "
        f"filters: altered {a['false_alarms_without_filters']}. Altered said: {a['altered_said']}. Region IoU "
        f"{a['region_iou']}, mean error of the fraction {a['fraction_error']}.", "",
        "| filling | IoU | error | said altered |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {k} | {v['iou']:.3f} | {v['error']:.3f} | {v['altered']:.3f} |" for k, v in a["by_filling"].items()]
    lines += [
        "", "### Different photos", "",
        f"{f['photos']} photos, {f['pairs']:,} pairs, {f['verified']:,} verified one by one, the rest had fewer "
        f"than two votes in the pooled index. Pairs that matched ({len(f['matched'])}), to be looked at by eye:", "",
    ]  # fmt: skip
    lines += [f"- {key}: {value}" for key, value in f["matched"].items()]
    gate = result["gate"]
    lines += [
        "", "### What a gate holds, sends on and finds", "",
        f"{gate['registered']:,} registered photos ({gate['invented']:,} invented, see trace_distractors.py), "
        f"{gate['unrelated']} unrelated uploads. Level for 1 in 100: {gate['level']:.3f}. The default level, "
        f"{gate['default_level']}, sends on {gate['default_sends_on']:.2%}; recall there is the last column. Search "
        f"{gate['search_ms']:.1f} ms (median); arrays {gate['megabytes']} MB, projected {gate['megabytes_million']:,} MB "
        "at 1 M photos.", "", "![curve](results/trace_curve.png)", "",
        "| edit | descriptors only, by rarity | plain votes | coarse cells | whole records | by rarity, default level |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {k} | {v['rarity']:.3f} | {v['votes']:.3f} | {v['cells']:.3f} | {v['records']:.3f} | "
        f"{gate['default_recall'][k]:.3f} |"
        for k, v in gate["at_one_percent"].items()
    ]
    lines += ["", "### Speed and size, one core", ""] + [f"- {k}: {v}" for k, v in result["speed"].items()]
    return "\n".join(lines) + "\n"


PARTS: Final = ("quality", "speed", "gate", "false_matches")


def retaken(part: str, photos: Path, quick: bool) -> dict[str, Any]:
    """What the stored result holds of one part."""
    if part == "speed":
        return {"speed": speeds(photos)}
    if part == "gate":
        return {"gate": curve(photos, 5_000 if quick else 50_000, RESULTS / "trace_curve.png", quick)}
    if part == "false_matches":
        return {"false_matches": false_matches(photos, variants=1 if quick else 5, brute=0 if quick else 1)}
    rows = quality(photos, slice(None, None, 5) if quick else slice(None))
    misses = [[r.family, r.variant, r.photo, r.answer.inliers, r.answer.agreeing_tiles]
              for r in rows if r.family in GOALS and r.answer.relation not in KNOWN]  # fmt: skip
    return {"quality": table(rows), "alteration": alteration(rows), "misses": misses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--quick", action="store_true", help="a fifth of the photos, 5,000 registered, 100,000 pairs")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="only these; the others stay as they are"
    )
    asked = parser.parse_args()
    quick: bool = asked.quick
    cv2.setNumThreads(1)
    RESULTS.mkdir(exist_ok=True)
    stored = RESULTS / ("trace_quick.json" if quick else "trace.json")
    for part in asked.parts:
        started = perf_counter()
        taken = retaken(part, asked.photos, quick)
        print(f"{part} {perf_counter() - started:.0f} s", file=sys.stderr)
        # Read anew: another run may have retaken another part meanwhile.
        result: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
        when = measured()
        parts = {**result.get("parts", {}), part: f"{when['date']}, {when['machine']}"}
        result |= {"mode": "quick" if quick else "full", **taken, "parts": parts}
        stored.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
