"""Instructions that numba does not offer: 16 short bit patterns compared at once, and the lowest bit of a number.

Only for use within kernels, and unchecked: 16 items must lie behind the place that is read. Written as a loop the
comparisons are unrolled one by one. LLVM turns the 16 lanes into whatever the processor has, from one register of
AVX-512 to four of SSE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils as untyped_cgutils  # type: ignore[import-untyped]
from numba.core import types as untyped_types  # type: ignore[import-untyped]
from numba.extending import intrinsic as untyped_intrinsic  # type: ignore[import-untyped]

LANES = 16

_ir: Any = cast("Any", ir)
_cgutils: Any = cast("Any", untyped_cgutils)
_types: Any = cast("Any", untyped_types)
_intrinsic: Any = cast("Any", untyped_intrinsic)


def _compare(_context: object, array: Any, _place: object, _pattern: object, _most: object) -> tuple[object, object]:  # noqa: ANN401
    def generate(context: Any, builder: Any, _signature: object, arguments: Any) -> object:  # noqa: ANN401
        values, place, pattern, most = arguments
        lane = _ir.IntType(32)
        lanes = _ir.VectorType(lane, LANES)
        count = _cgutils.get_or_insert_function(
            builder.module, _ir.FunctionType(lanes, [lanes]), f"llvm.ctpop.v{LANES}i32"
        )

        def everywhere(value: object) -> object:
            first = builder.insert_element(_ir.Constant(lanes, _ir.Undefined), value, lane(0))
            return builder.shuffle_vector(first, _ir.Constant(lanes, _ir.Undefined), _ir.Constant(lanes, None))

        data = context.make_array(array)(context, builder, values).data
        pointer = builder.bitcast(builder.gep(data, [place]), lanes.as_pointer())
        changed = builder.call(count, [builder.xor(builder.load(pointer, align=4), everywhere(pattern))])
        near = builder.icmp_unsigned("<=", changed, everywhere(most))
        return builder.zext(builder.bitcast(near, _ir.IntType(LANES)), _ir.IntType(64))

    return _types.uint64(array, _types.int64, _types.uint32, _types.uint32), generate


near_lanes: Callable[[Any, Any, Any, Any], int] = _intrinsic(_compare)
"""Of 16 items of a contiguous uint32 array, from a place on, those that differ from a pattern by at most some bits.

One bit each, the lowest for the first.
"""


def _trailing_zeros(_context: object, _value: object) -> tuple[object, object]:
    def generate(_context: object, builder: Any, _signature: object, arguments: Any) -> object:  # noqa: ANN401
        return builder.cttz(arguments[0], _ir.IntType(1)(0))

    return _types.int64(_types.uint64), generate


lowest_bit: Callable[[Any], int] = _intrinsic(_trailing_zeros)
"""The number of the lowest bit that is set in an unsigned 64-bit number; 64 for zero."""
