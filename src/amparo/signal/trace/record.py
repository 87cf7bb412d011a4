"""What is kept of a registered photo, as a value: 256 keypoints with their descriptors, tile signs, and a PDQ.

A record carries no luma and no colour. Its rules make a forged record weak: descriptors far enough from one another and
neither nearly empty nor nearly full, so that no record is a net that catches everything.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.core.kernels import kernel
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace.detector import UNITS
from amparo.signal.trace.distances import Coded, bits_set, coded
from amparo.signal.trace.pattern import TURNS
from amparo.signal.trace.plane import LONG_SIDE, SMALLEST_PLANE
from amparo.signal.trace.tiles import COUNT, MOST_ENERGY, SIGNS

CELL: Final = 8
"""Pixels: positions in a record are known to a cell of this side only."""
RECORD_TURNS: Final = 32
HALF_OCTAVES: Final = 6
MOST_KEYPOINTS: Final = 256
FEWEST_KEYPOINTS: Final = 32
DESCRIPTOR_BYTES: Final = 16
CLOSEST: Final = 4
"""Bits by which any two descriptors of a record differ at least."""
LIGHTEST: Final = 20
"""Bits set (and unset) in a descriptor at least."""


def invalid(public: str, detail: str = "") -> InvalidInput:
    """The one error of a record, a query or tiles that break the format."""
    return InvalidInput("trace_invalid", public, detail=detail)


def words(descriptors: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Descriptors (N, 16) uint8 as (N, 2) uint64, for the kernels; only ever compared with others made so."""
    return np.ascontiguousarray(descriptors).view(np.uint64).reshape(-1, 2)


@kernel
def distinct(rows: NDArray[np.uint64], closest: int, lightest: int) -> NDArray[np.bool_]:
    """(N,) bool: whether a row weighs enough, and differs enough from every row kept before it."""
    kept = np.zeros(len(rows), np.bool_)
    for i in range(len(rows)):
        weight = bits_set(rows[i, 0]) + bits_set(rows[i, 1])
        if weight < lightest or weight > 128 - lightest:
            continue
        apart = True
        for j in range(i):
            if kept[j] and bits_set(rows[i, 0] ^ rows[j, 0]) + bits_set(rows[i, 1] ^ rows[j, 1]) < closest:
                apart = False
                break
        kept[i] = apart
    return kept


@dataclass(frozen=True)
class TraceRecord:
    """A registered photo. Raises InvalidInput ``trace_invalid`` for what breaks the format's rules.

    pdq: of the photo. height, width: of its plane, the longer one 512. columns, rows: (N,) uint8, cell of 8 pixels;
    turns: (N,) uint8, 32nds; half_octaves: (N,) uint8, 0..5; descriptors: (N, 16) uint8, strictly ascending as bytes;
    signs: (256, 8) int8 of -1, 0, 1; energies: (256,) uint8, 0..30. N: 32..256.
    """

    pdq: Pdq
    height: int
    width: int
    columns: NDArray[np.uint8]
    rows: NDArray[np.uint8]
    turns: NDArray[np.uint8]
    half_octaves: NDArray[np.uint8]
    descriptors: NDArray[np.uint8]
    signs: NDArray[np.int8]
    energies: NDArray[np.uint8]

    def __post_init__(self) -> None:
        count = len(self.descriptors)
        if not FEWEST_KEYPOINTS <= count <= MOST_KEYPOINTS:
            raise invalid(f"A trace has {FEWEST_KEYPOINTS} to {MOST_KEYPOINTS} keypoints, this one {count}.")
        if max(self.height, self.width) != LONG_SIDE or min(self.height, self.width) < SMALLEST_PLANE:
            raise invalid("The size of a trace's plane is off.", f"{self.height} x {self.width}")
        shapes = {part.shape for part in (self.columns, self.rows, self.turns, self.half_octaves)}
        if shapes != {(count,)} or self.descriptors.shape != (count, DESCRIPTOR_BYTES):
            raise invalid("The parts of a trace do not have the same length.")
        if self.signs.shape != (COUNT, SIGNS) or self.energies.shape != (COUNT,):
            raise invalid("A trace has 256 tiles of 8 signs and an energy.")
        if (
            int(self.columns.max()) * CELL >= self.width
            or int(self.rows.max()) * CELL >= self.height
            or int(self.turns.max()) >= RECORD_TURNS
            or int(self.half_octaves.max()) >= HALF_OCTAVES
        ):
            raise invalid("A keypoint of the trace lies outside the picture, or has an impossible direction or size.")
        if np.abs(self.signs).max() > 1 or int(self.energies.max()) > MOST_ENERGY:
            raise invalid("A tile of the trace has an impossible sign or energy.")
        listed = [row.tobytes() for row in self.descriptors]
        if any(one >= two for one, two in itertools.pairwise(listed)):
            raise invalid("The descriptors of a trace must be in ascending order, none twice.")
        if not distinct(words(self.descriptors), CLOSEST, LIGHTEST).all():
            raise invalid("The descriptors of the trace repeat themselves or say nothing.")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TraceRecord)
            and (self.pdq, self.height, self.width)
            == (
                other.pdq,
                other.height,
                other.width,
            )
            and all(
                np.array_equal(getattr(self, part), getattr(other, part))
                for part in ("columns", "rows", "turns", "half_octaves", "descriptors", "signs", "energies")
            )
        )

    def __hash__(self) -> int:
        return hash(self.descriptors.tobytes())

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        return words(self.descriptors)

    @cached_property
    def geometry(self) -> NDArray[np.float64]:
        """(N, 4): x, y in pixels of the plane, turn in radians, octave; each in the middle of what was quantised."""
        return np.column_stack(
            (
                self.columns * float(CELL) + CELL / 2,
                self.rows * float(CELL) + CELL / 2,
                (self.turns + 0.5) * (2 * np.pi / RECORD_TURNS),
                self.half_octaves * 0.5 + 0.125,
            )
        ).astype(np.float64)


@dataclass(frozen=True)
class QueryRecord:
    """What is known of an upload: up to 1,480 keypoints, described as they are and as in the mirror image.

    pdqs: of the upload and of its mirror image. height, width: of its plane. x, y: (N,) uint16 in 1/16 pixel; turns:
    (N,) uint8, 64ths; levels: (N,) uint8, quarter octaves; descriptors, mirrored: (N, 16) uint8. pyramid: the pixels,
    only where the upload itself is at hand (a gate, a reviewer); never encoded, never sent.
    """

    pdqs: tuple[Pdq, Pdq]
    height: int
    width: int
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    turns: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    descriptors: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]
    pyramid: tuple[NDArray[np.uint8], ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def words(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Descriptors of the upload and of its mirror image."""
        return words(self.descriptors), words(self.mirrored)

    @cached_property
    def coded(self) -> tuple[Coded, Coded]:
        """The same, ready to be compared with."""
        return coded(self.words[0]), coded(self.words[1])

    @cached_property
    def geometry(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, 4) x, y, turn, octave of the upload and of its mirror image."""
        straight = np.column_stack(
            (self.x / UNITS, self.y / UNITS, (self.turns + 0.5) * (2 * np.pi / TURNS), self.levels / 4)
        )
        mirror = straight.copy()
        mirror[:, 0] = self.width - 1 - mirror[:, 0]
        mirror[:, 2] = np.pi - mirror[:, 2]
        return np.ascontiguousarray(straight, np.float64), np.ascontiguousarray(mirror, np.float64)
