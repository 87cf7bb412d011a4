"""What one search reads: addresses and sizes in one int64 array, because a kernel called with thirty arrays
would spend longer on its arguments than on the search.

A view is a head and then a block for each segment. It is never changed once it is built; whoever holds it
also holds the arrays that it points into.
"""

from __future__ import annotations

from typing import Final

SEGMENTS: Final = 0
DEAD: Final = 1
DELTA_ROWS: Final = 2
DELTA_SIGNATURES: Final = 3
DELTA_IDS: Final = 4
DELTA_FOLLOWING: Final = 5
DELTA_HEADS: Final = 6
DELTA_COUNT: Final = 7
DELTA_START: Final = 8
DELTA_EVEN: Final = 9
HEAD: Final = 16

ROWS: Final = 0
OFFSETS: Final = 1
IDS: Final = 2
SIGNATURES: Final = 3
UNIQUE: Final = 4
EVEN: Final = 5
NUMBERS: Final = 6
START: Final = 7
GROUP_BOUNDS: Final = 8
GROUP_NUMBERS: Final = 9
BLOCK: Final = 16

GROUPED: Final = 1 << 31
"""Flag in a row's number: the rest names a group of row numbers that share the fingerprint."""
END: Final = 0xFFFF
"""In the delta: no further node, no row in this place."""
