"""`spfmodel capture --script`: a shell script that counts fallbacks on the kernel at hand, or on another one.

What can be counted differs by kernel: SPF v6 to v12 have trace events, Lespinasse's SPF and per-VMA locks have counters
in /proc/vmstat (if compiled in), and mmap_lock's own trace events came with 5.11.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .kernel_at_hand import Host, family, here
from .sources import BadInput

RENAMED = (5, 8)
"""mmap_sem became mmap_lock"""
SPF_EVENTS = (
    "spf_pte_lock", "spf_vma_changed", "spf_vma_noanon", "spf_vma_notsup", "spf_vma_access", "spf_pmd_changed",
)  # fmt: skip
FAULTS = ("exceptions/page_fault_user", "exceptions/page_fault_kernel")
TIMED = ("mmap_lock/mmap_lock_start_locking", "mmap_lock/mmap_lock_acquire_returned", "mmap_lock/mmap_lock_released")


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
