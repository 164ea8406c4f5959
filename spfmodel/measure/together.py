"""What several threads measure: a line's transfer, a wake-up, a TLB shootdown, loads of faults and updates."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .crew import Run, crew
from .job import FLAG, READY, Call, Job, Touch
from .load import hog, load, ping_pong, sleeper, waker
from .loops import FAILED, calls
from .mappings import PAGE, Ground, ground
from .probes import PAGES, Floats, Host, zap_times

SECOND = 1_000_000_000
COLD_NS, HOT_NS = 1_000_000, 20_000
"""how long a thread sleeps before it is woken: long enough for its CPU to idle deeply, or not"""


def line_transfer(host: Host, pair: tuple[int, int]) -> tuple[Floats, Floats]:
    """Time of a round trip of a line between two CPUs, and of an atomic that both do all the time, ns."""
    with ground() as g:
        first, second = _two(g, host)
        trips = [np.zeros(host.repeats), np.zeros(host.repeats)]
        runs = crew([
            (pair[0], partial(ping_pong, first._replace(nanos=SECOND), 1, 100, trips[0])),
            (pair[1], partial(ping_pong, second._replace(nanos=SECOND), 0, 100, trips[1])),
        ])  # fmt: skip
        if any(run.status == FAILED for run in runs):
            trips[0][:] = np.nan
        return trips[0], _atomics(host, first, second, pair)


def _atomics(host: Host, first: Job, second: Job, pair: tuple[int, int]) -> Floats:
    """Time of an atomic on one line while another thread does the same, ns; of the middle, when both run."""
    out = [np.zeros(4 * host.repeats) for _ in range(2)]
    ctypes.c_int64.from_address(first.shared + READY).value = 0

    def bump(job: Job, mine: Floats) -> int:
        hog(job._replace(nanos=0), np.zeros(1))
        return int(calls(job._replace(op=Call.ATOMIC, target=first.shared + FLAG), 1000, mine))

    crew([(cpu, partial(bump, job, mine)) for cpu, job, mine in zip(pair, (first, second), out, strict=True)])
    return np.asarray(out[0][host.repeats : 3 * host.repeats])


def _two(g: Ground, host: Host) -> tuple[Job, Job]:
    """Jobs of two threads that meet."""
    first = g.job(host.numbers)._replace(crew=2)
    return first, g.job(host.numbers)._replace(crew=2, shared=first.shared)


def wake_up(host: Host, pair: tuple[int, int], rest_ns: int) -> tuple[Floats, Floats]:
    """Time from a futex wake-up until the sleeper runs, and of the waker's call, ns. rest_ns : of sleep before"""
    with ground() as g:
        first, second = (job._replace(nanos=2 * SECOND) for job in _two(g, host))
        woken, sent = np.zeros(host.repeats), np.zeros((host.repeats, 2))
        runs = crew([(pair[0], partial(waker, first, rest_ns, sent)), (pair[1], partial(sleeper, second, woken))])
        if any(run.status == FAILED for run in runs):
            return np.full(1, np.nan), np.full(1, np.nan)
        return woken - sent[:, 0], sent[:, 1] - sent[:, 0]


def shootdown(host: Host, others: int) -> Floats:
    """Time of MADV_DONTNEED of a touched region while `others` threads run on other CPUs, ns."""
    with ground() as g:
        mine = g.job(host.numbers, pages=PAGES)._replace(crew=1 + others)
        out: list[Floats] = []

        def work() -> int:
            hog(mine._replace(nanos=0), np.zeros(1))
            out.append(zap_times(mine, max(6, host.repeats // 2)))
            ctypes.c_int64.from_address(mine.shared + FLAG).value = 1
            return 0

        hogs = [g.job(host.numbers)._replace(crew=1 + others, shared=mine.shared, nanos=SECOND) for _ in range(others)]
        beside = [(cpu, partial(hog, job, np.zeros(1))) for cpu, job in zip(host.cpus[1:], hogs, strict=False)]
        crew([(host.cpus[0], work), *beside])
        return out[0]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A load of threads that fault and update."""

    threads: int
    how: Touch = Touch.USER
    op: Call = Call.MMAP
    every: int = 0
    """faults per update; 0: no updates"""
    one_vma: bool = False
    """all regions in one VMA, page tables apart; else a VMA a thread"""


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a load did in a short time."""

    faults_per_s: float
    """all threads together"""
    updates_per_s: float
    runs: Sequence[Run]

    @property
    def disturbed(self) -> bool:
        """Others took a thread's CPU."""
        return any(run.disturbed for run in self.runs)

    @property
    def refused(self) -> bool:
        """The kernel refused an update, or a thread never came."""
        return any(run.status == FAILED for run in self.runs)


def jobs(g: Ground, host: Host, setting: Setting, nanos: int) -> list[Job]:
    """The threads' jobs."""
    n = setting.threads
    regions = g.regions_of_one_vma(n, PAGES) if setting.one_vma else [g.region(PAGES) for _ in range(n)]
    out: list[Job] = []
    for region in regions:
        job = g.job(host.numbers, op=setting.op, how=setting.how)._replace(region=region, pages=PAGES)
        shared = out[0].shared if out else job.shared
        job = job._replace(crew=n, shared=shared, nanos=nanos, every=setting.every)
        if setting.op == Call.MPROTECT_OWN:
            first, last = (regions[0], regions[-1]) if setting.one_vma else (region, region)
            job = job._replace(target=first, span=last + PAGES * PAGE - first)
        out.append(job)
    return out


def window(host: Host, setting: Setting, nanos: int) -> Window:
    """Run a load for so long."""
    with ground() as g:
        mine = jobs(g, host, setting, nanos)
        out = [np.zeros(4) for _ in mine]
        runs = crew([(cpu, partial(load, job, o)) for cpu, job, o in zip(host.cpus, mine, out, strict=False)])
    rates = np.array([o[:2] / max(o[2], 1.0) for o in out]).sum(axis=0) * 1e9
    return Window(faults_per_s=float(rates[0]), updates_per_s=float(rates[1]), runs=runs)


def compute(host: Host, cpus: Sequence[int]) -> Floats:
    """Time of a system call that shares nothing, made on all of these CPUs at once, ns; on the first of them."""
    with ground() as g:
        shared = g.shared_words()
        mine = [g.job(host.numbers, op=Call.GETPPID)._replace(shared=shared, crew=len(cpus)) for _ in cpus]
        out = [np.zeros(host.repeats) for _ in cpus]

        def work(job: Job, times: Floats) -> int:
            hog(job._replace(nanos=0), np.zeros(1))
            return int(calls(job, 200, times))

        crew([(cpu, partial(work, job, times)) for cpu, job, times in zip(cpus, mine, out, strict=True)])
        return out[0][host.repeats // 4 : 3 * host.repeats // 4]
