"""Bytes of records, queries and tiles. Big-endian; spec/trace.md, section 6.

::

    record  "AMTR" 01 | height u16 | width u16 | quality u8 | pdq 32 | count u16
            | tiles 256 x 18 bits (13: signs in base 3, 5: energy) = 576
            | keypoints: count x 20 bits (6 column, 6 row, 5 turn, 3 half octave), padded with zero bits to a byte
            | descriptors: count x 16, strictly ascending                                     at most 5,356 bytes
    query   "AMTQ" 01 | height u16 | width u16 | (quality u8 | pdq 32) x 2 | count u16
            | count x (x u16 | y u16 | turn u8 | level u8 | descriptor 16 | mirrored 16)
    tiles   "AMTT" 01 | 256 x 19 bits (13: signs, 5: energy, 1: visible) = 608

A parser accepts exactly what an encoder writes: one value has one spelling.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace.detector import LEVELS, UNITS
from amparo.signal.trace.extract import QUERY_QUOTAS
from amparo.signal.trace.pattern import TURNS
from amparo.signal.trace.plane import LONG_SIDE, SMALLEST_PLANE
from amparo.signal.trace.record import DESCRIPTOR_BYTES, MOST_KEYPOINTS, QueryRecord, TraceRecord, invalid
from amparo.signal.trace.tiles import COUNT, MOST_ENERGY, SIGNS, Tiles

VERSION: Final = 1
RECORD_MAGIC: Final = b"AMTR"
QUERY_MAGIC: Final = b"AMTQ"
TILES_MAGIC: Final = b"AMTT"
MOST_RECORD_BYTES: Final = 6144

_RECORD: Final = struct.Struct(">4sBHHB32sH")
_QUERY: Final = struct.Struct(">4sBHHB32sB32sH")
_TILES: Final = struct.Struct(">4sB")
_POWERS: Final = 3 ** np.arange(SIGNS, dtype=np.int64)
_MOST_SIGNS: Final = 3**SIGNS
_POINT: Final = np.dtype(
    [("x", ">u2"), ("y", ">u2"), ("turn", "u1"), ("level", "u1"), ("bits", "u1", 16), ("mirror", "u1", 16)]
)


def _packed(fields: list[tuple[NDArray[np.int64], int]]) -> bytes:
    """Rows of unsigned fields as one bit string, first field first, highest bit first, zero bits to the byte's end."""
    columns = [(values[:, None] >> np.arange(width - 1, -1, -1)) & 1 for values, width in fields]
    return np.packbits(np.concatenate(columns, axis=1).astype(np.uint8).ravel()).tobytes()


