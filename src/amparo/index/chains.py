"""Growing: new rows hung into the delta's chains (``delta.Delta``), in about a microsecond each."""

from __future__ import annotations

from typing import Final

from amparo.core.kernels import deferred, kernel
from amparo.index.bands import permute_to
from amparo.index.protocol import Numbers, Words
from amparo.index.schedule import PLACES, SMALL_BANDS, SMALL_BUCKETS

load_u8, load_u16, publish_u16 = (
    deferred("amparo.index.vector", name) for name in ("load_u8", "load_u16", "publish_u16")
)

# What a delta keeps of itself in one array, because a call with an array takes four times as long as one with a number, and
# rows mostly come one by one: where its arrays lie, and how many nodes are in use.
ROWS: Final = 0
SIGNATURES: Final = 1
IDS: Final = 2
FOLLOWING: Final = 3
HEADS: Final = 4
FILLED: Final = 5
NODES: Final = 6


@kernel
def take_in(rows: Words, delta: Numbers, chained: int, start: int) -> bool:
    """Permute rows into the delta from its row ``start`` on, and hang them into its chains. Returns whether all have even weight.

    rows: no more than there is room for; delta: the words named above; chained: how many rows are in their chains.
    """
    even = permute_to(rows, delta[ROWS] + 32 * start)
    chain(delta, chained, start + rows.shape[0])
    return even


@kernel
def chain(delta: Numbers, start: int, end: int) -> None:
    """Hang the delta's rows ``start`` to ``end`` into their chains."""
    nodes = delta[NODES]
    for row in range(start, end):
        at = delta[ROWS] + 32 * row
        for band in range(SMALL_BANDS):
            ahead = load_u8(at + ((band + 1) & (SMALL_BANDS - 1)))
            beyond = load_u8(at + ((band + 2) & (SMALL_BANDS - 1)))
            key = 2 * (band * SMALL_BUCKETS + load_u8(at + band))
            place = load_u16(delta[FILLED] + key)
            node = load_u16(delta[HEADS] + key)
            if place == PLACES:
                publish_u16(delta[FOLLOWING] + 2 * nodes, node)
                node = nodes
                nodes += 1
                place = 0
                publish_u16(delta[HEADS] + key, node)
            spot = 2 * (node * PLACES + place)
            publish_u16(delta[SIGNATURES] + spot, ahead | (beyond << 8))
            publish_u16(delta[IDS] + spot, row)
            publish_u16(delta[FILLED] + key, place + 1)
    delta[NODES] = nodes
