"""What one thread alone measures: faults by kind, system calls, updates, atomics, and the cost of many VMAs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crew import crew
from .job import Call, Job, Touch
from .loops import FAILED, calls, halves, touches
from .mappings import PAGE, Ground, give_back, ground, protect

Floats = NDArray[np.float64]
Found = dict[str, Floats]
PAGES = (2 << 20) // PAGE
"""of the region of a load, and of a probe of faults"""
BATCH = 64 if PAGES >= 512 else 8
"""pages timed together: short enough that few batches meet an interrupt"""
VMAS = (10, 1000, 60000)
MARGIN = 200
"""VMAs that threads and the interpreter may need meanwhile"""


@dataclass(frozen=True, kw_only=True)
class Host:
    """What a probe needs to know."""

    cpus: list[int]
    """in the order in which threads are placed"""
    numbers: dict[str, int]
    """of system calls"""
    repeats: int
    """batches of one round, roughly; more take longer"""


def alone(host: Host, probe: Callable[[Host], Found]) -> Found:
    """Run a probe in a pinned thread, on the first CPU."""
    found: Found = {}

    def work() -> int:
        found.update(probe(host))
        return 0

    crew([(host.cpus[0], work)])
    return found


def _batches(job: Job, host: Host, each: int, count: int = 0) -> Floats:
    """Time per call, batch by batch, ns; nan if the kernel refuses."""
    out = np.zeros(count or host.repeats)
    calls(job, 1, np.zeros(4))
    return out if calls(job, each, out) != FAILED else np.full(1, np.nan)


def system_calls(host: Host) -> Found:
    """The floor of a system call, the clock, and an atomic that stays on its CPU."""
    with ground() as g:
        job = g.job(host.numbers)
        names = {"getppid": Call.GETPPID, "getcpu": Call.GETCPU, "atomic_local": Call.ATOMIC}
        return {name: _batches(job._replace(op=op), host, 200) for name, op in names.items()}


def updates(host: Host) -> Found:
    """Calls of mmap and munmap (untouched, touched, apart), mprotect (one page there, or a region), brk, madvise."""
    with ground() as g:
        names = {
            "mmap_munmap": Call.MMAP, "mmap_touch_munmap": Call.MMAPT, "mprotect": Call.MPROTECT,
            "brk_pair": Call.BRK,
        }  # fmt: skip
        out = {name: _batches(g.job(host.numbers, op=op), host, 20) for name, op in names.items()}
        job = g.job(host.numbers, op=Call.MADVISE)
        out["madvise_empty"] = _batches(job._replace(span=PAGE), host, 50)
        job = g.job(host.numbers, op=Call.TOUCH_MADVISE)
        out["touch_madvise"] = _batches(job._replace(span=PAGE), host, 20)
        full = g.job(host.numbers, pages=PAGES, op=Call.MPROTECT_OWN)
        touches(full, np.zeros(1))
        out["mprotect_region"] = _batches(full._replace(target=full.region, span=PAGES * PAGE), host, 4)
        apart = np.zeros((host.repeats, 2))
        if halves(job, 20, apart) != FAILED:
            out |= {"mmap": apart[:, 0], "munmap": apart[:, 1]}
        return out


def faults(host: Host) -> Found:
    """A fault by what is touched, and by whom; a whole region at a time, as a load does."""
    with ground() as g:
        job = g.job(host.numbers, pages=PAGES)
        private, shared = (g.file(PAGES, shared=is_shared) for is_shared in (False, True))
        kinds = {
            "fault_write": (job, ()), "fault_kern": (job._replace(how=Touch.KERN), ()),
            "fault_zero": (job._replace(how=Touch.READ), ()), "fault_after_zero": (job, (Touch.READ,)),
            "fault_file_write": (job._replace(region=private), ()),
            "fault_copy": (job._replace(region=private), (Touch.READ,)),
            "fault_shared_write": (job._replace(region=shared), ()),
        }  # fmt: skip
        return {name: _fault(kind, before, host) for name, (kind, before) in kinds.items()} | _populate(job, host)


def _fault(job: Job, before: tuple[Touch, ...], host: Host) -> Floats:
    """Time per fault, batch by batch, ns; `before` touches each page untimed."""
    passes = []
    for _ in range(1 + max(1, host.repeats * BATCH // job.pages)):
        give_back(job.region, job.pages * PAGE)
        for how in before:
            touches(job._replace(how=how), np.zeros(1))
        out = np.zeros(job.pages // BATCH)
        touches(job, out)
        passes.append(out)
    give_back(job.region, job.pages * PAGE)
    return np.concatenate(passes[1:])


def _populate(job: Job, host: Host) -> Found:
    """A fault without an exception: MADV_POPULATE_WRITE of one page, 5.14 on."""
    give_back(job.region, job.pages * PAGE)
    found = []
    for _ in range(max(1, host.repeats * BATCH // job.pages)):
        out = np.zeros(job.pages // BATCH)
        if calls(job._replace(op=Call.POPULATE), BATCH, out) == FAILED:
            return {}
        give_back(job.region, job.pages * PAGE)
        found.append(out)
    return {"populate": np.concatenate(found)}


def zaps(host: Host) -> Found:
    """MADV_DONTNEED of a whole region that was touched: ns of the call."""
    with ground() as g:
        return {"zap_region": zap_times(g.job(host.numbers, pages=PAGES), max(6, host.repeats // 2))}


def zap_times(job: Job, count: int) -> Floats:
    """Touch the region and give it back, so often: ns of each giving back."""
    out = np.zeros(count)
    each = np.zeros(1)
    for k in range(count):
        touches(job, each)
        calls(job._replace(op=Call.MADVISE, target=job.region, span=job.pages * PAGE), 1, each)
        out[k] = each[0]
    return out


def many_vmas(host: Host, counts: tuple[int, ...]) -> Found:
    """A fault, and mmap with munmap, among so many VMAs more."""
    out: Found = {}
    for count in counts:
        with ground() as g:
            job = g.job(host.numbers, pages=PAGES, op=Call.MMAP)
            if not _split(g, count):
                break
            out[f"mmap_munmap@{count}"] = _batches(job, host, 20)
            out[f"fault_write@{count}"] = _fault(job, (), host)
    return out


def _split(g: Ground, count: int) -> bool:
    """Make that many VMAs: pages of one mapping that differ in protection by turns; False at the limit of VMAs."""
    start = g.map(count * PAGE, prot=0)
    return all(protect(start + k * PAGE, PAGE, 1) for k in range(1, count, 2))


def most_vmas(limit: int, in_use: int) -> tuple[int, ...]:
    """Numbers of VMAs to try. limit : vm.max_map_count; in_use : VMAs that are there

    >>> most_vmas(65530, 800), most_vmas(3000, 800)
    ((10, 1000, 60000), (10, 1000))
    """
    return tuple(n for n in VMAS if n <= limit - in_use - MARGIN)
