"""Yesterday's uploads shown to a gate: what would have been blocked, before anybody is. Nothing is told to the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from amparo.bank import Action
from amparo.core.errors import AmparoError
from amparo.gate.answer import Answer
from amparo.gate.client import Gate
from amparo.gate.dry_run import Report, Tally
from amparo.signal.batch import Hashed
from amparo.signal.fingerprint import Pdq

_AT_ONCE: Final = 200


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


def replay(files: Iterable[Hashed], gate: Gate, tally: Tally) -> Replayed:
    """Ask the gate about every fingerprint; a file that cannot be read is counted and the rest still done.

    Raises what ``Gate.look_up`` raises.
    """
    done = Replayed(tally)
    for batch in _batches(files, done):
        for (path, _), answer in zip(batch, gate.look_up([fingerprint for _, fingerprint in batch]), strict=True):
            tally.note(answer)
            if answer.judged is not Action.ALLOW:
                done.stopped.append(Stopped(path, answer))
    return done


def _batches(files: Iterable[Hashed], done: Replayed) -> Iterator[list[tuple[Path, Pdq]]]:
    batch: list[tuple[Path, Pdq]] = []
    for hashed in files:
        outcome = hashed.outcome
        if isinstance(outcome, AmparoError):
            done.unreadable[outcome.code] = done.unreadable.get(outcome.code, 0) + 1
            continue
        batch.append((hashed.path, outcome))
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
