"""By what similarity of the plane an upload shows a photo, and how many matches agree on it.

Every pair of the nearest matches proposes a similarity, which the others vote for. The best few are tried on all keypoints:
each of the record's looks for its like only where the similarity puts it (no ratio test is needed there), and a least-squares
fit to what was found makes the similarity better. What counts in the end are the matches of the ratio test that agree
with it. A match counts once per 16-pixel cell of the record and 8-pixel cell of the upload, so that one corner found on
several levels, or a forged record that repeats itself, has one voice.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.signal.trace.place import guided, sorted_by_cell

MOST_PROPOSERS: Final = 48
TOLERANCE: Final = 10.0
"""Pixels of the record's plane between where a keypoint is and where the similarity puts it."""
SETTLED: Final = 7.0
"""The same once it is fitted to keypoints found in place: their cells of 8 pixels leave 6."""
TURN_TOLERANCE: Final = 0.35
OCTAVE_TOLERANCE: Final = 1.0
SMALLEST_SCALE: Final = 0.08
LARGEST_SCALE: Final = 6.0
TRIED: Final = 4
"""Proposals that are tried on all keypoints."""
FEWEST_VOICES: Final = 3
ENOUGH: Final = 20
"""Voices that chance never gave: the first similarity with as many is the one, and no more are proposed."""
ROUNDS: Final = 3
SMALLEST_STEP: Final = 32.0
"""Pixels of the record's plane between two matches that propose a similarity together."""


@kernel
def placed(
    our_geometry: NDArray[np.float64], their_geometry: NDArray[np.float64], found: NDArray[np.int32]
) -> NDArray[np.float64]:
    """(K, 7) of matches: x, y, x', y', cosine and sine of the turn between them, ratio of their sizes."""
    out = np.empty((len(found), 7))
    for k in range(len(found)):
        i = found[k, 0]
        j = found[k, 1]
        out[k, 0] = our_geometry[i, 0]
        out[k, 1] = our_geometry[i, 1]
        out[k, 2] = their_geometry[j, 0]
        out[k, 3] = their_geometry[j, 1]
        turn = their_geometry[j, 2] - our_geometry[i, 2]
        out[k, 4] = math.cos(turn)
        out[k, 5] = math.sin(turn)
        out[k, 6] = 2.0 ** (their_geometry[j, 3] - our_geometry[i, 3])
    return out


