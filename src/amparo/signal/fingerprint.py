"""Fingerprints as values: what every room above passes around instead of strings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from amparo.core.errors import InvalidInput

PDQ_BYTES: Final = 32
PDQ_BITS: Final = 256
PDQ_MATCH_RADIUS: Final = 31
"""Bits: Meta's published threshold for "the same picture" (PDQ & TMK whitepaper, 2019)."""
PDQ_MINIMUM_QUALITY: Final = 50
"""A fingerprint below this quality says too little to be banked or matched (the same whitepaper)."""


class SignalType(StrEnum):
    """The fingerprint algorithms that the project speaks."""

    PDQ = "pdq"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class Pdq:
    """One PDQ fingerprint. value: 32 bytes, most significant bit first, as the 64 hex digits are written; quality: 0..100.

    Raises InvalidInput ``fingerprint_invalid`` for a wrong length or a quality out of range.
    """

    value: bytes
    quality: int

    def __post_init__(self) -> None:
        if len(self.value) != PDQ_BYTES:
            raise InvalidInput("fingerprint_invalid", f"A PDQ fingerprint has 32 bytes, this one {len(self.value)}.")
        if not 0 <= self.quality <= 100:
            raise InvalidInput("fingerprint_invalid", "The quality of a fingerprint lies between 0 and 100.")

    @classmethod
    def from_hex(cls, text: str, quality: int) -> Pdq:
        """Parse exactly 64 lowercase hexadecimal digits. Raises InvalidInput ``fingerprint_invalid``."""
        if len(text) != 2 * PDQ_BYTES or any(digit not in "0123456789abcdef" for digit in text):
            raise InvalidInput(
                "fingerprint_invalid", "A PDQ fingerprint is written as 64 lowercase hexadecimal digits."
            )
        return cls(bytes.fromhex(text), quality)

    @property
    def hex(self) -> str:
        """The 64 lowercase hexadecimal digits."""
        return self.value.hex()

    def distance(self, other: Pdq) -> int:
        """How many of the 256 bits differ."""
        return (int.from_bytes(self.value) ^ int.from_bytes(other.value)).bit_count()
