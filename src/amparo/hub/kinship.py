"""Which cases have something in common: computed without opening anybody's words, kept in memory, and never written down.

Pictures and photos are compared by the fingerprints that the hub reads by itself. Terms are compared by their keyed tags; of
which kind the words are that hold one stands in the case's history. Nobody but staff who work on cases is told of any of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from amparo.case.events import WordsNoted
from amparo.case.incident import (
    COMMON,
    COMMON_NAMES,
    EVERYWHERE,
    OF_KIND,
    Ground,
    Shared,
    Suggestion,
    Tie,
    suggested,
    ties,
)
from amparo.case.people import Door, WordsKind
from amparo.core.clock import monotonic
from amparo.core.ids import CaseId, IncidentId, WordsId
from amparo.hub.banked import BankedPictures
from amparo.hub.followed import Followed
from amparo.hub.ordinary import OrdinaryPhotos
from amparo.hub.resemblance import Resemblance
from amparo.hub.vault import Vault
from amparo.store import Transaction
from amparo.store.incidents.protocol import CasesMark
from amparo.store.words.protocol import SharedTag

LARGE: Final = 2000
"""A hub of more cases looks for new ties once a minute only; what people say counts at once everywhere."""
_SECONDS: Final = 60.0
_TOO_MANY: Final = 200
"""A term that more cases name adds nothing at all."""
_NAMES: Final = frozenset({Ground.PLACE, Ground.SENDER})


class Kinship:
    """Safe to use from several threads. The first question to a large hub takes seconds: the desk asks it as it starts."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._lock = threading.Lock()
        self._seen: dict[Ground, int] = {}
        self._alike = {ground: Resemblance() for ground in (Ground.PICTURE, Ground.PHOTO)}
        self._pairs: dict[Ground, list[tuple[CaseId, CaseId]]] = {}
        self._kinds: dict[WordsId, WordsKind] = {}
        self._mark: tuple[CasesMark, int] | None = None
        self._looked_at = 0.0
        self._ties: list[Tie] = []
        self._said: tuple[set[tuple[CaseId, CaseId]], dict[CaseId, IncidentId]] | None = None
        self._suggestions: list[Suggestion] = []

    def suggestions(
        self, vault: Vault, transaction: Transaction, banked: BankedPictures, ordinary: OrdinaryPhotos
    ) -> list[Suggestion]:
        """Cases that may belong together, the strongest first; ``transaction`` is to write none of what they have itself.

        What is kept may be younger than ``transaction``, and speak of a case that it does not know.
        """
        mark = transaction.incidents.mark(), transaction.head()
        said = {(one.first, one.second) for one in transaction.incidents.apart()}, transaction.incidents.links()
        # One looks. In a large hub, others go by what was found last, and wait only where nothing was ever found.
        waits = self._mark is None or mark[0].cases <= LARGE
        if self._stale(mark) and self._looking.acquire(blocking=waits):
            try:
                if self._stale(mark):
                    found = self._look(vault, transaction, {Ground.PICTURE: banked, Ground.PHOTO: ordinary})
                    with self._lock:
                        self._ties, self._mark, self._said = found, mark, None
                        self._looked_at = monotonic()
            finally:
                self._looking.release()
        with self._lock:
            if said != self._said:
                self._suggestions = suggested(self._ties, *said)
                self._said = said
            return self._suggestions

    def _stale(self, mark: tuple[CasesMark, int]) -> bool:
        return mark != self._mark and (self._mark is None or mark[0].cases <= LARGE or self._due())

    def _due(self) -> bool:
        return monotonic() - self._looked_at >= _SECONDS

    def _look(self, vault: Vault, transaction: Transaction, follows: Mapping[Ground, Followed]) -> list[Tie]:
        for ground, followed in follows.items():
            seen, held = followed.held(vault, transaction)
            if self._seen.get(ground) != seen:
                self._alike[ground].follow(held)
                self._pairs[ground] = sorted(self._alike[ground].pairs().elements())
                self._seen[ground] = seen
        tags = transaction.words.shared(_TOO_MANY)
        self._learn_kinds(vault, transaction, tags)
        everywhere = everywhere_tags(vault)
        return ties(
            [
                *_alike(self._pairs[Ground.PICTURE], _witnesses(transaction, self._pairs[Ground.PICTURE])),
                *(Shared(dict.fromkeys(pair, Ground.PHOTO)) for pair in self._pairs[Ground.PHOTO]),
                *(self._shared(one, common=one.tag in everywhere) for one in _distinct(tags)),
            ]
        )

    def _learn_kinds(self, vault: Vault, transaction: Transaction, tags: Sequence[SharedTag]) -> None:
        """Of words that are new here. A kind never changes, so no case's history is opened often for it."""
        unknown = {case for one in tags for case, words in one.words.items() if words not in self._kinds}
        for case in unknown:
            record = transaction.case(case)
            assert record is not None  # its words are there, in this same transaction
            key = vault.case_key(case, record.wrapped_key)
            for event in key.open_events(transaction.sealed_events(case)):
                if isinstance(event, WordsNoted):
                    self._kinds[event.words] = event.kind

    def _shared(self, tag: SharedTag, *, common: bool) -> Shared:
        cases = {case: OF_KIND[self._kinds[words]] for case, words in tag.words.items()}
        most = COMMON_NAMES if _NAMES.issuperset(cases.values()) else COMMON
        return Shared(cases, common or len(cases) > most)


def everywhere_tags(vault: Vault) -> frozenset[bytes]:
    """The tags of terms that say nothing of who belongs together, as words and as user names."""
    return frozenset(vault.term_tag(term) for word in EVERYWHERE for term in (word, f"@{word.replace(' ', '')}"))


def _distinct(tags: Sequence[SharedTag]) -> Iterable[SharedTag]:
    """Without those that hang on the same words: a user name with a dot in it is read as an address too."""
    return {frozenset(one.words.items()): one for one in tags}.values()


def _witnesses(transaction: Transaction, pairs: Sequence[tuple[CaseId, CaseId]]) -> frozenset[CaseId]:
    alike = sorted({case for pair in pairs for case in pair})
    lines = transaction.queue.lines_of(alike, len(alike))
    return frozenset(line.case for line in lines if line.door is Door.WITNESS)


def _alike(pairs: Sequence[tuple[CaseId, CaseId]], witnesses: frozenset[CaseId]) -> Iterator[Shared]:
    for first, second in pairs:
        ground = Ground.WITNESS if {first, second} & witnesses else Ground.PICTURE
        yield Shared({first: ground, second: ground})
