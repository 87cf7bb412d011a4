# pyright: basic
# The one file of this room that speaks LLVM: numba's compiler interface (llvmlite) carries no types.
"""Machine operations that numba cannot say by itself: wide popcounts, prefetch, loads by address.

Each is a few lines of LLVM IR on vectors of a fixed width. LLVM picks the host's instructions for them: one
VPOPCNTW on a machine with AVX-512 BITALG, table look-ups on AVX2, NEON's CNT elsewhere; results are the
same. Addresses are plain integers because a kernel reads a dozen arrays of each segment, and passing them
one by one would cost more than the search. Whoever passes an address keeps its array alive and has checked
its bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
SIGNATURES: Final = 32
"""How many 16-bit signatures one ``near_signatures`` tests; arrays of them are padded by as many."""


def call(builder: ir.IRBuilder, name: str, result: ir.Type, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def splat(builder: ir.IRBuilder, scalar: Any, lanes: int) -> Any:
    vector = ir.VectorType(scalar.type, lanes)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(
        single, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
    )


def load_from(builder: ir.IRBuilder, address: Any, kind: ir.Type, align: int) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=align)


def count_bits(builder: ir.IRBuilder, vector: Any) -> Any:
    lanes, width = vector.type.count, vector.type.element.width
    return call(builder, f"llvm.ctpop.v{lanes}i{width}", vector.type, [vector])


def _loader(width: int, result: Any) -> Any:
    @intrinsic
    def load(_context: Any, _address: Any) -> tuple[Any, Callable[..., Any]]:
        def generate(_backend: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            value = load_from(builder, arguments[0], ir.IntType(width), width // 8)
            return value if width == 64 else builder.zext(value, I64)

        return result(types.int64), generate

    return load


load_u8 = _loader(8, types.int64)
load_u16 = _loader(16, types.int64)
load_u32 = _loader(32, types.int64)
load_u64 = _loader(64, types.uint64)


@intrinsic
def prefetch(_context: Any, _address: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for the cache line at ``address``. Never faults, so the address may lie past the end."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], I8.as_pointer())
        flags = [ir.Constant(I32, flag) for flag in (0, 3, 1)]  # to read, into every level, as data
        call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, *flags])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def publish_u16(_context: Any, _address: Any, _value: Any) -> tuple[Any, Callable[..., Any]]:
    """Store 16 bits after every earlier store is visible: readers on other threads find no half-written
    node."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], I16.as_pointer())
        builder.store_atomic(builder.trunc(arguments[1], I16), pointer, "release", 2)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def trailing_zeros(_context: Any, _word: Any) -> tuple[Any, Callable[..., Any]]:
    """How many zero bits lie below the lowest set bit of a word that is not zero."""

    def generate(_backend: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return call(builder, "llvm.cttz.i64", I64, [arguments[0], ir.Constant(I1, 1)])

    return types.int64(types.int64), generate


@intrinsic
def popcount(_context: Any, _word: Any) -> tuple[Any, Callable[..., Any]]:
    """Set bits of a word."""

    def generate(_backend: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return call(builder, "llvm.ctpop.i64", I64, [arguments[0]])

    return types.int64(types.int64), generate


@intrinsic
def distance(_context: Any, _left: Any, _right: Any) -> tuple[Any, Callable[..., Any]]:
    """Differing bits of the two 32-byte fingerprints at two addresses (8-aligned)."""

    def generate(_backend: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        row = ir.VectorType(I64, 4)
        counts = count_bits(
            builder, builder.xor(load_from(builder, arguments[0], row, 8), load_from(builder, arguments[1], row, 8))
        )
        return call(builder, "llvm.vector.reduce.add.v4i64", I64, [counts])

    return types.int64(types.int64, types.int64), generate


@intrinsic
def near_signatures(_context: Any, _address: Any, _signature: Any, _limit: Any) -> tuple[Any, Callable[..., Any]]:
    """Which of the 32 signatures (uint16, 2-aligned) at ``address`` differ in at most ``limit`` bits: 32
    flags."""

    def generate(_backend: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        lanes = load_from(builder, arguments[0], ir.VectorType(I16, SIGNATURES), 2)
        wanted = splat(builder, builder.trunc(arguments[1], I16), SIGNATURES)
        limits = splat(builder, builder.trunc(arguments[2], I16), SIGNATURES)
        flags = builder.icmp_unsigned("<=", count_bits(builder, builder.xor(lanes, wanted)), limits)
        return builder.zext(builder.bitcast(flags, I32), I64)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def permute(_context: Any, _source: Any, _target: Any) -> tuple[Any, Callable[..., Any]]:
    """Write at ``target`` the 32 bytes at ``source`` with bit j of word b taken from word (b + 5 j) mod
    16."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        words = ir.VectorType(I16, 16)
        given = load_from(builder, arguments[0], words, 1)
        result: Any = ir.Constant(words, [0] * 16)
        for bit in range(16):
            turn = ir.Constant(ir.VectorType(I32, 16), [(band + 5 * bit) % 16 for band in range(16)])
            turned = builder.shuffle_vector(given, ir.Constant(words, ir.Undefined), turn)
            result = builder.or_(result, builder.and_(turned, ir.Constant(words, [1 << bit] * 16)))
        builder.store(result, builder.inttoptr(arguments[1], words.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
