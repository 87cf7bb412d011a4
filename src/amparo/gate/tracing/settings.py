"""What an operator chooses about uploads that may be altered versions of registered photos."""

from __future__ import annotations

import math
from dataclasses import dataclass

from amparo.core.errors import InvalidInput
from amparo.index.trace import DEFAULT_LEVEL


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """level: score above which an upload is sent on to the hub. share: instead, the part of unrelated uploads that may be sent
    on; the gate finds the level for it by its own uploads, and begins with ``level``. seconds: how long an upload waits for
    each answer of the hub before it passes.

    Raises InvalidInput ``trace_settings_invalid``.
    """

    level: float = DEFAULT_LEVEL
    share: float | None = None
    seconds: float = 1.5

    def __post_init__(self) -> None:
        numbers = (self.level, self.seconds, 0.5 if self.share is None else self.share)
        if not all(map(math.isfinite, numbers)) or self.level < 0 or self.seconds <= 0 or not 0.001 <= numbers[2] < 1:
            raise InvalidInput(
                "trace_settings_invalid",
                "A level is at least 0, a share .001 to 1, and the hub needs some time to answer.",
            )