@kernel
def voices(
    matches: NDArray[np.float64],
    a: float,
    b: float,
    dx: float,
    dy: float,
    tolerance: float,
    here: NDArray[np.int32],
    there: NDArray[np.int32],
    round_number: int,
) -> int:
    """How many matches (``placed``) agree with the similarity, one per cell on either side. here: (1089,), there: (4096,)
    marks of the rounds before, all of other numbers."""
    square = a * a + b * b
    scale = math.sqrt(square)
    limit = tolerance * tolerance * max(square, 0.04)
    straight = math.cos(TURN_TOLERANCE) * scale
    widest = 2.0**OCTAVE_TOLERANCE
    count = 0
    for i in range(len(matches)):
        x = matches[i, 0]
        y = matches[i, 1]
        ex = a * x - b * y + dx - matches[i, 2]
        ey = b * x + a * y + dy - matches[i, 3]
        if ex * ex + ey * ey > limit or a * matches[i, 4] + b * matches[i, 5] < straight:
            continue
        if scale * widest < matches[i, 6] or scale > matches[i, 6] * widest:
            continue
        cell = int(y) // 16 * 33 + int(x) // 16
        other = min(int(matches[i, 3]) // 8, 63) * 64 + min(int(matches[i, 2]) // 8, 63)
        if here[cell] == round_number or there[other] == round_number:
            continue
        here[cell] = round_number
        there[other] = round_number
        count += 1
    return count


@kernel
def _place_among(
    best: NDArray[np.float64], a: float, b: float, dx: float, dy: float, count: int, tolerance: float
) -> int:
    """Where a proposal belongs among the best so far; -1 where one like it has as many voices."""
    last = len(best) - 1
    square = a * a + b * b
    for k in range(len(best)):
        if best[k, 4] == 0.0:
            break
        da = best[k, 0] - a
        db = best[k, 1] - b
        # Seen in the middle of the plane.
        px = best[k, 0] * 256 - best[k, 1] * 192 + best[k, 2] - (a * 256 - b * 192 + dx)
        py = best[k, 1] * 256 + best[k, 0] * 192 + best[k, 3] - (b * 256 + a * 192 + dy)
        if da * da + db * db < 0.01 * square and px * px + py * py < 4 * tolerance * tolerance * square:
            if best[k, 4] >= count:
                return -1
            last = k
            break
    while last > 0 and best[last - 1, 4] < count:
        best[last] = best[last - 1]
        last -= 1
    return last


@kernel
def proposals(
    matches: NDArray[np.float64], kept: int, tolerance: float, smallest: float, largest: float
) -> NDArray[np.float64]:
    """(kept, 5) a, b, dx, dy, voices: what pairs of matches (``placed``, nearest first) propose, most voices first."""
    best = np.zeros((kept, 5))
    here = np.zeros(33 * 33, np.int32)
    there = np.zeros(64 * 64, np.int32)
    straight = math.cos(TURN_TOLERANCE)
    twice = math.cos(2 * TURN_TOLERANCE)
    widest = 2.0**OCTAVE_TOLERANCE
    round_number = 0
    for j in range(1, min(len(matches), MOST_PROPOSERS)):
        for i in range(j):
            # Turn and size must agree before anything is computed from positions.
            if matches[i, 4] * matches[j, 4] + matches[i, 5] * matches[j, 5] < twice:
                continue
            low = max(matches[i, 6], matches[j, 6]) / widest
            high = min(matches[i, 6], matches[j, 6]) * widest
            if low > high:
                continue
            ux = matches[j, 0] - matches[i, 0]
            uy = matches[j, 1] - matches[i, 1]
            square = ux * ux + uy * uy
            if square < SMALLEST_STEP * SMALLEST_STEP:
                continue
            vx = matches[j, 2] - matches[i, 2]
            vy = matches[j, 3] - matches[i, 3]
            a = (ux * vx + uy * vy) / square
            b = (ux * vy - uy * vx) / square
            scale = math.sqrt(a * a + b * b)
            if scale < max(low, smallest) or scale > min(high, largest):
                continue
            if (
                a * matches[i, 4] + b * matches[i, 5] < straight * scale
                or a * matches[j, 4] + b * matches[j, 5] < straight * scale
            ):
                continue
            cx = 0.5 * (matches[i, 0] + matches[j, 0])
            cy = 0.5 * (matches[i, 1] + matches[j, 1])
            dx = 0.5 * (matches[i, 2] + matches[j, 2]) - a * cx + b * cy
            dy = 0.5 * (matches[i, 3] + matches[j, 3]) - b * cx - a * cy
            round_number += 1
            count = voices(matches, a, b, dx, dy, tolerance, here, there, round_number)
            if count <= best[kept - 1, 4]:
                continue
            place = _place_among(best, a, b, dx, dy, count, tolerance)
            if place >= 0:
                best[place, 0] = a
                best[place, 1] = b
                best[place, 2] = dx
                best[place, 3] = dy
                best[place, 4] = count
                if count >= ENOUGH:
                    return best
    return best


@kernel
def _fitted(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) a, b, dx, dy by least squares of (K, 4) x, y, x', y'; zeros where the points do not tell."""
    n = float(len(rows))
    mx = my = nx = ny = 0.0
    for i in range(len(rows)):
        mx += rows[i, 0] / n
        my += rows[i, 1] / n
        nx += rows[i, 2] / n
        ny += rows[i, 3] / n
    square = real = imaginary = 0.0
    for i in range(len(rows)):
        ux = rows[i, 0] - mx
        uy = rows[i, 1] - my
        vx = rows[i, 2] - nx
        vy = rows[i, 3] - ny
        square += ux * ux + uy * uy
        real += ux * vx + uy * vy
        imaginary += ux * vy - uy * vx
    out = np.zeros(4)
    if square < 1.0:
        return out
    out[0] = real / square
    out[1] = imaginary / square
    out[2] = nx - out[0] * mx + out[1] * my
    out[3] = ny - out[1] * mx - out[0] * my
    return out


@kernel
def best_similarity(
    ours: NDArray[np.uint64],
    our_geometry: NDArray[np.float64],
    theirs: NDArray[np.uint64],
    their_geometry: NDArray[np.float64],
    found: NDArray[np.int32],
) -> NDArray[np.float64]:
    """(6,) a, b, dx, dy, voices, keypoints in place, of the similarity that puts the most in place; zeros where no three
    matches agree.

    ours, theirs: (N, 2), (M, 2) descriptors; geometries: (N, 4), (M, 4) x, y, turn, octave; found: ``match.pairs``.
    """
    out = np.zeros(6)
    matches = placed(our_geometry, their_geometry, found)
    tried = proposals(matches, TRIED, TOLERANCE, SMALLEST_SCALE, LARGEST_SCALE)
    if tried[0, 4] < FEWEST_VOICES:
        return out
    starts, entries = sorted_by_cell(their_geometry)
    most = 0
    for k in range(TRIED):
        if tried[k, 4] < FEWEST_VOICES:
            break
        model = tried[k, :4].copy()
        for turn in range(ROUNDS):
            near = TOLERANCE if turn == 0 else SETTLED
            rows = guided(ours, our_geometry, theirs, their_geometry, starts, entries, model, near)
            if len(rows) > most:
                most = len(rows)
                out[:4] = model
            if len(rows) < FEWEST_VOICES:
                break
            model = _fitted(rows)
            if model[0] * model[0] + model[1] * model[1] < SMALLEST_SCALE * SMALLEST_SCALE / 4:
                break
    if most:
        out[5] = most
        here = np.zeros(33 * 33, np.int32)
        there = np.zeros(64 * 64, np.int32)
        out[4] = voices(matches, out[0], out[1], out[2], out[3], TOLERANCE, here, there, 1)
    return out
