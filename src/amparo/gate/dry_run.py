"""What the gate has done with uploads since it was started, or in a dry run would have done: counts, no fingerprints."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from amparo.bank import Action
from amparo.core.clock import to_text
from amparo.gate.answer import Answer


@dataclass(frozen=True, slots=True)
class Report:
    """uploads: all that were asked about; by_action: what policy said; by_bank: uploads that matched there;
    by_distance: of the nearest match, in bits."""

    since: str
    uploads: int
    by_action: Mapping[str, int]
    by_bank: Mapping[str, int]
    by_distance: Mapping[int, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "uploads": self.uploads,
            "by_action": dict(self.by_action),
            "by_bank": dict(self.by_bank),
            "by_distance": {str(distance): count for distance, count in self.by_distance.items()},
        }

    def to_text(self, *, dry_run: bool) -> str:
        """For people, a few lines."""
        did = "would have been" if dry_run else "were"
        lines = [
            f"Uploads since {self.since}: {self.uploads:,}",
            *(f"  {self.by_action.get(action, 0):>9,}  {did} {_PAST[action]}" for action in Action),
        ]
        if self.by_bank:
            lines.append("Matched in:")
            lines += [f"  {count:>9,}  {bank}" for bank, count in sorted(self.by_bank.items())]
        if self.by_distance:
            lines.append("Distance of the nearest match:")
            lines += [f"  {count:>9,}  at {distance} bits" for distance, count in sorted(self.by_distance.items())]
        return "\n".join(lines) + "\n"


_PAST = {Action.ALLOW: "let pass", Action.REVIEW: "sent to people", Action.BLOCK: "blocked"}


class Tally:
    """Counts answers. Safe to use from several threads. Held in memory only."""

    def __init__(self, since: datetime) -> None:
        self._since = to_text(since)
        self._lock = threading.Lock()
        self._actions: Counter[str] = Counter()
        self._banks: Counter[str] = Counter()
        self._distances: Counter[int] = Counter()

    def note(self, answer: Answer) -> None:
        with self._lock:
            self._actions[answer.judged.value] += 1
            if answer.judged is not Action.ALLOW:
                self._banks.update({found.bank for found in answer.matches})
                self._distances.update(found.distance for found in answer.matches[:1])

    def report(self) -> Report:
        with self._lock:
            return Report(
                self._since,
                self._actions.total(),
                {action.value: self._actions[action.value] for action in Action},
                dict(sorted(self._banks.items())),
                dict(sorted(self._distances.items())),
            )
