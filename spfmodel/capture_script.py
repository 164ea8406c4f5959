"""`spfmodel capture --script`: a shell script that counts fallbacks on the kernel at hand, or on another one.

What can be counted differs by kernel: SPF v6 to v12 have trace events, Lespinasse's SPF and per-VMA locks have counters
in /proc/vmstat (if compiled in), and mmap_lock's own trace events came with 5.11.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .sources import BadInput

TRACEPOINTS = (5, 11)
"""first kernel with trace events of mmap_lock"""
PER_VMA_LOCKS = (6, 4)
RENAMED = (5, 8)
"""mmap_sem became mmap_lock"""
MMSEQ = (5, 5)
"""SPF kernels from here on are Lespinasse's, with counters; earlier ones Dufour's, with trace events"""
TRACING = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
ARCHES_WITH_FAULT_EVENTS = ("x86_64", "i686", "riscv64", "")
"""exceptions:page_fault_user and page_fault_kernel"""
SPF_EVENTS = (
    "spf_pte_lock", "spf_vma_changed", "spf_vma_noanon", "spf_vma_notsup", "spf_vma_access", "spf_pmd_changed",
)  # fmt: skip
TOOLS = ("perf", "bpftrace", "trace-cmd")
FAULTS = ("exceptions/page_fault_user", "exceptions/page_fault_kernel")
TIMED = ("mmap_lock/mmap_lock_start_locking", "mmap_lock/mmap_lock_acquire_returned", "mmap_lock/mmap_lock_released")


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


def _events() -> frozenset[str] | None:
    for root in TRACING:
        systems = ("exceptions", "mmap_lock", "pagefault", "lock")
        if os.access(root / "events", os.R_OK | os.X_OK):
            found = (path for system in systems for path in (root / "events" / system).glob("*/"))
            return frozenset(f"{path.parent.name}/{path.name}" for path in found)
    return None


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


def script(kernel: str = "", *, pid: int = 0, host: Host | None = None) -> str:
    """POSIX shell script for a kernel's version (such as 6.12, 4.16 or 5.17-spf); empty: for the one that runs.

    pid : process that it watches unless told otherwise; 0: whoever runs it says what to watch

    Raises BadInput if the version can't be read.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    host = host or (Host(kernel=_plain(kernel)) if kernel else here())
    timed = [name for name in TIMED if host.has(name)]
    faults = [name for name in FAULTS if host.has(name)]
    causes = [f"pagefault/{name}" for name in SPF_EVENTS if host.has(f"pagefault/{name}")]
    traced = [*faults, *timed, *causes]
    usable = {
        "bpftrace": "bpftrace" in host.tools,
        "trace-cmd": traced and "trace-cmd" in host.tools,
        "tracefs": traced,
    }
    watchers = [tool for tool, there in usable.items() if there]
    known = ["vmstat", *(["perf"] if "perf" in host.tools else []), *watchers]
    environment = Environment(  # noqa: S701 - a shell script, not HTML
        loader=PackageLoader("spfmodel", "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template("capture.sh.j2").render(
        kernel=f"Linux {host.kernel}", arch=host.arch, family=family(host), watchers=watchers, tools=known,
        lock="mmap_lock" if host.version >= RENAMED else "mmap_sem", bpftrace=_bpftrace(host, faults, timed),
        counts=_counts([*faults, *causes], host), traced=traced, pid=pid,
    )  # fmt: skip


def _plain(kernel: str) -> str:
    """A version as it may stand in a comment of the script."""
    if not re.fullmatch(r"\s*[\w.+~-]{1,80}\s*", kernel, re.ASCII):
        raise BadInput(f"--kernel {kernel[:80]!a}: write it as major.minor, such as 6.12 or 5.17-spf")
    return kernel.strip()


def _counts(plain: Sequence[str], host: Host) -> list[str]:
    """Arguments of the script's `count_event`, one event each."""
    out = [name.replace("/", " ") for name in plain]
    if host.has(TIMED[0]):
        out += [
            "mmap_lock mmap_lock_start_locking 'write==0'",
            "mmap_lock mmap_lock_start_locking 'write==1'",
            "mmap_lock mmap_lock_acquire_returned 'write==0 && success==0'",
            "mmap_lock mmap_lock_acquire_returned 'write==0 && success==1'",
            "mmap_lock mmap_lock_acquire_returned 'write==1'",
        ]
    return out


def _bpftrace(host: Host, faults: Sequence[str], timed: Sequence[str]) -> str:
    """The program for bpftrace; FILTER stands for the choice of processes."""
    lines = ['BEGIN { printf("started\\n"); }']
    lines += [
        f"tracepoint:{name.replace('/', ':')} /FILTER/ {{ @faults_{name.rpartition('_')[2]} = count(); }}"
        for name in faults
    ]
    return "\n".join([*lines, *(LOCK_PROBES if timed else slow_path_probes(host.version))])


LOCK_PROBES = """\
tracepoint:mmap_lock:mmap_lock_start_locking /FILTER/ { @ts[tid] = nsecs; }
tracepoint:mmap_lock:mmap_lock_acquire_returned /FILTER/ {
  if (@ts[tid]) {
    @acq[args->write, args->success] = count();
    if (args->success) {
      @wait_ns[args->write] = hist(nsecs - @ts[tid]);
      @wait_total_ns[args->write] = sum(nsecs - @ts[tid]);
      @held[tid] = nsecs;
      if (!args->write) { @read_callers[kstack] = count(); }
    }
    delete(@ts[tid]);
  } else if (@held[tid] && !args->write) {  // a downgrade, which acquires nothing
    @downgrades = count();
    @hold_ns[1] = hist(nsecs - @held[tid]);
    delete(@held[tid]);
  }
}
tracepoint:mmap_lock:mmap_lock_released /FILTER && @held[tid]/ {
  @hold_ns[args->write] = hist(nsecs - @held[tid]);
  delete(@held[tid]);
}
END { clear(@ts); clear(@held); }""".splitlines()
"""waits and holds of mmap_lock, and who took it for read"""


def slow_path_probes(version: tuple[int, int]) -> list[str]:
    """Probes for kernels without trace events of the lock: whoever does not get a semaphore at once.

    Any read-write semaphore of the process counts; in a fault-bound one nearly all waits are for mmap_sem.
    """
    end = "failed" if version <= (5, 1) else "slowpath"
    out = []
    for write, way in enumerate(("read", "write")):
        probe = f"rwsem_down_{way}_{end}"
        out += [
            f"kprobe:{probe} /FILTER/ {{ @ts[tid] = nsecs; }}",
            f"kretprobe:{probe} /@ts[tid]/ {{",
            f"  @wait_ns[{write}] = hist(nsecs - @ts[tid]);",
            f"  @wait_total_ns[{write}] = sum(nsecs - @ts[tid]);",
            "  delete(@ts[tid]);",
            "}",
        ]
    return [*out, "END { clear(@ts); }"]
