# pyright: basic
# LLVM's interface (llvmlite) carries no types.
"""Two fingerprints against 128 others, on as many of their octets as it takes: one operation of the machine's vector unit.

Where a machine counts the bits of octets in one instruction (AVX-512 BITALG, NEON), differences are counted as they are. AVX2
has no such instruction: there, half an octet of the one picks a table of sixteen counts, and half an octet of each other one
picks a count from it (PSHUFB), 32 at once, from half-octets that were taken apart before. Mula, Kurz and Lemire count single
words this way ("Faster population counts using AVX2 instructions", 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from amparo.core.kernels import machine_has
from amparo.index.scan import ROWS
from amparo.index.vector import I8, I32, I64, call, count_bits, load_from, splat

HALVES: Final = machine_has("avx2") and not machine_has("avx512bitalg")
"""Whether ``near`` reads half-octets, from a tile that ``scan`` fills, or whole ones as they are stored."""
_WIDTH: Final = 32 if HALVES else 64
_STEPS: Final = 2 if HALVES else 1  # places in one turn of the loop
_PARTS: Final = range(0, ROWS, _WIDTH)
_VECTOR: Final = ir.VectorType(I8, _WIDTH)
_HALF: Final = ir.VectorType(I8, 16)


def _load(builder: Any, address: Any, offset: int, kind: ir.Type, align: int) -> Any:
    return load_from(builder, builder.add(address, ir.Constant(I64, offset)), kind, align)


def _looked_up(builder: Any, counts: Any, asked: Any) -> Callable[[Any], Any]:
    """From half-octets to the bits in which each differs from the one asked."""
    table = _load(builder, builder.add(counts, builder.zext(asked, I64)), 0, _HALF, 16)
    twice = ir.Constant(ir.VectorType(I32, _WIDTH), [*range(16)] * (_WIDTH // 16))
    wide = builder.shuffle_vector(table, ir.Constant(_HALF, ir.Undefined), twice)
    return lambda halves: call(builder, "llvm.x86.avx2.pshuf.b", _VECTOR, [wide, halves])


def _counted(builder: Any, _counts: Any, asked: Any) -> Callable[[Any], Any]:
    """The same from octets."""
    wanted = splat(builder, asked, _WIDTH)
    return lambda octets: count_bits(builder, builder.xor(octets, wanted))


@intrinsic
def take_apart(_context: Any, _octets: Any, _halves: Any) -> tuple[Any, Callable[..., Any]]:
    """Write at ``halves`` the lower halves of the 128 octets at ``octets``, and then the upper ones. Both are addresses."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        given, halves = arguments
        low = ir.Constant(_VECTOR, [15] * _WIDTH)
        up = ir.Constant(_VECTOR, [4] * _WIDTH)
        for part in _PARTS:
            octets = _load(builder, given, part, _VECTOR, 1)
            for offset, half in ((part, builder.and_(octets, low)), (part + ROWS, builder.lshr(octets, up))):
                at = builder.add(halves, ir.Constant(I64, offset))
                builder.store(half, builder.inttoptr(at, _VECTOR.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def near(
    _context: Any, _counts: Any, _asked: Any, _second: Any, _tile: Any, _places: Any, _limit: Any, _flags: Any
) -> tuple[Any, Callable[..., Any]]:
    """Write at ``flags`` 128 bits for each of two fingerprints: which of 128 others differ from it in at most ``limit`` bits of
    the places compared. Returns whether any does.

    All but ``places`` and ``limit`` are addresses. counts: (16, 16) uint8, bits that differ between two half-octets, 16-aligned.
    asked, second: (places,) uint8 of the two, octets, or sixteen times each half-octet. tile: (places, 128) uint8 of the others,
    64-aligned for speed. places: at least one; of half-octets, an even number. limit: at most 255, as are the bits of the places.
    """
    prepared = _looked_up if HALVES else _counted

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        counts, asked, second, tile, places, limit, flags = arguments
        before = builder.basic_block
        each = builder.append_basic_block("place")
        after = builder.append_basic_block("compared")
        builder.branch(each)
        builder.position_at_end(each)
        place = builder.phi(I64)
        place.add_incoming(ir.Constant(I64, 0), before)
        totals = [builder.phi(_VECTOR) for _ in range(2 * len(_PARTS))]
        grown = list(totals)
        for step in range(_STEPS):
            at = builder.add(place, ir.Constant(I64, step))
            differing = [
                prepared(builder, counts, _load(builder, builder.add(one, at), 0, I8, 1)) for one in (asked, second)
            ]
            line = builder.add(tile, builder.mul(at, ir.Constant(I64, ROWS)))
            for number, part in enumerate(_PARTS):
                others = _load(builder, line, part, _VECTOR, 1)
                for row in range(2):
                    total = row * len(_PARTS) + number
                    grown[total] = builder.add(grown[total], differing[row](others))
        following = builder.add(place, ir.Constant(I64, _STEPS))
        place.add_incoming(following, each)
        for total, more in zip(totals, grown, strict=True):
            total.add_incoming(ir.Constant(_VECTOR, [0] * _WIDTH), before)
            total.add_incoming(more, each)
        builder.cbranch(builder.icmp_unsigned("<", following, places), each, after)
        builder.position_at_end(after)
        limits = splat(builder, builder.trunc(limit, I8), _WIDTH)
        bits = ir.IntType(_WIDTH)
        some: Any = ir.Constant(bits, 0)
        for number, total in enumerate(grown):
            passed = builder.bitcast(builder.icmp_unsigned("<=", total, limits), bits)
            at = builder.add(flags, ir.Constant(I64, number * _WIDTH // 8))
            builder.store(passed, builder.inttoptr(at, bits.as_pointer()), align=4)
            some = builder.or_(some, passed)
        return builder.zext(builder.icmp_unsigned("!=", some, ir.Constant(bits, 0)), I64)

    return types.int64(*[types.int64] * 7), generate
