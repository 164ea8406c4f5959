"""How the simulation is compiled: quickly, and again whenever a line of it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType, ModuleType
from typing import Any, TypeVar, cast
from zlib import crc32

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])
ENTRY: dict[str, Any] = {"_nrt": False, "error_model": "numpy", "no_cfunc_wrapper": True}
"""Arrays belong to the caller, so nothing is reference-counted: twice the speed."""
INNER: dict[str, Any] = ENTRY | {"no_cpython_wrapper": True}
"""Called from compiled code only (from Python it would crash), hence not wrapped: half the time to compile."""


def compiled(function: Function) -> Function:
    """For the functions that only compiled code calls."""
    return cast("Function", njit(**INNER)(function))


def compiled_entry(function: Function) -> Function:
    """For the one function that Python calls: kept on disk, and run without the interpreter's lock."""
    return cast("Function", njit(cache=True, nogil=True, **ENTRY)(function))


def _pointer(_context: Any, array: Any) -> tuple[Any, Callable[..., Any]]:
    """For numba: the type of the result, and how to make it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), generate  # type: ignore[no-untyped-call]


pointer = cast("Callable[[Any], Any]", intrinsic(_pointer))
"""Where an array's elements lie: one word to hand from function to function, where an array is seven."""


def _says(value: object) -> str:
    """What a name of a module contributes to the compiled code, as text; empty if nothing."""
    if isinstance(value, int | float | bool):
        return repr(value)
    if isinstance(value, np.ndarray):
        return value.tobytes().hex()
    code = getattr(getattr(value, "py_func", None), "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    return f"{code.co_code.hex()}{code.co_names}{code.co_varnames}{code.co_consts}"


def fingerprint(modules: Iterable[ModuleType]) -> int:
    """A number that changes with any compiled function or constant of the modules, never 0.

    Numba's cache of a function on disk looks at its own file only; with this number in the
    function's closure, a change in any other file makes the old machine code void, too.
    """
    texts = (f"{name}={_says(value)}" for module in modules for name, value in sorted(vars(module).items()))
    return crc32("\n".join([repr(INNER), *texts]).encode()) | 1
