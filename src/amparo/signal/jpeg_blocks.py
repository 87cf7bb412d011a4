"""What the segments of an ordinary JPEG say, read strictly: all that is needed to walk its blocks.

Ordinary is: baseline or extended sequential, eight bits, grey or YCbCr, one scan, luma sampled at least as often as chroma,
Huffman tables without a fault, and nothing between the segments (ITU-T T.81, annex B). It is what cameras, phones and sites
write. Anything else, and anything doubtful, is nothing for this room's short way (``jpeg_skip``) and left to the library,
which knows every variant and has the say on what is broken. Nothing here raises.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LUMA_FACTORS: Final = frozenset({(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4)})
"""Luma's sampling factors, across and down, where chroma has 1 x 1: 4:4:4, 4:2:2, 4:4:0, 4:2:0, 4:1:1 and 4:4:1."""
MOST_DC: Final = 11
MOST_AC: Final = 10
"""Bits of a difference of DC values and of an AC value at eight bits a sample (T.81, F.1.2)."""
_WITHOUT_VALUE: Final = (0x00, 0xF0)
"""The AC symbols for the end of a block and for sixteen zeros."""
_LONGEST_SIDE: Final = 65_500
"""What libjpeg takes, and a little less than sixteen bits could say."""
_MOST_PARTS: Final = 1_000
"""Segments and tables before the picture data. Files have ten to a few hundred, where they carry a second picture in pieces."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """How the blocks of an ordinary JPEG are written.

    across, down: luma blocks in one MCU; the MCUs lie in rows of ``columns``, ``rows`` of them.
    step: luma's quantisation of DC, 1..255; interval: MCUs between two restarts, 0 for none; start: where the picture data begin.
    dc, ac: (tables, 65,536) uint16, by the next sixteen bits of the data: ``symbol << 8 | length`` of the code that they
        begin with, length 1..16; 0 where no code is. DC symbols are 0..11; AC symbols end in 1..10, or are 0x00 or 0xF0.
    tables: which row of these each block of an MCU is written with, luma's blocks first, int64.
    """

    width: int
    height: int
    across: int
    down: int
    step: int
    interval: int
    start: int
    dc: NDArray[np.uint16]
    ac: NDArray[np.uint16]
    tables: NDArray[np.int64]

    @property
    def columns(self) -> int:
        """MCUs in a row."""
        return -(-self.width // (8 * self.across))

    @property
    def rows(self) -> int:
        """Rows of MCUs."""
        return -(-self.height // (8 * self.down))


class _Unusual(Exception):  # never leaves this file
    pass


def blocks_of(source: bytes) -> Blocks | None:
    """The blocks of a JPEG, None for one that is not ordinary. Says nothing of what follows the scan's header."""
    try:
        return _Segments(source).read()
    except (_Unusual, struct.error, IndexError):
        return None


