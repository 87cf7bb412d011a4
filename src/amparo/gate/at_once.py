"""The two questions that come thousands of times a second, answered from their bytes: no request object, no task.

What is asked in any but the plainest spelling, without the right, or about nonsense is not answered here: the routes of
``amparo.gate.api`` and ``amparo.gate.hma`` do that, so that every error is told in one place.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any, Final, cast

from amparo.core.errors import AmparoError
from amparo.gate.access import Access, Role
from amparo.gate.api import MAXIMUM_LOOKUPS, looked_up
from amparo.gate.checker import SEEN
from amparo.gate.hma.matching import by_bank
from amparo.gate.local_banks import PDQ
from amparo.gate.metrics import Metrics
from amparo.gate.runtime import GateRuntime
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS

_DIGITS: Final = 2 * PDQ_BYTES
_BODY_BYTES: Final = MAXIMUM_LOOKUPS * 200
_NOT_HEX: Final = {ord(digit): None for digit in "0123456789abcdef"}
_SIGNAL: Final = b"signal="
_TYPE: Final = b"signal_type=pdq"


class AtOnce:
    """Lookups by fingerprint. On the event loop only."""

    def __init__(self, gate: GateRuntime, access: Access, metrics: Metrics) -> None:
        self._gate = gate
        self._checker = gate.checker
        self._access = access
        self._metrics = metrics

    def answer(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> bytes | None:
        """The JSON of the 200 answer, or None where the routes have to answer; then nothing was done or counted.

        url: path and query as they came; headers: the first of each name, in lower case.
        """
        path, _, query = url.partition(b"?")
        if method == b"GET" and path == b"/m/lookup" and not body:
            answered = self._lookup
            asked = query
        elif method == b"POST" and url == b"/v1/lookup" and len(body) <= _BODY_BYTES:
            answered = self._lookups
            asked = body
        else:
            return None
        try:
            self._access.admit(headers.get(b"authorization", b"").decode("latin-1"), Role.MATCH)
            return answered(asked)
        except (AmparoError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _lookup(self, query: bytes) -> bytes | None:
        """HMA's ``GET /m/lookup?signal=...&signal_type=pdq``, the two in either order and nothing else."""
        one, _, other = query.partition(b"&")
        if one == _TYPE:
            one, other = other, one
        if other != _TYPE or not one.startswith(_SIGNAL):
            return None
        digits = one[len(_SIGNAL) :]
        value = bytes.fromhex(digits.decode("ascii"))
        if len(digits) != _DIGITS or len(value) != PDQ_BYTES or self._checker.dry_run:
            return None
        if not self._gate.local.ratio_of(f"signal {PDQ}") > 0:
            return None
        # As in the route: HMA's coin, which no security hangs on.
        found = self._checker.find(value, PDQ_MATCH_RADIUS, max(SEEN, random.random())).get(0)  # noqa: S311
        answer = json.dumps(by_bank(found), separators=(",", ":")).encode() if found else b"{}"
        self._metrics.lookups.inc()
        return answer

    def _lookups(self, body: bytes) -> bytes | None:
        wanted = cast("list[dict[str, Any]]", json.loads(body)["fingerprints"])
        digits = [one["value"] for one in wanted]
        qualities = [one.get("quality", 100) for one in wanted]
        joined = "".join(digits)
        if (
            not 1 <= len(digits) <= MAXIMUM_LOOKUPS
            or set(map(len, digits)) != {_DIGITS}
            or set(map(type, qualities)) != {int}
            or not 0 <= min(qualities) <= max(qualities) <= 100
            or joined.translate(_NOT_HEX)
        ):
            return None
        answer = looked_up(self._checker, bytes.fromhex(joined), qualities)
        self._metrics.lookups.inc(len(qualities))
        return answer
