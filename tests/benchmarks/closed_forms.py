"""Design points per second by the formulas: solving alone, with the build of the network, and both on two cores.

`python tests/benchmarks/closed_forms.py` prints a table; `rows()` is what it is made of. A design varies four numbers,
as a sweep does. CPU time, the least of several runs; two cores: what two processes do at once, by the CPU time of each,
so that what else runs on the host does not count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.pool import Pool
from time import process_time

import numpy as np
from numpy.typing import NDArray

from spfmodel import catalog
from spfmodel.network import Network
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import closed, solve
from spfmodel.sweep.evaluate import BLOCK

MACHINE, WORKLOAD = "x86-vm-16", "ebizzy-mTRp"
THREADS = (16, 128)
ROUNDS = 5
AXES = ("line_ns", "fault_work_ns", "update_hold_ns", "think_ns")
AIM = {16: 500_000, 128: 100_000}
"""points/s on two cores, with the build"""
Draws = dict[str, NDArray[np.float64]]


def design(points: int = BLOCK) -> Draws:
    """Values of AXES within a factor e of those known, (points,) each."""
    rng = np.random.default_rng(1)
    known = catalog.machine(MACHINE).costs | dict(catalog.workload(WORKLOAD).parameters)
    return {name: known[name].value * np.exp(rng.uniform(-1, 1, points)) for name in AXES}


def laid_out(protocol: str, n_threads: int, draws: Draws) -> Network:
    """A network of so many draws."""
    machine, workload = catalog.machine(MACHINE), catalog.workload(WORKLOAD)
    return build(machine, workload, PROTOCOLS[protocol], n_threads, draws=draws)


def least_s(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """CPU time of the fastest of some runs; one before them warms up."""
    times = []
    for _ in range(rounds + 1):
        started = process_time()
        work()
        times.append(process_time() - started)
    return min(times[1:])


def _per_s(protocol: str, n_threads: int) -> float:
    """Points per second of CPU time in one of two processes."""
    draws = design()
    return BLOCK / least_s(lambda: solve(laid_out(protocol, n_threads, draws), solver="closed"))


def two_cores(pool: Pool, protocol: str, n_threads: int) -> float:
    """Points per second of two processes that build and solve at the same time."""
    return float(sum(pool.starmap(_per_s, [(protocol, n_threads)] * 2, 1)))


def row(pool: Pool, protocol: str, n_threads: int) -> dict[str, object]:
    """One protocol at one number of threads."""
    draws = design()
    network = laid_out(protocol, n_threads, draws)
    alone = least_s(lambda: closed.solve(network))
    whole = least_s(lambda: solve(laid_out(protocol, n_threads, draws), solver="closed"))
    return {
        "protocol": protocol, "threads": n_threads, "solve_points_per_s": BLOCK / alone,
        "with_build_points_per_s": BLOCK / whole, "two_cores_points_per_s": two_cores(pool, protocol, n_threads),
        "aim_points_per_s": AIM[n_threads],
    }  # fmt: skip


def rows() -> list[dict[str, object]]:
    """Every protocol at every number of THREADS, about half a minute in all."""
    with get_context("spawn").Pool(2) as pool:
        return [row(pool, protocol, n) for n in THREADS for protocol in PROTOCOLS]


def lines() -> list[str]:
    """The table, in thousands of points per second."""
    out = [f"{'protocol':16} threads   solve  +build  two cores (aim)   thousand points/s"]
    for r in rows():
        per_s = [float(str(r[key])) / 1e3 for key in list(r)[2:]]
        out.append(
            f"{r['protocol']:16} {r['threads']:7} {per_s[0]:7.0f} {per_s[1]:7.0f} {per_s[2]:10.0f} ({per_s[3]:.0f})"
        )
    return out


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
