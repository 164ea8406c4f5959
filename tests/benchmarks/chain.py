"""The exact chain of the reader/writer lock against its threads: time, memory, residual; beside sparse LU (SuperLU)."""

from __future__ import annotations

import sys
import tracemalloc
from functools import partial
from typing import Any

import numpy as np
from reference_lock_chain import by_lu

from spfmodel.solvers.mva import mva
from spfmodel.solvers.rwlock_chain import LockSystem, lock_law, simple_system, solve_lock

from .growth import Curve
from .peers import say
from .row import Row, ratio_of
from .timing import cpu_s, in_turn, least_cpu_s, process

SIZES = (64, 128, 256, 512, 800, 1200, 2000, 4096)
BESIDE_LU = {256: 5, 512: 3}
"""rounds by threads"""
AIMS = {256: 0.4, 800: 10.0}
"""seconds"""
ALONE = "import sys; from benchmarks.chain import busy; from spfmodel.solvers.rwlock_chain import solve_lock; \
solve_lock(busy(int(sys.argv[1])))"


def busy(n_threads: int) -> LockSystem:
    """3 requests in 10 write, and the lock is owned nearly always."""
    return simple_system(n_threads, 0.3, 1e4, 500.0, 4000.0)


def two_busy(n_threads: int) -> LockSystem:
    """The hardest for the iteration: the queue at the lock wanders, as lock and a line are equally busy."""
    system = simple_system(n_threads, 0.6, 1.0, 1.0, 50.0)
    line = mva(n_threads, 1e-6, np.array([30.0])).throughput
    return system._replace(arrival=np.concatenate([[0.0], line]))


def peak_mib(system: LockSystem) -> float:
    """Most memory that arrays take during a solution, MiB."""
    tracemalloc.start()
    solve_lock(system)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def rows(kind: str = "busy", sizes: tuple[int, ...] = SIZES, runs: int = 3) -> list[dict[str, Any]]:
    """By N: seconds of processor time (least of some runs), MiB of arrays at most, residual, states."""
    make, out = {"busy": busy, "two_busy": two_busy}[kind], []
    for n in sizes:
        system = make(n)
        found = {"N": n, "seconds": least_cpu_s(partial(solve_lock, system), runs), "MiB": peak_mib(system)}
        out.append({**found, "residual": lock_law(system).residual, "states": n * (n + 3) // 2 + 1})
    return out


def resident_mib(n_threads: int) -> float:
    """What a fresh process grows by for so many threads, next to one that solves for 8, MiB."""
    most, least = (process([sys.executable, "-c", ALONE, n]).peak_mib for n in (n_threads, 8))
    return most - least


def beside_lu(n_threads: int, rounds: int) -> Row:
    """Paired with the elimination of all states."""
    say(f"chain: {n_threads} threads, in turn with sparse LU")
    system = busy(n_threads)
    solve_lock(system)
    pairs = in_turn(
        lambda _: 1 / least_cpu_s(partial(solve_lock, system)), lambda _: 1 / cpu_s(partial(by_lu, system)), rounds
    )
    mine, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    return Row(
        subject="chain", name=f"lock of {n_threads} threads", unit="chains/s", peer="scipy sparse LU (SuperLU)",
        ours=float(np.median(mine)), theirs=float(np.median(theirs)), ratio=ratio_of(mine, theirs),
        note=f"{solve_lock(system).residual:.0e} of all flow is out of balance",
    )  # fmt: skip


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """Rows and curves for the table; long: the hardest system, too, with 2,000 threads."""
    out = [beside_lu(*each) for each in BESIDE_LU.items()]
    say("chain: 64 to 4,096 threads")
    found = rows()
    for row in found:
        n, aim = int(row["N"]), AIMS.get(int(row["N"]))
        out.append(Row(
            subject="chain", name=f"lock of {n} threads, {row['states']:,} states", ours=row["seconds"], unit="s",
            aim=f"ours <= {aim}" if aim else "", note=f"{row['MiB']:.3g} MiB of arrays, residual {row['residual']:.0e}",
        ))  # fmt: skip
    grown = resident_mib(2000)
    out.append(
        Row(subject="chain", name="memory of a process for 2,000 threads, more than for 8", ours=grown, unit="MiB")
    )
    hard = rows("two_busy", SIZES[: 7 if long else 5], 1)
    worst = hard[-1]
    out.append(Row(
        subject="chain", name=f"lock of {worst['N']} threads and a line as busy as it", ours=worst["seconds"], unit="s",
        note=f"the slowest to converge; {worst['MiB']:.3g} MiB of arrays, residual {worst['residual']:.0e}",
    ))  # fmt: skip
    return out, [
        curve("time", found, "seconds", "s", 256),
        curve("time, a line as busy as the lock", hard, "seconds", "s", 128),
        curve("memory", found, "MiB", "MiB", 512),
    ]


def curve(name: str, found: list[dict[str, Any]], key: str, unit: str, fit_from: float) -> Curve:
    """One column of `rows` against N."""
    sizes, costs = [float(row["N"]) for row in found], [float(row[key]) for row in found]
    name = f"exact chain of the lock, {name}"
    return Curve(subject="chain", name=name, sizes=sizes, costs=costs, size="threads", unit=unit, fit_from=fit_from)
