"""A first look at an application: how much faults/s, CPU time and a number of threads let the fault path gain at most.

Bounds, no predictions: they hold whatever the locks do, and they need only what `time`, `perf stat -e faults` and `ps`
print. Where they leave room, waits decide (`advise`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from .machine import Machine

ALONE = ("fault_entry_ns", "vma_walk_ns", "fault_work_ns", "pte_commit_ns")
"""what an anonymous fault costs by itself, without its atomics"""
LITTLE = 1.02
"""a bound below means that there is nothing to gain"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen of a workload, all its processes together."""

    name: str
    threads: int
    """of each process that faults"""
    cpus: int
    faults_per_s: float | None = None
    user_cpus: float | None = None
    """user CPU time per second"""
    system_cpus: float | None = None
    waiting: float | None = None
    """threads that wait for mmap_lock, on average"""

    @property
    def busy(self) -> float | None:
        """CPU time per second."""
        return None if self.user_cpus is None or self.system_cpus is None else self.user_cpus + self.system_cpus

    @property
    def system_share(self) -> float | None:
        """System time over CPU time: faults can't take more."""
        return self.system_cpus / self.busy if self.busy and self.system_cpus is not None else None


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Speed-ups that nothing done to the fault path can exceed. Ratios; inf: what was seen does not bound it."""

    tries: bool
    """whether a fault without mmap_lock would even be tried"""
    free_faults: float
    """if a fault cost no CPU time at all"""
    free_lock: float
    """if mmap_lock's two atomics cost nothing"""
    no_waits: float
    """if nobody waited for mmap_lock, and each CPU ran"""
    most: float
    """of a protocol that takes faults out of mmap_lock: no waits, and faults that cost nothing"""
    sentence: str


def lone_fault_ns(machine: Machine) -> float:
    """CPU time of an anonymous fault by itself, ns: entry, walk, work, commit and two atomics on a line of its own."""
    return sum(machine.costs[name].value for name in ALONE) + 2 * machine.costs["line_local_ns"].value


def without(faults_per_s: float, each_ns: float, busy_cpus: float) -> float:
    """Speed-up where CPU time is the limit, if each fault took `each_ns` less: 1 / (1 - faults_per_s each_ns / busy).

    Amdahl's law with the share of CPU time. inf where that share is 1 or more.
    >>> without(250_000, 2000, 5.0)
    1.1111111111111112
    """
    share = faults_per_s * each_ns * 1e-9 / busy_cpus
    return 1 / (1 - share) if share < 1 else inf


def if_nobody_waited(look: Look) -> float:
    """Speed-up if no thread waited for mmap_lock: exactly 1 for a process with one thread, whose lock is its own.

    With the waits known (running + waiting) / running, else only that no more CPUs can run than there are.
    """
    if look.threads == 1:
        return 1.0
    if look.busy is None:
        return float(min(look.threads, look.cpus))
    room = max(min(look.threads, look.cpus) / look.busy, 1.0)
    return room if look.waiting is None else min(room, (look.busy + look.waiting) / look.busy)


def bounds(look: Look, machine: Machine) -> Bounds:
    """What the look leaves possible on this machine; its costs of a fault by itself are used, its locks are not."""
    free_faults = free_lock = inf
    if look.faults_per_s is not None and look.busy:
        # system time holds all faults: a machine's dearer fault is cut to it
        fault_ns = min(lone_fault_ns(machine), (look.system_cpus or 0.0) * 1e9 / look.faults_per_s)
        free_faults = without(look.faults_per_s, fault_ns, look.busy)
        free_lock = without(look.faults_per_s, 2 * machine.costs["line_local_ns"].value, look.busy)
    no_waits = if_nobody_waited(look)
    most = free_lock if look.threads == 1 else free_faults * no_waits
    told = Bounds(
        tries=look.threads > 1, free_faults=free_faults, free_lock=free_lock, no_waits=no_waits, most=most, sentence=""
    )
    return Bounds(**{**vars(told), "sentence": _sentence(look, told)})


def _sentence(look: Look, b: Bounds) -> str:
    if not b.tries:
        atomics = "" if b.free_lock == inf else f", whose two atomics are {1 - 1 / b.free_lock:.2%} of CPU time"
        rest = "" if b.free_faults == inf else f"; even faults that cost nothing would give {b.free_faults:.2f} times"
        return (
            f"{look.name}: nothing to gain: processes with one thread do not try, and each has its mmap_lock to itself"
            f"{atomics}{rest}."
        )
    if b.most < LITTLE:
        return f"{look.name}: nothing to gain: at most {b.most:.3f} times, whatever the locks do."
    if look.waiting is not None:
        return f"{look.name}: at most {b.most:.2f} times, by the waits that were counted."
    return (
        f"{look.name}: {look.threads} threads of one process may wait for each other, which allows up to "
        f"{b.no_waits:.1f} times; how much of it, only waits for mmap_lock say: count them (`capture --script`)."
    )
