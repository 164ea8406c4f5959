"""An application as its captures show it: rates of faults and updates, threads that wait, a machine like its own."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path

from . import catalog
from .advise import NEWEST, Observed
from .captures import Answer, Capture, Histogram
from .captures.evidence import MMSEQ, SPF
from .captures.names import ACQUIRED, START, canonical, total
from .kernel_at_hand import PER_VMA_LOCKS, Host
from .machine import Machine
from .prediction import Interval
from .sources import BadInput

LOCK_CONTENTION = "perf lock contention"
UNCONTENDED_NS = 2000.0
"""taking a free mmap_lock takes no longer, probes included"""
TO_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
MOSTLY = 0.9
"""share of faults under mmap_lock from which the kernel does nothing else"""
LARGEST = (("x86-1s", 32), ("x86-2s", 160))
"""classes of x86 machines and the CPUs that they have at most; beyond: x86-4s"""


def observed(answer: Answer, threads: int | None = None, seconds: float | None = None) -> Observed:
    """Rates from all captures of one run; threads and seconds, if given, replace what the captures say.

    Raises BadInput where no capture says anything of faults or mmap_lock.
    """
    runs = [capture for capture in answer.captures if not capture.accumulated]
    longest = max((capture.elapsed_s for capture in runs if capture.elapsed_s), default=None)
    each = [(capture, seconds or _seconds(capture) or longest) for capture in runs]
    kernel = next((capture.kernel for capture in runs if capture.kernel), None)
    writes = _first(_rate(_writes(capture), s) for capture, s in each)
    turned = _first(_rate(_downgrades(capture), s) for capture, s in each)
    faults = _faults(each)
    waits = [_first(_rate(_wait_s(capture, what), s) for capture, s in each) for what in ("read", "write")]
    if faults is None and waits == [None, None]:
        names = ", ".join(capture.path for capture in answer.captures)
        raise BadInput(
            f"{names}: no faults and no waits over a known time (--seconds); run `spfmodel capture --script`"
        )
    kind = design(answer, kernel)
    found = None if answer.range_only or kind == "mmap_sem" else answer.share
    share = Interval(median=found.median, low=found.low, high=found.high) if found else None
    return Observed(
        design=kind, kernel=kernel, faults_per_s=faults, updates_per_s=writes,
        cpus=next((capture.cpus for capture in runs if capture.cpus), None),
        threads=threads or max((capture.threads for capture in runs if capture.threads), default=None),
        unmaps=turned is None or writes is None or turned > 0.2 * writes,
        busy_cpus=_first(_rate(capture.cpu_s, s) for capture, s in each),
        readers_waiting=waits[0] if waits[0] is not None or waits[1] is None else 0.0,
        writers_waiting=waits[1] if waits[1] is not None or waits[0] is None else 0.0,
        fallback_share=share,
    )  # fmt: skip


def design(answer: Answer, kernel: str | None) -> str:
    """Protocol of the kernel: by its counters, else by its version, else by how many faults take mmap_lock."""
    found = answer.evidence.design if answer.evidence else None
    if found in (SPF, MMSEQ):
        return "spf_rwlock" if found == SPF else "spf_mmseq"
    if kernel is not None:
        return "per_vma_lock" if Host(kernel=kernel).version >= PER_VMA_LOCKS else "mmap_sem"
    return "per_vma_lock" if answer.share and answer.share.median < MOSTLY else "mmap_sem"


def _first(values: Iterator[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _rate(count: float | None, seconds: float | None) -> float | None:
    return None if count is None or not seconds else count / seconds


def _seconds(capture: Capture) -> float | None:
    """Time that the counts are of; of a ring buffer that ran over, the part that it still holds."""
    held, written = capture.buffered or (1, 1)
    known = capture.elapsed_s or sum(stint.seconds or 0.0 for stint in capture.stints)
    return known * min(held / max(written, 1), 1.0) or None


def _faults(each: Sequence[tuple[Capture, float | None]]) -> float | None:
    """Faults per second: those of user mode where told apart, else all, else those of the whole machine."""
    for name in ("page_fault_user", "faults", "pgfault"):
        rate = _first(_rate(total(capture.events, name), s) for capture, s in each)
        if rate is not None:
            return rate
    return None


def _writes(capture: Capture) -> int | None:
    """Times that mmap_lock was taken for write."""
    for event in (START, ACQUIRED):
        for label, count in capture.events.items():
            if canonical(label) == event and capture.filters.get(label, "").replace(" ", "") == "write==1":
                return count
    found = [h.count for h in capture.histograms if h.name == "wait write"]
    return sum(found) if found else capture.events.get("@acq[1, 1]")


def _downgrades(capture: Capture) -> int | None:
    """Write locks turned into read locks: munmap and brk do that."""
    if capture.locks is not None:
        return capture.locks.downgrades
    by_filter = {
        (canonical(label), capture.filters.get(label, "").replace(" ", "")): count
        for label, count in capture.events.items()
    }
    wanted = ((ACQUIRED, "write==0&&success==1"), (START, "write==0"), (ACQUIRED, "write==0&&success==0"))
    if all(key in by_filter for key in wanted):
        got, began, failed = (by_filter[key] for key in wanted)
        return max(got - (began - failed), 0)
    maps = any(label.startswith("@acq[") for label in capture.events)
    return capture.events.get("@downgrades", 0 if maps and "@faults_user" in capture.events else None)


def _wait_s(capture: Capture, what: str) -> float | None:
    """Seconds, over all threads, that acquisitions to read or write took beyond those of a free lock."""
    if capture.tool == LOCK_CONTENTION:
        mark = "rwsem:R" if what == "read" else "rwsem:W"
        rows = [r for r in capture.results if r.metric == "total wait"]
        return sum(r.value for r in rows if r.setting.startswith(mark)) / 1e9 if rows else None
    found = [histogram for histogram in capture.histograms if histogram.name == f"wait {what}"]
    timed = any(histogram.name.startswith("wait ") for histogram in capture.histograms)
    return sum(map(excess_s, found)) if timed else None


def excess_s(waits: Histogram) -> float:
    """Seconds beyond what the fastest tenth takes: that tenth did not wait, unless it took longer than a free lock can.

    >>> round(excess_s(Histogram("wait read", "ns", ((256, 512, 90), (1 << 20, 1 << 21, 10)))), 4)
    0.0157
    """
    scale = TO_NS.get(waits.unit, 1.0)
    edges = waits.quantile(0.1)
    if edges is None or waits.mean is None:
        return 0.0
    free_ns = min(sqrt(max(edges[0], 1.0) * edges[1]) * scale, UNCONTENDED_NS)
    return max(waits.mean * scale - free_ns, 0.0) * waits.count / 1e9


def machine_for(seen: Observed, name: str = "") -> Machine:
    """The named machine or class; without a name the class that fits, with the capture's CPUs and kernel."""
    if name and name not in catalog.prior_names():
        return catalog.prior(name)
    here = seen.kernel == platform.release()
    cpus = seen.cpus or (os.cpu_count() if here else None)
    found = catalog.prior(name or _class(cpus, _cpuinfo() if here else ""))
    facts: dict[str, object] = {"kernel": seen.kernel or (NEWEST if seen.design == "per_vma_lock" else found.kernel)}
    if cpus:
        smt = not found.virtual and found.cores < found.cpus and cpus > 1
        cores = cpus // 2 if smt else cpus
        nodes = min(found.numa_nodes, cores)
        facts |= {"cpus": cpus, "cores": cores, "sockets": min(found.sockets, cores), "numa_nodes": nodes}
    return catalog.with_facts(found, facts, "the capture")


def _class(cpus: int | None, cpuinfo: str) -> str:
    """The class of machines for a number of CPUs, of this host if its /proc/cpuinfo is given."""
    arch = platform.machine() if cpuinfo else "x86_64"
    other = {"aarch64": "arm64-phone", "ppc64le": "power8", "ppc64": "power8"}.get(arch)
    if other:
        return other
    if " hypervisor" in cpuinfo:
        return "x86-vm"
    if "AuthenticAMD" in cpuinfo and (cpus or 0) > 32:
        return "amd-2s"
    return next((name for name, most in LARGEST if (cpus or 64) <= most), "x86-4s")


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")[:20_000]
    except OSError:
        return ""
