"""What a loop is told: addresses, sizes and system calls, as plain numbers that compiled code can take."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Touch(IntEnum):
    """Who touches a page, and how."""

    USER = 0
    """a store"""
    KERN = 1
    """a system call that writes to it (getcpu)"""
    READ = 2
    """a load"""
    NONE = 3
    """nobody: updates alone"""


class Call(IntEnum):
    """What is called, or done in its place."""

    GETPPID = 0
    GETCPU = 1
    ATOMIC = 2
    """no call: an atomic addition"""
    MMAP = 3
    """one page mapped and unmapped"""
    MMAPT = 4
    """the same, touched"""
    MPROTECT = 5
    """`span` bytes at `target`, made read-only and writable by turns"""
    MPROTECT_OWN = 6
    """the same, made executable or not by turns: always writable"""
    BRK = 7
    """the break a page up, and down again"""
    MADVISE = 8
    """MADV_DONTNEED of `span` bytes at `target`"""
    TOUCH_MADVISE = 9
    """the same, having touched its first page"""
    POPULATE = 10
    """MADV_POPULATE_WRITE of one page after another of the region"""


class Job(NamedTuple):
    """One thread's work. Addresses come from mappings that outlive it."""

    clock: int = 0
    """32 bytes of the thread's own: what clock_gettime writes, and how long a sleep may last"""
    page: int = 4096
    """bytes"""
    region: int = 0
    """the pages to touch"""
    pages: int = 0
    how: int = Touch.USER
    every: int = 0
    """faults per update; 0: no updates"""
    op: int = Call.GETPPID
    target: int = 0
    """what a call concerns"""
    span: int = 0
    """bytes from there"""
    lowest_break: int = 0
    """well above the heap that the C library has"""
    shared: int = 0
    """words that threads share, a line each: how many are ready, level of the break, a flag"""
    crew: int = 1
    """threads that start together"""
    nanos: int = 0
    """how long a load runs"""
    patience: int = 1_000_000_000
    """ns that a thread waits for the others before the start"""
    getppid: int = 0
    getcpu: int = 0
    brk: int = 0
    futex: int = 0


LINE = 128
"""bytes from one shared word to the next: two lines, as prefetchers take them in pairs"""
READY, LEVEL, FLAG, ANSWER = 0, LINE, 2 * LINE, 3 * LINE
"""places of the shared words"""
SHARED_BYTES = 4 * LINE
