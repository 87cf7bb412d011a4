"""The search kernel: from a query to the rows near it, without waiting for memory more often than needed.

For each query and band, the keys within the band's radius name buckets. A bucket holds, side by side, the
*next* band's 16 bits of each of its rows: 32 of these signatures are tested at once by the pigeonring filter
(``schedule``), and only what passes is looked up and compared in full. A row near in several bands is
reported by the first band that finds it, so nothing has to be remembered to avoid doubles.

Everything a stage needs was asked for some stages earlier: bucket bounds, then signatures, then row
identifiers, then rows. Large batches go band by band with the queries in the order of their keys, so that
one band at a time stays in the cache.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from amparo.core.kernels import deferred, kernel
from amparo.index import view as v
from amparo.index.protocol import Numbers, Words
from amparo.index.schedule import BANDS, BUCKETS, FLIPS, RADII, REACH, SMALL_BANDS, SMALL_BUCKETS, SMALL_RADII

distance, near_signatures, permute, popcount, prefetch, trailing_zeros = (
    deferred("amparo.index.vector", name)
    for name in ("distance", "near_signatures", "permute", "popcount", "prefetch", "trailing_zeros")
)
load_u8, load_u16, load_u32, load_u64 = (deferred("amparo.index.vector", f"load_u{bits}") for bits in (8, 16, 32, 64))

BY_BAND: Final = 512
"""Queries from which a batch goes band by band."""
_CONTENT: Final = 64  # queries from which the delta is in the cache after the first few
_CANDIDATES: Final = 2048
_LAG: Final = 8  # candidates that gather before their rows are asked for, and again before they are read
_WIDEST: Final = len(FLIPS)


@kernel
def _report(dead: int, number: int, query: int, bits: int, out: Numbers, total: int) -> int:
    if (load_u8(dead + (number >> 3)) >> (number & 7)) & 1:
        return total
    if total < out.shape[1]:
        out[0, total] = query
        out[1, total] = number
        out[2, total] = bits
    return total + 1


@kernel
def _first_band(row: int, query: int, radius: int) -> int:
    """The first band that lets this row through; every row within ``radius`` has one."""
    ahead = popcount(load_u16(row) ^ load_u16(query))
    wrapped = ahead
    for band in range(BANDS):
        bits = ahead
        following = (band + 1) & (BANDS - 1)
        ahead = wrapped
        if following:
            ahead = popcount(load_u16(row + 2 * following) ^ load_u16(query + 2 * following))
        reach = RADII[radius, band]
        if bits <= reach and bits + ahead <= reach + RADII[radius, following] + 1:
            return band
    return -1


@kernel
def _verify(
    view: Numbers,
    block: int,
    found: Numbers,
    count: int,
    queries: int,
    radii: Numbers,
    first_query: int,
    out: Numbers,
    total: int,
) -> int:
    rows = view[block + v.ROWS]
    numbers = view[block + v.NUMBERS]
    for place in range(count):
        identifier = found[2 * place]
        query = found[2 * place + 1] >> 4
        row_at = rows + 32 * identifier
        query_at = queries + 32 * query
        bits = distance(row_at, query_at)
        radius = int(radii[query])
        if bits > radius or _first_band(row_at, query_at, radius) != (found[2 * place + 1] & 15):
            continue
        number = view[block + v.START] + identifier
        if numbers != 0:
            number = load_u32(numbers + 4 * identifier)
        if number & v.GROUPED and numbers != 0:
            bounds = view[block + v.GROUP_BOUNDS] + 4 * (number ^ v.GROUPED)
            members = view[block + v.GROUP_NUMBERS]
            for member in range(load_u32(bounds), load_u32(bounds + 4)):
                total = _report(view[v.DEAD], load_u32(members + 4 * member), first_query + query, bits, out, total)
        else:
            total = _report(view[v.DEAD], number, first_query + query, bits, out, total)
    return total


@kernel
def _resolve(view: Numbers, block: int, waiting: Numbers, count: int, found: Numbers) -> None:
    """Turn positions in a band into row identifiers, and ask for the rows."""
    ids = view[block + v.IDS]
    rows = view[block + v.ROWS]
    for place in range(count):
        identifier = load_u32(ids + 4 * waiting[2 * place])
        prefetch(rows + 32 * identifier)
        found[2 * place] = identifier
        found[2 * place + 1] = waiting[2 * place + 1]


@kernel
def _by_key(queries: int, count: int, order: npt.NDArray[np.int32]) -> None:
    """For each band, the positions of the queries in the order of their keys: two counting passes of 8
    bits."""
    half = np.empty(count, np.int32)
    for band in range(BANDS):
        for shift in range(0, 16, 8):
            starts = np.zeros(257, np.int64)
            for query in range(count):
                starts[((load_u16(queries + 32 * query + 2 * band) >> shift) & 255) + 1] += 1
            for digit in range(256):
                starts[digit + 1] += starts[digit]
            for place in range(count):
                query = place if shift == 0 else np.int64(half[place])
                digit = (load_u16(queries + 32 * query + 2 * band) >> shift) & 255
                if shift == 0:
                    half[starts[digit]] = query
                else:
                    order[band * count + starts[digit]] = query
                starts[digit] += 1


@kernel
def _ask_bounds(table: int, key: int, reach: int) -> None:
    prefetch(table + 4 * key)
    for probe in range(5, REACH[reach + 1]):  # the first four flips lie in the same cache line
        prefetch(table + 4 * (key ^ FLIPS[probe]))


@kernel
def _ask_signatures(table: int, key: int, reach: int, first: int, begins: Numbers, ends: Numbers) -> None:
    """Look up where the signatures of each bucket begin and end, and ask for them."""
    for probe in range(REACH[reach + 1]):
        bucket = table + 4 * (key ^ FLIPS[probe])
        begin = first + 2 * load_u32(bucket)
        end = first + 2 * load_u32(bucket + 4)
        begins[probe] = begin
        ends[probe] = end
        prefetch(begin)
        prefetch(end - 2)
        for line in range(begin + 64, end - 64, 64):
            prefetch(line)


@kernel
def _filter(
    probe: int,
    until: int,
    begins: Numbers,
    ends: Numbers,
    wanted: int,
    most: int,
    signatures: int,
    ids: int,
    tag: int,
    waiting: Numbers,
    count: int,
) -> tuple[int, int]:
    """Test the buckets from ``probe`` on. Returns early, for the caller to make room, where it may go on."""
    while probe < until:
        begin = begins[probe]
        end = ends[probe]
        while begin < end:
            flags = near_signatures(begin, wanted, most)
            if end - begin < 64:
                flags &= (1 << ((end - begin) >> 1)) - 1
            if flags:
                if count > _CANDIDATES - 32:
                    begins[probe] = begin
                    return probe, count
                while flags:
                    position = ((begin - signatures) >> 1) + trailing_zeros(flags)
                    flags &= flags - 1
                    prefetch(ids + 4 * position)
                    waiting[2 * count] = position
                    waiting[2 * count + 1] = tag
                    count += 1
            begin += 64
        probe += 1
    return probe, count


@kernel
def _search_segment(
    view: Numbers,
    block: int,
    queries: int,
    count: int,
    radii: Numbers,
    order: npt.NDArray[np.int32],
    first_query: int,
    out: Numbers,
    total: int,
) -> int:
    offsets = view[block + v.OFFSETS]
    ids = view[block + v.IDS]
    signatures = view[block + v.SIGNATURES]
    unique = view[block + v.UNIQUE]
    by_band = order.shape[0] > 0
    begins = np.empty((2, _WIDEST), np.int64)
    ends = np.empty((2, _WIDEST), np.int64)
    waiting = np.empty(2 * _CANDIDATES, np.int64)
    found = np.empty(2 * _CANDIDATES, np.int64)
    waits = 0
    finds = 0
    groups = BANDS * count
    for step in range(groups + 2):
        for stage in range(3):
            group = step - stage
            if group < 0 or group >= groups:
                continue
            if by_band:
                band = group // count
                query = np.int64(order[group])
            else:
                band = group & (BANDS - 1)
                query = group >> 4
            radius = radii[query]
            if radius < 0 or RADII[radius, band] < 0:
                continue
            reach = RADII[radius, band]
            query_at = queries + 32 * query
            key = load_u16(query_at + 2 * band)
            if stage == 0:
                _ask_bounds(offsets + 4 * band * (BUCKETS + 1), key, reach)
            elif stage == 1:
                table = offsets + 4 * band * (BUCKETS + 1)
                first = signatures + 2 * band * unique
                _ask_signatures(table, key, reach, first, begins[group & 1], ends[group & 1])
            else:
                following = (band + 1) & (BANDS - 1)
                wanted = load_u16(query_at + 2 * following)
                most = reach + RADII[radius, following] + 1
                for bits in range(reach + 1):
                    probe = REACH[bits]
                    while True:
                        probe, waits = _filter(
                            probe,
                            REACH[bits + 1],
                            begins[group & 1],
                            ends[group & 1],
                            wanted,
                            most - bits,
                            signatures,
                            ids,
                            int((query << 4) | band),
                            waiting,
                            waits,
                        )
                        if probe == REACH[bits + 1]:
                            break
                        total = _verify(view, block, found, finds, queries, radii, first_query, out, total)
                        _resolve(view, block, waiting, waits, found)
                        finds = waits
                        waits = 0
        if waits >= _LAG:
            total = _verify(view, block, found, finds, queries, radii, first_query, out, total)
            _resolve(view, block, waiting, waits, found)
            finds = waits
            waits = 0
    total = _verify(view, block, found, finds, queries, radii, first_query, out, total)
    _resolve(view, block, waiting, waits, found)
    return _verify(view, block, found, waits, queries, radii, first_query, out, total)


@kernel
def _first_small_band(row: int, query: int, radius: int) -> int:
    """As ``_first_band``, for the delta's bands and runs of three."""
    for band in range(SMALL_BANDS):
        second = (band + 1) & (SMALL_BANDS - 1)
        third = (band + 2) & (SMALL_BANDS - 1)
        bits = popcount(load_u8(row + band) ^ load_u8(query + band))
        if bits > SMALL_RADII[radius, band]:
            continue
        bits += popcount(load_u8(row + second) ^ load_u8(query + second))
        bits += popcount(load_u8(row + third) ^ load_u8(query + third))
        most = SMALL_RADII[radius, band] + SMALL_RADII[radius, second] + SMALL_RADII[radius, third] + 2
        if bits <= most:
            return band
    return -1


