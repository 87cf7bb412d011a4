"""What a gate holds of registered photos: their descriptors in one pool, under pseudonymous numbers, and how it votes.

No positions, no directions, no sizes, no tiles: whoever holds the pool can tell that an upload shares many small patches
with some photo, not where they lie. Search: bit sampling (Indyk and Motwani 1998), tables of 24 bits of a descriptor.
Votes: a descriptor of an upload that resembles few photos says much, one that resembles many says little (inverse document
frequency, Spärck Jones 1972), the copies of one photo counting as one (``groups``), and the photos that are missing to 50,000
as an expectation (``background``); one vote for each descriptor of the upload and photo, one for each descriptor of the photo.

Durability: an index lives in memory. ``arrays`` gives everything that is to be kept; ``of_arrays`` builds it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import Conflict, InvalidInput, NotFound
from amparo.index.trace import background as rarity
from amparo.index.trace import groups
from amparo.index.trace.kernels import fill_table, hashed, look_up, vote, voting
from amparo.signal.trace.distances import coded, summed

TABLES: Final = 12
SAMPLED_BITS: Final = 24
RADIUS: Final = 20
"""Bits of 128 within which two descriptors vote."""
LONGEST_BUCKET: Final = 24
"""Entries of one bucket that are looked at, copies of a photo counted once; a fuller bucket is a common patch that says
nothing."""
COMPACT_BELOW: Final = 8
"""A pool with fewer rows than this part of the addresses keeps a list of those that occur."""
MOST_A_PHOTO: Final = 256
DESCRIPTOR_BYTES: Final = 16
TAKEN: Final = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that an upload may show. score: weighted votes, comparable between uploads of one index."""

    photo: int
    score: float
    votes: int


