"""From a picture to its trace: the two doors, ``register`` for a person's own photo and ``query`` for an upload."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.signal import decode, pdq
from amparo.signal.decode import LumaPlane
from amparo.signal.fingerprint import Pdq
from amparo.signal.limits import DEFAULT, Limits
from amparo.signal.trace import tiles
from amparo.signal.trace.descriptor import described, described_with_mirror
from amparo.signal.trace.detector import UNITS, detect, pyramid
from amparo.signal.trace.plane import Grey, plane_of, plane_size, resampled
from amparo.signal.trace.record import (
    CELL,
    CLOSEST,
    FEWEST_KEYPOINTS,
    LIGHTEST,
    QueryRecord,
    TraceRecord,
    distinct,
    words,
)

REGISTER_QUOTAS: Final = (80, 110, 66)
"""Keypoints of a record by octave. Many coarse ones: an upload that shows the photo small has no others."""
QUERY_QUOTAS: Final = (1200, 200, 80)
"""Keypoints of an upload by octave. Many fine ones: where the photo is shown small, only they fall on it."""
MIRRORED: Final = 5
"""Place of the left-right mirror image among ``pdq.dihedral``'s eight."""


def _opened(source: bytes | NDArray[np.uint8], limits: Limits) -> tuple[LumaPlane, Grey]:
    if isinstance(source, bytes):
        luma = decode.luma(source, limits)
    else:
        plane_of(source[:1]) if source.ndim != 2 else None
        limits.check_size(source.shape[1], source.shape[0])
        luma = LumaPlane(np.ascontiguousarray(source), full_width=source.shape[1], full_height=source.shape[0])
    if luma.scale == 1:
        return luma, plane_of(luma.pixels)
    # A JPEG that was scaled while it was decoded: its plane has the size that the full picture's would have.
    rows, columns = plane_size(luma.full_height, luma.full_width)
    return luma, plane_of(resampled(luma.pixels, rows, columns))


def register(source: bytes | NDArray[np.uint8], limits: Limits = DEFAULT) -> TraceRecord:
    """The trace of an ordinary photo: file bytes, or grey uint8 (height, width). Deterministic.

    Raises InvalidInput: ``picture_too_plain`` where fewer than 32 distinct keypoints are found (flat, noise-free, tiny);
    ``picture_too_small``, ``picture_shape``; and whatever ``decode.luma`` raises.
    """
    luma, plane = _opened(source, limits)
    levels = pyramid(plane)
    keypoints = detect(levels, REGISTER_QUOTAS)
    turns, descriptors = described(levels, keypoints)
    kept = np.flatnonzero(distinct(words(descriptors), CLOSEST, LIGHTEST))
    if len(kept) < FEWEST_KEYPOINTS:
        raise InvalidInput("picture_too_plain", "The picture shows too little to be recognised by.")
    listed = [row.tobytes() for row in descriptors]
    # In order of the descriptors: the order tells nothing, and one set of keypoints has one spelling.
    order = np.array(sorted(kept.tolist(), key=listed.__getitem__), np.int64)
    own = tiles.of_plane(plane)
    return TraceRecord(
        pdq=pdq.fingerprint(luma),
        height=plane.shape[0],
        width=plane.shape[1],
        columns=(keypoints.x[order] // (CELL * UNITS)).astype(np.uint8),
        rows=(keypoints.y[order] // (CELL * UNITS)).astype(np.uint8),
        turns=(turns[order] // 2).astype(np.uint8),
        half_octaves=(keypoints.level[order] // 2).astype(np.uint8),
        descriptors=descriptors[order],
        signs=own.signs,
        energies=own.energies,
    )


def query(source: bytes | NDArray[np.uint8], limits: Limits = DEFAULT) -> QueryRecord:
    """What an upload is recognised by, as it is and mirrored. A flat picture has no keypoints and matches nothing.

    Raises InvalidInput: ``picture_too_small``, ``picture_shape``; and whatever ``decode.luma`` raises.
    """
    luma, plane = _opened(source, limits)
    levels = pyramid(plane)
    keypoints = detect(levels, QUERY_QUOTAS)
    turns, descriptors, mirrored = described_with_mirror(levels, keypoints)
    eight: tuple[Pdq, ...] = pdq.dihedral(luma)
    return QueryRecord(
        pdqs=(eight[0], eight[MIRRORED]),
        height=plane.shape[0],
        width=plane.shape[1],
        x=keypoints.x.astype(np.uint16),
        y=keypoints.y.astype(np.uint16),
        turns=turns.astype(np.uint8),
        levels=keypoints.level.astype(np.uint8),
        descriptors=descriptors,
        mirrored=mirrored,
        pyramid=tuple(levels),
    )
