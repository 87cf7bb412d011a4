"""The grey plane of an ordinary JPEG at an eighth of its size, from the first coefficient of each block alone.

At that size a pixel is the mean of a block, which is its DC coefficient. The other 63 have to be passed, because nothing says
where a block ends, but not decoded: a table tells for the next twelve bits how many bits, and how many coefficients, the
symbols in them take with all their values, two or three symbols at a time. Bit for bit the plane that libjpeg-turbo decodes,
in half the time.

Only whole, ordinary files come out of here. Wherever the data are not what the standard asks for, there is no plane, and the
library decides what that is (``decode``): nothing here judges a file.

Memory. The kernels check no bounds and the bytes are a stranger's, so every place read or written is bounded by how it is
made, whatever the bytes are; the comments beside say how. Three facts carry them:

1. Tables have a place for each value of the bits that they are looked up with.
2. A block takes ``_BLOCK_BITS`` at most: each step of it takes one to 27 bits and moves on by a coefficient or more.
3. The data are followed by zeros for one block and more, and where a block begins is compared with the end of the data.

Source: ITU-T T.81, annexes C and F; for the value of a pixel libjpeg's ``jidctred.c``.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel, ready
from amparo.signal.decode_header import JpegHeader
from amparo.signal.jpeg_blocks import MOST_AC, MOST_DC, Blocks, blocks_of
from amparo.signal.jpeg_data import picture_data

_Whole: TypeAlias = "int | np.int64"

# What the kernels know by heart stands in this file: numba compiles anew when the file changes, not when another does.
_INDEX: Final = 12
_PLACES: Final = 1 << _INDEX
_STEP_BITS: Final = 21
"""The most bits that an entry of a table takes: three such steps stay within the 64 bits at hand, and leave one."""
_UNTOLD: Final = 128
_ENDED: Final = 256
"""A table's entry is ``reach << 6 | bits``. reach: by how many coefficients (1..63) its symbols move on, ``_ENDED`` more
where the block ends with them, or ``_UNTOLD``. Added to the coefficient where one stands (1..63), that tells three cases apart:
below 64 the block goes on; 64 or ``_ENDED`` to ``_ENDED + 63`` it has ended as it should; else the table cannot say."""
_BLOCK_BITS: Final = 16 + MOST_DC + 63 * (16 + MOST_AC)
_SPARE: Final = (_BLOCK_BITS + 64 + 128) // 64 + 1
"""Words of zeros behind the data: a block that begins at their end, 64 bits looked ahead, and the two words those lie in."""

_TOP: Final = np.uint64(64 - _INDEX)
_TOP_16: Final = np.uint64(48)
_INDEX_64, _ONE, _SIX, _8, _SIXTEEN, _63, _64 = (np.uint64(bits) for bits in (_INDEX, 1, 6, 8, 16, 63, 64))


def eighth(source: bytes, header: JpegHeader) -> NDArray[np.uint8] | None:
    """The plane, (height / 8, width / 8) rounded up, C-contiguous, not yet turned; None for what is not whole and ordinary.

    None too while nothing is compiled. header: what was read of this file before. Raises nothing.
    """
    if not ready():
        return None
    blocks = blocks_of(source)
    if blocks is None or (blocks.width, blocks.height) != (header.width, header.height):
        return None
    try:
        return _plane(source, blocks)
    except MemoryError:
        return None


def _plane(source: bytes, blocks: Blocks) -> NDArray[np.uint8] | None:
    interval = blocks.interval or blocks.rows * blocks.columns
    data = picture_data(source, blocks.start, -(-blocks.rows * blocks.columns // interval), _SPARE)
    if data is None:
        return None
    openings = np.empty((len(blocks.dc), _PLACES), np.int32)
    followings = np.empty((len(blocks.dc), _PLACES), np.uint16)
    for dc, ac, opening, following in zip(blocks.dc, blocks.ac, openings, followings, strict=True):
        _fill(dc, ac, opening, following)
    grey = np.empty((blocks.rows * blocks.down, blocks.columns * blocks.across), np.uint8)
    whole = _walk(
        data.words,
        data.starts,
        interval,
        blocks.rows,
        blocks.columns,
        blocks.down,
        blocks.across,
        blocks.step,
        blocks.tables,
        blocks.dc.ravel(),
        blocks.ac.ravel(),
        openings.ravel(),
        followings.ravel(),
        grey,
    )
    # The last MCUs may reach beyond the picture.
    return np.ascontiguousarray(grey[: -(-blocks.height // 8), : -(-blocks.width // 8)]) if whole else None


@kernel
def _ahead(ac: NDArray[np.uint16], window: int, bits: _Whole, reach: _Whole) -> _Whole:
    """The entry for sixteen bits of which the first twelve are known and ``bits`` are taken: as many whole codes as they hold.

    A code's value need not be among the known bits: it is passed unseen.
    """
    while bits < _INDEX:
        code = np.int64(ac[(window << bits) & 0xFFFF])
        length, size, run = code & 0xFF, (code >> 8) & 15, code >> 12
        if length == 0 or bits + length > _INDEX or bits + length + size > _STEP_BITS or reach + run + 1 > 63:
            break
        bits += length + size
        if code >> 8 == 0:
            return (reach + _ENDED) << 6 | bits
        reach += run + 1
    return reach << 6 | bits if bits > 0 else _UNTOLD << 6


@kernel
def _fill(
    dc: NDArray[np.uint16], ac: NDArray[np.uint16], opening: NDArray[np.int32], following: NDArray[np.uint16]
) -> None:
    """The entries for the beginning of a block, with the difference of its DC value on top (``<< 16``), and for what follows."""
    for index in range(_PLACES):
        window = index << (16 - _INDEX)
        following[index] = _ahead(ac, window, 0, 0)
        code = np.int64(dc[window])
        length, size = code & 0xFF, code >> 8
        if length == 0 or length + size > _INDEX:
            opening[index] = _UNTOLD << 6
        else:
            value = (window >> (16 - length - size)) & ((1 << size) - 1)
            opening[index] = _difference(value, size) << 16 | _ahead(ac, window, length + size, 1)


@kernel
def _difference(value: _Whole, size: _Whole) -> _Whole:
    """T.81's EXTEND: below half of its range a value is negative."""
    return value + 1 - (1 << size) if value < (1 << size) >> 1 else value