def _unpacked(source: bytes, count: int, widths: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """Inverse of ``_packed``; raises where the padding is not zero."""
    bits = np.unpackbits(np.frombuffer(source, np.uint8))
    used = count * sum(widths)
    if bits[used:].any():
        raise invalid("A trace's padding is not zero.")
    rows = bits[:used].reshape(count, sum(widths)).astype(np.int64)
    out: list[NDArray[np.int64]] = []
    at = 0
    for width in widths:
        out.append(rows[:, at : at + width] @ (1 << np.arange(width - 1, -1, -1, dtype=np.int64)))
        at += width
    return out


def _sign_codes(signs: NDArray[np.int8]) -> NDArray[np.int64]:
    return (signs.astype(np.int64) + 1) @ _POWERS


def _signs(codes: NDArray[np.int64]) -> NDArray[np.int8]:
    if len(codes) and int(codes.max()) >= _MOST_SIGNS:
        raise invalid("A tile of the trace has an impossible sign.")
    return (codes[:, None] // _POWERS % 3 - 1).astype(np.int8)


def encode(record: TraceRecord) -> bytes:
    """The bytes of a record, at most 5,356."""
    head = _RECORD.pack(
        RECORD_MAGIC,
        VERSION,
        record.height,
        record.width,
        record.pdq.quality,
        record.pdq.value,
        len(record.descriptors),
    )
    tiles = _packed([(_sign_codes(record.signs), 13), (record.energies.astype(np.int64), 5)])
    points = _packed(
        [
            (record.columns.astype(np.int64), 6),
            (record.rows.astype(np.int64), 6),
            (record.turns.astype(np.int64), 5),
            (record.half_octaves.astype(np.int64), 3),
        ]
    )
    return head + tiles + points + record.descriptors.tobytes()


def decode(source: bytes) -> TraceRecord:
    """Inverse of ``encode``. Raises InvalidInput ``trace_version`` for another version, ``trace_invalid`` for all else."""
    if len(source) > MOST_RECORD_BYTES:
        raise invalid("The trace is too long.", f"{len(source)} bytes")
    head = _opened(source, _RECORD, RECORD_MAGIC)
    height, width, quality, value, count = head
    tile_bytes, point_bytes = COUNT * 18 // 8, (count * 20 + 7) // 8
    if count > MOST_KEYPOINTS or len(source) != _RECORD.size + tile_bytes + point_bytes + count * DESCRIPTOR_BYTES:
        raise invalid("The length of the trace is not what its count of keypoints says.")
    if count == 0:
        raise invalid("The trace has no keypoints.")
    at = _RECORD.size
    codes, energies = _unpacked(source[at : at + tile_bytes], COUNT, (13, 5))
    at += tile_bytes
    columns, rows, turns, half_octaves = _unpacked(source[at : at + point_bytes], count, (6, 6, 5, 3))
    at += point_bytes
    return TraceRecord(
        pdq=_pdq(value, quality),
        height=height,
        width=width,
        columns=columns.astype(np.uint8),
        rows=rows.astype(np.uint8),
        turns=turns.astype(np.uint8),
        half_octaves=half_octaves.astype(np.uint8),
        descriptors=np.frombuffer(source[at:], np.uint8).reshape(count, DESCRIPTOR_BYTES),
        signs=_signs(codes),
        energies=energies.astype(np.uint8),
    )


def descriptors_of(source: bytes) -> NDArray[np.uint8]:
    """(N, 16) uint8: the descriptors of bytes that ``encode`` wrote, without a look at the rest. Nothing is checked."""
    count = int(_RECORD.unpack_from(source)[-1])
    return np.frombuffer(source, np.uint8)[-count * DESCRIPTOR_BYTES :].reshape(count, DESCRIPTOR_BYTES)


def encode_query(query: QueryRecord) -> bytes:
    """The bytes of an upload's keypoints, at most 56,317; its pixels are not among them."""
    points = np.zeros(len(query), _POINT)
    for name, values in (("x", query.x), ("y", query.y), ("turn", query.turns), ("level", query.levels)):
        points[name] = values
    points["bits"], points["mirror"] = query.descriptors, query.mirrored
    one, two = query.pdqs
    head = _QUERY.pack(
        QUERY_MAGIC, VERSION, query.height, query.width, one.quality, one.value, two.quality, two.value, len(query)
    )
    return head + points.tobytes()


def decode_query(source: bytes) -> QueryRecord:
    """Inverse of ``encode_query``, without pixels. Raises as ``decode`` does."""
    height, width, q1, v1, q2, v2, count = _opened(source, _QUERY, QUERY_MAGIC)
    if count > sum(QUERY_QUOTAS) or len(source) != _QUERY.size + count * _POINT.itemsize:
        raise invalid("The length of the query is not what its count of keypoints says.")
    if max(height, width) != LONG_SIDE or min(height, width) < SMALLEST_PLANE:
        raise invalid("The size of a query's plane is off.")
    points = np.frombuffer(source[_QUERY.size :], _POINT)
    outside = (
        (points["x"] >= width * UNITS)
        | (points["y"] >= height * UNITS)
        | (points["turn"] >= TURNS)
        | (points["level"] >= LEVELS)
    )
    if outside.any():
        raise invalid("A keypoint of the query lies outside the picture.")
    return QueryRecord(
        pdqs=(_pdq(v1, q1), _pdq(v2, q2)),
        height=height,
        width=width,
        x=points["x"].astype(np.uint16),
        y=points["y"].astype(np.uint16),
        turns=points["turn"].copy(),
        levels=points["level"].copy(),
        descriptors=np.ascontiguousarray(points["bits"]),
        mirrored=np.ascontiguousarray(points["mirror"]),
    )


def encode_tiles(tiles: Tiles) -> bytes:
    """613 bytes: an upload's tiles in a registered picture's frame."""
    fields = [
        (_sign_codes(tiles.signs), 13),
        (tiles.energies.astype(np.int64), 5),
        (tiles.visible.astype(np.int64), 1),
    ]
    return _TILES.pack(TILES_MAGIC, VERSION) + _packed(fields)


def decode_tiles(source: bytes) -> Tiles:
    """Inverse of ``encode_tiles``. Raises as ``decode`` does."""
    _opened(source, _TILES, TILES_MAGIC)
    if len(source) != _TILES.size + COUNT * 19 // 8:
        raise invalid("The tiles have the wrong length.")
    codes, energies, visible = _unpacked(source[_TILES.size :], COUNT, (13, 5, 1))
    if int(energies.max()) > MOST_ENERGY:
        raise invalid("A tile has an impossible energy.")
    return Tiles(_signs(codes), energies.astype(np.uint8), visible.astype(np.bool_))


def _opened(source: bytes, head: struct.Struct, magic: bytes) -> tuple[Any, ...]:
    """The header's fields after magic and version."""
    if len(source) < head.size or source[:4] != magic:
        raise invalid("This is not a trace.")
    if source[4] != VERSION:
        raise InvalidInput("trace_version", f"Traces of version {VERSION} are read, this one says {source[4]}.")
    return head.unpack_from(source)[2:]


def _pdq(value: bytes, quality: int) -> Pdq:
    if quality > 100:
        raise invalid("The quality of a fingerprint lies between 0 and 100.")
    return Pdq(value, quality)
