"""Search in a radius of 31 bits: ours, and its peers from PyPI: ``python -m benchmarks.index_bench [PHOTOS]``.

One pinned core and one thread; rounds in which every contestant takes its turn; medians of the rounds. Times are the
thread's processor seconds, so that a neighbour on the machine does not count against whoever's turn it was. In the same
run every contestant's answers are compared with ours, pair by pair. Needs ``.bench-venv`` (``make .bench-venv``).
Writes benchmarks/results/index.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from amparo.index import HammingIndex, brute
from benchmarks import index_data
from benchmarks.report import instructions

RESULTS: Final = Path(__file__).parent / "results" / "index.json"
RADIUS: Final = 31
_BUILDS: Final = 3
_UPKEEP_ROUNDS: Final = 9
QUERIES: Final = 20_000
OURS: Final = "amparo, batch of 20,000"
Pairs = set[tuple[int, int, int]]


@dataclass
class Contestant:
    """ask(queries) answers a slice of the queries; count: how many it is asked a round. pairs: what an answer says."""

    name: str
    count: int
    ask: Callable[[Any], Any]
    pairs: Callable[[Any], Pairs] | None = None
    times: list[float] = field(default_factory=list[float])


def _clocked(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.thread_time()
    answer = work()
    return time.thread_time() - start, answer


def _our_pairs(found: Any) -> Pairs:
    return set(zip(found.query.tolist(), found.row.tolist(), found.distance.tolist(), strict=True))


def _faiss_pairs(answer: Any) -> Pairs:
    limits, distances, rows = answer
    query = np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(np.int64)))
    return set(zip(query.tolist(), rows.tolist(), distances.astype(int).tolist(), strict=True))


def _ours(index: HammingIndex, blocks: brute.Blocks) -> list[Contestant]:
    def one_by_one(queries: Any) -> list[Any]:
        return [index.search(queries[place], RADIUS) for place in range(len(queries))]

    def by_64(queries: Any) -> list[Any]:
        return [index.search(queries[first : first + 64], RADIUS) for first in range(0, len(queries), 64)]

    return [
        Contestant(OURS, QUERIES, lambda queries: index.search(queries, RADIUS), _our_pairs),
        Contestant("amparo, batches of 64", 2048, by_64),
        Contestant("amparo, one by one", 2048, one_by_one),
        Contestant("amparo brute force", 256, lambda queries: brute.search(queries, blocks, RADIUS), _our_pairs),
    ]


def _faiss(rows: Any, count: int, *, multihash: bool) -> list[Contestant]:
    import faiss

    faiss.omp_set_num_threads(1)
    flat: Any = faiss.IndexBinaryFlat(256)
    flat.add(rows.view(np.uint8))
    few = max(16, min(256, 256_000_000 // count))
    found = [
        Contestant(
            "faiss Flat", few, lambda queries: flat.range_search(queries.view(np.uint8), RADIUS + 1), _faiss_pairs
        )
    ]
    if multihash:
        hashed: Any = faiss.IndexBinaryMultiHash(256, 16, 16)
        hashed.add(rows.view(np.uint8))
        hashed.nflip = 1  # 16 bands of 16 bits, one flip in each: exact for 31 bits
        found.append(
            Contestant(
                "faiss MultiHash",
                few,
                lambda queries: hashed.range_search(queries.view(np.uint8), RADIUS + 1),
                _faiss_pairs,
            )
        )
    return found


def _threatexchange(rows: Any) -> list[Contestant]:
    from threatexchange.signal_type.pdq.signal import PdqSignal

    octets = rows.view(np.uint8)
    signal: Any = PdqSignal
    index = signal.get_index_cls()((bytes(octets[row]).hex(), row) for row in range(len(rows)))

    def ask(queries: Any) -> Any:
        return [index.query(text) for text in queries]

    def pairs(answers: Any) -> Pairs:
        return {
            (query, match.metadata, match.similarity_info.distance)
            for query, matches in enumerate(answers)
            for match in matches
        }

    return [Contestant("threatexchange, one by one", 64, ask, pairs)]


def _nearest_only(rows: Any) -> list[Contestant]:
    """Peers that know the k nearest and no radius: their first neighbour within 31 bits is compared."""
    peers = [import_module(name) for name in ("pynear", "usearch.index")]
    pynear, usearch = cast("list[Any]", peers)

    octets = rows.view(np.uint8)
    hashed = pynear.MIHBinaryIndex(16)
    hashed.set(octets)
    return [
        Contestant("pynear MIH, nearest one", 256, lambda queries: hashed.searchKNN(queries.view(np.uint8), 1, RADIUS)),
        Contestant(
            "usearch exact, nearest one",
            64,
            lambda queries: usearch.search(
                octets, queries.view(np.uint8), 1, usearch.MetricKind.Hamming, exact=True, threads=1
            ),
        ),
    ]


def _rounds(contestants: Sequence[Contestant], queries: Any, rounds: int) -> dict[str, Any]:
    expected: Pairs = set()
    checked: dict[str, Any] = {}
    for contestant in contestants:
        answer = contestant.ask(_slice(contestant, queries))  # also warms up
        if contestant.name == OURS:
            expected = _our_pairs(answer)
        if contestant.pairs is not None:
            wanted = {pair for pair in expected if pair[0] < contestant.count}
            got = contestant.pairs(answer)
            checked[contestant.name] = {"pairs": len(got), "missed": len(wanted - got), "beyond": len(got - wanted)}
    for turn in range(rounds):
        for contestant in [*contestants[turn % len(contestants) :], *contestants[: turn % len(contestants)]]:
            asked = _slice(contestant, queries)
            contestant.times.append(_clocked(lambda one=contestant, asked=asked: one.ask(asked))[0] / contestant.count)
    return {
        "microseconds": {one.name: round(statistics.median(one.times) * 1e6, 3) for one in contestants},
        "queries": {one.name: one.count for one in contestants},
        "against_ours": checked,
    }


def _slice(contestant: Contestant, queries: Any) -> Any:
    chosen = queries[: contestant.count]
    if contestant.name.startswith("threatexchange"):
        return [bytes(query).hex() for query in chosen.view(np.uint8)]
    return chosen


def _upkeep(index: HammingIndex, queries: Any) -> dict[str, Any]:
    """Cost of additions and removals one by one, and what 10,000 waiting rows cost a search. Changes the index.

    Each takes a fraction of a second, less than a burst of the neighbours on a shared host: hence more rounds than for searches,
    and of the two searches of a round the ratio.
    """
    fresh = index_data.uniform(10_000, 99)
    numbers = list(range(0, len(index), max(1, len(index) // 10_000)))[:10_000]
    arrays = index.to_arrays()
    plain: list[float] = []
    delayed: list[float] = []
    adding: list[float] = []
    removing: list[float] = []
    for _ in range(_UPKEEP_ROUNDS):
        other = HammingIndex.from_arrays(arrays)
        plain.append(_clocked(partial(other.search, queries, RADIUS))[0])
        adding.append(_clocked(lambda other=other: [other.add(row) for row in fresh])[0])
        delayed.append(_clocked(partial(other.search, queries, RADIUS))[0])
        removing.append(_clocked(lambda other=other: [other.remove([number]) for number in numbers])[0])
    return {
        "add_microseconds": round(statistics.median(adding) / len(fresh) * 1e6, 2),
        "remove_microseconds": round(statistics.median(removing) / len(numbers) * 1e6, 2),
        "delta_10k_cost": round(
            statistics.median(late / before for late, before in zip(delayed, plain, strict=True)), 3
        ),
    }


def _snapshot(index: HammingIndex) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        index.save(Path(folder))
        opened = [time.perf_counter()]
        for verify in (True, False):
            HammingIndex.open(Path(folder), verify=verify)
            opened.append(time.perf_counter())
    return {
        "open_verified_ms": round((opened[1] - opened[0]) * 1e3, 1),
        "open_sizes_only_ms": round((opened[2] - opened[1]) * 1e3, 1),
    }


def _contest(kind: str, count: int, photos: Path | None, rounds: int) -> dict[str, Any]:
    rows, queries = index_data.made(kind, count, QUERIES, photos)
    HammingIndex.build(rows[:20_000]).search(queries, RADIUS)  # compiles
    large = count > 20_000_000
    builds: list[float] = []
    index = HammingIndex()
    for _ in range(1 if large else _BUILDS):
        del index
        seconds, index = _clocked(lambda: HammingIndex.build(rows))
        builds.append(seconds)
    contestants = _ours(index, brute.prepare(rows)) + _faiss(rows, count, multihash=not large)
    if count <= 2_000_000:
        contestants += _threatexchange(rows)
        if kind == "uniform":
            contestants += _nearest_only(rows)
    result = _rounds(contestants, queries, rounds)
    took = result["microseconds"]
    result["ratio"] = {
        one.name: round(took[one.name] / took[OURS], 1) for one in contestants if not one.name.startswith("amparo")
    }
    if "threatexchange, one by one" in took:
        result["ratio_one_by_one"] = round(took["threatexchange, one by one"] / took["amparo, one by one"], 1)
    result["ratio_brute"] = round(took["faiss Flat"] / took["amparo brute force"], 1)
    result["brute_ns_a_comparison"] = round(took["amparo brute force"] / count * 1e3, 4)
    result["build_seconds"] = round(statistics.median(builds), 2)
    result["first_build_seconds"] = round(builds[0], 2)
    result["bytes_a_fingerprint"] = round(sum(array.nbytes for array in index.to_arrays().values()) / count, 1)
    result |= _snapshot(index) if not large else {}
    del contestants
    result |= _upkeep(index, queries)
    return {"kind": kind, "rows": count} | result


def machine() -> str:
    """Processor, system and versions, for the reader of the figures."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    packages = ["numba", "numpy", "faiss-cpu", "threatexchange", "pynear", "usearch"]
    found: list[str] = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return f"{model} ({instructions()}), one core, {platform.system()}, Python {platform.python_version()}, {', '.join(found)}"


