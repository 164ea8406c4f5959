"""How often faults fell back, as far as this kernel tells: counters of /proc/vmstat, or tracepoints of mmap_lock.

A user-mode fault that succeeds under the VMA lock never asks for mmap_lock; so what asks for it for reading, among
threads that only fault and update, are the faults that fell back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .facts import text

TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
EVENT = "events/mmap_lock/mmap_lock_start_locking"
COUNTERS = {
    "vma_lock": (("vma_lock_success",), ("vma_lock_abort", "vma_lock_retry")),
    "spf": (("spf_attempt",), ("spf_abort",)),
}
"""family of /proc/vmstat -> (successes or attempts, fallbacks)"""


@dataclass(frozen=True, kw_only=True)
class Fallbacks:
    """What was counted over a load."""

    share: float | None
    """fallbacks / attempts; None where nothing could be counted"""
    count: int
    how: str
    """what was counted, or why nothing was"""


def vmstat(content: str | None = None) -> Mapping[str, int]:
    """/proc/vmstat by name."""
    lines = (text("/proc/vmstat") if content is None else content).splitlines()
    pairs = (line.split() for line in lines)
    return {p[0]: int(p[1]) for p in pairs if len(p) == 2 and p[1].isdigit()}


def family(counters: Mapping[str, int]) -> str:
    """Which counters there are: vma_lock, spf, or none."""
    return next((name for name, (tries, _) in COUNTERS.items() if tries[0] in counters), "")


def from_counters(name: str, before: Mapping[str, int], after: Mapping[str, int]) -> Fallbacks:
    """Share from counters of the whole system, between two readings."""
    tries, failures = (
        sum(after.get(n, 0) - before.get(n, 0) for n in names) for names in COUNTERS[name]
    )  # fmt: skip
    attempts = tries + failures if name == "vma_lock" else tries
    share = failures / attempts if attempts > 0 else None
    return Fallbacks(share=share, count=failures, how=f"/proc/vmstat, {name}_* (system-wide)")


def tracefs() -> Path | None:
    """Where tracepoints can be read from, if anywhere: mounted, with the events of mmap_lock, and open to us."""
    for folder in map(Path, TRACEFS):
        with suppress(OSError):
            if (folder / EVENT / "enable").exists() and os.access(folder / "instances", os.W_OK):
                return folder
    return None


def why_not() -> str:
    """Why nothing can be counted here, and what would help."""
    if not any((Path(f) / "events").exists() for f in TRACEFS):
        return (
            "no counters in /proc/vmstat (CONFIG_PER_VMA_LOCK_STATS); tracefs is not mounted or not open (needs root)"
        )
    return (
        "no counters in /proc/vmstat, and no tracepoints mmap_lock:* in this kernel (CONFIG_TRACING), or no permission"
    )


@contextmanager
def _instance(folder: Path) -> Iterator[Path]:
    """A trace buffer of our own, gone afterwards."""
    mine = folder / "instances" / f"spfmodel-{os.getpid()}"
    mine.mkdir()
    try:
        yield mine
    finally:
        for switch in (EVENT + "/enable", "tracing_on"):
            with suppress(OSError):
                (mine / switch).write_text("0", encoding="ascii")
        mine.rmdir()


def traced(work: Callable[[], int], nothing: Callable[[], object]) -> Fallbacks:
    """Count read requests of mmap_lock by this process's threads, as a share of the faults that `work` returns.

    Tracing slows the load down: what is timed is timed elsewhere. `nothing` is the same without its loop: what
    starting threads asks for is no fallback.
    """
    folder = tracefs()
    if folder is None:
        return Fallbacks(share=None, count=0, how=why_not())
    try:
        with _instance(folder) as mine:
            idle, _ = _counted_over(mine, nothing)
            count, faults = _counted_over(mine, work)
    except OSError as error:
        return Fallbacks(share=None, count=0, how=f"tracefs refused ({error.strerror}): {error.filename}")
    count = max(count - idle, 0)
    share = min(count / faults, 1.0) if isinstance(faults, int) and faults > 0 else None
    return Fallbacks(share=share, count=count, how="tracepoint mmap_lock_start_locking, for reading, of this process")


def _counted_over(mine: Path, work: Callable[[], object]) -> tuple[int, object]:
    """Events while `work` runs, and what it returns."""
    settings = {
        "buffer_size_kb": "64", "options/event-fork": "1", "set_event_pid": str(os.getpid()),
        EVENT + "/filter": "write == 0", EVENT + "/enable": "1",
    }  # fmt: skip
    (mine / "trace").write_text("", encoding="ascii")
    for name, value in settings.items():
        (mine / name).write_text(value, encoding="ascii")
    result = work()
    (mine / EVENT / "enable").write_text("0", encoding="ascii")
    return counted(mine), result


def counted(buffer: Path) -> int:
    """Events of a trace buffer: those kept, and those that newer ones have overwritten."""
    total = 0
    for stats in sorted(buffer.glob("per_cpu/cpu*/stats")):
        fields = dict(line.split(":", 1) for line in text(stats).splitlines() if ":" in line)
        total += sum(int(fields.get(name, "0")) for name in ("entries", "overrun"))
    return total