@kernel
def _confirm(
    view: Numbers,
    flags: int,
    ids: int,
    tag: int,
    query_at: int,
    radius: int,
    first_query: int,
    out: Numbers,
    total: int,
) -> int:
    """Compare the flagged rows of a node of the delta in full."""
    while flags:
        row = load_u16(ids + 2 * trailing_zeros(flags))
        flags &= flags - 1
        if row >= view[v.DELTA_COUNT]:  # a free place, or a row added after this view was made
            continue
        row_at = view[v.DELTA_ROWS] + 32 * row
        bits = distance(row_at, query_at)
        if bits <= radius and _first_small_band(row_at, query_at, radius) == tag % SMALL_BANDS:
            number = view[v.DELTA_START] + row
            total = _report(view[v.DEAD], number, first_query + tag // SMALL_BANDS, bits, out, total)
    return total


@kernel
def _search_delta(
    view: Numbers,
    queries: int,
    count: int,
    radii: Numbers,
    first_query: int,
    out: Numbers,
    total: int,
) -> int:
    heads = view[v.DELTA_HEADS]
    signatures = view[v.DELTA_SIGNATURES]
    ids = view[v.DELTA_IDS]
    next_at = view[v.DELTA_FOLLOWING]
    if count < _CONTENT:
        for query in range(count):
            for band in range(SMALL_BANDS):
                head = heads + 2 * (SMALL_BUCKETS * band + load_u8(queries + 32 * query + band))
                prefetch(signatures + 128 * load_u16(head))
                prefetch(signatures + 128 * load_u16(head) + 64)
    # Band by band: the nodes of one band fit into the nearest cache.
    for band in range(SMALL_BANDS):
        second = (band + 1) & (SMALL_BANDS - 1)
        third = (band + 2) & (SMALL_BANDS - 1)
        table = heads + 2 * SMALL_BUCKETS * band
        for query in range(count):
            radius = int(radii[query])
            if radius < 0:
                continue
            reach = SMALL_RADII[radius, band]
            if reach < 0:
                continue
            query_at = queries + 32 * query
            wanted = load_u8(query_at + second) | (load_u8(query_at + third) << 8)
            most = int(reach + SMALL_RADII[radius, second] + SMALL_RADII[radius, third] + 2)
            key = load_u8(query_at + band)
            for probe in range(1 + 8 * reach):
                node = load_u16(table + 2 * (key ^ FLIPS[probe]))
                while node != v.END:
                    at = signatures + 128 * node
                    flags = near_signatures(at, wanted, most - (probe > 0))
                    flags |= near_signatures(at + 64, wanted, most - (probe > 0)) << 32
                    if flags:
                        total = _confirm(
                            view,
                            flags,
                            ids + 128 * node,
                            query * SMALL_BANDS + band,
                            query_at,
                            radius,
                            first_query,
                            out,
                            total,
                        )
                    node = load_u16(next_at + 2 * node)
    return total


@kernel
def _sort(out: Numbers, count: int) -> None:
    """Order a handful of matches of one query by row; many are sorted by numpy."""
    for place in range(1, count):
        row, bits = out[1, place], out[2, place]
        hole = place
        while hole > 0 and out[1, hole - 1] > row:
            out[1, hole] = out[1, hole - 1]
            out[2, hole] = out[2, hole - 1]
            hole -= 1
        out[1, hole] = row
        out[2, hole] = bits


@kernel
def search(view: Numbers, rows: Words, first: int, last: int, radius: int, out: Numbers) -> int:
    """Matches of ``rows[first:last]``, the queries, against everything in ``view``.

    out: (3, capacity): query (counted from 0), row number and distance of the matches, in no order (of one
    query: in the order of rows when there are at most 32). Returns how many there are, which may be more
    than were written: then call again with a larger ``out``. At least one query.
    """
    count = last - first
    permuted = np.empty((count, 4), np.uint64)
    queries = permuted.ctypes.data
    given = rows.ctypes.data
    radii = np.empty(count, np.int64)
    odd = np.empty(count, np.int64)
    for query in range(count):
        at = queries + 32 * query
        permute(given + 32 * (first + query), at)
        odd[query] = popcount(load_u64(at) ^ load_u64(at + 8) ^ load_u64(at + 16) ^ load_u64(at + 24)) & 1
    order = np.empty(0, np.int32)
    if count >= BY_BAND:
        order = np.empty(BANDS * count, np.int32)
        _by_key(queries, count, order)
    total = 0
    for segment in range(-1, view[v.SEGMENTS]):
        block = v.HEAD + v.BLOCK * segment
        even = view[v.DELTA_EVEN] if segment < 0 else view[block + v.EVEN]
        if segment < 0 and view[v.DELTA_COUNT] == 0:
            continue
        for query in range(count):
            # Two fingerprints of even weight differ in an even number of bits, an even and an odd one in an
            # odd number.
            radii[query] = radius - (even & (radius ^ odd[query]) & 1)
        if segment < 0:
            total = _search_delta(view, queries, count, radii, first, out, total)
        else:
            total = _search_segment(view, block, queries, count, radii, order, first, out, total)
    if count == 1 and 1 < total <= min(32, out.shape[1]):
        _sort(out, total)
    permuted[0, 0] = 0  # numba frees an array after its last mention, and an address is none
    return total
