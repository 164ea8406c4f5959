"""The kernel that is to be watched: which design it has, which events, counters and tools are there."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .sources import BadInput

TRACEPOINTS = (5, 11)
"""first kernel with trace events of mmap_lock"""
PER_VMA_LOCKS = (6, 4)
MMSEQ = (5, 5)
"""SPF kernels from here on are Lespinasse's, with counters; earlier ones Dufour's, with trace events"""
TRACING = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
ARCHES_WITH_FAULT_EVENTS = ("x86_64", "i686", "riscv64", "")
"""exceptions:page_fault_user and page_fault_kernel"""
TOOLS = ("perf", "bpftrace", "trace-cmd")


@dataclass(frozen=True, kw_only=True)
class Family:
    """Kernels that count the same things."""

    name: str
    title: str
    counted: tuple[str, ...]
    """what a fallback is there, and how it shows"""


CLASSIC = Family(
    name="classic", title="Every fault takes the lock for read.",
    counted=("Nothing falls back: the faults and the waits show what a change of the fault path could gain.",),
)  # fmt: skip
SPF_TRACE = Family(
    name="spf_trace", title="Speculative page faults with trace events (v6 to v12).",
    counted=(
        "A fallback is one event pagefault:spf_*, by cause; successes: perf's speculative-faults,",
        "or speculative_pgfault in /proc/vmstat. Kernel-mode and single-threaded faults try nothing and count nowhere.",
    ),
)  # fmt: skip
SPF_COUNTERS = Family(
    name="spf_mmseq", title="Speculative page faults with counters in /proc/vmstat.",
    counted=(
        "spf_attempt and spf_abort are always there; the reasons (SPF_ABORT_*) only with",
        "CONFIG_SPECULATIVE_PAGE_FAULT_STATS.",
    ),
)  # fmt: skip
PER_VMA = Family(
    name="per_vma", title="Per-VMA locks.",
    counted=(
        "Attempts, aborts and retries are in /proc/vmstat (vma_lock_*) only with CONFIG_PER_VMA_LOCK_STATS.",
        "Without it: a user-mode fault that takes mmap_lock for read has fallen back. perf counts start_locking",
        "for read less the tries that failed (a downgrade by munmap or brk returns a read lock, too); bpftrace",
        "names the callers.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Host:
    """What is known of the kernel that the script is for."""

    kernel: str
    arch: str = ""
    tools: tuple[str, ...] = TOOLS
    """of `TOOLS`, those that are installed"""
    events: frozenset[str] | None = None
    """system/name of its trace events; None where tracefs could not be read, or the kernel is elsewhere"""
    counters: frozenset[str] = field(default_factory=frozenset)
    """names in /proc/vmstat, where known"""

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor."""
        found = re.match(r"\s*v?(\d{1,3})\.(\d{1,4})", self.kernel)
        if found is None:
            raise BadInput(f"--kernel {self.kernel}: write it as major.minor, such as 6.12 or 5.17-spf")
        return int(found[1]), int(found[2])

    def has(self, event: str) -> bool:
        """Whether the kernel has a trace event, as system/name: looked up, else known from version and arch."""
        if self.events is not None:
            return event in self.events
        system = event.partition("/")[0]
        if system == "exceptions":
            return self.arch in ARCHES_WITH_FAULT_EVENTS
        return {"mmap_lock": self.version >= TRACEPOINTS, "lock": self.version >= (5, 19)}.get(
            system, family(self) is SPF_TRACE
        )


def here() -> Host:
    """The kernel that runs: its release, trace events, counters in /proc/vmstat, and the tools in PATH."""
    tools = tuple(tool for tool in TOOLS if shutil.which(tool))
    return Host(
        kernel=platform.release(), arch=platform.machine(), tools=tools, events=_events(), counters=_counters(),
    )  # fmt: skip


def tracefs() -> Path | None:
    """Where tracefs is mounted and can be read; None if nowhere."""
    return next((root for root in TRACING if os.access(root / "events", os.R_OK | os.X_OK)), None)


def _events() -> frozenset[str] | None:
    root = tracefs()
    if root is None:
        return None
    systems = ("exceptions", "mmap_lock", "pagefault", "lock")
    found = (path for system in systems for path in (root / "events" / system).glob("*/"))
    return frozenset(f"{path.parent.name}/{path.name}" for path in found)


def _counters() -> frozenset[str]:
    try:
        text = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return frozenset()
    return frozenset(line.split()[0] for line in text.splitlines() if line.strip())


def family(host: Host) -> Family:
    """What the kernel counts: told by its events and counters, else by its version and the word spf in it."""
    names = host.events or frozenset()
    if any(name.startswith("pagefault/spf_") for name in names) or "speculative_pgfault" in host.counters:
        return SPF_TRACE
    if "spf_attempt" in host.counters:
        return SPF_COUNTERS
    if "spf" in host.kernel.lower():
        return SPF_COUNTERS if host.version >= MMSEQ else SPF_TRACE
    return PER_VMA if host.version >= PER_VMA_LOCKS else CLASSIC
