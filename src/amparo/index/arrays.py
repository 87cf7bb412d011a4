"""An index as named arrays, and back: what snapshots write, and what a gate seals before it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from amparo.core.errors import VerificationFailed
from amparo.index import engine
from amparo.index.delta import CAPACITY, Delta
from amparo.index.schedule import BANDS, BUCKETS
from amparo.index.segment import PADDING, Segment
from amparo.index.view import GROUPED

LAYOUT: Final = 1
"""Changes with the meaning of the arrays, the order of bits in a permuted row included."""
_HEAD: Final = 4  # layout, following row number, delta's start, segments; then start and even of each
_KINDS: Final[dict[str, type[np.generic]]] = {
    "rows": np.uint64,
    "offsets": np.uint32,
    "ids": np.uint32,
    "signatures": np.uint16,
    "numbers": np.uint32,
    "group_bounds": np.uint32,
    "group_numbers": np.uint32,
}


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What an index holds. count: rows of the delta that are part of it; dead: one bit for each row
    number."""

    segments: Sequence[Segment]
    delta: Delta
    count: int
    dead: npt.NDArray[np.uint8]
    following: int


def write(contents: Contents) -> dict[str, npt.NDArray[np.generic]]:
    """Named arrays that ``read`` understands; large ones are those of the index itself."""
    about = [LAYOUT, contents.following, contents.delta.start, len(contents.segments)]
    mapping: dict[str, npt.NDArray[np.generic]] = {}
    for place, part in enumerate(contents.segments):
        about += [part.start, int(part.even)]
        for name in _KINDS:
            mapping[f"segment-{place}-{name}"] = getattr(part, name)
    mapping["about"] = np.array(about, np.int64)
    mapping["removed"] = contents.dead
    mapping["delta"] = contents.delta.rows[: contents.count]
    return mapping


def invalid(step: str, detail: str) -> VerificationFailed:
    """The error for a snapshot that cannot be used."""
    return VerificationFailed(
        "snapshot_invalid", "The snapshot of the index is damaged or foreign.", step=step, detail=detail
    )


def _taken(mapping: Mapping[str, npt.NDArray[np.generic]], name: str, kind: type[np.generic]) -> Any:
    array = mapping.get(name)
    if array is None:
        raise invalid("size", f"{name} is missing")
    flags = array.flags
    if array.dtype != kind or not array.dtype.isnative or not flags.c_contiguous or not flags.aligned:
        raise invalid("size", f"{name} has another type")
    return array


def read(mapping: Mapping[str, npt.NDArray[np.generic]], *, follow: bool) -> Contents:
    """Inverse of ``write``, without copies but for the delta.

    follow: look into the arrays as well, that no search can be led out of bounds; 10 ms for a million rows.
    Raises VerificationFailed ``snapshot_invalid``, step ``version``, ``size`` or ``content``.
    """
    about_array = _taken(mapping, "about", np.int64)
    about: list[int] = about_array.ravel().tolist()
    if not about or about[0] != LAYOUT:
        raise invalid("version", "another layout")
    if len(about) < _HEAD or about[3] < 0 or len(about) != _HEAD + 2 * about[3]:
        raise invalid("size", "about does not add up")
    following, delta_start = about[1], about[2]
    segments = [_read_segment(mapping, place, about) for place in range(about[3])]
    dead = _taken(mapping, "removed", np.uint8)
    waiting = _taken(mapping, "delta", np.uint64)
    if dead.ndim != 1 or not 0 <= following < GROUPED or len(dead) != (following >> 3) + 1:
        raise invalid("size", "removed rows do not fit")
    if waiting.ndim != 2 or waiting.shape[1] != 4 or len(waiting) > CAPACITY:
        raise invalid("size", "the delta does not fit")
    if delta_start < 0 or delta_start + len(waiting) != following:
        raise invalid("content", "the delta's numbers are not the last ones that were given out")
    if int(dead[-1]) >> (following & 7):
        raise invalid("content", "a row is removed that was never given out")
    if follow:
        for part in segments:
            _follow(part, following)
    delta = Delta(delta_start)
    delta.put_back(waiting, even=bool((np.bitwise_count(waiting).sum(axis=1) & 1 == 0).all()))
    return Contents(segments, delta, len(waiting), dead, following)


def _read_segment(mapping: Mapping[str, npt.NDArray[np.generic]], place: int, about: list[int]) -> Segment:
    parts = {name: _taken(mapping, f"segment-{place}-{name}", kind) for name, kind in _KINDS.items()}
    rows = parts["rows"]
    unique = len(rows) if rows.ndim == 2 else -1
    fits = (
        unique > 0
        and rows.shape == (unique, 4)
        and parts["offsets"].shape == (BANDS, BUCKETS + 1)
        and parts["ids"].shape == (BANDS * unique,)
        and parts["signatures"].shape == (BANDS * unique + PADDING,)
        and parts["numbers"].shape in ((0,), (unique,))
        and parts["group_bounds"].ndim == parts["group_numbers"].ndim == 1
        and parts["group_bounds"].size > 0
    )
    if not fits:
        raise invalid("size", f"segment {place} does not add up")
    start, even = about[_HEAD + 2 * place], about[_HEAD + 2 * place + 1]
    return Segment(**parts, start=start, even=bool(even))


def _follow(part: Segment, following: int) -> None:
    """Walk every reference of a segment once. Raises VerificationFailed, step ``content``."""
    unique = len(part.rows)
    sound = engine.bands_hold(part.offsets, part.ids, unique)
    bounds = part.group_bounds.astype(np.int64)
    sound = sound and bool((np.diff(bounds) >= 0).all()) and bounds[0] == 0
    sound = sound and int(bounds[-1]) == part.group_numbers.size
    sound = sound and (part.group_numbers.size == 0 or int(part.group_numbers.max()) < following)
    if part.numbers.size:
        grouped = (part.numbers & GROUPED) != 0
        groups = part.numbers[grouped] ^ np.uint32(GROUPED)
        single = part.numbers[~grouped]
        sound = sound and (groups.size == 0 or int(groups.max()) < len(bounds) - 1)
        sound = sound and (single.size == 0 or int(single.max()) < following)
    else:
        sound = sound and part.start >= 0 and part.start + unique <= following
    if sound and part.even:
        words = np.bitwise_count(part.rows).sum(axis=1, dtype=np.uint16)
        sound = not bool((words & 1).any())
    if not sound:
        raise invalid("content", "a reference leads nowhere")
