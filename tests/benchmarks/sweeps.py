"""Design points by the closed forms: the full prediction of one protocol at one point (stations, mmap_sem's reader and
writer capacity, the abort fixed point), with and without building the network; on one core and in two processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from time import perf_counter

import numpy as np

from spfmodel import catalog
from spfmodel.machine import Machine, Workload
from spfmodel.network import Network
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import closed
from spfmodel.solvers.mva import mva
from spfmodel.sweep.evaluate import BLOCK

from .growth import Curve
from .peers import say
from .row import Row, ratio_of
from .timing import cpu_s, in_turn, least_cpu_s

CHUNK, POINTS, ROUNDS = BLOCK, 4 * BLOCK, 5
"""points are built and solved a block at a time, as a sweep does"""
THREADS = (16, 128)
AIMS = {16: 500_000, 128: 100_000}
"""points/s on two cores"""
PROTOCOL = "spf_rwlock"
GROWN = tuple(4**k for k in range(7))


@cache
def nouns() -> tuple[Machine, Workload]:
    """The x86 virtual machine and ebizzy -mTRp."""
    return catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp")


def design(protocol: str, n_threads: int, points: int) -> Network:
    """The network at `points` values of two costs."""
    machine, workload = nouns()
    hold = machine.costs["update_hold_ns"].value * np.geomspace(0.5, 2.0, points)
    work = machine.costs["fault_work_ns"].value * np.random.default_rng(1).uniform(0.5, 2.0, points)
    draws = {"update_hold_ns": hold, "fault_work_ns": work}
    return build(machine, workload, PROTOCOLS[protocol], n_threads, draws=draws)


def solved(protocol: str, n_threads: int, points: int) -> float:
    """Build and solve so many points, in chunks that fit into memory; the sum of their throughputs."""
    total = 0.0
    for first in range(0, points, CHUNK):
        total += float(closed.solve(design(protocol, n_threads, min(CHUNK, points - first))).throughput_per_s.sum())
    return total


def rate(work: Callable[[], object], points: int = POINTS) -> float:
    """Points per second of processor time."""
    return points / cpu_s(work)


def beside_plain_mva(n_threads: int) -> Row:
    """A yardstick for the regression check: exact MVA of four stations, vectorised numpy, without lock or aborts."""
    say(f"sweeps: {PROTOCOL}, {n_threads} threads, in turn with plain MVA")
    made = design(PROTOCOL, n_threads, POINTS)
    think, demand = np.full(POINTS, 20.0), np.random.default_rng(1).uniform(0.1, 2.0, (POINTS, 4))
    closed.solve(made)
    pairs = in_turn(
        lambda _: rate(lambda: closed.solve(made)), lambda _: rate(lambda: mva(n_threads, think, demand)), ROUNDS
    )
    mine, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    return Row(
        subject="sweeps", name=f"{PROTOCOL}, {n_threads} threads, network built", unit="points/s on one core",
        peer="numpy MVA of 4 stations", ours=float(np.median(mine)), theirs=float(np.median(theirs)),
        ratio=ratio_of(mine, theirs), yardstick=True,
        note="the peer is a yardstick, not a rival: MVA alone has no lock, no writers and no aborts",
    )  # fmt: skip


def with_build(n_threads: int) -> Row:
    """One core, the network built as well."""
    best = 1 / least_cpu_s(lambda: solved(PROTOCOL, n_threads, POINTS))
    name = f"{PROTOCOL}, {n_threads} threads, built and solved"
    return Row(subject="sweeps", name=name, ours=POINTS * best, unit="points/s on one core")


def in_processes(pool: ProcessPoolExecutor, protocol: str, n_threads: int, workers: int, points: int) -> float:
    """Points per second of wall time, all processes together."""
    started = perf_counter()
    for job in [pool.submit(solved, protocol, n_threads, points) for _ in range(workers)]:
        job.result()
    return workers * points / (perf_counter() - started)


def all_protocols(n_threads: int) -> Row:
    """The slowest of the protocols that ship, built and solved in two processes; the rest in the note."""
    say(f"sweeps: all protocols, {n_threads} threads")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        rates = {
            name: max(in_processes(pool, name, n_threads, 2, POINTS if k else CHUNK) for k in range(ROUNDS))
            for name in PROTOCOLS
        }
    each = "; ".join(f"{name} {found / 1e3:.0f} k/s" for name, found in rates.items())
    return Row(
        subject="sweeps", name=f"slowest of {len(rates)} protocols, {n_threads} threads, in two processes",
        ours=min(rates.values()), unit="points/s", aim=aim(n_threads),
        note=f"network built, wall time, the best of some runs; {each}",
    )  # fmt: skip


def aim(n_threads: int) -> str:
    """Of two cores, where there are two."""
    return f"ours >= {AIMS[n_threads]}" if (os.cpu_count() or 1) > 1 else ""


def two_processes(n_threads: int) -> Row:
    """Wall time of two processes that build and solve, in turn with one."""
    say(f"sweeps: {n_threads} threads, one process and two")
    points = 2 * POINTS
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:

        def points_per_s(workers: int) -> float:
            return in_processes(pool, PROTOCOL, n_threads, workers, points)

        for _ in range(2):
            points_per_s(2)
        pairs = in_turn(lambda _: points_per_s(2), lambda _: points_per_s(1), ROUNDS)
    two, one = [a for a, _ in pairs], [b for _, b in pairs]
    return Row(
        subject="sweeps", name=f"{PROTOCOL}, {n_threads} threads, built and solved in two processes", unit="points/s",
        peer="one process", ours=float(np.median(two)), theirs=float(np.median(one)), ratio=ratio_of(two, one),
        aim=aim(n_threads), note="wall time, so that a busy host shows",
    )  # fmt: skip


def against_threads() -> Curve:
    """Time of a point against its threads."""
    say("sweeps: 1 to 4,096 threads")
    costs = []
    for n in GROWN:
        made = design(PROTOCOL, n, 2_000 if n > 64 else 10_000)
        costs.append(1e6 * least_cpu_s(lambda m=made: closed.solve(m), 2) / len(made.value_ns))
    return Curve(
        subject="sweeps", name=f"closed forms, {PROTOCOL}", sizes=[float(n) for n in GROWN], costs=costs,
        size="threads", unit="µs a point", fit_from=16,
    )  # fmt: skip


def against_points(long: bool) -> Curve:
    """Time of a design against its points, network built."""
    say(f"sweeps: 10^2 to 10^{8 if long else 6} design points")
    solved(PROTOCOL, 16, 100)
    sizes = [100, 1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, *([10_000_000, 100_000_000] if long else [])]
    costs = [min(cpu_s(lambda n=n: solved(PROTOCOL, 16, n)) for _ in range(3 if n < 1e6 else 1)) for n in sizes]
    return Curve(
        subject="sweeps", name=f"{PROTOCOL}, 16 threads, built and solved", sizes=[float(n) for n in sizes],
        costs=costs, size="design points", unit="s", fit_from=1e4,
    )  # fmt: skip


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """All rows and curves of this subject."""
    rows = [part(n) for n in THREADS for part in (beside_plain_mva, with_build, two_processes, all_protocols)]
    return rows, [against_threads(), against_points(long)]