class PooledIndex:
    """Descriptors of many photos, searched by votes. Not safe for a change during a search; safe for searches at once."""

    def __init__(
        self,
        tables: int = TABLES,
        bits: int = SAMPLED_BITS,
        radius: int = RADIUS,
        background: NDArray[np.uint8] | None = None,
    ) -> None:
        """background: (B, 16), of which the photos that are missing to 50,000 are thought to be made (``background.shipped``);
        without one, only the photos of the index itself tell what is rare."""
        if not (1 <= tables <= 32 and 4 <= bits <= 26 and 0 <= radius <= 64):
            raise InvalidInput("index_invalid", "A trace index has 1 to 32 tables of 4 to 26 bits, and a radius to 64.")
        self._bits = bits
        self._radius = radius
        self._background = coded(np.empty((0, 2), np.uint64) if background is None else _rows_of(background))
        self._near = rarity.expected(len(self._background.words), tables, bits, radius)
        # One fixed draw, so that two gates with the same photos answer alike.
        draw = np.random.Generator(np.random.PCG64(20261123))
        self._sampled = np.stack([np.sort(draw.permutation(128)[:bits]) for _ in range(tables)]).astype(np.int64)
        self._rows = np.empty((0, 2), np.uint64)
        self._owner = np.empty(0, np.uint32)
        self._numbers: list[int] = []
        self._place: dict[int, int] = {}
        self._waiting: list[tuple[int, NDArray[np.uint64]]] = []
        self._gone = False
        self._starts = np.zeros((tables, 1), np.uint32)
        # Of each table, the codes that occur, ascending; none where a code is its own address.
        self._known: list[NDArray[np.uint32]] = []
        self._entries = np.empty((tables, 0), np.uint32)
        self._group = np.empty(0, np.uint32)

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, photo: int) -> bool:
        return photo in self._place

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        known = sum(codes.nbytes for codes in self._known)
        tables = self._starts.nbytes + self._entries.nbytes + known
        background = self._background.words.nbytes + self._background.blocks.nbytes
        return self._rows.nbytes + self._owner.nbytes + self._group.nbytes + tables + background

    def add(self, photo: int, descriptors: NDArray[np.uint8]) -> None:
        """Take a photo in; it is found from the next search on, which first rebuilds the tables.

        descriptors: (N, 16) uint8, N at most 256. Raises InvalidInput ``descriptors_invalid``; Conflict ``photo_known``.
        """
        rows = _rows_of(descriptors)
        if len(rows) > MOST_A_PHOTO:
            raise InvalidInput("descriptors_invalid", f"A photo has at most {MOST_A_PHOTO} descriptors.")
        if photo in self._place:
            raise Conflict("photo_known", "A photo of that number is in the index already.", detail=str(photo))
        self._place[photo] = len(self._numbers)
        self._numbers.append(photo)
        # A descriptor that a photo repeats must not vote twice.
        self._waiting.append((self._place[photo], np.unique(rows, axis=0)))

    def remove(self, photo: int) -> None:
        """Forget a photo: no later search finds it, and its descriptors leave memory with the next rebuild.

        Raises NotFound ``photo_unknown``.
        """
        if photo not in self._place:
            raise NotFound("photo_unknown", "No photo of that number is in the index.", detail=str(photo))
        place = self._place.pop(photo)
        self._waiting = [(where, rows) for where, rows in self._waiting if where != place]
        self._gone = True

    def build(self) -> None:
        """Bring the tables up to date. Searches do it by themselves; a gate calls it after a sync instead."""
        if not self._waiting and not self._gone:
            return
        order = sorted(self._place.items(), key=lambda entry: entry[1])
        moved = np.full(len(self._numbers), TAKEN, np.uint32)
        for new, (_, old) in enumerate(order):
            moved[old] = new
        owners = [moved[self._owner]]
        rows = [self._rows]
        for place, added in self._waiting:
            owners.append(np.full(len(added), moved[place], np.uint32))
            rows.append(added)
        owner = np.concatenate(owners)
        kept = owner != TAKEN
        self._owner = owner[kept]
        self._rows = np.ascontiguousarray(np.concatenate(rows)[kept])
        self._numbers = [photo for photo, _ in order]
        self._place = {photo: place for place, photo in enumerate(self._numbers)}
        self._waiting = []
        self._gone = False
        self._fill()

    def _fill(self) -> None:
        """Tables of 24 bits have 800 MB of addresses. Where few of them occur, those that do are looked up instead: the same
        answers, and so the same level, from a pool of one photo to the largest."""
        codes = [hashed(self._rows, sampled) for sampled in self._sampled]
        self._known = []
        width = 1 << self._bits
        if len(self._rows) < width // COMPACT_BELOW:
            both = [np.unique(code, return_inverse=True) for code in codes]
            self._known = [known for known, _ in both]
            codes = [place.astype(np.uint32) for _, place in both]
            # One more, which stays empty: for codes that do not occur.
            width = 1 + max(map(len, self._known))
        if self._starts.shape[1] != width + 1:
            self._starts = np.zeros((len(codes), width + 1), np.uint32)
        self._entries = np.empty((len(codes), len(self._rows)), np.uint32)
        for table, code in enumerate(codes):
            fill_table(code, self._starts[table], self._entries[table])
        few = slice(groups.TABLES)
        self._group = groups.grouped(
            np.stack(codes[few]), self._starts[few], self._entries[few], self._rows, self._owner,
            len(self._numbers), self._radius, LONGEST_BUCKET,
        )  # fmt: skip
        for table in range(len(codes)):
            groups.drop_common(self._starts[table], self._entries[table], self._owner, self._group, LONGEST_BUCKET)

    def _codes(self, rows: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """(T, M): where each table keeps what has the code of each row."""
        codes = [hashed(rows, sampled) for sampled in self._sampled]
        for table, known in enumerate(self._known):
            place = np.searchsorted(known, codes[table])
            occurs = known[np.minimum(place, len(known) - 1)] == codes[table]
            codes[table] = np.where(occurs, place, len(known)).astype(np.uint32)
        return np.stack(codes)

    def candidates(
        self, descriptors: NDArray[np.uint8], mirrored: NDArray[np.uint8] | None = None, most: int = 16
    ) -> list[Candidate]:
        """The photos that an upload may show, best first: at most ``most`` with a vote.

        descriptors, and those of the mirror image where given: (M, 16) uint8; the better of both counts. Raises InvalidInput
        ``descriptors_invalid``.
        """
        self.build()
        best: dict[int, Candidate] = {}
        share = rarity.missing(len(self)) / rarity.UNIT if len(self._background.words) else 0.0
        for side in (descriptors,) if mirrored is None else (descriptors, mirrored):
            rows = _rows_of(side)
            if not len(rows) or not len(self._rows):
                continue
            codes = self._codes(rows)
            looked, far, ends = look_up(rows, codes, self._rows, self._starts, self._entries)
            crowd = np.zeros(len(rows))
            if share:
                voting_rows = voting(far, ends, self._radius)
                crowd[voting_rows] = share * summed(rows[voting_rows], self._background, self._near)
            photos, scores, votes = vote(looked, far, ends, self._owner, self._group, self._radius, crowd)
            for place in np.argsort(-scores, kind="stable")[:most].tolist():
                found = Candidate(self._numbers[photos[place]], float(scores[place]), int(votes[place]))
                if found.photo not in best or best[found.photo].score < found.score:
                    best[found.photo] = found
        return sorted(best.values(), key=lambda c: (-c.score, c.photo))[:most]

    def arrays(self) -> dict[str, NDArray[np.uint64] | NDArray[np.uint32] | NDArray[np.int64]]:
        """All that is to be kept: rows (K, 2) uint64, owner (K,) uint32, numbers (P,) int64."""
        self.build()
        return {"rows": self._rows, "owner": self._owner, "numbers": np.array(self._numbers, np.int64)}

    @classmethod
    def of_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.uint64] | NDArray[np.uint32] | NDArray[np.int64]],
        background: NDArray[np.uint8] | None = None,
    ) -> PooledIndex:
        """Inverse of ``arrays``, of which the background is no part.

        Raises InvalidInput ``index_invalid`` where they contradict one another.
        """
        index = cls(background=background)
        rows = np.ascontiguousarray(arrays["rows"], np.uint64)
        owner = np.ascontiguousarray(arrays["owner"], np.uint32)
        numbers = [int(number) for number in arrays["numbers"]]
        if rows.ndim != 2 or rows.shape[1] != 2 or owner.shape != (len(rows),) or len(set(numbers)) != len(numbers):
            raise InvalidInput("index_invalid", "The arrays of a trace index contradict one another.")
        if len(owner) and int(owner.max()) >= len(numbers):
            raise InvalidInput("index_invalid", "The arrays of a trace index contradict one another.")
        index._rows, index._owner, index._numbers = rows, owner, numbers
        index._place = {photo: place for place, photo in enumerate(numbers)}
        index._gone = bool(len(numbers))
        index.build()
        return index


def _rows_of(descriptors: NDArray[np.uint8]) -> NDArray[np.uint64]:
    if descriptors.ndim != 2 or descriptors.shape[1] != DESCRIPTOR_BYTES or descriptors.dtype != np.uint8:
        raise InvalidInput("descriptors_invalid", "Descriptors are rows of 16 bytes.")
    return np.ascontiguousarray(descriptors).view(np.uint64).reshape(-1, 2)
