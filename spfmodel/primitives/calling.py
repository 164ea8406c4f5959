"""From a function to an object file that can be kept: numba's code, and a way in that takes Python's arguments.

The way in reads one 64-bit word per argument: an int, a double, or where an array object is, whose data, shape and
strides it takes from there (numpy's C structure PyArrayObject). Numba's code takes them flat
(numba.core.callconv.CPUCallConv): result, error, and for an array two owners, its number of items and their size, its
data, shape and strides.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from ctypes import CDLL
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import float64, int64, njit, typeof
from numba.core.callconv import RETCODE_NONE, RETCODE_OK
from numba.core.registry import cpu_target
from numba.core.types import CPointer, none, unliteral
from numba.extending import intrinsic

from ..machine_code import ENTRY, Status, bundle, object_file

WORD, DOUBLE, STATUS = ir.IntType(64), ir.DoubleType(), ir.IntType(32)
RETURNS = {int64: Status.INT, float64: Status.FLOAT, none: Status.NONE}
DATA, SHAPE, STRIDES = 16, 32, 40
"""Offsets in PyArrayObject, in bytes."""


def compile_entry(function: Callable[..., Any], options: dict[str, Any], given: tuple[Any, ...]) -> bytes:
    """The function's machine code for arguments like these, as `machine_code.loaded` takes it.

    Refuses with a TypeError what could not be loaded in another process.
    """
    dispatcher = njit(**options)(function)
    types = tuple(typeof(_plain(value)) for value in given)  # type: ignore[no-untyped-call]
    collects = gc.isenabled()
    gc.disable()  # a tenth of the time to compile
    try:
        dispatcher.compile(types)
    finally:
        if collects:
            gc.enable()
    made = dispatcher.overloads[types]
    returns = unliteral(made.signature.return_type)  # type: ignore[no-untyped-call]
    needs = set(re.findall(r'^declare [^@]*@"?([^"(]+)', made.library.get_llvm_str(), re.MULTILINE))
    strange = sorted(name for name in needs if not name.startswith("llvm.") and not hasattr(CDLL(None), name))
    if returns not in RETURNS or strange:
        raise TypeError(f"{function.__name__} can't be kept: it returns {returns}, and needs {strange or 'nothing'}")
    native = made.target_context.call_conv.get_function_type(returns, types)
    way_in = object_file(str(_way_in(native, made.fndesc.llvm_func_name, given, RETURNS[returns])))
    return bundle(bytes(made.library._get_compiled_object()), way_in)


def pointer_type() -> object:
    """Numba's type of the function that turns an array into where its elements lie."""
    return cpu_target.typing_context.resolve_value_type(_POINTER)


def _pointer(_context: Any, array: Any) -> tuple[Any, Callable[..., Any]]:
    """For numba: the type of the result, and how to make it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return CPointer(array.dtype)(array), generate  # type: ignore[no-untyped-call]


_POINTER = intrinsic(_pointer)


def _plain(value: Any) -> Any:
    """An argument whose numbers are Python's own."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return float(value) if isinstance(value, float | np.floating) else int(value)


def _way_in(native: Any, name: str, given: tuple[Any, ...], returns: Status) -> Any:
    """A module with ENTRY(words, result) -> status, which calls numba's function."""
    module = ir.Module()
    target = ir.Function(module, native, name)
    entry = ir.Function(module, ir.FunctionType(STATUS, [WORD.as_pointer(), WORD.as_pointer()]), ENTRY)
    b = ir.IRBuilder(entry.append_basic_block())
    place = iter(range(10**6))

    def word() -> Any:
        return b.load(b.gep(entry.args[0], [WORD(next(place))]))

    flat = list(_flat(b, word, given))
    takes = native.args[2:]
    if len(flat) != len(takes):
        raise TypeError(f"{name} takes {len(takes)} words, not {len(flat)}")
    first = b.bitcast(entry.args[1], native.args[0]), b.alloca(native.args[1].pointee)
    status = b.call(target, [*first, *(_as(b, v, t) for v, t in zip(flat, takes, strict=True))])
    well = b.or_(*(b.icmp_signed("==", status, good) for good in (RETCODE_OK, RETCODE_NONE)))
    b.ret(b.select(well, STATUS(int(returns)), STATUS(int(Status.FAILED))))
    return module


def _flat(b: Any, word: Callable[[], Any], values: tuple[Any, ...]) -> Any:
    """Numba's arguments, made of the words of these."""
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(b, word, value)
        elif isinstance(value, np.ndarray):
            if not value.dtype.isnative:
                raise TypeError(f"an array of {value.dtype} is not in this machine's byte order")
            where = word()
            shape, strides = ([_at(b, _at(b, where, at), 8 * k) for k in range(value.ndim)] for at in (SHAPE, STRIDES))
            items = WORD(1)
            for size in shape:
                items = b.mul(items, size)
            yield from (WORD(0), WORD(0), items, WORD(value.itemsize), _at(b, where, DATA), *shape, *strides)
        else:
            yield b.bitcast(word(), DOUBLE) if isinstance(value, float | np.floating) else word()


def _at(b: Any, address: Any, offset: int) -> Any:
    """The word at an address."""
    return b.load(b.inttoptr(b.add(address, WORD(offset)), WORD.as_pointer()))


def _as(b: Any, value: Any, kind: Any) -> Any:
    """A word as the type that numba's function takes."""
    if kind == value.type:
        return value
    if isinstance(kind, ir.PointerType) and value.type == WORD:
        return b.inttoptr(value, kind)
    raise TypeError(f"a {value.type} can't be passed as {kind}")
