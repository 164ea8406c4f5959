"""A reader/writer lock and nothing else: by formula, by exact chain, by simulation.

Threads think, then read with probability 1 - p or write with probability p; all times are exponential.
It is what `mmap_sem` would be if waiting and waking cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .machine import Machine
from .network import TIMES, Network, Op
from .primitives.reader_writer import FCFS, RwsemRules, saturated_op_ns, saturated_op_ns_limit
from .solvers import des
from .solvers.lock_models import long_writers
from .solvers.mva import flow_equivalent
from .solvers.rwlock_chain import simple_system, solve_lock

FREE = (0.0, 0.0, 0.0, 0.0, 0.0, 1e18, 0.0)
"""Waking, spinning and switching cost nothing, and a slice never ends: the textbook's lock."""


@dataclass(frozen=True, kw_only=True)
class BareLock:
    """What the threads do."""

    p_write: float
    """p, share of operations that write"""
    think_ns: float
    """Z, mean time between operations"""
    read_ns: float
    """S_r, mean read hold"""
    write_ns: float
    """S_w, mean write hold"""


def network(
    lock: BareLock, n_threads: int, rules: RwsemRules = FCFS, times: Sequence[float] = FREE, cpus: int = 0
) -> Network:
    """The lock as a program for the simulation. times : as `Network.rwsem_ns`; cpus : 0: one per thread."""
    rows = [
        (Op.WORK, 0, -1, lock.think_ns), (Op.CHANCE, 0, 6, lock.p_write),
        (Op.READ_LOCK, 0, -1, 0.0), (Op.WORK, 0, -1, lock.read_ns), (Op.READ_UNLOCK, 0, -1, 0.0), (Op.JUMP, 9, -1, 0.0),
        (Op.WRITE_LOCK, 0, -1, 0.0), (Op.WORK, 0, -1, lock.write_ns), (Op.WRITE_UNLOCK, 0, -1, 0.0),
        (Op.CYCLE_END, 0, -1, 0.0),
    ]  # fmt: skip
    op, arg, fail = (np.array([row[i] for row in rows], np.int32) for i in range(3))
    cpus = cpus or n_threads
    return Network(
        op=op, arg=arg, fail=fail, cause=np.where(fail >= 0, 0, -1).astype(np.int32),
        value_ns=np.array([[row[3] for row in rows]]), scv=np.where(op == Op.WORK, 1.0, 0.0),
        line_local_ns=np.zeros(1), entry=np.zeros(n_threads, np.int32), n_threads=n_threads, cpus=cpus,
        slowdown=np.ones((1, cpus + 1)), threads_per_page_table=1, lines=(), causes=("write",), rules=rules,
        rwsem_ns=np.array([times], float), units_per_cycle=1.0, faults_per_cycle=0.0,
        updates_per_cycle=0.0, labels=tuple(Op(code).name for code in op),
    )  # fmt: skip


def by_formula(lock: BareLock, n_threads: int) -> float:
    """Operations per second, the lock as a server of rate X_sat(n) at n threads (approx; see docs/agreement.md)."""
    free = np.arange(1.0, n_threads + 1) / lock.think_ns
    ops_ns = saturated_op_ns(n_threads, lock.p_write, lock.read_ns, lock.write_ns)
    waiting = lock.p_write * (lock.p_write < 1)
    most = long_writers(float(free[-1]), n_threads, 1.0, waiting, lock.write_ns)
    return min(float(flow_equivalent(free, 1 / ops_ns).throughput), most) * 1e9


def by_chain(lock: BareLock, n_threads: int) -> float:
    """Operations per second, exact."""
    system = simple_system(n_threads, lock.p_write, lock.think_ns, lock.read_ns, lock.write_ns)
    return solve_lock(system).throughput * 1e9


def limit(lock: BareLock) -> float:
    """Operations per second that no number of threads exceeds."""
    return 1e9 / float(saturated_op_ns_limit(lock.p_write, lock.read_ns, lock.write_ns))


def simulated(system: Network, seed: int, events: int) -> tuple[float, float]:
    """Operations per second and half of the 95 % interval."""
    found = des.solve(system, seed=seed, events=events)
    return float(found.throughput_per_s[0]), float(found.throughput_half_width[0])


def three_ways(
    locks: Iterable[BareLock], threads: Sequence[int], *, seed: int = 1, events: int = 400_000
) -> list[dict[str, float]]:
    """Throughput of each lock at each number of threads: formula, chain, simulation, half_width, limit, per second."""
    out = []
    for lock in locks:
        for n in threads:
            rate, half = simulated(network(lock, n), seed, events)
            ways = {"formula": by_formula(lock, n), "chain": by_chain(lock, n), "simulation": rate}
            out.append({"p_write": lock.p_write, "n_threads": n, **ways, "half_width": half, "limit": limit(lock)})
    return out


def rwsem_times(machine: Machine) -> tuple[float, ...]:
    """What sleeping, waking, spinning and switching cost on a machine, as `Network.rwsem_ns`."""
    return tuple(machine.costs[name].value for name in (*TIMES, "steal_probability"))


def under_rules(
    lock: BareLock, threads: Sequence[int], rules: RwsemRules, times: Sequence[float], cpus: int, *,
    seed: int = 1, events: int = 400_000,
) -> list[dict[str, float]]:  # fmt: skip
    """Simulated throughput per second and half_width of one kind of lock, by number of threads."""
    found = [simulated(network(lock, n, rules, times, cpus), seed, events) for n in threads]
    return [{"n_threads": n, "throughput": x, "half_width": h} for n, (x, h) in zip(threads, found, strict=True)]
