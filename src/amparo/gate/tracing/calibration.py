"""The level from which uploads are sent on, found by this gate's own uploads.

Scores depend on which photos are registered and on what a site's people upload, so a level that was measured elsewhere is a
guess. Kept are the best scores of the last uploads that the hub has not called related: numbers, nothing of the pictures.
What shows a registered photo is left out, so that a flood of altered uploads does not lift the level above itself.
"""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from pathlib import Path
from typing import Any, Final, cast

from amparo.core.keys import write_private
from amparo.gate.tracing.settings import TraceSettings
from amparo.index.trace import level_for

_FILE: Final = "trace-scores.json"
_KEPT: Final = 10_000
_ENOUGH: Final = 5
"""Uploads expected above the level before it is believed."""
_EVERY: Final = 100
"""Uploads between two looks at the level."""


class Calibration:
    """Any thread may ask and note. Without a share the level is the operator's and nothing is kept.

    Durability: the scores are written when ``keep`` is called and read at the start; losing them costs a new beginning.
    """

    def __init__(self, settings: TraceSettings, folder: Path) -> None:
        self._share = settings.share
        self._path = folder / _FILE
        self._noting = threading.Lock()
        self._level = settings.level
        self._since = 0
        self._scores = deque(_read(self._path) if self._share is not None else (), _KEPT)
        self._find()

    @property
    def level(self) -> float:
        return self._level

    def note(self, score: float) -> None:
        """The best score of an upload that is not known to show a registered photo."""
        if self._share is None:
            return
        with self._noting:
            self._scores.append(score)
            self._since += 1
            if self._since >= _EVERY:
                self._since = 0
                self._find()

    def keep(self) -> None:
        """Write the scores for the next start. Best effort: a full disk must not keep a gate from stopping."""
        if self._share is None:
            return
        with self._noting:
            told = json.dumps([round(score, 4) for score in self._scores])
        try:
            write_private(self._path, told.encode("ascii"))
        except OSError:
            return

    def _find(self) -> None:
        if self._share is not None and len(self._scores) * self._share >= _ENOUGH:
            self._level = level_for(self._scores, self._share)


def _read(path: Path) -> list[float]:
    try:
        told = cast("list[Any]", json.loads(path.read_bytes()))
        scores = [float(score) for score in told]
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return []
    return [score for score in scores if math.isfinite(score) and score >= 0]
