"""What a store promises for people's words. It never sees one: texts come sealed, and terms to search by as keyed tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from amparo.core.ids import CaseId, WordsId


@dataclass(frozen=True, slots=True)
class DeskKeyRecord:
    """The public half of a key of the desk's. id: the first 128 bits of its SHA-256 in hexadecimal digits."""

    id: str
    public: bytes
    created_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealedWords:
    """tags: keyed digests of the terms by which these words can be found again; 32 bytes each."""

    words: WordsId
    sealed: bytes
    tags: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedTag:
    """One term that several cases hold, whatever it is. words: of each of these cases, some words that hold it."""

    tag: bytes
    words: Mapping[CaseId, WordsId]


class WordsLedger(Protocol):
    """Part of a transaction."""

    def add_desk_key(self, record: DeskKeyRecord) -> None: ...

    def desk_keys(self) -> list[DeskKeyRecord]:
        """Oldest first, retired ones too."""
        ...

    def retire_desk_key(self, key: str, at: datetime) -> None:
        """What was wrapped to it is removed: the key opens nothing any more."""
        ...

    def wrap(self, case: CaseId, wraps: Mapping[str, bytes]) -> None:
        """Keep the key of a case's words, sealed to these keys of the desk, in place of what was kept for the same ones."""
        ...

    def wraps(self, case: CaseId) -> dict[str, bytes]:
        """By the id of the desk's key."""
        ...

    def count_wraps(self, key: str) -> int:
        """Of how many cases this key of the desk opens the words."""
        ...

    def unwrapped(self, key: str, limit: int) -> list[CaseId]:
        """Cases whose words this key of the desk cannot open yet."""
        ...

    def put(self, case: CaseId, words: Sequence[SealedWords]) -> None:
        """Store them, in place of earlier ones with the same ids."""
        ...

    def erase(self, words: WordsId) -> None:
        """With their tags. When the transaction ends and ``Store.scrub`` returns, they are off the disk."""
        ...

    def sealed(self, case: CaseId) -> dict[WordsId, bytes]: ...

    def tags(self, case: CaseId) -> dict[bytes, WordsId]:
        """Every tag of a case's words."""
        ...

    def tagged(self, tags: Sequence[bytes]) -> dict[CaseId, set[bytes]]:
        """Cases that have words with one of these tags, and which."""
        ...

    def found(self, case: CaseId, tags: Sequence[bytes]) -> set[WordsId]:
        """The words of this case that have one of these tags."""
        ...

    def shared(self, at_most: int) -> list[SharedTag]:
        """Every tag that 2 to ``at_most`` cases hold, in order."""
        ...
