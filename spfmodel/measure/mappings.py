"""Memory to measure on: anonymous and file mappings that no neighbour merges with, given back at the end."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ..sources import BadInput
from .job import SHARED_BYTES, Call, Job, Touch
from .libc import MADV_DONTNEED, MADV_NOHUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE

RW = PROT_READ | PROT_WRITE
ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS
PAGE = os.sysconf("SC_PAGESIZE")
SHARED_PAGE_TABLE = 2 << 20
"""bytes that regions in one VMA lie apart"""
HEAP_ROOM = 64 << 20
"""bytes above the C library's heap where the break is moved: it may grow meanwhile"""

_libc = ctypes.CDLL(None, use_errno=True)
for _name in ("mmap", "munmap", "mprotect", "madvise", "syscall", "sbrk"):
    getattr(_libc, _name).restype = ctypes.c_long
_libc.mmap.argtypes = [ctypes.c_long] * 6
_libc.madvise.argtypes = _libc.mprotect.argtypes = [ctypes.c_long] * 3
_libc.munmap.argtypes = [ctypes.c_long] * 2
_libc.sbrk.argtypes = [ctypes.c_long]
_libc.syscall.argtypes = [ctypes.c_long] * 4


def system_call(number: int, first: int = 0, second: int = 0, third: int = 0) -> int:
    """A raw system call; -1 if it fails."""
    return int(_libc.syscall(number, first, second, third))


def protect(address: int, size: int, prot: int) -> bool:
    """Whether the kernel let the pages have that protection."""
    return int(_libc.mprotect(address, size, prot)) == 0


def give_back(address: int, size: int) -> None:
    """MADV_DONTNEED: the next touch of each page faults again."""
    _libc.madvise(address, size, MADV_DONTNEED)


def numbers_at(address: int, count: int) -> NDArray[np.float64]:
    """Numbers that lie in a mapping."""
    return np.ctypeslib.as_array((ctypes.c_double * count).from_address(address))


class Ground:
    """Mappings of one measurement; `close` unmaps them all."""

    def __init__(self) -> None:
        self._mapped: list[tuple[int, int]] = []

    def close(self) -> None:
        """Unmap everything; nothing may run on it any more."""
        while self._mapped:
            _libc.munmap(*self._mapped.pop())

    def map(self, size: int, prot: int = RW, flags: int = ANONYMOUS, file: int = -1) -> int:
        """Address of a new mapping."""
        address = int(_libc.mmap(0, size, prot, flags, file, 0))
        if address == -1:
            reason = os.strerror(ctypes.get_errno())
            raise BadInput(
                f"mmap of {size} bytes failed ({reason}); raise the limit on memory (ulimit -v) and try again"
            )
        self._mapped.append((address, size))
        return address

    def region(self, pages: int) -> int:
        """Small pages between two that nobody may touch: a VMA of its own, which merges with none."""
        size = pages * PAGE
        start = self.map(size + 2 * PAGE, prot=0) + PAGE
        if not protect(start, size, RW):
            raise BadInput("mprotect of fresh memory failed; this sandbox forbids what is to be measured")
        _libc.madvise(start, size, MADV_NOHUGEPAGE)
        return start

    def regions_of_one_vma(self, count: int, pages: int) -> list[int]:
        """Regions in one VMA, far enough apart to share no page table."""
        apart = max(SHARED_PAGE_TABLE, pages * PAGE)
        first = self.region((count + 1) * apart // PAGE)
        first += -first % SHARED_PAGE_TABLE
        return [first + k * apart for k in range(count)]

    def file(self, pages: int, *, shared: bool) -> int:
        """A mapping of a file in memory whose pages are all there."""
        with os.fdopen(os.memfd_create("spfmodel"), "wb") as file:
            file.write(bytes(pages * PAGE))
            file.flush()
            return self.map(pages * PAGE, RW, MAP_SHARED if shared else MAP_PRIVATE, file.fileno())

    def shared_words(self, size: int = SHARED_BYTES) -> int:
        """So many bytes that threads share, all 0; processes share them, too."""
        return self.map(size + -size % PAGE, RW, MAP_SHARED | MAP_ANONYMOUS)

    def job(self, numbers: dict[str, int], *, pages: int = 0, op: Call = Call.GETPPID, how: Touch = Touch.USER) -> Job:
        """A job with a region, a touched page for its calls, and words of its own."""
        target, clock = self.region(4), self.map(PAGE)
        ctypes.memset(target, 1, PAGE)
        ctypes.memset(clock, 0, PAGE)
        return Job(
            clock=clock, page=PAGE, region=self.region(pages) if pages else 0, pages=pages, how=how, op=op,
            target=target, span=4 * PAGE, shared=self.shared_words(), lowest_break=room_above_heap(), **numbers,
        )  # fmt: skip


def room_above_heap() -> int:
    """Where the break may be moved: far above the C library's heap, which so is never cut, even if it grows."""
    top = int(_libc.sbrk(0)) + HEAP_ROOM
    return top - top % PAGE


@contextmanager
def ground() -> Iterator[Ground]:
    """Mappings for the time of a measurement."""
    mine = Ground()
    try:
        yield mine
    finally:
        mine.close()
