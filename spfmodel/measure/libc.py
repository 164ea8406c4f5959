"""What compiled code needs to meet the kernel: the C library's calls, and loads, stores and atomics at an address.

Nothing is compiled by a C compiler: numba finds the calls in the running process by their names. An address
comes from a mapping that succeeded, and is used only while that mapping is there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from zlib import crc32

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

STAMP = crc32(Path(__file__).read_bytes())
"""Default of an argument of every compiled loop: a change of this file makes their machine code on disk void."""
Call = Callable[..., int]

_long, _int, _void = types.int64, types.int32, types.void
c_mmap: Call = types.ExternalFunction("mmap", _long(_long, _long, _int, _int, _int, _long))
c_munmap: Call = types.ExternalFunction("munmap", _int(_long, _long))
c_mprotect: Call = types.ExternalFunction("mprotect", _int(_long, _long, _int))
c_madvise: Call = types.ExternalFunction("madvise", _int(_long, _long, _int))
c_syscall: Call = types.ExternalFunction("syscall", _long(_long, _long, _long, _long, _long))
c_clock_gettime: Call = types.ExternalFunction("clock_gettime", _int(_int, _long))

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 0x20
MADV_DONTNEED, MADV_NOHUGEPAGE, MADV_POPULATE_WRITE = 4, 15, 23
CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID = 1, 3
FUTEX_WAIT, FUTEX_WAKE = 128, 129
"""private to the process"""
SYSTEM_CALLS = {
    "x86_64": {"getppid": 110, "getcpu": 309, "brk": 12, "futex": 202},
    "aarch64": {"getppid": 173, "getcpu": 168, "brk": 214, "futex": 98},
    "ppc64le": {"getppid": 64, "getcpu": 302, "brk": 45, "futex": 221},
}
"""Their numbers: arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h, arch/powerpc/kernel/syscalls."""


def _inline(function: Callable[..., Any]) -> Call:
    """An operation that the compiler puts in place, by what the function generates."""
    return cast("Call", intrinsic(function))


def _at(builder: Any, address: Any, bits: int) -> Any:
    """A pointer to a number of so many bits."""
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


@_inline
def poke(_typing: Any, address: Any, value: Any) -> Any:
    """Store one byte at an address; the compiler may not leave it out."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        byte = builder.trunc(args[1], ir.IntType(8))
        builder.store_atomic(byte, _at(builder, args[0], 8), "monotonic", 1)
        return context.get_dummy_value()

    del address, value
    return _void(_long, _long), generate


@_inline
def peek_byte(_typing: Any, address: Any) -> Any:
    """Load one byte from an address; the compiler may not leave it out."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.zext(builder.load_atomic(_at(builder, args[0], 8), "monotonic", 1), ir.IntType(64))

    del address
    return _long(_long), generate


@_inline
def peek(_typing: Any, address: Any) -> Any:
    """Load a 64-bit number from an address, before whatever is loaded later."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load_atomic(_at(builder, args[0], 64), "acquire", 8)

    del address
    return _long(_long), generate


@_inline
def put(_typing: Any, address: Any, value: Any) -> Any:
    """Store a 64-bit number at an address, after whatever was stored before."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _at(builder, args[0], 64), "release", 8)
        return context.get_dummy_value()

    del address, value
    return _void(_long, _long), generate


@_inline
def add(_typing: Any, address: Any, value: Any) -> Any:
    """Atomically add to a 64-bit number at an address; returns what was there before."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _at(builder, args[0], 64), args[1], "seq_cst")

    del address, value
    return _long(_long, _long), generate
