"""Compile, or load from the compiler's cache, what an answer about an upload runs through.

A gate waits a second and a half for that answer and then lets the upload pass, so the first one must not wait for the compiler.
The person's pages need none of it: it goes on beside them, from the start on.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Final

import numpy as np

from amparo.core.errors import AmparoError
from amparo.core.logs import get_logger
from amparo.hub.context import Hub
from amparo.signal.fingerprint import PDQ_BYTES, Pdq
from amparo.signal.trace import Comparison, QueryRecord, TraceRecord, align, codec, judge
from amparo.signal.trace.detector import UNITS
from amparo.signal.trace.plane import LONG_SIDE
from amparo.signal.trace.record import CELL, DESCRIPTOR_BYTES, HALF_OCTAVES, RECORD_TURNS
from amparo.signal.trace.tiles import COUNT, SIGNS, Tiles

log: Final = get_logger("amparo.hub")

_POINTS: Final = 128
_AFTER: Final = 0.1
"""Seconds: a hub that is stopped at once loads nothing any more."""


class WarmUp:
    """Start it once, as the hub starts; ``stop`` waits for it, but not for the compiler's whole time."""

    def __init__(self, hub: Hub) -> None:
        self._timer = threading.Timer(_AFTER, warm_up, [hub])
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self, seconds: float = 8.0) -> bool:
        """Whether it ended in that time."""
        self._timer.cancel()
        self._timer.join(seconds)
        return not self._timer.is_alive()


def warm_up(hub: Hub) -> None:
    """When this returns, neither a question about an upload nor the first ordinary photo waits for more than the work itself."""
    rehearse()
    try:
        with hub.store.read() as transaction:
            hub.ordinary.alike(hub.vault, transaction, _record())
    except AmparoError as error:
        # The first photo that is registered does it.
        log.warning("warm_up_failed", code=error.code, detail=error.detail)


@cache
def rehearse() -> Comparison:
    """The answer about an upload that is the photo itself, of points that are nowhere; once for each process."""
    record = codec.decode(codec.encode(_record()))
    query = codec.decode_query(codec.encode_query(_upload_of(record)))
    alignment = align(record, query)
    assert alignment is not None  # each of its points lies where it should
    seen = codec.decode_tiles(codec.encode_tiles(Tiles(record.signs, record.energies, np.ones(COUNT, np.bool_))))
    return judge(record, query, alignment, seen)


def _record() -> TraceRecord:
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, (_POINTS, DESCRIPTOR_BYTES), np.uint8)
    rows = rows[sorted(range(_POINTS), key=lambda at: rows[at].tobytes())]
    # As those that are read from bytes: for others, a kernel would be compiled once more.
    rows.flags.writeable = False
    cells = LONG_SIDE // CELL
    return TraceRecord(
        pdq=Pdq(random.bytes(PDQ_BYTES), 0),
        height=LONG_SIDE,
        width=LONG_SIDE,
        columns=random.integers(0, cells, _POINTS, np.uint8),
        rows=random.integers(0, cells, _POINTS, np.uint8),
        turns=random.integers(0, RECORD_TURNS, _POINTS, np.uint8),
        half_octaves=random.integers(0, HALF_OCTAVES, _POINTS, np.uint8),
        descriptors=rows,
        signs=random.integers(-1, 2, (COUNT, SIGNS), np.int8),
        energies=random.integers(8, 24, COUNT, np.uint8),
    )


def _upload_of(record: TraceRecord) -> QueryRecord:
    return QueryRecord(
        pdqs=(record.pdq, record.pdq),
        height=record.height,
        width=record.width,
        x=(record.geometry[:, 0] * UNITS).astype(np.uint16),
        y=(record.geometry[:, 1] * UNITS).astype(np.uint16),
        turns=(record.turns * 2).astype(np.uint8),
        levels=(record.half_octaves * 2).astype(np.uint8),
        descriptors=record.descriptors,
        mirrored=record.descriptors ^ np.uint8(0xFF),
    )
