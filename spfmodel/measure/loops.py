"""The compiled loops of one thread: they touch pages, call the kernel and read the clock.

They run without the interpreter's lock. Each takes a `Job` and gives back nanoseconds, or FAILED: the kernel refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled, compiled_entry
from .job import LEVEL, Call, Job, Touch
from .libc import (
    CLOCK_MONOTONIC,
    MADV_DONTNEED,
    MADV_POPULATE_WRITE,
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    STAMP,
    add,
    c_clock_gettime,
    c_madvise,
    c_mmap,
    c_mprotect,
    c_munmap,
    c_syscall,
    peek,
    peek_byte,
    poke,
)

Floats = NDArray[np.float64]
RW = PROT_READ | PROT_WRITE
ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS
FAILED = -1


@compiled
def reading(kind: int, clock: int) -> int:
    """Nanoseconds of one of the system's clocks."""
    c_clock_gettime(kind, clock)
    return int(peek(clock) * 1_000_000_000 + peek(clock + 8))


@compiled
def now(clock: int) -> int:
    """Nanoseconds of the monotonic clock."""
    return reading(CLOCK_MONOTONIC, clock)


@compiled
def touch(job: Job, address: int) -> None:
    """Touch the page at an address, as `how` says."""
    if job.how == Touch.USER:
        poke(address, 1)
    elif job.how == Touch.KERN:
        c_syscall(job.getcpu, address, 0, 0, 0)
    elif job.how == Touch.READ:
        peek_byte(address)


@compiled
def map_page(job: Job, touched: bool) -> int:
    """Map an anonymous page, touch it or not, and unmap it."""
    address = c_mmap(0, job.page, RW, ANONYMOUS, -1, 0)
    if address == FAILED:
        return FAILED
    if touched:
        touch(job, address)
    return c_munmap(address, job.page)


@compiled
def move_break(job: Job) -> int:
    """Move the break up a page and down again.

    Threads share the level, so that each call has a page to map or to unmap; none goes below `lowest_break`.
    """
    up = job.lowest_break + (add(job.shared + LEVEL, 1) + 1) * job.page
    refused = c_syscall(job.brk, up, 0, 0, 0) != up
    down = job.lowest_break + (add(job.shared + LEVEL, -1) - 1) * job.page
    c_syscall(job.brk, down, 0, 0, 0)
    return FAILED if refused else 0


@compiled
def call(job: Job, k: int) -> int:  # noqa: PLR0911 - a table of calls
    """The k-th call of the job's operation."""
    if job.op == Call.GETPPID:
        return c_syscall(job.getppid, 0, 0, 0, 0)
    if job.op == Call.GETCPU:
        return c_syscall(job.getcpu, job.target, 0, 0, 0)
    if job.op == Call.ATOMIC:
        return int(add(job.target, 1))
    if job.op in (Call.MMAP, Call.MMAPT):
        return map_page(job, job.op == Call.MMAPT)
    if job.op == Call.MPROTECT:
        return c_mprotect(job.target, job.span, PROT_READ | ((k & 1) * PROT_WRITE))
    if job.op == Call.MPROTECT_OWN:
        return c_mprotect(job.target, job.span, RW | ((k & 1) * PROT_EXEC))
    if job.op == Call.BRK:
        return move_break(job)
    if job.op == Call.POPULATE:
        return c_madvise(job.region + k % job.pages * job.page, job.page, MADV_POPULATE_WRITE)
    if job.op == Call.TOUCH_MADVISE:
        poke(job.target, 1)
    return c_madvise(job.target, job.span, MADV_DONTNEED)


@compiled_entry
def calls(job: Job, each: int, out: Floats, _stamp: int = STAMP) -> int:
    """Time batches of `each` calls: ns per call into out (B,)."""
    k, refused = 0, False
    for b in range(out.size):
        start = now(job.clock)
        for _ in range(each):
            refused |= call(job, k) == FAILED
            k += 1
        out[b] = (now(job.clock) - start) / each
    return FAILED if refused else 0


@compiled_entry
def touches(job: Job, out: Floats, _stamp: int = STAMP) -> int:
    """Touch the region once, in as many batches as out has: ns per page into out (B,)."""
    if job.region == 0:
        return FAILED
    each = job.pages // out.size
    for b in range(out.size):
        start = now(job.clock)
        for k in range(b * each, (b + 1) * each):
            touch(job, job.region + k * job.page)
        out[b] = (now(job.clock) - start) / each
    return 0


@compiled_entry
def halves(job: Job, each: int, out: Floats, _stamp: int = STAMP) -> int:
    """Time mmap and munmap of a page apart: ns per call into out (B, 2), a reading of the clock included."""
    for b in range(out.shape[0]):
        out[b] = 0.0
        for _ in range(each):
            start = now(job.clock)
            address = c_mmap(0, job.page, RW, ANONYMOUS, -1, 0)
            middle = now(job.clock)
            if address == FAILED:
                return FAILED
            c_munmap(address, job.page)
            out[b, 0] += (middle - start) / each
            out[b, 1] += (now(job.clock) - middle) / each
    return 0
