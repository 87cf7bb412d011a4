# pyright: basic
# LLVM's interface (llvmlite) carries no types.
"""How many bits differ between one descriptor and 128 others: one operation of the machine's vector unit.

Half a byte of the one descriptor picks a table of sixteen counts; half a byte of each other one picks a count from it. AVX2
does 32 such look-ups at once (PSHUFB), and 32 half-bytes make a descriptor: twice as fast here as counting the bits of
differences. Mula, Kurz and Lemire count single words this way ("Faster population counts using AVX2 instructions", 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from amparo.core.kernels import machine_has
from amparo.signal.trace.distances import LANES

_WIDTH: Final = 32
_HALF_BYTES: Final = 32
_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))


WIDE: Final = machine_has("avx2")
"""Whether ``differing`` can be compiled for this machine."""


@intrinsic
def differing(
    _context: Any, _counts: Any, _asked: Any, _block: Any, _first: Any, _second: Any
) -> tuple[Any, Callable[..., Any]]:
    """Write at ``first`` and ``second`` 128 bytes each: the bits that differ between two descriptors and each of a block of 128.
    Returns the fewest of each, eight bits for each, the first one's lowest.

    All arguments are addresses. counts: (16, 16) uint8, bits that differ between two half-bytes, 16-aligned; asked: (2, 32)
    uint8, sixteen times each half-byte of the two descriptors; block: (32, 128) uint8, the same half-bytes of the 128, each of
    which is read once for both.
    """

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        counts, asked, block, *outs = arguments
        half, whole = ir.VectorType(_I8, 16), ir.VectorType(_I8, _WIDTH)
        look_up = _function(builder, "llvm.x86.avx2.pshuf.b", whole, [whole, whole])
        fewest = _function(builder, f"llvm.vector.reduce.umin.v{_WIDTH}i8", _I8, [whole])
        twice = ir.Constant(ir.VectorType(_I32, _WIDTH), [*range(16), *range(16)])
        parts = range(0, LANES, _WIDTH)
        total: dict[tuple[int, int], Any] = {}

        def at(address: Any, offset: int, of: ir.Type) -> Any:
            return builder.inttoptr(builder.add(address, ir.Constant(_I64, offset)), of.as_pointer())

        for place in range(_HALF_BYTES):
            tables: list[Any] = []
            for row in range(2):
                chosen = builder.load(at(asked, row * _HALF_BYTES + place, _I8), align=1)
                table = builder.load(at(builder.add(counts, builder.zext(chosen, _I64)), 0, half), align=16)
                tables.append(builder.shuffle_vector(table, ir.Constant(half, ir.Undefined), twice))
            for part in parts:
                codes = builder.load(at(block, place * LANES + part, whole), align=1)
                for row, table in enumerate(tables):
                    found = builder.call(look_up, [table, codes])
                    total[row, part] = builder.add(total[row, part], found) if place else found
        told = ir.Constant(_I64, 0)
        for row, out in enumerate(outs):
            nearest = total[row, 0]
            for part in parts:
                builder.store(total[row, part], at(out, part, whole), align=1)
                fewer = builder.icmp_unsigned("<", total[row, part], nearest)
                nearest = builder.select(fewer, total[row, part], nearest)
            least = builder.zext(builder.call(fewest, [nearest]), _I64)
            told = builder.or_(told, builder.shl(least, ir.Constant(_I64, 8 * row)))
        return told

    return types.int64(*[types.int64] * 5), generate


def _function(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)
