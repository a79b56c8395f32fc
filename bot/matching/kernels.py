"""What all compiled kernels share: how they are compiled, and the population count that numba lacks.

Kernels release the GIL, so that a search leaves the event loop alone, and are kept on disk after their first
compilation, where that is possible. They do not check bounds: every kernel stands behind a function that checks
shapes and types.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba  # type: ignore[import-untyped]
import platformdirs
from llvmlite import binding  # type: ignore[import-untyped]
from llvmlite import ir as untyped_ir  # type: ignore[import-untyped]
from numba import types  # type: ignore[import-untyped]
from numba.extending import intrinsic  # type: ignore[import-untyped]
from numba.np import arrayobj  # type: ignore[import-untyped]

ir: Any = cast("Any", untyped_ir)

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with numba, without the GIL and without bounds checks."""
    compiled: Any = cast("Any", numba).njit(cache=_KEPT, nogil=True, boundscheck=False)(function)
    return compiled


def _sources() -> tuple[str, str]:
    """Short digests of the source code that kernels are made of, and of where and when it was installed."""
    code, installed = hashlib.sha256(), hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        code.update(path.read_bytes())
        installed.update(f"{path}:{path.stat().st_mtime_ns}\n".encode())
    return code.hexdigest()[:16], installed.hexdigest()[:16]


def _place() -> Path | None:
    """Where numba keeps what it compiles, a folder of this very source code; None if there is no place for it.

    By itself numba keeps it beside the source, which an installation may not be able to write, and goes by the time and
    size of one file: it would run kernels of an older version after an update, or after a change of a file that
    others' kernels are made of.
    """
    named = os.environ.get(_CACHE_VARIABLE)
    folder = Path(named or platformdirs.user_cache_dir("stanguard", appauthor=False) + f"/kernels/{_SOURCES}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if named is None:
        cast("Any", numba).config.CACHE_DIR = str(folder)
    return folder if os.access(folder, os.W_OK) else None


_CACHE_VARIABLE = "NUMBA_CACHE_DIR"
_SOURCES, _INSTALLED = _sources()
_PLACE = _place()
_KEPT = _PLACE is not None


def note_of_all() -> Path | None:
    """The file that exists once all kernels are kept, for this installation and processor; None: nothing is kept.

    numba compiles anew what lies elsewhere, or was written at another time, than what it kept.
    """
    parts = (_SOURCES, _INSTALLED, numba.__version__, platform.python_version(), binding.get_host_cpu_name())
    return None if _PLACE is None else _PLACE / f"complete-{'-'.join(parts)}"


def _population_count(_context: object, _value: object) -> tuple[object, object]:
    def generate(_context: object, builder: Any, _signature: object, arguments: Any) -> object:  # noqa: ANN401
        return builder.ctpop(arguments[0])

    return cast("Any", types).uint64(cast("Any", types).uint64), generate


popcount: Callable[[Any], int] = cast("Any", intrinsic)(_population_count)
"""The number of ones of an unsigned 64-bit number. Only for use within kernels; LLVM turns it into one instruction."""


def _prefetched(context: Any, array: Any, place: object) -> tuple[object, object]:  # noqa: ANN401
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> object:  # noqa: ANN401
        made = cast("Any", arrayobj).make_array(signature.args[0])(context, builder, arguments[0])
        byte = ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(made.data, [arguments[1]]), byte)
        number = ir.IntType(32)
        declared = builder.module.declare_intrinsic(
            "llvm.prefetch", (byte,), ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        )
        builder.call(declared, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    del context
    return cast("Any", types).void(array, place), generate


prefetch: Callable[[Any, Any], None] = cast("Any", intrinsic)(_prefetched)
"""Ask for the memory at a place of an array of one dimension ahead of its use. Any place may be given, even outside."""
