"""The picture data of a JPEG scan as plain bits: without the zeros stuffed behind 0xFF, parted at the restart markers.

Source: ITU-T T.81, B.1.1.5 and F.1.2.3.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel

_LITTLE: Final = sys.byteorder == "little"
_WHOLE, _BYTE, _HALF, _QUARTER, _ONE, _EIGHTH = (np.uint64(bits) for bits in (64, 8, 32, 16, 1, 3))
_PAIRS: Final = np.uint64(0x0000FFFF0000FFFF)
_SINGLES: Final = np.uint64(0x00FF00FF00FF00FF)
_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = np.uint64(0x8080808080808080)
_BROKEN: Final = -1


@dataclass(frozen=True, slots=True)
class PictureData:
    """words: uint64, each the next 64 bits, the first of them on top; behind the last word of data as many of zeros as were
    asked for. starts: int64, the byte at which each restart interval begins, and then the byte at which the last one ends.
    """

    words: NDArray[np.uint64]
    starts: NDArray[np.int64]


def picture_data(source: bytes, start: int, intervals: int, spare: int) -> PictureData | None:
    """What stands in ``source`` from ``start`` to the end of the image, which has to be there.

    None where the restart markers are not the ``intervals - 1`` that are due, in their order, or where another marker comes
    first or the file ends. spare: words of zeros behind the data. Memory: one copy of the data.
    """
    size = len(source) - start
    if size <= 0 or not 1 <= intervals <= size:
        return None
    # Eight bytes of the file fill at most one word; one more is begun, and ``spare`` follow.
    words = np.empty(size // 8 + 1 + spare, np.uint64)
    starts = np.empty(intervals + 1, np.int64)
    octets, whole = np.frombuffer(source, np.uint8), np.frombuffer(source, np.uint64, len(source) // 8)
    filled = _gather(octets, whole, start, words, starts)
    if filled == _BROKEN:
        return None
    words[filled : filled + spare] = 0
    return PictureData(words[: filled + spare], starts)


@kernel
def _gather(
    octets: NDArray[np.uint8],
    whole: NDArray[np.uint64],
    start: int,
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
) -> int:
    """Fills ``words`` and ``starts``, and tells how many words. Where it reads and writes is bounded by these:

    - ``at`` is below ``len(octets)`` wherever a byte is read, and eight below where a word is: that word is one of ``whole``;
    - ``to`` grows by one for eight bytes read, so it stays within ``words``, which have one for each eight, and one more;
    - ``part`` counts the markers; the one that takes the last place in ``starts`` ends the work.
    """
    at, end, to, part, last = start, len(octets), 0, 0, len(starts) - 2
    gathered, room = np.uint64(0), _WHOLE  # the word begun, and its bits still free: 8, 16, ... 64
    starts[0] = 0
    while at < end:
        if at & 7 == 0 and at + 8 <= end:
            word = whole[at >> 3]
            if (~word - _ONES) & word & _TOPS == 0:  # none of its bytes is 0xFF
                if _LITTLE:
                    word = word << _HALF | word >> _HALF
                    word = (word & _PAIRS) << _QUARTER | (word >> _QUARTER) & _PAIRS
                    word = (word & _SINGLES) << _BYTE | (word >> _BYTE) & _SINGLES
                words[to] = gathered | word >> (_WHOLE - room)
                gathered = word << _ONE << (room - _ONE)
                to += 1
                at += 8
                continue
        byte = octets[at]
        at += 1
        if byte == 0xFF:
            if at == end:
                return _BROKEN
            second = octets[at]
            at += 1
            if second != 0:
                here = 8 * to + 8 - np.int64(room >> _EIGHTH)
                part += 1
                starts[part] = here
                if second == 0xD9 and part == last + 1:
                    words[to] = gathered
                    return to + 1
                if second != 0xD0 + (part - 1 & 7) or part > last:
                    return _BROKEN
                continue
        room -= _BYTE
        gathered |= np.uint64(byte) << room
        if room == 0:
            words[to] = gathered
            gathered, room = np.uint64(0), _WHOLE
            to += 1
    return _BROKEN
