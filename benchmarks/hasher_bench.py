"""JPEG bytes -> PDQ: ours, Pillow + pdqhash, and threatexchange's hasher: ``python -m benchmarks.hasher_bench PHOTOS``.

One pinned core, the contestants in turn for each picture, medians over all pictures and rounds. The bits between ours and
the reference are measured on the same pictures in the same run. Writes benchmarks/results/hasher.json.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

from amparo.signal import pdq
from benchmarks.large_pictures import stitched, upsampled
from benchmarks.report import measured

RESULTS: Final = Path(__file__).parent / "results" / "hasher.json"
OURS, PILLOW, PYTX = "amparo", "Pillow + pdqhash", "threatexchange"
EIGHT, EIGHT_EXACT = "all eight turns, one transform", "all eight turns, each its own"


def ours(content: bytes) -> pdq.Pdq:
    return pdq.fingerprint(content)


def pillow_pdqhash(content: bytes) -> pdq.Pdq:
    with Image.open(io.BytesIO(content)) as picture:
        return _reference(np.asarray(picture.convert("RGB")))


def threatexchange(content: bytes) -> pdq.Pdq:
    value, quality = pdq_from_bytes(content)
    return pdq.Pdq.from_hex(value, quality)


CONTESTANTS: Final[dict[str, Callable[[bytes], pdq.Pdq]]] = {
    OURS: ours,
    PILLOW: pillow_pdqhash,
    PYTX: threatexchange,
}


def _reference(pixels: NDArray[np.uint8]) -> pdq.Pdq:
    bits, quality = pdqhash.compute(pixels)
    return pdq.Pdq(np.packbits(bits.astype(np.uint8)).tobytes(), quality)


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _contest(contents: Sequence[bytes], rounds: int) -> dict[str, Any]:
    """Medians in milliseconds of each contestant, and the bits and quality between ours and the reference."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    compute: dict[str, list[float]] = {OURS: [], "pdqhash": [], EIGHT: [], EIGHT_EXACT: []}
    bits: list[int] = []
    quality: list[int] = []
    for content in contents:
        mine, theirs = ours(content), pillow_pdqhash(content)
        bits.append(mine.distance(theirs))
        quality.append(abs(mine.quality - theirs.quality))
    pixels = [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in contents[:3]]
    grey = [np.asarray(Image.open(io.BytesIO(content)).convert("L")) for content in contents[:3]]
    for one in grey:
        pdq.fingerprint(one)
        pdq.turned(one)
    for turn in range(rounds):
        names = list(CONTESTANTS)
        names = names[turn % 3 :] + names[: turn % 3]
        for content in contents:
            for name in names:
                times[name].append(_milliseconds(lambda name=name, content=content: CONTESTANTS[name](content)))
        for colours, plane in zip(pixels, grey, strict=True):
            compute[OURS].append(_milliseconds(lambda plane=plane: pdq.fingerprint(plane)))
            compute[EIGHT].append(_milliseconds(lambda plane=plane: pdq.dihedral(plane)))
            compute[EIGHT_EXACT].append(_milliseconds(lambda plane=plane: pdq.turned(plane)))
            compute["pdqhash"].append(_milliseconds(lambda colours=colours: _reference(colours)))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "pictures": len(contents),
        "mean_bytes": round(statistics.mean(map(len, contents))),
        "rounds": rounds,
        "milliseconds": {name: round(value, 3) for name, value in medians.items()},
        "ratio": {name: round(medians[name] / medians[OURS], 1) for name in (PILLOW, PYTX)},
        "compute_only_milliseconds": {name: round(statistics.median(all_), 3) for name, all_ in compute.items()},
        "bits_away": {"mean": round(statistics.mean(bits), 3), "most": max(bits)},
        "quality_away_most": max(quality),
    }


def _upsampled(paths: Sequence[Path], count: int) -> list[bytes]:
    chosen = paths[:: max(1, len(paths) // count)][:count]
    return [upsampled(path, seed) for seed, path in enumerate(chosen)]


def _stitched(paths: Sequence[Path], count: int) -> list[bytes]:
    return [stitched(paths, seed) for seed in range(count)]


def _native(paths: Sequence[Path], count: int) -> list[bytes]:
    return [path.read_bytes() for path in paths if max(_size(path)) == 640][: count * 5]


MAKES: Final[dict[str, Callable[[Sequence[Path], int], list[bytes]]]] = {
    "12 MP upsampled": _upsampled,
    "12 MP stitched": _stitched,
    "640 px": _native,
}


def _alone(make: str, paths: Sequence[Path], count: int, rounds: int) -> dict[str, Any]:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return _contest(MAKES[make](paths, count), rounds)


def run(photos: Path, rounds: int = 5, count: int = 8) -> dict[str, Any]:
    """The whole contest. photos: folder of JPEG photos; count: pictures of each large make (five times as many small).

    Keys: ``date``, ``machine`` and ``sizes``: ``12 MP upsampled``, ``12 MP stitched``, ``640 px``; see ``_contest`` for
    theirs. Each size has a fresh process on one core: what one size does to the allocator would otherwise speed up or slow
    down the contestants of the next.
    """
    paths = sorted(photos.rglob("*.jpg"))
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        sizes = {make: pool.apply(_alone, (make, paths, count, rounds)) for make in MAKES}
    return {**measured(), "sizes": sizes}


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    lines = [
        "## JPEG bytes to PDQ, one core",
        "",
        f"{result['date']}. {result['machine']}.",
        "",
        "| pictures | amparo | Pillow + pdqhash | threatexchange | times faster | bits away: mean, most | quality away |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in result["sizes"].items():
        took = row["milliseconds"]
        lines.append(
            f"| {name} ({row['pictures']}, {row['mean_bytes'] / 1e6:.2g} MB each) | {took[OURS]:.2f} ms | {took[PILLOW]:.1f} ms "
            f"| {took[PYTX]:.1f} ms | {row['ratio'][PILLOW]:.1f}x / {row['ratio'][PYTX]:.1f}x "
            f"| {row['bits_away']['mean']}, {row['bits_away']['most']} | {row['quality_away_most']} |"
        )
    alone = {name: row["compute_only_milliseconds"] for name, row in result["sizes"].items()}
    spoken = "; ".join(f"{name}: {ms[OURS]:.2f} ms against {ms['pdqhash']:.1f} ms" for name, ms in alone.items())
    lines += ["", f"PDQ alone, from decoded pixels: {spoken}."]
    turns = [f"{name}: {ms[EIGHT]:.2f} ms and {ms[EIGHT_EXACT]:.2f} ms" for name, ms in alone.items() if EIGHT in ms]
    if turns:
        lines += ["", f"All eight turns of the same pixels, by one transform and each by its own: {'; '.join(turns)}."]
    lines += [
        "",
        "Native 12-megapixel photos were not at hand. *Upsampled* is one photo enlarged to 4000 x 3000 with a sensor's",
        "grain added; *stitched* is real photos side by side in a frame of that size (`benchmarks/large_pictures.py`).",
        "Above 2,000 pixels ours decodes at an eighth, a quarter or half of the size, with folded taps; the bits away",
        "include that.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=8)
    chosen = parser.parse_args()
    result = run(chosen.photos, chosen.rounds, chosen.count)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(markdown(result))


if __name__ == "__main__":
    main()
