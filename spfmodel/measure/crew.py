"""Pinned threads that run one compiled loop each, at raised priority, and what disturbed them."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Work = Callable[[], int]
AUTOGROUP = Path("/proc/self/autogroup")
HIGHEST = -20
"""nice value"""
LOST = 0.1
"""share of a thread's time from which a run counts as disturbed, if it was pre-empted at all"""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one pinned thread went through."""

    status: int
    """of the loop: 0, or FAILED"""
    wall_s: float
    cpu_s: float
    involuntary: int
    """times that the thread was pre-empted"""
    voluntary: int
    """times that it slept"""
    minor_faults: int

    @property
    def disturbed(self) -> bool:
        """Others took its CPU for long; not known of a thread that slept more often than it was pre-empted."""
        return self.voluntary < self.involuntary and self.cpu_s < (1 - LOST) * self.wall_s


@dataclass
class _Member:
    """One thread of a crew."""

    cpu: int
    work: Work
    runs: list[Run] = field(default_factory=list)
    error: list[BaseException] = field(default_factory=list)

    def __call__(self) -> None:
        try:
            os.sched_setaffinity(0, {self.cpu})
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HIGHEST)
            self.runs.append(observed(self.work))
        except BaseException as error:  # told to the thread that waits for the crew
            self.error.append(error)


def observed(work: Work) -> Run:
    """Run a loop in this thread and look at what it used."""
    before, start = resource.getrusage(resource.RUSAGE_THREAD), time.perf_counter()
    status = work()
    after, end = resource.getrusage(resource.RUSAGE_THREAD), time.perf_counter()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(
        status=status, wall_s=end - start, cpu_s=used, involuntary=after.ru_nivcsw - before.ru_nivcsw,
        voluntary=after.ru_nvcsw - before.ru_nvcsw, minor_faults=after.ru_minflt - before.ru_minflt,
    )  # fmt: skip


def crew(work: Sequence[tuple[int, Work]]) -> list[Run]:
    """Run loops side by side, each on its CPU; in the order given. An interrupt waits until all are done.

    work : (CPU, loop) of each thread; no loop may be endless
    """
    members = [_Member(cpu, loop) for cpu, loop in work]
    threads = [threading.Thread(target=member, daemon=True) for member in members]
    for thread in threads:
        thread.start()
    interrupt: KeyboardInterrupt | None = None
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as caught:
                interrupt = caught
    for error in [interrupt, *(e for member in members for e in member.error)]:
        if error is not None:
            raise error
    return [member.runs[0] for member in members]


@contextmanager
def raised_priority() -> Iterator[bool]:
    """The session's share of the CPUs raised where that is allowed, and put back at the end; True if it was.

    With autogroups a thread's nice value counts within its session only, so the session's own is set, too.
    """
    before = _autogroup_nice()
    done = before is not None and _set_autogroup(HIGHEST)
    try:
        yield done or _may_be_nice()
    finally:
        if done and before is not None:
            _set_autogroup(before)


def _autogroup_nice() -> int | None:
    """Nice value of this session; None without autogroups."""
    try:
        return int(AUTOGROUP.read_text(encoding="ascii").split()[-1])
    except (OSError, ValueError, IndexError):
        return None


def _set_autogroup(nice: int) -> bool:
    try:
        AUTOGROUP.write_text(str(nice), encoding="ascii")
    except OSError:
        return False
    return True


def _may_be_nice() -> bool:
    """Whether a thread may raise its priority; tried in one that ends."""
    found: list[bool] = []

    def attempt() -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HIGHEST)
            found.append(True)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(found)
