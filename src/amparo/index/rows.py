"""The border of the room: everything that comes in is checked here, once, before any kernel sees its
address."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import numpy.typing as npt

from amparo.core.errors import InvalidInput, NotFound
from amparo.index.protocol import MAXIMUM_RADIUS, Numbers, Rows, Words

WORDS: Final = 4
BYTES: Final = 32
_ONE: Final = (WORDS,)
_UINT64: Final = np.dtype(np.uint64)


def _invalid(public: str) -> InvalidInput:
    return InvalidInput("rows_invalid", public)


def as_words(rows: Rows) -> Words:
    """(N, 4) uint64 of fingerprints given as (N, 4) or (4,) uint64, (N, 32) or (32,) uint8.

    Distances do not depend on the order of the bytes in a word, so bytes are read in the machine's own
    order. Copies only what is read-only or not aligned to words: kernels are compiled for the ordinary case.
    Raises InvalidInput ``rows_invalid`` for another type, shape or byte order, or an array that is not
    C-contiguous.
    """
    if not isinstance(rows, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers are not all checked
        raise _invalid("Fingerprints are given as a numpy array.")
    if rows.dtype is _UINT64 and rows.flags.carray:
        # What comes one by one, thousands of times a second, has no time for more questions.
        shape = rows.shape
        if shape == _ONE:
            return cast("Words", rows[np.newaxis])
        if shape[1:] == _ONE:
            return cast("Words", rows)
    return _reshaped(rows)


def _reshaped(rows: Rows) -> Words:
    if rows.dtype == np.uint64 and rows.dtype.isnative:
        width = WORDS
    elif rows.dtype == np.uint8:
        width = BYTES
    else:
        raise _invalid(f"Fingerprints are uint64 or uint8, not {rows.dtype}.")
    if rows.ndim not in (1, 2) or rows.shape[-1] != width:
        raise _invalid(f"Fingerprints of {rows.dtype} have the shape (N, {width}), not {rows.shape}.")
    if not rows.flags.c_contiguous:
        raise _invalid("Fingerprints lie C-contiguous in memory; np.ascontiguousarray makes them so.")
    words = rows.reshape(-1, width).view(np.uint64)
    return words if words.flags.carray else words.copy()


def checked_radius(radius: int, maximum: int = MAXIMUM_RADIUS) -> int:
    """``radius`` as a Python integer. Raises InvalidInput ``radius_out_of_range`` outside 0..maximum."""
    if type(radius) is int and 0 <= radius <= maximum:
        return radius
    given = cast("object", radius)
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not whole or not 0 <= radius <= maximum:
        raise InvalidInput("radius_out_of_range", f"The radius is a whole number from 0 to {maximum}.")
    return int(radius)


def checked_numbers(numbers: Numbers | list[int]) -> Numbers:
    """(K,) int64, distinct and not negative, in the order given.

    Raises InvalidInput ``rows_invalid`` for another type or shape, NotFound ``row_unknown`` for a number
    that no row can have or that is named twice.
    """
    try:
        given: npt.NDArray[np.generic] = np.asarray(numbers)
    except ValueError:  # lists of several lengths
        raise _invalid("Row numbers are a one-dimensional array of whole numbers.") from None
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise _invalid("Row numbers are a one-dimensional array of whole numbers.")
    if given.dtype.kind == "u" and given.size and int(np.max(cast("npt.NDArray[np.uint64]", given))) >> 63:
        raise unknown_row()
    known = given.astype(np.int64)
    if known.size == 1:  # the most frequent, and numpy takes long to find the smallest of one
        wrong = int(known[0]) < 0
    else:
        wrong = bool(known.size) and (int(known.min()) < 0 or np.unique(known).size != known.size)
    if wrong:
        raise unknown_row()
    return known


def unknown_row() -> NotFound:
    """The error for a row number that names no live row."""
    return NotFound("row_unknown", "No live row has this number.")
