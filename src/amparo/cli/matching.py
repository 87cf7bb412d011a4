"""``amparo match``: pictures against a file of fingerprints, or against a gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import httpx
import numpy as np
import typer

from amparo.cli.fingerprints import echo_json, hashed_with_progress, report_failure
from amparo.core.errors import AmparoError, InvalidInput, Unavailable
from amparo.gate.connection import connect
from amparo.index import HammingIndex
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MINIMUM_QUALITY, Pdq

_SECONDS: Final = 10.0

Found: TypeAlias = "list[dict[str, str | int]]"
"""Matches, nearest first: what is known of each entry, and its distance in bits."""


def print_matches(
    places: Sequence[Path], bank: str, *, json_lines: bool, radius: int, key: str, workers: int | None
) -> int:
    """Returns the exit status: 1 if any file failed. Raises InvalidInput where the bank cannot be used at all."""
    with ExitStack() as opened:
        at_gate = bank.startswith(("http://", "https://"))
        look_up = _gate(bank, key, opened) if at_gate else _snapshot(Path(bank), radius)
        return _print_each(places, look_up, json_lines=json_lines, workers=workers)


def _print_each(
    places: Sequence[Path], look_up: Callable[[Pdq], Found], *, json_lines: bool, workers: int | None
) -> int:
    failed = False
    for hashed in hashed_with_progress(places, workers):
        outcome = hashed.outcome
        if isinstance(outcome, AmparoError):
            failed = True
            report_failure(hashed.path, outcome, json_lines=json_lines)
            continue
        found = look_up(outcome)
        if json_lines:
            echo_json({"path": str(hashed.path), "quality": outcome.quality, "matches": found})
        else:
            typer.echo(f"{_in_words(outcome, found)}  {hashed.path}")
    return 1 if failed else 0


def _in_words(fingerprint: Pdq, found: Found) -> str:
    if found:
        return f"match at {found[0]['distance']} bits with {found[0]['entry']}"
    return "no match" if fingerprint.quality >= PDQ_MINIMUM_QUALITY else "too little detail to say"


def _gate(url: str, key: str, opened: ExitStack) -> Callable[[Pdq], Found]:
    client = opened.enter_context(connect(url, key, _SECONDS))

    def look_up(fingerprint: Pdq) -> Found:
        question = {"fingerprints": [{"value": fingerprint.hex, "quality": fingerprint.quality}]}
        try:
            response = client.post("/v1/lookup", json=question)
            content = cast("dict[str, Any]", response.json())
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("gate_unreachable", f"No gate answers at {url}.", detail=type(error).__name__) from error
        if response.status_code != 200:
            raise InvalidInput(
                str(content.get("code", "gate_refused")), str(content.get("detail", "The gate refused."))
            )
        return [
            # What the platform has banked itself has no pseudonym of the hub.
            {"entry": match["entry"] or f"{match['bank']}/{match['content']}", "distance": match["distance"]}
            for match in content["results"][0]["matches"]
        ]

    return look_up


def _snapshot(path: Path, radius: int) -> Callable[[Pdq], Found]:
    entries = read_snapshot(path)
    values = np.frombuffer(b"".join(fingerprint.value for fingerprint, _ in entries), np.uint8)
    index = HammingIndex.build(values.reshape(-1, PDQ_BYTES))

    def look_up(fingerprint: Pdq) -> Found:
        if fingerprint.quality < PDQ_MINIMUM_QUALITY:
            return []
        found = index.search(np.frombuffer(fingerprint.value, np.uint8).reshape(1, PDQ_BYTES), radius)
        near = sorted(zip(found.distance.tolist(), found.row.tolist(), strict=True))
        return [{"entry": entries[row][1], "distance": distance} for distance, row in near]

    return look_up


def read_snapshot(path: Path) -> list[tuple[Pdq, str]]:
    """Fingerprints and their names from a file: 64 hex digits a line, ``hash,quality,path``, or our own JSON lines.

    Raises InvalidInput ``bank_unreadable`` with the number of the first line that is none of these.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("bank_unreadable", f"{path} cannot be read as a file of fingerprints.") from error
    entries: list[tuple[Pdq, str]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(("#", "hash,")):
            continue
        try:
            entry = _json_entry(text) if text.startswith("{") else _csv_entry(text, number)
        except (AmparoError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput("bank_unreadable", f"Line {number} of {path} is no fingerprint.") from error
        if entry is not None:
            entries.append(entry)
    return entries


def _json_entry(text: str) -> tuple[Pdq, str] | None:
    content = cast("dict[str, Any]", json.loads(text))
    # A line that reports a file which could not be read holds no fingerprint, and is no fault of the bank; nor is a video,
    # which no picture is compared with.
    if "error" in content or content.get("signal_type") == "vpdq":
        return None
    return (Pdq.from_hex(content["value"], content["quality"]), str(content["path"]))


def _csv_entry(text: str, number: int) -> tuple[Pdq, str]:
    value, _, rest = text.partition(",")
    quality, _, name = rest.partition(",")
    return Pdq.from_hex(value.strip().lower(), int(quality) if quality else 100), name.strip() or f"line {number}"
