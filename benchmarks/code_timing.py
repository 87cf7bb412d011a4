"""How long a known, an unknown and a withdrawn code take: ``python -m benchmarks.code_timing [--rounds N]``.

Real requests to the person's pages in this process, the three sorts in turn and in random order, each from an address of its own,
so that nobody waits for wrong codes before. Measured twice: the bare work, and the answers as they are given, on the beat of
``hub.person.pace_of_codes``. Noise is what two halves of one sort differ by. Writes benchmarks/results/code_timing.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from starlette.types import ASGIApp

from amparo.case.code import draw
from amparo.hub.commands import person
from amparo.hub.context import Hub, HubSettings
from amparo.hub.person.app import create_app
from amparo.hub.person.pace_of_codes import PaceOfCodes
from amparo.signal.fingerprint import Pdq

RESULTS: Final = Path(__file__).parent / "results" / "code_timing.json"
SORTS: Final = ("known", "unknown", "withdrawn")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_CASES: Final = 40


def codes(hub: Hub, rounds: int) -> dict[str, list[str]]:
    """Cases with three pictures each, of which half are withdrawn again; and codes of no case."""
    opened = [
        person.open_case(hub, secrets.token_bytes(16), "es", [Pdq(secrets.token_bytes(32), 80) for _ in range(3)])
        for _ in range(2 * _CASES)
    ]
    for code in opened[_CASES:]:
        person.withdraw_case(hub, code)
    return {
        "known": [str(code) for code in opened[:_CASES]],
        "unknown": [str(draw(secrets.token_bytes(16), "es")) for _ in range(rounds)],
        "withdrawn": [str(code) for code in opened[_CASES:]],
    }


async def measure(
    app: ASGIApp, drawn: dict[str, list[str]], rounds: int, order: random.Random
) -> dict[str, list[float]]:
    """Milliseconds of each answer."""
    taken: dict[str, list[float]] = {sort: [] for sort in SORTS}
    for number in range(rounds + 3):
        for sort in order.sample(SORTS, len(SORTS)):
            code = drawn[sort][number % len(drawn[sort])]
            transport = httpx.ASGITransport(
                app, client=(f"10.{order.randrange(256)}.{number % 256}.{len(taken[sort])}", 1)
            )
            async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
                began = time.perf_counter()
                answer = await client.post("/", content=urlencode({"do": "open", "code": code}), headers=_FORM)
                if number >= 3:  # the first ones load templates and catalogues
                    taken[sort].append((time.perf_counter() - began) * 1000)
            assert answer.status_code == (200 if sort == "known" else 404)
    return taken


def noise(values: list[float], order: random.Random) -> float:
    """What the medians of two halves of one sort differ by, in 97.5 of 100 ways to halve it."""
    differences: list[float] = []
    for _ in range(1000):
        mixed = order.sample(values, len(values))
        half = len(mixed) // 2
        differences.append(abs(statistics.median(mixed[:half]) - statistics.median(mixed[half:])))
    return statistics.quantiles(differences, n=40)[-1]


def summary(taken: dict[str, list[float]], order: random.Random) -> dict[str, Any]:
    medians = {sort: statistics.median(values) for sort, values in taken.items()}
    spread = max(noise(values, order) for values in taken.values())
    return {
        "rounds": len(taken["known"]),
        "median_ms": medians,
        "quartiles_ms": {sort: statistics.quantiles(values, n=4)[::2] for sort, values in taken.items()},
        "noise_ms": spread,
        "known_less_unknown_ms": medians["known"] - medians["unknown"],
        "withdrawn_less_unknown_ms": medians["withdrawn"] - medians["unknown"],
    }


def run(rounds: int) -> dict[str, Any]:
    order = random.Random(6)
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub.open(Path(folder), HubSettings(canaries=0))
        try:
            drawn = codes(hub, rounds)
            bare = asyncio.run(measure(create_app(hub, PaceOfCodes(beat=0)), drawn, rounds, order))
            answered = asyncio.run(measure(create_app(hub), drawn, rounds, order))
        finally:
            hub.close()
    return {"work": summary(bare, order), "answers": summary(answered, order)}


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    lines = [
        "## Case codes: known, unknown, withdrawn",
        "",
        "Median milliseconds of an answer, in turn and in random order. Noise: what two halves of one sort differ by.",
        "",
        "| | known | unknown | withdrawn | withdrawn less unknown | known less unknown | noise |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, title in (("work", "the work alone"), ("answers", "answers, on the beat")):
        one = result[name]
        medians = [f"{one['median_ms'][sort]:.2f}" for sort in SORTS]
        apart = [f"{one[key]:+.2f}" for key in ("withdrawn_less_unknown_ms", "known_less_unknown_ms")]
        lines.append(f"| {title} ({one['rounds']} each) | {' | '.join((*medians, *apart))} | {one['noise_ms']:.2f} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150)
    result = run(parser.parse_args().rounds)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(markdown(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
