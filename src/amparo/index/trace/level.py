"""From which score an upload is sent on to the hub's verifier.

The level is set by uploads that have nothing to do with any registered photo: it is the score that a given share of them
exceeds. The figure here was measured at 50,000 (benchmarks/trace_gate.py), with photos that were made up to fill the pool. In a
smaller pool an expectation stands in for those that are missing (``background``). Lower is safer for the person and costs the
hub questions; an operator to whom that matters gives a share, and the gate finds the level for it by its own uploads
(``gate.tracing.calibration``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from amparo.core.errors import InvalidInput

SENT_ON: Final = 0.01
"""Share of unrelated uploads that the default level sends on at 50,000 registered photos."""
DEFAULT_LEVEL: Final = 1.15
"""Score above which an upload is sent on, where an operator chooses nothing."""


def level_for(scores: Sequence[float], sent_on: float = SENT_ON) -> float:
    """The lowest level that at most ``sent_on`` of these best scores of unrelated uploads exceed.

    Raises InvalidInput ``calibration_too_small`` where there are fewer than 1 / sent_on uploads: a quantile of fewer says
    nothing.
    """
    if not 0 < sent_on < 1 or len(scores) < 1 / sent_on:
        raise InvalidInput("calibration_too_small", "Too few unrelated uploads to set a level by.")
    ordered = np.sort(np.asarray(scores, np.float64))
    return float(ordered[len(ordered) - 1 - int(sent_on * len(ordered))])
