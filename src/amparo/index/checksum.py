"""A checksum as fast as memory, against accidents: not against people, who would have to break the seal
around it."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.index import engine

_LANES: Final = 1024


def checksum(array: npt.NDArray[np.generic]) -> str:
    """32 hexadecimal digits over the bytes of a C-contiguous array and their number.

    1,024 lanes of 64 bits take a word each in turn; SHA-256 closes over the lanes, the rest and the length.
    A change of any one word is always seen; any other with all but 2**-64.
    """
    octets = array.reshape(-1).view(np.uint8)
    whole = len(octets) // (8 * _LANES) * (8 * _LANES)
    lanes = np.arange(1, _LANES + 1, dtype=np.uint64)
    if whole:
        engine.checksum_stripes(octets[:whole].view(np.uint64), lanes)
    closing = hashlib.sha256(lanes.astype("<u8").tobytes())
    closing.update(octets[whole:].tobytes())
    closing.update(len(octets).to_bytes(8, "little"))
    return closing.hexdigest()[:32]