@kernel
def _bits_at(words: NDArray[np.uint64], at: np.uint64) -> np.uint64:
    """The 64 bits from bit ``at`` on."""
    place, low = at >> _SIX, at & _63
    return words[place] << low | words[place + _ONE] >> _ONE >> (_63 - low)


@kernel
def _walk(
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    interval: int,
    rows: int,
    columns: int,
    down: int,
    across: int,
    step: int,
    tables: NDArray[np.int64],
    dc: NDArray[np.uint16],
    ac: NDArray[np.uint16],
    opening: NDArray[np.int32],
    following: NDArray[np.uint16],
    grey: NDArray[np.uint8],
) -> bool:
    """Fills ``grey``, (rows * down, columns * across); False where the data are not whole.

    tables: which of the tables each block of an MCU is written with, luma's blocks first.
    """
    at = edge = end = np.uint64(0)
    bits = np.uint64(0)  # those from ``at`` to ``edge``, on top; further bits are zero, or those of the data
    left = part = value = 0
    for row in range(rows):
        for column in range(columns):
            if left == 0:
                if part > 0 and not _is_end(at, end):
                    return False
                # One begins after every ``interval`` MCUs; ``starts`` was made for as many, and one more.
                at, end = np.uint64(starts[part] * 8), np.uint64(starts[part + 1] * 8)
                bits, edge, value = np.uint64(0), at, 0
                part += 1
                left = interval
            left -= 1
            for block in range(len(tables)):
                if at > end:
                    return False  # or what follows could go beyond the spare words
                # Between two of these 1 to 63 bits are taken: one to three steps of ``_STEP_BITS``, or a code and its value.
                bits |= _bits_at(words, edge) >> (edge - at)
                edge = at + _64
                table = np.uint64(tables[block])
                told = np.int64(opening[table << _INDEX_64 | bits >> _TOP])
                taken, reached, difference = told & 63, (told >> 6) & 1023, told >> 16
                if reached == _UNTOLD:
                    code = np.int64(dc[table << _SIXTEEN | bits >> _TOP_16])
                    length, size = code & 0xFF, code >> 8
                    if length == 0:
                        return False
                    difference = _difference(np.int64(bits << np.uint64(length) >> _ONE >> np.uint64(63 - size)), size)
                    taken, reached = length + size, 1
                bits <<= np.uint64(taken)
                at += np.uint64(taken)
                if block < down * across:
                    value += difference
                    pixel = ((value * step + 4) >> 3) + 128
                    # Far outside, libjpeg's pixels come round again. No picture has such values, so let it.
                    if pixel < -384 or pixel > 639:
                        return False
                    grey[row * down + block // across, column * across + block % across] = min(max(pixel, 0), 255)
                if reached >= _ENDED:
                    continue
                coefficient = reached  # the next one: 1..63
                while True:
                    bits |= _bits_at(words, edge) >> (edge - at)
                    edge = at + _64
                    for _ in range(3):
                        told = np.int64(following[table << _INDEX_64 | bits >> _TOP])
                        reached = coefficient + (told >> 6)
                        if reached > 63:
                            break
                        coefficient = reached
                        bits <<= np.uint64(told & 63)
                        at += np.uint64(told & 63)
                    if reached < 64:
                        continue
                    if reached == 64 or _ENDED <= reached < _ENDED + 64:
                        bits <<= np.uint64(told & 63)
                        at += np.uint64(told & 63)
                        break
                    # One symbol by itself: its code is a long one, or the table looked beyond the block's end.
                    bits, edge = _bits_at(words, at), at + _64
                    code = np.int64(ac[table << _SIXTEEN | bits >> _TOP_16])
                    if code == 0:
                        return False
                    taken = (code & 0xFF) + ((code >> 8) & 15)
                    bits <<= np.uint64(taken)
                    at += np.uint64(taken)
                    if code >> 8 == 0:
                        break
                    coefficient += (code >> 12) + 1
                    if coefficient > 64:
                        return False
                    if coefficient == 64:
                        break
    return _is_end(at, end)


@kernel
def _is_end(at: np.uint64, end: np.uint64) -> bool:
    """Whether what is left is less than a byte: the bits with which the last one was filled up."""
    return bool(at <= end and end - at < _8)