class _Segments:
    """What has been read of one file so far."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._steps: dict[int, int] = {}
        self._codes: dict[int, tuple[NDArray[np.uint8], bytes]] = {}
        self._interval = 0
        self._jfif = False
        self._parts = 0
        self._frame: bytes | None = None

    def read(self) -> Blocks:
        """Segment by segment up to the scan's header. Raises _Unusual, and struct.error or IndexError where bytes are missing."""
        source, at = self._source, 2
        _ordinary(source[:2] == b"\xff\xd8")
        while True:
            self._count()
            marked, marker, length = struct.unpack_from(">BBH", source, at)
            _ordinary(marked == 0xFF and length >= 2 and at + 2 + length <= len(source))
            body, at = source[at + 4 : at + 2 + length], at + 2 + length
            if marker == 0xDA:
                return self._blocks(body, at)
            if marker == 0xDB:
                self._quantisation(body)
            elif marker == 0xC4:
                self._huffman(body)
            elif marker in (0xC0, 0xC1):
                _ordinary(self._frame is None)
                self._frame = body
            elif marker == 0xDD:
                _ordinary(len(body) == 2)
                self._interval = body[0] << 8 | body[1]
            elif marker == 0xE0:
                self._jfif = self._jfif or (body[:5] == b"JFIF\0" and len(body) >= 14)
            elif marker == 0xEE:
                # Adobe's transform 1 is YCbCr.
                _ordinary(body[:5] != b"Adobe" or (len(body) >= 12 and body[11] == 1))
            else:
                _ordinary(0xE0 <= marker <= 0xEF or marker == 0xFE)

    def _count(self) -> None:
        self._parts += 1
        _ordinary(self._parts <= _MOST_PARTS)

    def _quantisation(self, body: bytes) -> None:
        _ordinary(len(body) % 65 == 0)  # 16-bit tables have no place at eight bits a sample
        for at in range(0, len(body), 65):
            self._count()
            _ordinary(body[at] <= 3 and 0 not in body[at + 1 : at + 65])
            self._steps[body[at]] = body[at + 1]

    def _huffman(self, body: bytes) -> None:
        at = 0
        while at < len(body):
            self._count()
            place, counts = body[at], body[at + 1 : at + 17]
            symbols = body[at + 17 : at + 17 + sum(counts)]
            _ordinary(place & 0xEF <= 3 and len(counts) == 16 and len(symbols) == sum(counts) <= 256)
            self._codes[place] = np.frombuffer(counts, np.uint8), symbols
            at += 17 + len(symbols)

    def _blocks(self, scan: bytes, start: int) -> Blocks:
        frame = self._frame
        _ordinary(frame is not None)
        assert frame is not None
        bits, height, width, components = struct.unpack_from(">BHHB", frame)
        _ordinary(bits == 8 and components in (1, 3) and len(frame) == 6 + 3 * components)
        _ordinary(0 < height <= _LONGEST_SIDE and 0 < width <= _LONGEST_SIDE)
        _ordinary(len(scan) == 4 + 2 * components and scan[0] == components and scan[-3:] == b"\0\x3f\0")
        names, tables = frame[6::3], scan[2:-3:2]
        _ordinary(
            scan[1:-3:2] == names and len(set(names)) == components and all(table & 0xCC == 0 for table in tables)
        )
        factors = [(factor >> 4, factor & 15) for factor in frame[7::3]]
        _ordinary(factors[0] in _LUMA_FACTORS and all(one == (1, 1) for one in factors[1:]))
        _ordinary(all(quantiser in self._steps for quantiser in frame[8::3]))
        _ordinary(all(table >> 4 in self._codes and (table & 15 | 16) in self._codes for table in tables))
        if components == 1:
            factors = [(1, 1)]  # a scan of one component is written block by block
        else:
            # As libjpeg tells YCbCr from RGB. Numbers other than 1, 2, 3 without a marker would leave room for doubt.
            _ordinary(self._jfif or names == b"\1\2\3")
        across, down = factors[0]
        kinds = sorted(set(tables))  # Cb and Cr mostly share theirs
        of_blocks = [tables[0]] * (across * down) + [*tables[1:]]
        return Blocks(
            width,
            height,
            across,
            down,
            self._steps[frame[8]],
            self._interval,
            start,
            np.stack([_codes(*self._codes[table >> 4], dc=True) for table in kinds]),
            np.stack([_codes(*self._codes[table & 15 | 16], dc=False) for table in kinds]),
            np.array([kinds.index(table) for table in of_blocks], np.int64),
        )


def _ordinary(is_so: bool) -> None:
    if not is_so:
        raise _Unusual


def _codes(counts: NDArray[np.uint8], symbols: bytes, *, dc: bool) -> NDArray[np.uint16]:
    """For each sixteen bits ``symbol << 8 | length``, 0 where no code is. Codes are given out in order (T.81, annex C), so
    that each takes the next ``2 ** (16 - length)`` places."""
    allowed = all(one <= MOST_DC if dc else 1 <= one & 15 <= MOST_AC or one in _WITHOUT_VALUE for one in symbols)
    lengths = np.repeat(np.arange(1, 17, dtype=np.uint16), counts)
    places = 1 << (16 - lengths.astype(np.int64))
    # Below, not at: no code is all ones, and then no shorter prefix is overfull either.
    _ordinary(allowed and 0 < int(places.sum()) < 65_536)
    table = np.zeros(65_536, np.uint16)
    table[: places.sum()] = np.repeat(np.frombuffer(symbols, np.uint8).astype(np.uint16) << 8 | lengths, places)
    return table
