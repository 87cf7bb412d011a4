"""Which kernels run: compiled ones, or plain numpy where nothing is compiled (``AMPARO_JIT=0``) or not yet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amparo.core.kernels import ready
from amparo.index import bands, plain, scan
from amparo.index.protocol import Numbers, Words

Narrow = npt.NDArray[np.uint32]
Octets = npt.NDArray[np.uint8]
Short = npt.NDArray[np.uint16]


def permute_rows(rows: Words, permuted: Words) -> bool:
    """See ``bands.permute_rows``."""
    return (bands if ready() else plain).permute_rows(rows, permuted)


def first_of_kind(rows: Words, first: Narrow) -> int:
    """See ``bands.first_of_kind``."""
    return (bands if ready() else plain).first_of_kind(rows, first)


def fill_bands(rows: Words, offsets: Narrow, ids: Narrow, signatures: Short) -> None:
    """See ``bands.fill_bands``."""
    (bands if ready() else plain).fill_bands(rows, offsets, ids, signatures)


def bands_hold(offsets: Narrow, ids: Narrow, unique: int) -> bool:
    """See ``bands.bands_hold``."""
    return (bands if ready() else plain).bands_hold(offsets, ids, unique)


def checksum_stripes(words: npt.NDArray[np.uint64], lanes: npt.NDArray[np.uint64]) -> None:
    """See ``bands.checksum_stripes``."""
    (bands if ready() else plain).checksum_stripes(words, lanes)


def compare(queries: Octets, blocks: Octets, count: int, radius: int, out: Numbers) -> int:
    """See ``scan.compare``."""
    return (scan if ready() else plain).compare(queries, blocks, count, radius, out)
