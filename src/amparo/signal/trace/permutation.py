"""A hub's own order of the 128 bits of a descriptor, so that records or gate indexes of two hubs cannot be linked.

The order comes from the hub's key by HMAC-SHA-256 (RFC 2104) as a stream and Fisher and Yates' shuffle, rejecting the
values that would favour some orders. It hides descriptors from whoever lacks the key only as far as bit statistics do
not tell one bit from another: it is a separator between hubs, not encryption (docs/explanation/trace-privacy.md).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput

BITS: Final = 128
LABEL: Final = b"amparo-trace-permutation-1"


def _stream(key: bytes) -> Iterator[int]:
    block = 0
    while True:
        yield from hmac.new(key, LABEL + block.to_bytes(4), hashlib.sha256).digest()
        block += 1


def order_of(key: bytes) -> tuple[int, ...]:
    """Where each bit of a permuted descriptor comes from, the same for the same key.

    Raises InvalidInput ``key_too_short`` for a key below 16 bytes.
    """
    if len(key) < 16:
        raise InvalidInput("key_too_short", "The key of a permutation has at least 16 bytes.")
    stream = _stream(key)
    order = list(range(BITS))
    for last in range(BITS - 1, 0, -1):
        fair = 256 - 256 % (last + 1)
        drawn = next(value for value in stream if value < fair)
        chosen = drawn % (last + 1)
        order[last], order[chosen] = order[chosen], order[last]
    return tuple(order)


def permuted(descriptors: NDArray[np.uint8], order: tuple[int, ...]) -> NDArray[np.uint8]:
    """(N, 16) uint8 with the bits in the hub's order. Distances between descriptors stay what they are."""
    bits = np.unpackbits(descriptors, axis=1)
    return np.packbits(bits[:, np.array(order)], axis=1)