def run(photos: Path | None = None, sizes: Sequence[int] = (1_000_000, 10_000_000), rounds: int = 7) -> dict[str, Any]:
    """The whole contest, on uniform fingerprints and, where a folder of photos is given, on realistic ones.

    Returns machine, date and, for each kind and size, what ``_contest`` measured. 100,000,000 rows need 24 GB.
    """
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    kinds = ["uniform", *(["realistic"] if photos is not None else [])]
    contests: list[dict[str, Any]] = []
    for size in sizes:
        for kind in kinds if size <= 20_000_000 else kinds[:1]:
            contests.append(_contest(kind, size, photos, rounds if size <= 20_000_000 else max(3, rounds // 2)))
            sys.stderr.write(json.dumps(contests[-1], indent=1) + "\n")
    return {"machine": machine(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "contests": contests}


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    lines = [
        "## Search within 31 bits, one core",
        "",
        f"{result['date']}. {result['machine']}.",
        "",
        "Microseconds a query (processor time, median of the rounds); how many times longer than ours in a batch.",
        "Every answer was compared with ours in the same run.",
        "",
        "| rows | kind | contestant | us a query | times ours | pairs missed / beyond |",
        "|---|---|---|---|---|---|",
    ]
    for contest in result["contests"]:
        for name, took in contest["microseconds"].items():
            check = contest["against_ours"].get(name)
            said = f"{check['missed']} / {check['beyond']} of {check['pairs']}" if check else ""
            ratio = f"{contest['ratio'][name]:,.0f}x" if name in contest["ratio"] else ""
            lines.append(f"| {contest['rows']:,} | {contest['kind']} | {name} | {took:,.2f} | {ratio} | {said} |")
    lines += [
        "",
        "| rows | kind | build | opens, every byte checked | opens, sizes checked | bytes a fingerprint | add | remove "
        "| with 10,000 waiting | faiss Flat, times our brute force | threatexchange one by one, times ours |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in result["contests"]:
        lines.append(
            f"| {one['rows']:,} | {one['kind']} | {one['build_seconds']} s (first {one['first_build_seconds']}) "
            f"| {one['open_verified_ms']} ms | {one['open_sizes_only_ms']} ms | {one['bytes_a_fingerprint']} "
            f"| {one['add_microseconds']} us | {one['remove_microseconds']} us | {one['delta_10k_cost']}x "
            f"| {one['ratio_brute']}x ({one['brute_ns_a_comparison']} ns a comparison) "
            f"| {one.get('ratio_one_by_one', '')} |"
        )
    return "\n".join([*lines, "", *_HOW, ""])


_HOW: Final = [
    "Half of the queries are altered copies of rows in the bank (up to 40 bits away), half are strangers. Realistic",
    "fingerprints are crops, mirrors, turns and blends of photographs (`benchmarks/index_data.py`); queries come from",
    "photographs that gave nothing to the bank. pynear and usearch know the nearest neighbours and no radius, and are shown",
    "for scale. faiss runs on one thread, MultiHash with 16 x 16 bits and one flip, which is exact for 31 bits. Builds: the",
    "median of three; the first may take memory that a virtual machine has never had, at up to 4 s a GB.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    result = run(chosen.photos, chosen.sizes, chosen.rounds)
    chosen.output.parent.mkdir(exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(markdown(result))


if __name__ == "__main__":
    main()
