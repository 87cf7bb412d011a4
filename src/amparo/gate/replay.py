"""Yesterday's uploads shown to a gate: what would have been blocked, before anybody is. Nothing is told to the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from amparo.bank import Action
from amparo.core.errors import AmparoError
from amparo.gate.answer import Answer, nearest_of_each
from amparo.gate.checker import strictest
from amparo.gate.client import Gate
from amparo.gate.dry_run import Report, Tally
from amparo.signal.fingerprint import Pdq

_AT_ONCE: Final = 1000
"""Fingerprints that a gate is asked about in one request."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An upload of the past. looks: the fingerprints that a gate would look it up by, its own first (a picture's turns and
    mirrors, a video's frames and their mirror images), or why there are none."""

    path: Path
    looks: Sequence[Pdq] | AmparoError


@dataclass(frozen=True, slots=True)
class Stopped:
    """An upload that would not have passed."""

    path: Path
    answer: Answer


@dataclass(slots=True)
class Replayed:
    """What came of a replay; ``unreadable``: files by the code of why they could not be read."""

    tally: Tally
    stopped: list[Stopped] = field(default_factory=list[Stopped])
    unreadable: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def report(self) -> Report:
        return self.tally.report()

    def to_json(self) -> dict[str, Any]:
        return {
            **self.report.to_json(),
            "unreadable": self.unreadable,
            "stopped": [
                {
                    "path": str(one.path),
                    "verdict": one.answer.judged.value,
                    "bank": one.answer.matches[0].bank,
                    "distance": one.answer.matches[0].distance,
                }
                for one in self.stopped
            ],
        }

    def to_text(self) -> str:
        lines = [self.report.to_text(dry_run=True).rstrip("\n")]
        lines += [f"  {count:>9,}  could not be read: {code}" for code, count in sorted(self.unreadable.items())]
        lines += [
            f"{one.answer.judged.value}: {one.path} ({one.answer.matches[0].distance} bits, {one.answer.matches[0].bank})"
            for one in self.stopped
        ]
        return "\n".join(lines) + "\n"


def replay(uploads: Iterable[Shown], gate: Gate, tally: Tally) -> Replayed:
    """Ask the gate about every upload; a file that cannot be read is counted and the rest still done.

    Raises what ``Gate.look_up`` raises.
    """
    done = Replayed(tally)
    for batch in _batches(uploads, done):
        answers = iter(looked_up(gate, [one for _, looks in batch for one in looks]))
        for path, looks in batch:
            answer = together(list(islice(answers, len(looks))))
            tally.note(answer)
            if answer.judged is not Action.ALLOW:
                done.stopped.append(Stopped(path, answer))
    return done


def looked_up(gate: Gate, fingerprints: Sequence[Pdq]) -> list[Answer]:
    """``Gate.look_up`` of any number. Raises as that does."""
    parts = range(0, len(fingerprints), _AT_ONCE)
    return [answer for start in parts for answer in gate.look_up(fingerprints[start : start + _AT_ONCE])]


def together(answers: Sequence[Answer]) -> Answer:
    """The one answer for an upload that was asked about by several fingerprints, its own first: the strictest verdict, and each
    content by the nearest of them."""
    matches = nearest_of_each(found for answer in answers for found in answer.matches)
    would = strictest([answer.judged for answer in answers])
    action = strictest([answer.action for answer in answers])
    return Answer(action, tuple(matches), answers[0].quality, None if would is action else would)


def _batches(uploads: Iterable[Shown], done: Replayed) -> Iterator[list[tuple[Path, Sequence[Pdq]]]]:
    batch: list[tuple[Path, Sequence[Pdq]]] = []
    for shown in uploads:
        if isinstance(shown.looks, AmparoError):
            code = shown.looks.code
            done.unreadable[code] = done.unreadable.get(code, 0) + 1
        elif shown.looks:
            batch.append((shown.path, shown.looks))
        if sum(len(looks) for _, looks in batch) >= _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
