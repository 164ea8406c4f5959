"""How fast the solvers are on this host, beside what they are meant to reach: `make bench`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

from spfmodel import catalog
from spfmodel.network import Network
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import closed, des, rwlock_chain

POINTS = 100_000
EVENTS = 2_000_000


def network(protocol: str, n_threads: int, points: int = 1) -> Network:
    """ebizzy on the x86 virtual machine, at `points` values of the time that an update holds the lock."""
    machine, workload = catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp")
    hold_ns = machine.costs["update_hold_ns"].value * np.linspace(0.5, 2.0, points)
    return build(machine, workload, PROTOCOLS[protocol], n_threads, draws={"update_hold_ns": hold_ns})


def seconds(work: Callable[[], object]) -> float:
    """Time of the second run: the first one compiles."""
    work()
    started = perf_counter()
    work()
    return perf_counter() - started


def chain(n_threads: int) -> Callable[[], object]:
    """The exact reader/writer chain, as the solver calls it."""
    system = rwlock_chain.simple_system(n_threads, p_write=0.3, think=1e4, read=500.0, write=4000.0)
    return lambda: rwlock_chain.solve_lock(system)


def lines() -> list[str]:
    """One line for each timing."""
    design = network("spf_rwlock", 16, POINTS)
    busy = network("mmap_sem", 64)
    rate = EVENTS / seconds(lambda: des.simulate(busy, 0, 1, EVENTS))
    timed = seconds(lambda: closed.solve(design))
    return [
        f"closed  {POINTS:,} points, 16 threads  {timed:8.2f} s                 (aim: 1)",
        f"ctmc    chain of 64 threads         {1e3 * seconds(chain(64)):8.1f} ms                (aim: 50)",
        f"ctmc    chain of 256 threads        {1e3 * seconds(chain(256)):8.1f} ms                (aim: 1000)",
        f"des     mmap_sem, 64 threads        {rate / 1e6:8.2f} million events/s  (aim: 3)",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
