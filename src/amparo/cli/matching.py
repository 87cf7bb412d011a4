"""``amparo match``: pictures and videos against a file of fingerprints, or against a gate.

As a gate does with uploads, a picture is looked up in its eight turns and mirrors, and a video by its frames and their mirror
images. Videos in a file of fingerprints are compared as a whole, by vPDQ's rule.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import typer

from amparo.cli.bank_file import BankFile, read_bank
from amparo.cli.fingerprints import echo_json, printable, report_failure, seen_with_progress
from amparo.core.errors import AmparoError
from amparo.gate import Gate
from amparo.gate.replay import Shown, looked_up
from amparo.index import HammingIndex
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MINIMUM_QUALITY, Pdq
from amparo.signal.video_format import VideoFrame
from amparo.signal.video_match import COPY, shares

if TYPE_CHECKING:
    from amparo.signal.video import VideoFingerprint

_SECONDS: Final = 10.0

Near: TypeAlias = "tuple[int, str]"
"""Bits, and what is known of an entry."""


@dataclass(frozen=True, slots=True)
class Bank:
    """near: for each of some fingerprints, the entries near it; videos: compared as a whole."""

    near: Callable[[Sequence[Pdq]], list[list[Near]]]
    videos: Sequence[tuple[tuple[VideoFrame, ...], str]] = ()


def print_matches(
    places: Sequence[Path], bank: str, *, json_lines: bool, radius: int, key: str, workers: int | None
) -> int:
    """Returns the exit status: 1 if any file failed. Raises InvalidInput where the bank cannot be used at all."""
    with ExitStack() as opened:
        at_gate = bank.startswith(("http://", "https://"))
        asked = _gate(bank, key, opened) if at_gate else _file(read_bank(Path(bank)), radius)
        return _print_each(places, asked, json_lines=json_lines, workers=workers)


def shown_with_progress(places: Sequence[Path], workers: int | None) -> Generator[Shown]:
    """Every picture and video below ``places`` as a gate would look it up, with a bar where it takes a while."""
    for seen in seen_with_progress(places, workers, turned=True):
        outcome = seen.outcome
        if isinstance(outcome, AmparoError):
            yield Shown(seen.path, outcome)
        else:
            yield Shown(seen.path, seen.turns if isinstance(outcome, Pdq) else _looks(outcome))


def _looks(video: VideoFingerprint) -> tuple[Pdq, ...]:
    pairs = zip(video.frames, video.mirrored, strict=True)
    return tuple(one for frame, mirrored in pairs for one in (frame.fingerprint, mirrored))


def _print_each(places: Sequence[Path], bank: Bank, *, json_lines: bool, workers: int | None) -> int:
    failed = False
    for seen in seen_with_progress(places, workers, turned=True):
        outcome = seen.outcome
        if isinstance(outcome, AmparoError):
            failed = True
            report_failure(seen.path, outcome, json_lines=json_lines)
        elif isinstance(outcome, Pdq):
            _print_picture(seen.path, seen.turns, bank, json_lines=json_lines)
        else:
            _print_video(seen.path, outcome, bank, json_lines=json_lines)
    return 1 if failed else 0


def _print_picture(path: Path, turns: Sequence[Pdq], bank: Bank, *, json_lines: bool) -> None:
    found = [{"entry": name, "distance": distance} for distance, name, _ in _nearest(bank.near(turns))]
    quality = turns[0].quality
    if json_lines:
        echo_json({"path": str(path), "quality": quality, "matches": found})
    elif found:
        typer.echo(f"match at {found[0]['distance']} bits with {found[0]['entry']}  {printable(path)}")
    else:
        said = "no match" if quality >= PDQ_MINIMUM_QUALITY else "too little detail to say"
        typer.echo(f"{said}  {printable(path)}")


def _print_video(path: Path, video: VideoFingerprint, bank: Bank, *, json_lines: bool) -> None:
    found: list[dict[str, Any]] = [
        {"entry": name, "distance": distance, "seconds": video.frames[place // 2].seconds}
        for distance, name, place in _nearest(bank.near(_looks(video)))
    ]
    as_wholes = [share for frames, name in bank.videos if (share := _share(video, frames, name)) is not None]
    if json_lines:
        echo_json({"path": str(path), "md5": video.md5, "matches": found + as_wholes})
    elif as_wholes:
        best = max(as_wholes, key=lambda one: one["bank_percent"])
        typer.echo(f"match of {best['bank_percent']:.0f} % of {best['entry']}  {printable(path)}")
    elif found:
        at = f"{found[0]['distance']} bits with {found[0]['entry']}, {found[0]['seconds']:.1f} s in"
        typer.echo(f"match at {at}  {printable(path)}")
    else:
        typer.echo(f"no match  {printable(path)}")


def _share(video: VideoFingerprint, banked: Sequence[VideoFrame], name: str) -> dict[str, Any] | None:
    mirrored = [
        VideoFrame(frame.number, other, frame.seconds)
        for frame, other in zip(video.frames, video.mirrored, strict=True)
    ]
    both = [shares(frames, banked) for frames in (video.frames, mirrored)]
    best = max(both, key=lambda one: (one.bank, one.query))
    if best.query <= 0 or best.bank < COPY.bank_percent or best.query < COPY.query_percent:
        return None
    return {"entry": name, "bank_percent": round(best.bank, 1), "query_percent": round(best.query, 1)}


def _nearest(found: Sequence[Sequence[Near]]) -> list[tuple[int, str, int]]:
    """Distance, name, and by which fingerprint, of each entry once, nearest first."""
    nearest: dict[str, tuple[int, str, int]] = {}
    for place, near in enumerate(found):
        for distance, name in near:
            nearest[name] = min(nearest.get(name, (distance, name, place)), (distance, name, place))
    return sorted(nearest.values())


def _gate(url: str, key: str, opened: ExitStack) -> Bank:
    gate = opened.enter_context(Gate.from_url(url, key, _SECONDS))

    def near(fingerprints: Sequence[Pdq]) -> list[list[Near]]:
        # What the platform has banked itself has no pseudonym of the hub.
        return [
            [(found.distance, found.entry or f"{found.bank}/{found.content}") for found in answer.matches]
            for answer in looked_up(gate, fingerprints)
        ]

    return Bank(near)


def _file(held: BankFile, radius: int) -> Bank:
    values = np.frombuffer(b"".join(fingerprint.value for fingerprint, _ in held.pictures), np.uint8)
    index = HammingIndex.build(values.reshape(-1, PDQ_BYTES))

    def near(fingerprints: Sequence[Pdq]) -> list[list[Near]]:
        asked = np.frombuffer(b"".join(one.value for one in fingerprints), np.uint8).reshape(-1, PDQ_BYTES)
        found = index.search(asked, radius)
        out: list[list[Near]] = [[] for _ in fingerprints]
        for place in range(len(found)):
            query, row = int(found.query[place]), int(found.row[place])
            if fingerprints[query].quality >= PDQ_MINIMUM_QUALITY:
                out[query].append((int(found.distance[place]), held.pictures[row][1]))
        return out

    return Bank(near, held.videos)
