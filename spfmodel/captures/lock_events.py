"""mmap_lock's trace events and user faults, followed thread by thread: waits, holds, and which faults fell back.

Traps that this knows: the fault path first tries (acquire_returned success=false, then a second start_locking); munmap
and brk turn a write lock into a read lock (acquire_returned write=false without start_locking); a read lock taken
right after page_fault_kernel belongs to a kernel-mode fault, which is no fallback.
A short read lock by __vmf_anon_prepare at the first fault of a fresh VMA looks like a fallback here: only a call graph
tells it apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .capture import LockUse, TooMany
from .histogram import Tally

MOST_THREADS = 200_000
MOST_LOCKS = 8
"""mmap_locks that one thread is followed on at a time"""
MOST_SLICES = 32
NO_FAULT, USER, KERNEL = 0, 1, 2


@dataclass(slots=True)
class Hold:
    """One thread on one mmap_lock. Times in s; None: not going on."""

    started_s: float | None = None
    held_s: float | None = None
    write: bool = False


@dataclass(slots=True)
class Thread:
    """What a thread did last."""

    fault: int = NO_FAULT
    """the mode of its last fault, until it does anything else with mmap_lock than read"""
    line: bytes = b""
    """the line of that fault"""
    tried: bool = False
    """whether it failed to take mmap_lock at once in that fault"""
    locks: dict[bytes, Hold] = field(default_factory=dict)


class LockEvents:
    """The state of all threads of a trace."""

    def __init__(self) -> None:
        self.use = LockUse()
        self.threads: dict[int, Thread] = {}
        self.wait = {write: Tally(f"wait {'write' if write else 'read'}") for write in (False, True)}
        self.hold = {write: Tally(f"hold {'write' if write else 'read'}") for write in (False, True)}
        self.slices: dict[int, list[int]] = {}
        self.slice_s = 1e-4
        self.now: list[int] = [0, 0]
        self.now_begins_s, self.now_ends_s = 0.0, -1.0

    def thread(self, tid: int) -> Thread:
        """The thread's state; new threads begin with nothing known."""
        known = self.threads.get(tid)
        if known is None:
            if len(self.threads) >= MOST_THREADS:
                raise TooMany(f"at most {MOST_THREADS} threads")
            known = self.threads[tid] = Thread()
        return known

    def start(self, thread: Thread, time_s: float, mm: bytes, *, write: bool) -> None:
        """mmap_lock_start_locking."""
        self._hold(thread, mm).started_s = time_s
        if write:
            thread.fault = NO_FAULT

    def acquired(self, thread: Thread, time_s: float, mm: bytes, *, write: bool, success: bool) -> bytes | None:
        """mmap_lock_acquire_returned. -> the line of the user fault that fell back with it, if one did."""
        hold = self._hold(thread, mm)
        if not success:
            self.use.failed_tries += 1
            hold.started_s, thread.tried = None, True
            return None
        fell = None
        if hold.started_s is not None:
            self.wait[write].add(round((time_s - hold.started_s) * 1e9))
            fell = None if write else self._after_fault(thread, time_s)
        elif not write and hold.held_s is not None and hold.write:
            self.use.downgrades += 1
            self.hold[True].add(round((time_s - hold.held_s) * 1e9))
        hold.started_s, hold.held_s, hold.write = None, time_s, write
        return fell

    def released(self, thread: Thread, time_s: float, mm: bytes) -> None:
        """mmap_lock_released."""
        hold = thread.locks.pop(mm, None)
        if hold is not None and hold.held_s is not None:
            self.hold[hold.write].add(round((time_s - hold.held_s) * 1e9))

    def in_slice(self, time_s: float, column: int) -> None:
        """Count a fallback (column 0) or a user fault (column 1) in its slice of time; slices widen as time goes on."""
        if not self.now_begins_s <= time_s < self.now_ends_s:
            self._change_slice(time_s)
        self.now[column] += 1

    def _after_fault(self, thread: Thread, time_s: float) -> bytes | None:
        """A read lock was taken: by a fault, if nothing else came between."""
        mode, thread.fault = thread.fault, NO_FAULT
        if mode == KERNEL:
            self.use.kernel_reads += 1
        if mode != USER:
            return None
        self.use.fallbacks += 1
        self.use.tried_first += thread.tried
        self.in_slice(time_s, 0)
        return thread.line

    def _hold(self, thread: Thread, mm: bytes) -> Hold:
        hold = thread.locks.get(mm)
        if hold is None:
            if len(thread.locks) >= MOST_LOCKS:
                thread.locks.clear()
            hold = thread.locks[mm] = Hold()
        return hold

    def _change_slice(self, time_s: float) -> None:
        number = int(time_s / self.slice_s)
        while number not in self.slices and len(self.slices) >= MOST_SLICES:
            self._widen()
            number = int(time_s / self.slice_s)
        self.now = self.slices.setdefault(number, [0, 0])
        self.now_begins_s, self.now_ends_s = number * self.slice_s, (number + 1) * self.slice_s

    def _widen(self) -> None:
        """Merge each two slices into one of twice the length."""
        merged: dict[int, list[int]] = {}
        for number, (fell, faults) in self.slices.items():
            counts = merged.setdefault(number // 2, [0, 0])
            counts[0] += fell
            counts[1] += faults
        self.slices, self.slice_s = merged, 2 * self.slice_s
