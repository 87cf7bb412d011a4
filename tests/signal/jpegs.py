"""JPEGs written symbol by symbol, for blocks that no encoder writes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Symbols: TypeAlias = "list[tuple[int, int]]"
"""One block: a DC symbol and AC symbols, each with the bits of its value."""

_AC = [0x00, 0xF0, *(run << 4 | size for run in range(16) for size in range(1, 11))]


def segments(source: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, end, start) of the segments up to the picture data, as far as they can be followed."""
    at = 2
    while at + 4 <= len(source) and source[at] == 0xFF:
        marker, (length,) = source[at + 1], struct.unpack_from(">H", source, at + 2)
        yield marker, min(at + 2 + length, len(source)), at
        if marker == 0xDA:
            return
        at += 2 + max(length, 2)


def written(
    blocks: Sequence[Symbols],
    step: int = 16,
    length: int | None = None,
    *,
    others: Sequence[int] = _AC,
    complete: bool = False,
) -> bytes:
    """A grey JPEG, one row of these blocks.

    step: quantisation; length: of all codes in bits, None for as few as do; others: the AC symbols that have a code, in the
    order of their codes; complete: let DC codes use up all there are, which the standard forbids.
    """
    dc = [*range(12)]
    dc_length, ac_length = (length, length) if length else (4, len(others).bit_length())
    coded = "".join(_coded(block, others, dc_length, ac_length) for block in blocks)
    coded += "1" * (-len(coded) % 8)
    octets = int(coded, 2).to_bytes(len(coded) // 8).replace(b"\xff", b"\xff\0")
    counts = bytearray(16)
    counts[dc_length - 1] = 12
    if complete:
        counts[dc_length] = 8  # the four places left, in halves
        dc += [0] * 8
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\0" + bytes([step] * 64)),
            _segment(0xC0, struct.pack(">BHHB", 8, 8, 8 * len(blocks), 1) + b"\1\x11\0"),
            _segment(0xC4, b"\0" + bytes(counts) + bytes(dc)),
            _segment(
                0xC4, b"\x10" + bytes(len(others) * (number == ac_length) for number in range(1, 17)) + bytes(others)
            ),
            _segment(0xDA, b"\1\1\0\0\x3f\0"),
            octets,
            b"\xff\xd9",
        )
    )


def _coded(block: Symbols, others: Sequence[int], dc_length: int, ac_length: int) -> str:
    (size, value), *following = block
    bits = f"{size:0{dc_length}b}" + _value(value, size)
    return bits + "".join(f"{others.index(one):0{ac_length}b}" + _value(value, one & 15) for one, value in following)


def _value(value: int, size: int) -> str:
    return f"{value:0{size}b}" if size else ""


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body
