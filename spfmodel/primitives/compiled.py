"""How formulas and the simulation become machine code: by numba, once for each version of their sources.

What numba made is kept on disk and loaded by LLVM alone: importing numba and its types takes longer than a prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import EnumType
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from inspect import signature
from struct import pack
from threading import Lock
from types import CodeType, ModuleType
from typing import Any, TypeVar, cast

import numpy as np

from ..machine_code import Answer, cpu, kept, loaded

Function = TypeVar("Function", bound=Callable[..., Any])
Arguments = tuple[Any, ...]
OPTIONS: dict[str, Any] = {
    "_nrt": False, "error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": True,
}  # fmt: skip
"""Arrays belong to the caller, so nothing is reference-counted: twice the speed. Not wrapped for Python: half the time
to compile."""
TAKES = {"engine": "the simulation, once (about 20 s)", "closed": "the formulas, once (about 20 s)"}
"""What is compiled, by its module, and how long that takes."""
WAY_IN = 1
"""Another number for another `calling`, so that no code is called in a way of earlier times."""


class Inner:
    """A function that only compiled code calls; numba is not loaded before it has to compile it."""

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.py_func, self.options = function, OPTIONS | options

    @cached_property
    def dispatcher(self) -> Any:
        """What numba compiles."""
        from numba import njit

        return njit(**self.options)(self.py_func)

    @property
    def _numba_type_(self) -> object:
        """What numba asks a global name for."""
        return self.dispatcher._numba_type_

    def __call__(self, *args: Any) -> Any:
        """The same from Python, by the interpreter."""
        return self.py_func(*args)


class Entry:
    """The function that Python calls, by its machine code for each kind of arguments.

    Arguments are numbers, native arrays, and tuples of them; a number reaches the code in 64 bits. The result is a
    number or None. It runs without the interpreter's lock.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self._defaults = function.__defaults__ or ()
        self._needed = function.__code__.co_argcount - len(self._defaults)
        self._code: dict[Arguments, tuple[str, Callable[[bytes], Answer]]] = {}
        self._alone = Lock()

    def __call__(self, *args: Any, **named: Any) -> Answer:
        """Run it on these arguments."""
        given = self._in_order(args, named) if named else args + self._defaults[len(args) - self._needed :]
        words: list[float] = []
        kinds: list[object] = []
        _flatten(given, words, kinds)
        kind = tuple(kinds)
        if kind not in self._code:
            with self._alone:
                if kind not in self._code:
                    self._code[kind] = _form(words), self._load(kind, given)
        form, code = self._code[kind]
        return code(pack(form, *words))

    def _in_order(self, args: Arguments, named: dict[str, Any]) -> Arguments:
        """Arguments as the function takes them."""
        bound = signature(self.py_func).bind(*args, **named)
        bound.apply_defaults()
        return bound.args

    def _load(self, kind: Arguments, given: Arguments) -> Callable[[bytes], Answer]:
        """Machine code for arguments of this kind, kept or new."""

        def make() -> bytes:
            from .calling import compile_entry

            return compile_entry(f, OPTIONS, given)

        f = self.py_func
        sources: dict[str, str] = {}
        _collect(f, sources)
        made_by = WAY_IN, version("numba"), np.__version__, cpu()
        made_of = (*sources.values(), *map(repr, (sources.keys(), kind, _names(given), OPTIONS, made_by)))
        room = f.__module__.rpartition(".")[2]
        name = f"{room}-{f.__name__}-{sha256(chr(10).join(made_of).encode()).hexdigest()[:24]}.o"
        notice = f"Compiling {TAKES.get(room, f'{room}.{f.__name__}, once')} ..."
        return loaded(kept(name, make, notice))


class Pointer:
    """For compiled code: where an array's elements lie, one word to hand from function to function, where an array is
    seven.
    """

    @cached_property
    def _numba_type_(self) -> object:
        """What numba asks a global name for."""
        from .calling import pointer_type

        return pointer_type()


pointer = cast("Callable[[Any], Any]", Pointer())


def compiled(function: Function) -> Function:
    """For the functions that only compiled code calls."""
    return cast("Function", Inner(function))


def inlined(function: Function) -> Function:
    """For what loops call that are meant for vector units: code with a call in it is not."""
    return cast("Function", Inner(function, forceinline=True))


def compiled_entry(function: Function) -> Function:
    """For the one function that Python calls: kept on disk, and run without the interpreter's lock."""
    return cast("Function", Entry(function))


def _flatten(values: Arguments, words: list[float], kinds: list[object]) -> None:
    """Append the arguments' words, an array's being where the array object is, and their kinds."""
    for value in values:
        kind = type(value)
        if kind is np.ndarray:
            flags = value.flags
            words.append(id(value))
            kinds += (
                value.dtype.char,
                value.ndim,
                flags.carray or (flags.c_contiguous, flags.f_contiguous, flags.writeable),
            )
        elif kind is int:
            words.append(value)
            kinds.append(int)
        elif isinstance(value, float | np.floating):
            words.append(float(value))
            kinds.append(float)
        elif isinstance(value, tuple):
            kinds += (kind, len(value))
            _flatten(value, words, kinds)
        else:
            words.append(int(value))
            kinds.append(int)


def _names(values: Arguments) -> list[object]:
    """The fields of the tuples among the arguments: the code knows them by their places alone."""
    return [(getattr(value, "_fields", ()), _names(value)) for value in values if isinstance(value, tuple)]


def _form(words: list[float]) -> str:
    """The words' format in `struct`'s terms."""
    return "".join("d" if isinstance(word, float) else "q" for word in words)


def _text(code: CodeType) -> str:
    """A function's code, without its file's name and line numbers."""
    constants = [_text(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()}{code.co_names}{code.co_varnames}{constants}"


def _collect(function: Callable[..., Any], sources: dict[str, str]) -> None:
    """Add to the sources, by name, what a function is made of: its code, what it encloses, and all that it uses."""
    code, here = function.__code__, f"{function.__module__}.{function.__qualname__}"
    around = [cell.cell_contents for cell in function.__closure__ or ()]
    sources[here] = _text(code) + repr((around, function.__defaults__))
    for name in code.co_names:
        value = function.__globals__.get(name)
        inside = (
            [(f"{name}.{n}", getattr(value, n, None)) for n in code.co_names] if isinstance(value, ModuleType) else ()
        )
        for called, used in ((name, value), *inside):
            if isinstance(used, Inner) and f"{used.py_func.__module__}.{used.py_func.__qualname__}" not in sources:
                _collect(used.py_func, sources)
            elif said := _says(used):
                sources[f"{function.__module__}.{called}"] = said


def _says(value: object) -> str:
    """What a name of a module contributes to the compiled code, as text; empty if nothing."""
    if isinstance(value, int | float | bool):
        return repr(value)
    if isinstance(value, np.ndarray):
        return value.tobytes().hex()
    if isinstance(value, type):
        return repr(getattr(value, "_fields", ())) + repr(list(value) if isinstance(value, EnumType) else "")
    code = getattr(getattr(value, "py_func", None), "__code__", None)
    return _text(code) if isinstance(code, CodeType) else ""
