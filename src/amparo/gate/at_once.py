"""The two questions that come thousands of times a second, answered from their bytes: no request object, no task.

What is asked in any but the plainest spelling, without the right, or about nonsense is not answered here: the routes of
``amparo.gate.api`` and ``amparo.gate.hma`` do that, so that every error is told in one place.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, cast

from amparo.core.errors import AmparoError
from amparo.gate.access import Access, Role
from amparo.gate.answer import Found
from amparo.gate.api import MAXIMUM_LOOKUPS, results_json
from amparo.gate.checker import SEEN
from amparo.gate.hma.matching import by_bank
from amparo.gate.local_banks import PDQ
from amparo.gate.metrics import Metrics
from amparo.gate.runtime import GateRuntime
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS

_AT_ONCE: Final = 1024
"""Fingerprints after which others have their turn: some ten milliseconds."""
_DIGITS: Final = 2 * PDQ_BYTES
_BODY_BYTES: Final = MAXIMUM_LOOKUPS * 200
_NOT_HEX: Final = {ord(digit): None for digit in "0123456789abcdef"}
_SIGNAL: Final = b"signal="
_TYPE: Final = b"signal_type=pdq"


@dataclass(frozen=True, slots=True)
class Asked:
    """values: fingerprints, one after the other. qualities: theirs; None: HMA's question, about one."""

    values: bytes
    qualities: Sequence[int] | None = None


class AtOnce:
    """Lookups by fingerprint. On the event loop only."""

    def __init__(self, gate: GateRuntime, access: Access, metrics: Metrics) -> None:
        self._gate = gate
        self._checker = gate.checker
        self._access = access
        self._metrics = metrics

    def question(self, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes) -> Asked | None:
        """What ``answers`` answers, or None where the routes have to; nothing is done or counted.

        url: path and query as they came; headers: the first of each name, in lower case.
        """
        path, _, query = url.partition(b"?")
        if method == b"GET" and path == b"/m/lookup" and not body:
            read, asked = self._one, query
        elif method == b"POST" and url == b"/v1/lookup" and len(body) <= _BODY_BYTES:
            read, asked = self._several, body
        else:
            return None
        try:
            self._access.admit(headers.get(b"authorization", b"").decode("latin-1"), Role.MATCH)
            return read(asked)
        except (AmparoError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def answers(self, asked: Sequence[Asked]) -> list[bytes]:
        """The JSON of the 200 answers to the first of these, at least to one.

        Raises as ``Checker.find`` does; then nothing was counted.
        """
        if len(asked) == 1:
            answers = [self._answer(asked[0])]
            self._metrics.lookups.inc(len(asked[0].values) // PDQ_BYTES)
            return answers
        sizes = list(accumulate(len(one.values) // PDQ_BYTES for one in asked))
        taken = asked[: max(1, sum(size <= _AT_ONCE for size in sizes))]
        ones = iter(self._of_ones([one.values for one in taken if one.qualities is None]))
        several = iter(self._of_several([(one.values, one.qualities) for one in taken if one.qualities is not None]))
        answers = [next(ones if one.qualities is None else several) for one in taken]
        self._metrics.lookups.inc(sizes[len(taken) - 1])
        return answers

    def _answer(self, asked: Asked) -> bytes:
        if asked.qualities is not None:
            return results_json(self._checker, self._checker.find(asked.values), asked.qualities)
        found = self._checker.find(asked.values, PDQ_MATCH_RADIUS, _coin())
        return _bank_json(found[0]) if found else b"{}"

    def _of_ones(self, values: Sequence[bytes]) -> list[bytes]:
        if not values:
            return []
        found = self._checker.find(b"".join(values), PDQ_MATCH_RADIUS, [_coin() for _ in values])
        return [_bank_json(found[place]) if place in found else b"{}" for place in range(len(values))]

    def _of_several(self, asked: Sequence[tuple[bytes, Sequence[int]]]) -> list[bytes]:
        if not asked:
            return []
        found = self._checker.find(b"".join(values for values, _ in asked))
        answers: list[bytes] = []
        first = 0
        for _, qualities in asked:
            own: dict[int, list[Found]] = {}
            if found:
                own = {place: found[first + place] for place in range(len(qualities)) if first + place in found}
            answers.append(results_json(self._checker, own, qualities))
            first += len(qualities)
        return answers

    def _one(self, query: bytes) -> Asked | None:
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
        return Asked(value) if self._gate.local.ratio_of(f"signal {PDQ}") > 0 else None

    def _several(self, body: bytes) -> Asked | None:
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
        return Asked(bytes.fromhex(joined), qualities)


def _coin() -> float:
    # As in the route: HMA's coin, which no security hangs on.
    return max(SEEN, random.random())  # noqa: S311


def _bank_json(found: Sequence[Found]) -> bytes:
    return json.dumps(by_bank(found), separators=(",", ":")).encode()
