"""The desk's pages at 10,000 cases: ``python -m benchmarks.desk_bench [--cases N] [--keep FOLDER]``.

Real requests through the ASGI application in this process, one after the other: session, guard, handler, database and template
are all in the time; a network is not. Every case is sealed as the hub seals it; one of them is as large as a case may be.
Writes benchmarks/results/desk.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.types import ASGIApp

from amparo.core.clock import SteppedClock
from amparo.hub.app import desk_app
from amparo.hub.commands.incidents import look_for_ties
from amparo.hub.desk.session import COOKIE, Sessions
from amparo.store.staff.protocol import Role
from benchmarks.desk_fill import Filled, fill, reopen

RESULTS: Final = Path(__file__).parent / "results" / "desk.json"
TARGET_MS: Final = 200.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_NOW: Final = datetime(2026, 11, 20, 16, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of page. path: drawn anew for each request; typed: what a form sends, where it is one."""

    name: str
    role: Role
    path: Callable[[random.Random], str]
    typed: Callable[[random.Random], dict[str, str]] | None = None


def pages(filled: Filled) -> tuple[Page, ...]:
    def fixed(path: str) -> Callable[[random.Random], str]:
        return lambda _: path

    def any_case(chance: random.Random) -> str:
        return f"/cases/{chance.randrange(1, filled.cases)}"

    worker, boss = Role.CASEWORKER, Role.SUPERVISOR
    return (
        Page("queue", worker, fixed("/queue")),
        Page("queue, last page", worker, fixed("/queue?page=9999")),
        Page("queue, mine and unread", worker, fixed("/queue?whose=mine&waits=1")),
        Page("queue, clocks of today", worker, fixed("/queue?due=today")),
        Page("case", worker, any_case),
        Page("case, for a supervisor", boss, any_case),
        Page("case with 5,000 sightings, 200 pictures, 500 words", worker, fixed(f"/cases/{filled.crowded}")),
        Page("search by number", worker, fixed("/search"), lambda c: {"typed": f"#{c.randrange(1, filled.cases)}"}),
        Page(
            "search by link",
            worker,
            fixed("/search"),
            lambda c: {"typed": f"platform1.example/post/{c.randrange(10**6)}"},
        ),
        Page("search by a handle in 200 cases", worker, fixed("/search"), lambda _: {"typed": filled.common}),
        Page(
            "search by code",
            worker,
            fixed("/search"),
            lambda _: {"typed": "abeja abrir abuelo aceite acto adorno agua aire"},
        ),
        Page("figures", worker, fixed("/figures")),
        Page("partners", worker, fixed("/partners")),
        Page("one partner", worker, lambda c: f"/partners/{c.choice(filled.partners).id}"),
        Page("holds", worker, fixed("/holds")),
        Page("notices by clock", worker, fixed("/notices")),
        Page("all notices, last page", worker, fixed("/notices?shelf=all&page=9999")),
        Page("one notice", worker, lambda c: f"/notices/{c.choice(filled.notices)}"),
        Page("notices of a case", worker, lambda c: f"/cases/{c.randrange(1, filled.cases)}/notices"),
        Page("outbox", worker, fixed("/outbox")),
        Page("address book", worker, fixed("/addresses")),
        Page("rules", worker, fixed("/rules")),
        Page("incidents suggested", worker, fixed("/incidents/suggested")),
        Page("incidents", worker, fixed("/incidents")),
        Page("reveal log", Role.AUDITOR, fixed("/reveals")),
        Page("proposals", boss, fixed("/proposals")),
        Page("policy and retention", Role.ADMINISTRATOR, fixed("/policy")),
        Page("staff", Role.ADMINISTRATOR, fixed("/staff")),
    )


class Browser:
    """One signed-in client for each role."""

    def __init__(self, app: ASGIApp, cookies: dict[Role, str]) -> None:
        self._transport = httpx.ASGITransport(app)
        self._cookies = cookies

    async def time(self, page: Page, chance: random.Random) -> tuple[float, float, int]:
        """Milliseconds by the wall, milliseconds of processor, bytes. Raises AssertionError where the page is not there."""
        cookies = {COOKIE: self._cookies[page.role]}
        path = page.path(chance)
        async with httpx.AsyncClient(
            transport=self._transport, base_url="http://desk.bench", cookies=cookies
        ) as client:
            if page.typed is None:
                request = client.build_request("GET", path)
            else:
                request = client.build_request("POST", path, data=page.typed(chance), headers=_FORM)
            start, worked = time.perf_counter(), time.process_time()
            answer = await client.send(request)
            took, worked = 1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - worked)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return took, worked, len(answer.content)


async def measure(app: ASGIApp, cookies: dict[Role, str], asked: Sequence[Page], rounds: int) -> dict[str, Any]:
    browser, chance, results = Browser(app, cookies), random.Random(1), dict[str, Any]()
    for page in asked:
        first, _, _ = await browser.time(page, chance)
        timed = [await browser.time(page, chance) for _ in range(rounds)]
        times = sorted(took for took, _, _ in timed)
        results[page.name] = {
            "median": round(statistics.median(times), 1),
            "p95": round(times[int(0.95 * (len(times) - 1))], 1),
            "processor": round(statistics.median(worked for _, worked, _ in timed), 1),
            "first": round(first, 1),
            "kilobytes": round(max(size for _, _, size in timed) / 1e3, 1),
        }
        sys.stdout.write(f"{page.name}: {results[page.name]}\n")
    return results


def run(cases: int, rounds: int, folder: Path) -> dict[str, Any]:
    clock = SteppedClock(_NOW)
    start = time.perf_counter()
    hub, filled = reopen(folder, clock) if folder.exists() else fill(folder, cases, clock)
    cases = filled.cases
    sys.stdout.write(f"{cases:,} cases in {time.perf_counter() - start:.0f} s\n")
    # Housekeeping does this after every change; the first page of suggestions does not wait for it.
    start = time.process_time()
    look_for_ties(hub)
    ties = time.process_time() - start
    sessions = Sessions(clock)
    cookies = {one.role: sessions.open(one) for one in filled.staff}
    results = asyncio.run(measure(desk_app(hub, sessions), cookies, pages(filled), rounds))
    size = sum(file.stat().st_size for file in folder.glob("hub.sqlite*")) / 1e6
    hub.close()
    return {
        "cases": cases,
        "rounds": rounds,
        "database_megabytes": round(size),
        "target_ms": TARGET_MS,
        "ties_seconds": round(ties, 1),
        "pages": results,
    }


def markdown(result: dict[str, Any]) -> str:
    """The section of RESULTS.md."""
    lines = [
        "## The desk's pages",
        "",
        f"{result['cases']:,} cases, sealed as the hub seals them ({result['database_megabytes']:,} MB of SQLite); "
        f"{result['rounds']} requests a page through the ASGI application in one process, one after the other. Milliseconds; the "
        f"goal is under {result['target_ms']:.0f}. The first request of each page is beside the others, not among them. "
        f"Which cases have something in common is worked out beforehand, by housekeeping: "
        f"{result['ties_seconds']} s of processor.",
        "",
        "| page | median | p95 | processor, median | first | kB |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {one['median']} | {one['p95']} | {one['processor']} | {one['first']} | {one['kilobytes']} |"
            for name, one in result["pages"].items()
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="a folder for the hub, used again where it is there already")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(asked.cases, asked.rounds, asked.keep or Path(folder) / "hub")
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
