"""Machine code that is kept on disk between processes: made once for each version of its sources and each kind of CPU.

One process makes it, others that need the same wait and read it. Where nothing can be written, each process makes its
own, and says so in one sentence.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable
from ctypes import CFUNCTYPE, byref, c_char_p, c_double, c_int32, c_int64, c_void_p
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

ENTRY = "spfmodel_entry"
"""The function of the last object file: (words, result) -> status."""
Answer = int | float | None
MOST_FILES = 60
"""of the oldest files more than this are thrown away"""


class Status(IntEnum):
    """What ENTRY returns: how to read the result."""

    INT, FLOAT, NONE, FAILED = range(4)


def folder() -> Path:
    """Where machine code is kept: the user's cache, as XDG says."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spfmodel" / "machine-code"


def kept(name: str, make: Callable[[], bytes], notice: str) -> bytes:
    """The code of this name (which says what it is made from); made if no process has made it yet.

    notice : said on stderr before it is made
    """
    try:
        file = folder() / name
        if file.exists():
            return file.read_bytes()
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_suffix(".lock").open("w")
    except (OSError, RuntimeError) as error:  # the latter: nobody's home is known
        unkept = f" It can't be kept ({error}): set XDG_CACHE_HOME to a folder that can be written to."
        return _made(make, notice + unkept)
    with lock:  # it ends with the process, however that ends
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return file.read_bytes() if file.exists() else _written(file, _made(make, notice))
        finally:
            Path(lock.name).unlink(missing_ok=True)


def _made(make: Callable[[], bytes], notice: str) -> bytes:
    sys.stderr.write(f"spfmodel: {notice}\n")
    sys.stderr.flush()
    return make()


def _written(file: Path, content: bytes) -> bytes:
    """The content, written whole or not at all; what is oldest goes."""
    part = file.with_suffix(f".{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        sys.stderr.write(f"spfmodel: {file} can't be written ({error}): the next run compiles again\n")
        part.unlink(missing_ok=True)
    by_age = sorted(file.parent.glob("*.o"), key=lambda f: f.stat().st_mtime)
    for old in by_age[:-MOST_FILES]:
        old.unlink(missing_ok=True)
    return content


@cache
def _llvm() -> Any:
    """LLVM, ready for this CPU."""
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def cpu() -> str:
    """Kind, name and features of the CPU, and the LLVM that makes its code."""
    llvm = _llvm()
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM can't tell on every kind of CPU
        features = ""
    return f"{llvm.llvm_version_info} {llvm.get_process_triple()} {llvm.get_host_cpu_name()} {features}"


def _target() -> Any:
    llvm = _llvm()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(opt=2, jit=True)


def object_file(text: str) -> bytes:
    """LLVM's language as an object file."""
    module = _llvm().parse_assembly(text)
    module.verify()
    return bytes(_target().emit_object(module))


def bundle(*objects: bytes) -> bytes:
    """Object files as the content of one file."""
    return b"".join(len(content).to_bytes(8, "little") + content for content in objects)


def loaded(content: bytes) -> Callable[[bytes], Answer]:
    """The function ENTRY of bundled object files: from words to a result."""
    llvm = _llvm()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
    while content:
        size = int.from_bytes(content[:8], "little")
        engine.add_object_file(llvm.ObjectFileRef.from_data(content[8 : 8 + size]))
        content = content[8 + size :]
    engine.finalize_object()
    native = CFUNCTYPE(c_int32, c_char_p, c_void_p)(engine.get_function_address(ENTRY))

    def call(words: bytes, _alive: Any = engine) -> Answer:
        result = c_int64()
        status = native(words, byref(result))
        if status == Status.FAILED:
            raise ArithmeticError("machine code of formulas or simulation failed")
        if status == Status.FLOAT:
            return c_double.from_buffer(result).value
        return result.value if status == Status.INT else None

    return call
