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

from llvmlite import binding, ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

LANES: Final = 128
_WIDTH: Final = 32
_HALF_BYTES: Final = 32
_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))


def _has_avx2() -> bool:
    # What numba compiles for, which settings can make less than the machine has.
    features = getattr(config, "CPU_FEATURES", None)
    told = binding.get_host_cpu_features().flatten() if features is None else features
    return "+avx2" in told.split(",")


WIDE: Final = _has_avx2()
"""Whether ``differing`` can be compiled."""


@intrinsic
def differing(_context: Any, _counts: Any, _asked: Any, _block: Any, _out: Any) -> tuple[Any, Callable[..., Any]]:
    """Write at ``out`` 128 bytes: the bits that differ between one descriptor and each of a block of 128.

    All are addresses. counts: (16, 16) uint8, bits that differ between two half-bytes, 16-aligned; asked: 32 uint8, sixteen
    times each half-byte of the descriptor; block: (32, 128) uint8, the same half-bytes of the 128.
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        counts, asked, block, out = arguments
        half, whole = ir.VectorType(_I8, 16), ir.VectorType(_I8, _WIDTH)
        kind = ir.FunctionType(whole, [whole, whole])
        name = "llvm.x86.avx2.pshuf.b"
        look_up = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        twice = ir.Constant(ir.VectorType(_I32, _WIDTH), [*range(16), *range(16)])
        parts = range(0, LANES, _WIDTH)
        total: dict[int, Any] = {}

        def at(address: Any, offset: int, of: ir.Type) -> Any:
            return builder.inttoptr(builder.add(address, ir.Constant(_I64, offset)), of.as_pointer())

        for place in range(_HALF_BYTES):
            table = builder.add(counts, builder.zext(builder.load(at(asked, place, _I8), align=1), _I64))
            row = builder.load(at(table, 0, half), align=16)
            row = builder.shuffle_vector(row, ir.Constant(half, ir.Undefined), twice)
            for part in parts:
                codes = builder.load(at(block, place * LANES + part, whole), align=1)
                found = builder.call(look_up, [row, codes])
                total[part] = builder.add(total[part], found) if part in total else found
        for part in parts:
            builder.store(total[part], at(out, part, whole), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate
