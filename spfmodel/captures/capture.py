"""What was read from one file: counts as printed, repetitions, distributions, callers; the same for every tool."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .histogram import Histogram

MOST_NAMES = 10_000
"""different events, maps or callers that one file may hold"""
MOST_STINTS = 100_000


class TooMany(ValueError):
    """A file names more things than a capture can hold; says which."""


@dataclass
class Stint:
    """A part of a run that counts by itself: an interval, a repetition, the time between two snapshots."""

    label: str
    events: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """A benchmark's own result, as printed."""

    metric: str
    """what was measured, such as records or page_fault1 threads"""
    setting: str
    """under which setting, such as a number of threads or a kernel's name"""
    value: float
    unit: str
    spread: float | None = None
    """standard deviation in the same unit, where printed"""


@dataclass
class LockUse:
    """What the events of a trace say of mmap_lock (mmap_sem before 5.8), thread by thread. All are counts."""

    user_faults: int = 0
    kernel_faults: int = 0
    fallbacks: int = 0
    """user faults after which the thread took mmap_lock for read before anything else"""
    tried_first: int = 0
    """of these, with a failed trylock first, as only the fault path does"""
    kernel_reads: int = 0
    """kernel-mode faults seen to take mmap_lock"""
    downgrades: int = 0
    """write locks turned into read locks (munmap, brk): no new acquisition"""
    failed_tries: int = 0
    without_fields: int = 0
    """events printed without their fields: nothing follows from them"""
    by_stack: Counter[str] = field(default_factory=Counter)
    """read acquisitions by what the call graph says: fallback, kernel fault, anon_vma, other"""
    slices: list[tuple[int, int]] = field(default_factory=list)
    """(fallbacks, user faults) of successive slices of time"""


@dataclass
class Capture:
    """One file, read."""

    path: str
    tool: str
    """perf stat, perf script, trace-cmd report, bpftrace, /proc/vmstat, ..."""
    kernel: str | None = None
    """the kernel's release, where the file states it"""
    events: dict[str, int] = field(default_factory=dict)
    """name and count as printed; an event listed again (another filter) is `name#2`, `name#3`, in order"""
    filters: dict[str, str] = field(default_factory=dict)
    """filter of an event of `events`, where the file states it"""
    spreads: dict[str, float] = field(default_factory=dict)
    """relative standard error of an event's mean over `repetitions`, where printed"""
    repetitions: int = 1
    stints: list[Stint] = field(default_factory=list)
    """repetitions or intervals, if the file holds several"""
    histograms: list[Histogram] = field(default_factory=list)
    callers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(what the caller did, caller) -> times: `fallback`, `kernel fault`, `anon_vma`, `other read`, `wait`, `fault`"""
    locks: LockUse | None = None
    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    buffered: tuple[int, int] | None = None
    """entries that tracefs says it holds, and had written"""
    lost: int = 0
    """events that the tool says it lost"""
    elapsed_s: float | None = None
    cpu_s: float | None = None
    """CPU time that perf's task-clock counted"""
    threads: int | None = None
    """threads seen, or said by the load"""
    cpus: int | None = None
    """of the machine, where stated"""
    other_lines: int = 0
    """lines of other programs' output that were passed over"""
    uncounted: list[str] = field(default_factory=list)
    """events that the tool could not count"""
    accumulated: bool = False
    """counted since boot and system-wide, as one look at /proc/vmstat or /proc/lock_stat is"""

    def add(self, name: str, count: int) -> str:
        """Put an event apart from any earlier one of the same name; returns the name it got."""
        return put_apart(self.events, name, count)

    def note(self, sentence: str) -> None:
        """Say something once."""
        if len(self.notes) < 200 and sentence not in self.notes:
            self.notes.append(sentence)

    def called(self, kind: str, caller: str, times: int = 1) -> None:
        """Count a caller; beyond `MOST_NAMES` different ones they are counted together."""
        key = (kind, caller)
        if key not in self.callers and len(self.callers) >= MOST_NAMES:
            key = (kind, "(others)")
        self.callers[key] += times

    def stint(self, label: str) -> Stint | None:
        """A new stint, or None once there are too many to keep apart."""
        if len(self.stints) >= MOST_STINTS:
            self.note(f"only the first {MOST_STINTS} intervals are kept apart")
            return None
        self.stints.append(Stint(label))
        return self.stints[-1]


def put_apart(events: dict[str, int], name: str, count: int) -> str:
    """Add a count under `name`, or under `name#2`, `name#3`, ... if that is taken; returns the name it got."""
    label = name if name not in events else f"{name}#{_first_free(events, name)}"
    if len(events) >= MOST_NAMES:
        raise TooMany(f"at most {MOST_NAMES} different events")
    events[label] = count
    return label


def _first_free(events: dict[str, int], name: str) -> int:
    """Smallest n >= 2 for which `name#n` is free, found by halving: names are taken in order."""
    taken, free = 1, 2
    while f"{name}#{free}" in events:
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if f"{name}#{middle}" in events else (taken, middle)
    return free
