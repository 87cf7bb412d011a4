"""What a source tells in one step, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delta:
    """held: fingerprints (64 hexadecimal digits) by the source's own keys, in place of earlier ones; ended: keys that match
    no more; whole: nothing but ``held`` is held from now on; checkpoint: where the next fetch begins once this step is on
    disk, None where a fetch must be begun anew if it ends here."""

    held: Mapping[str, str] = field(default_factory=dict[str, str])
    ended: frozenset[str] = frozenset()
    whole: bool = False
    checkpoint: str | None = None


class Reader(Protocol):
    """A client of one format."""

    def read(self, checkpoint: str | None) -> Iterator[Delta]:
        """Everything since ``checkpoint``, in order; None for the first time.

        Raises VerificationFailed for an answer that is not of the format or goes back in time, Unauthenticated / Rejected
        where we are refused, Unavailable where nobody answers, InvalidInput for a file that cannot be read.
        """
        ...
