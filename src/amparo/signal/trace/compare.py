"""Is an upload a copy of a registered photo, an altered derivative, or something else?

Three steps, so that no pixel of the upload and no position of the record need to meet in one place:

1. ``align`` (hub; or whoever holds the record): the upload's keypoints against the record: by what similarity, how many.
2. ``tiles_of`` (gate; whoever holds the upload's pixels): the upload's tiles, seen in the frame of step 1.
3. ``judge`` (hub): both tile maps and the keypoints: the answer.

``compare`` does all three where everything is at hand. An answer is a lead for people, never proof (SAFETY: two photos of
one place can match, anyone can register a photo that is not theirs, and a sticker counts as an alteration).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.errors import InvalidInput
from amparo.signal.trace import alteration, match, tiles, view
from amparo.signal.trace.match import Similarity
from amparo.signal.trace.place import nearest_in_place
from amparo.signal.trace.record import QueryRecord, TraceRecord
from amparo.signal.trace.similarity import LARGEST_SCALE, SMALLEST_SCALE, best_similarity
from amparo.signal.trace.tiles import SIDE, Tiles

FEWEST_INLIERS: Final = 4
"""Below it nothing is looked at further."""
FEWEST_TILES: Final = 12
FEWEST_VISIBLE: Final = 40
"""Tiles: of fewer, a large share agrees by chance."""
SHIFTS: Final = ((4, 0), (-4, 0), (0, 4), (0, -4), (4, 4), (-4, -4), (4, -4), (-4, 4))
"""Tiles: by so much an upload's tiles are displaced to see how many would agree by chance (one sky is like another)."""
TILES_WEIGH: Final = 15.0
RECOGNISED: Final = 12.25
"""Inliers, a quarter of the keypoints in place, and ``TILES_WEIGH`` times the share of the visible tiles that agree beyond
chance: the sum from which on an upload shows the photo. Strangers of the tuning half came to 8.5 at most in 100,305 pairs, ten
times more rarely for every 1.6 more; the worst of 1.29 million pairs of all photos, a bird and a tree before sky, to 11.2."""
AGREEING: Final = 3
"""Signs by which agreement must outweigh contradiction in a tile."""
ALTERED_FRACTION: Final = 0.045
ALTERED_EVIDENCE: Final = 20.0
UNCERTAIN_FRACTION: Final = 0.03
UNCERTAIN_EVIDENCE: Final = 8.0


class Relation(StrEnum):
    """What an upload is to a registered photo."""

    COPY = "copy"
    ALTERED = "altered"
    UNCERTAIN = "uncertain"
    UNRELATED = "unrelated"


@dataclass(frozen=True, slots=True)
class Alignment:
    """How an upload shows the photo. frame: height, width of the photo's plane; inliers: matches that agree on it;
    in_place: keypoints found where it puts them."""

    similarity: Similarity
    frame: tuple[int, int]
    inliers: int
    in_place: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer. altered_fraction: of the registered photo's area, 0..1; region: outline of what was replaced, (x, y) in
    0..1 of the photo's width and height, or None; evidence: log-odds summed over the region (0 for a copy);
    pdq_distance: bits, to the upload or its mirror image, the nearer one."""

    relation: Relation
    altered_fraction: float
    region: tuple[tuple[float, float], ...] | None
    inliers: int
    agreeing_tiles: int
    pdq_distance: int
    evidence: float = 0.0
    similarity: Similarity | None = None


def align(record: TraceRecord, query: QueryRecord) -> Alignment | None:
    """The best similarity with at least 5 inliers, of the upload or of its mirror image; None where there is none."""
    best: Alignment | None = None
    for mirrored, (descriptors, geometry) in enumerate(zip(query.words, query.geometry, strict=True)):
        if len(descriptors) == 0:
            continue
        found = match.pairs(record.words, query.coded[mirrored], geometry)
        if len(found) < FEWEST_INLIERS:
            continue
        model = best_similarity(record.words, record.geometry, descriptors, geometry, found)
        inliers = int(model[4])
        if inliers >= FEWEST_INLIERS and (best is None or inliers > best.inliers):
            a, b, dx, dy = (float(value) for value in model[:4])
            best = Alignment(
                Similarity(a, b, dx, dy, bool(mirrored)), (record.height, record.width), inliers, int(model[5])
            )
    return best


def tiles_of(query: QueryRecord, alignment: Alignment) -> Tiles:
    """The upload's tiles in the photo's frame. Raises InvalidInput ``query_without_pixels`` for a query that was decoded
    from bytes, and ``alignment_invalid`` for a similarity that no keypoints can have given."""
    if not query.pyramid:
        raise InvalidInput("query_without_pixels", "Tiles can be taken only where the upload itself is at hand.")
    similarity = alignment.similarity
    if not SMALLEST_SCALE / 2 <= similarity.scale <= 2 * LARGEST_SCALE:
        raise InvalidInput("alignment_invalid", "The alignment is not one that pictures can have.")
    return tiles.in_frame(query.pyramid, similarity, *alignment.frame)


def found_in_place(record: TraceRecord, query: QueryRecord, similarity: Similarity) -> NDArray[np.int32]:
    """(N,) ``place.nearest_in_place`` of the record's keypoints."""
    return nearest_in_place(
        record.words,
        record.geometry,
        query.words[similarity.mirrored],
        query.geometry[similarity.mirrored],
        np.array([similarity.a, similarity.b, similarity.dx, similarity.dy]),
    )


