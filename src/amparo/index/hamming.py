"""The index that gates use: exact, in microseconds, while fingerprints come and go."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.errors import InvalidInput
from amparo.core.kernels import compiles, ready
from amparo.index import arrays, compiled, engine, fallback, segment, snapshot
from amparo.index import view as v
from amparo.index.delta import CAPACITY, Delta
from amparo.index.protocol import Matches, Numbers, Rows, Words
from amparo.index.rows import as_words, checked_numbers, checked_radius, unknown_row
from amparo.index.segment import Segment

_FEW: Final = 4
_MAXIMUM_NUMBER: Final = 1 << 31
_MERGE_FACTOR: Final = 8
"""A segment is merged with the smaller ones after it unless it is this many times as large as they are
together."""


class View:
    """What one search reads; never changed. ``words`` is the form that the kernel reads
    (``amparo.index.view``)."""

    __slots__ = ("count", "dead", "delta", "segments", "words")

    def __init__(self, segments: Sequence[Segment], delta: Delta, dead: npt.NDArray[np.uint8]) -> None:
        self.segments = tuple(segments)
        self.delta = delta
        self.count = delta.count
        self.dead = dead
        head = [0] * v.HEAD
        head[v.SEGMENTS] = len(self.segments)
        head[v.DEAD] = dead.ctypes.data
        head[v.DELTA_ROWS] = delta.rows.ctypes.data
        head[v.DELTA_SIGNATURES] = delta.signatures.ctypes.data
        head[v.DELTA_IDS] = delta.ids.ctypes.data
        head[v.DELTA_FOLLOWING] = delta.following.ctypes.data
        head[v.DELTA_HEADS] = delta.heads.ctypes.data
        head[v.DELTA_COUNT] = delta.count
        head[v.DELTA_START] = delta.start
        head[v.DELTA_EVEN] = int(delta.even)
        self.words = np.array(head + [word for part in self.segments for word in part.block()], np.int64)

    def grown(self) -> View:
        """The same after the delta took in more rows."""
        other = View.__new__(View)
        other.segments, other.delta, other.dead = self.segments, self.delta, self.dead
        other.count = self.delta.count
        other.words = self.words.copy()
        other.words[v.DELTA_COUNT] = other.count
        other.words[v.DELTA_EVEN] = self.delta.even
        return other


class HammingIndex:
    """``FingerprintIndex`` for banks of one to a hundred million fingerprints. About 132 bytes each.

    Rows lie in a few segments, sorted once, and in a small delta that takes in new ones; full deltas become
    segments, and segments are merged in a background thread. Any number of threads may search, add and
    remove at once: a search reads one unchanging view and waits for nobody; writers wait for each other. A
    batch of rows that ``add`` took in is seen as a whole or not at all; removals are seen row by row.

    Row numbers are kept for ever: ``compact`` and merges free what removed rows take up, except one bit
    each. Held in memory only; ``save`` says when it is on disk.
    """

    def __init__(self, *, delta_rows: int = CAPACITY) -> None:
        """An empty index. delta_rows: how many new rows gather before they are sorted, 1..16384."""
        if not 1 <= delta_rows <= CAPACITY:
            raise InvalidInput("delta_out_of_range", f"A delta holds from 1 to {CAPACITY} rows.")
        self._delta_rows = delta_rows
        self._lock = threading.Lock()  # held by whoever changes the view: microseconds, a flush milliseconds
        self._merging = threading.Lock()  # held by whoever replaces segments
        self._merger: threading.Thread | None = None
        self._next = 0
        self._live = 0
        self._view = View((), Delta(0, delta_rows), np.zeros(1024, np.uint8))

    @classmethod
    def build(cls, rows: Rows) -> HammingIndex:
        """An index of ``rows``, numbered from 0. Raises InvalidInput ``rows_invalid``."""
        index = cls()
        index.add(rows)
        return index

    def __len__(self) -> int:
        return self._live

    @property
    def numbered(self) -> int:
        """How many row numbers were given out, those of removed rows included."""
        return self._next

    @property
    def parts(self) -> int:
        """Through how many sorted parts a search goes, each of which takes about as long; ``compact`` makes one of them."""
        return len(self._view.segments)

    @property
    def holds_removed(self) -> bool:
        """Whether the bytes of a removed row are still here, for the next ``compact`` to free."""
        with self._lock:
            view, live = self._view, self._live
        return view.count + sum(part.rows_held() for part in view.segments) != live

    def are_live(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Which of these row numbers, (K,) int64, were given out and not removed since."""
        with self._lock:
            dead, following = self._view.dead, self._next
        live = (numbers >= 0) & (numbers < following)
        known = numbers[live]
        live[live] = dead[known >> 3] >> (known & 7).astype(np.uint8) & 1 == 0
        return live

    def search(self, queries: Rows, radius: int) -> Matches:
        """Every live row at most ``radius`` bits from each query.

        queries: (Q, 4) uint64 or (Q, 32) uint8, or one query as (4,) or (32,); C-contiguous. Batches of 512
        and more cost half as much a query or less. radius in bits, 0..50. Exact: equals ``linear.search``
        for all inputs. Raises InvalidInput ``rows_invalid`` or ``radius_out_of_range``.
        """
        words, within, view = as_words(queries), checked_radius(radius), self._view
        # What has not loaded its compiler yet compares a few queries with every row; more of them wait for it.
        if not (ready() if len(words) <= _FEW else compiles()):
            return fallback.search_view(view, words, within)
        if not view.delta.is_chained(view.count):
            with self._lock:
                view.delta.catch_up()
        return compiled.search_view(view, words, within)

    def add(self, rows: Rows) -> Numbers:
        """Take rows in; they match as soon as this returns. Returns their (N,) row numbers, consecutive.

        Raises InvalidInput ``rows_invalid`` or, after 2**31 rows in one index's life, ``index_full``; then
        nothing was added.
        """
        words = as_words(rows)
        count = len(words)
        with self._lock:
            start = self._next
            if start + count > _MAXIMUM_NUMBER:
                raise InvalidInput("index_full", "This index has numbered as many rows as it can.")
            if count > self._view.delta.room:
                self._take_many(words, start)
            elif count:
                self._make_room_for_numbers(start + count)
                self._view.delta.push(words)
                self._view = self._view.grown()
            self._next += count
            self._live += count
        return np.arange(start, start + count, dtype=np.int64)

    def remove(self, numbers: Numbers | list[int]) -> None:
        """Make rows match no more, from the moment this returns.

        numbers: (K,) integers, distinct. Raises NotFound ``row_unknown`` where one was never given out or is
        removed already, and InvalidInput ``rows_invalid`` where they are no integers; then nothing was
        removed.
        """
        known = checked_numbers(numbers)
        if not known.size:
            return
        with self._lock:
            dead = self._view.dead
            if known.size == 1:  # by far the most frequent, and numpy's way is slow for one
                number = int(known[0])
                if number >= self._next or dead[number >> 3] >> (number & 7) & 1:
                    raise unknown_row()
                dead[number >> 3] |= 1 << (number & 7)
            else:
                bits = np.left_shift(1, known & 7).astype(np.uint8)
                if int(known.max()) >= self._next or (dead[known >> 3] & bits).any():
                    raise unknown_row()
                np.bitwise_or.at(dead, known >> 3, bits)
            self._live -= known.size

    def compact(self) -> None:
        """Merge everything into one segment and free what removed rows take up. Searches go on meanwhile.

        Row numbers do not change. Needs as much memory again as the live rows take, until it returns.
        """
        with self._merging:
            with self._lock:
                view = self._view
                start = self._next
                parts = list(view.segments)
                if view.count:
                    parts.append(_segment_of(view.delta))
                    self._view = View(parts, Delta(start, self._delta_rows), view.dead)
            self._replace(parts)

    def save(self, folder: Path) -> None:
        """Write a snapshot that ``open`` reads. When this returns, it is on disk; until then the one before
        is.

        The arrays are written as they are, so whoever needs the fingerprints encrypted at rest seals
        ``to_arrays``. One ``save`` at a time has the folder, others wait. Raises Unavailable
        ``snapshot_not_written`` (disk full, no permission); then a whole snapshot stands as before: the one
        before, or, where the disk refused the very last step, this one.
        """
        snapshot.save(folder, self.to_arrays())

    @classmethod
    def open(cls, folder: Path, *, verify: bool = True) -> HammingIndex:
        """The index of the newest snapshot in ``folder``, memory-mapped: milliseconds for a million rows.

        verify: read every byte once and compare checksums; without it only sizes are checked, and a flipped
        byte may go unseen or end the process. The mapped files may be replaced by ``save``, not changed.
        A ``save`` of another thread or process meanwhile does no harm: the old snapshot is opened or the new one.
        Raises NotFound ``snapshot_missing``, VerificationFailed ``snapshot_invalid`` whose step is ``magic``,
        ``version``, ``size``, ``checksum`` or ``content``, and Unavailable ``snapshot_unreadable`` where the
        operating system refuses.
        """
        return cls._of(arrays.read(snapshot.load(folder, verify=verify), follow=False))

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The whole index as named arrays: ``from_arrays`` makes the same index of them. Large ones are not
        copied.

        Read them only; later changes of this index do not reach them.
        """
        with self._lock:
            view, following = self._view, self._next
            dead = view.dead[: (following >> 3) + 1].copy()
        return arrays.write(arrays.Contents(view.segments, view.delta, view.count, dead, following))

    @classmethod
    def from_arrays(cls, mapping: Mapping[str, npt.NDArray[np.generic]]) -> HammingIndex:
        """The index that ``to_arrays`` described. Arrays are used in place; the caller changes them no more.

        Raises VerificationFailed ``snapshot_invalid``, step ``version``, ``size`` or ``content``, where the
        arrays contradict each other; none that passes can lead a search out of bounds.
        """
        return cls._of(arrays.read(mapping, follow=True))

    @classmethod
    def _of(cls, contents: arrays.Contents) -> HammingIndex:
        index = cls()
        index._next = contents.following
        removed = int(np.bitwise_count(contents.dead).sum(dtype=np.int64))
        index._live = contents.following - removed
        dead = np.zeros(max(1024, len(contents.dead) * 2), np.uint8)
        dead[: len(contents.dead)] = contents.dead
        index._view = View(contents.segments, contents.delta, dead)
        return index

    def _make_room_for_numbers(self, following: int) -> None:
        """Let the map of removed rows reach ``following``. With the lock held."""
        view = self._view
        if following >> 3 < len(view.dead):
            return
        dead = np.zeros(2 * ((following >> 3) + 1), np.uint8)
        dead[: len(view.dead)] = view.dead
        # A search that began before may still read the old map; removals from now on reach the new one.
        self._view = View(view.segments, view.delta, dead)

    def _take_many(self, words: Words, start: int) -> None:
        """Rows that overflow the delta: it becomes a segment, and so do they if they are many. With the lock
        held."""
        self._make_room_for_numbers(start + len(words))
        view = self._view
        segments = list(view.segments)
        if view.count:
            segments.append(_segment_of(view.delta))
        delta = Delta(start, self._delta_rows)
        if len(words) > self._delta_rows // 4:
            permuted = np.empty_like(words)
            even = engine.permute_rows(words, permuted)
            segments.append(segment.build(permuted, start, even=even))
            delta.start = start + len(words)
        else:
            delta.push(words)
        self._view = View(segments, delta, view.dead)
        if _overdue(self._view.segments) and (self._merger is None or not self._merger.is_alive()):
            self._merger = threading.Thread(target=self._merge_overdue, daemon=True)
            self._merger.start()

    def _merge_overdue(self) -> None:
        while True:
            with self._merging:
                overdue = _overdue(self._view.segments)
                if not overdue:
                    return
                self._replace(overdue)

    def _replace(self, old: Sequence[Segment]) -> None:
        """Put one segment in the place of ``old``, neighbours of each other. Only with the merging lock
        held."""
        if not old:
            return
        merged = segment.merge(old, self._view.dead)
        with self._lock:
            view = self._view
            at = next(place for place, part in enumerate(view.segments) if part is old[0])
            kept = [*view.segments[:at], *([merged] if merged else []), *view.segments[at + len(old) :]]
            self._view = View(kept, view.delta, view.dead)


def _segment_of(delta: Delta) -> Segment:
    return segment.build(delta.rows[: delta.count].copy(), delta.start, even=delta.even)


def _overdue(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The youngest segments that should be one: sizes fall by at least the merge factor from each to all
    after it."""
    first = len(segments)
    total = 0
    for place in range(len(segments) - 1, -1, -1):
        size = segments[place].rows_held()
        if total and size < _MERGE_FACTOR * total:
            first = place
        total += size
    return tuple(segments[first:])
