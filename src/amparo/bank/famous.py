"""Famous pictures: what everybody has cannot be one person's own, so nobody can have it stopped or recognised unseen.

The operator keeps ``famous.txt`` in the data folder of the hub, or of a gate: one PDQ fingerprint a line, as
``amparo fingerprint`` prints it (64 hexadecimal digits; what follows on the line is for people). It is read at the start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.errors import InvalidInput
from amparo.signal.fingerprint import PDQ_BYTES, PDQ_MATCH_RADIUS, Pdq

FAMOUS_FILE: Final = "famous.txt"


class Fingerprints:
    """A few thousand fingerprints, looked through one by one."""

    def __init__(self, values: list[bytes]) -> None:
        self.values = np.frombuffer(b"".join(values), np.uint8).reshape(-1, PDQ_BYTES)
        """(N, 32) uint8."""

    def near(self, fingerprint: Pdq, radius: int = PDQ_MATCH_RADIUS) -> npt.NDArray[np.int64]:
        """Rows at most ``radius`` bits away, ascending."""
        apart = np.bitwise_count(self.values ^ np.frombuffer(fingerprint.value, np.uint8)).sum(axis=1)
        return np.flatnonzero(apart <= radius)


def read_famous(path: Path) -> Fingerprints:
    """The operator's list; empty where there is no file. Raises InvalidInput ``famous_list_invalid``, naming the line."""
    values: list[bytes] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            values.append(Pdq.from_hex(words[0], 100).value)
        except InvalidInput as error:
            raise InvalidInput(
                "famous_list_invalid", f"Line {number} of {path.name} does not begin with a fingerprint."
            ) from error
    return Fingerprints(values)