def tiles_with_keypoints(record: TraceRecord) -> NDArray[np.int64]:
    """(N,) in which tile each keypoint of the record lies."""
    row = (record.geometry[:, 1] * SIDE // record.height).astype(np.int64).clip(0, SIDE - 1)
    column = (record.geometry[:, 0] * SIDE // record.width).astype(np.int64).clip(0, SIDE - 1)
    return row * SIDE + column


def recognition(alignment: Alignment, own: Tiles, seen: Tiles) -> float:
    """How much speaks for the upload showing the photo; ``RECOGNISED`` says how much is enough."""
    visible = seen.visible.reshape(SIDE, SIDE)
    ours = own.signs.reshape(SIDE, SIDE, -1)
    theirs = seen.signs.reshape(SIDE, SIDE, -1)

    def agreeing(down: int, right: int) -> int:
        product = ours * np.roll(theirs, (down, right), axis=(0, 1))
        return int(((product.sum(axis=2) >= AGREEING) & np.roll(visible, (down, right), axis=(0, 1))).sum())

    by_chance = sum(agreeing(down, right) for down, right in SHIFTS) / len(SHIFTS)
    share = (agreeing(0, 0) - by_chance) / max(int(visible.sum()), FEWEST_VISIBLE)
    return alignment.inliers + alignment.in_place / 4 + TILES_WEIGH * share


def judge(record: TraceRecord, query: QueryRecord, alignment: Alignment, seen: Tiles) -> Comparison:
    """The answer for an aligned upload. Keypoints of ``query`` and ``record``; its pixels are not needed."""
    own = Tiles(record.signs, record.energies, np.ones(len(record.energies), np.bool_))
    agreeing = int(((alteration.agreement(own, seen) >= AGREEING) & seen.visible).sum())
    distance = min(record.pdq.distance(pdq) for pdq in query.pdqs)
    if agreeing < FEWEST_TILES or recognition(alignment, own, seen) < RECOGNISED:
        return Comparison(Relation.UNRELATED, 0.0, None, alignment.inliers, agreeing, distance)
    similarity = alignment.similarity
    found = found_in_place(record, query, similarity)
    tile = tiles_with_keypoints(record)
    rows = alteration.features(own, seen, found, tile, similarity.scale)
    replaced = alteration.replaced(rows, seen.visible)
    what = alteration.assess(replaced, seen.visible)
    if what.fraction >= ALTERED_FRACTION and what.evidence >= ALTERED_EVIDENCE:
        if not view.shows_enough(found, tile, replaced, seen, similarity.scale):
            return Comparison(Relation.UNRELATED, 0.0, None, alignment.inliers, agreeing, distance)
        relation = Relation.ALTERED
    elif (
        what.fraction >= UNCERTAIN_FRACTION
        or what.evidence >= UNCERTAIN_EVIDENCE
        or view.other_view(
            found[seen.visible[tile]], seen, similarity, alignment.frame, (query.height, query.width), distance
        )
    ):
        relation = Relation.UNCERTAIN
    else:
        relation = Relation.COPY
    region = what.region if relation in (Relation.ALTERED, Relation.UNCERTAIN) else None
    return Comparison(relation, what.fraction, region, alignment.inliers, agreeing, distance, what.evidence, similarity)


def compare(record: TraceRecord, query: QueryRecord) -> Comparison:
    """All three steps, for an upload that is at hand (``signal.trace.query``). Raises as ``tiles_of`` does."""
    alignment = align(record, query)
    if alignment is None:
        distance = min(record.pdq.distance(pdq) for pdq in query.pdqs)
        return Comparison(Relation.UNRELATED, 0.0, None, 0, 0, distance)
    return judge(record, query, alignment, tiles_of(query, alignment))
