"""Which photos of a pool are the same photo, registered more than once.

Three girls register one class photo, each in the copy that she has. Their descriptors say as much as those of one photo: were
each copy counted for itself, everything in it would seem common, and its altered versions would be found less the more people
ask for help. So photos that share many descriptors form a group, and a group counts once where rarity is weighed.

A photo joins the group of an earlier one, its leader, with which it shares an eighth of its descriptors, of which a part is
looked at: copies that were scaled and re-encoded share .3 to .7, those that were cropped a little .1 to .2, unrelated photos
less than .01. What more photos hold than a group has is no evidence: five hundred screenshots with the same frame are five
hundred photos, and their frame stays common. Groups do not chain.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amparo.core.kernels import kernel
from amparo.index.trace.kernels import apart

SHARED: Final = 0.125
"""Share of the descriptors, of the photo that has more, that another photo must hold to be the same."""
MOST_OF_A_GROUP: Final = 16
"""Photos; a hub lets eight alike through without a caseworker."""
TABLES: Final = 4
"""So many tables are asked; more would hardly find more."""
_EACH: Final = 4
"""Every fourth descriptor of a photo is looked at."""


@kernel
def _weight(within: NDArray[np.uint32], owner: NDArray[np.uint32], group: NDArray[np.uint32], longest: int) -> int:
    """Rows in a bucket, where of a group only the photo with most rows counts; stops above ``longest``."""
    groups = np.empty(longest + 1, np.uint32)
    most = np.empty(longest + 1, np.int64)
    known = 0
    total = 0
    k = 0
    while k < len(within) and total <= longest:
        photo = owner[within[k]]
        same = 0
        while k < len(within) and owner[within[k]] == photo:
            same += 1
            k += 1
        at = 0
        while at < known and groups[at] != group[photo]:
            at += 1
        if at == known:
            groups[at] = group[photo]
            most[at] = 0
            known += 1
        if same > most[at]:
            total += same - most[at]
            most[at] = same
    return total


@kernel
def drop_common(
    starts: NDArray[np.uint32],
    entries: NDArray[np.uint32],
    owner: NDArray[np.uint32],
    group: NDArray[np.uint32],
    longest: int,
) -> None:
    """Empty the buckets of one table that weigh more than ``longest`` (see ``_weight``). What stays moves together to the
    front of ``entries``."""
    kept = np.uint32(0)
    begin = np.int64(starts[0])
    for code in range(len(starts) - 1):
        end = np.int64(starts[code + 1])
        starts[code] = kept
        if end - begin <= longest or _weight(entries[begin:end], owner, group, longest) <= longest:
            for e in range(begin, end):
                entries[kept] = entries[e]
                kept += np.uint32(1)
        begin = end
    starts[len(starts) - 1] = kept


@kernel
def grouped(
    codes: NDArray[np.uint32],
    starts: NDArray[np.uint32],
    entries: NDArray[np.uint32],
    rows: NDArray[np.uint64],
    owner: NDArray[np.uint32],
    photos: int,
    radius: int,
    longest: int,
) -> NDArray[np.uint32]:
    """(P,) uint32: of each photo, the place of its group's leader, which is its own where it stands alone.

    codes: (T, K) of the pool's own rows; starts, entries: (T, ...), whole tables before ``drop_common``; owner: ascending;
    buckets above ``longest`` are not looked at. The same pool in the same order always forms the same groups.
    """
    group = np.arange(photos).astype(np.uint32)
    members = np.ones(photos, np.int64)
    held = np.zeros(photos, np.int64)
    for photo in owner:
        held[photo] += 1
    shared = np.zeros(photos, np.int64)
    leaders = np.empty(photos, np.uint32)
    stamp = np.full(photos, -1, np.int64)
    hit = np.empty(len(codes) * longest, np.uint32)
    row = 0
    while row < len(rows):
        photo = owner[row]
        end = row + held[photo]
        found = 0
        for asked in range(row, end, _EACH):
            many = 0
            for t in range(len(codes)):
                begin = np.int64(starts[t, codes[t, asked]])
                until = np.int64(starts[t, codes[t, asked] + 1])
                if until - begin > longest:
                    continue
                for e in range(begin, until):
                    other = owner[entries[t, e]]
                    if other != photo and stamp[other] != asked and apart(rows, asked, rows, entries[t, e]) <= radius:
                        stamp[other] = asked
                        hit[many] = other
                        many += 1
            if many < MOST_OF_A_GROUP:
                for other in hit[:many]:
                    if other < photo and group[other] == other and members[other] < MOST_OF_A_GROUP:
                        if shared[other] == 0:
                            leaders[found] = other
                            found += 1
                        shared[other] += _EACH
        best = photo
        for leader in leaders[:found]:
            enough = SHARED * max(held[photo], held[leader])
            if shared[leader] >= enough and (best == photo or shared[leader] > shared[best]):
                best = leader
        for leader in leaders[:found]:
            shared[leader] = 0
        if best != photo:
            group[photo] = best
            members[best] += 1
        row = end
    return group
