"""The reader/writer lock as an exact Markov chain, inside the same network as the closed forms.

Exact for one lock, exponential think and holds, independent types. Folding in the lines (Norton) costs
.06 % on average, at most .7 %; other hold laws follow the drain correction (mean .6 %, at most 3.2 % for
constant holds); aborts are the fixed point of `equilibrium` (see tests for its error).
"""

from __future__ import annotations

from math import ceil, log10

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Solution
from ..primitives.compiled import compiled_entry
from . import equilibrium
from .cycle import read_cycle
from .lanes import (
    BUSY_LANES,
    IDLE,
    INSIDE,
    LANES,
    OWNED,
    RATE,
    READ_NS,
    READ_WAIT,
    READS,
    WRITE_NS,
    WRITE_WAIT,
    Lanes,
    Points,
    lanes_for,
    take_next,
)
from .lock_models import WRITES
from .outcome import rows_for, solution
from .points import points_of
from .rwlock_chain import LockSystem, drain_rates, solve_lock

Floats = NDArray[np.float64]


@compiled_entry
def step(points: Points, at_work: Lanes, out: Floats, begins: int) -> None:
    """Book what the lock answered, or take the first points (begins 1); then ask the lock again."""
    if begins:
        for j in range(LANES):
            take_next(points, at_work, j)
    else:
        equilibrium.after(points, at_work, out)
    equilibrium.before(points, at_work)


def chain_lock(points: Points, lanes: Lanes, j: int) -> float:
    """The lock of lane j as the exact FCFS chain; returns the chain's residual.

    Holds of readers with another law than exponential drain as `drain_rates` says (approx then); the
    rest of the network feeds it by Norton's theorem (error .06 % on average, at most .7 %).
    """
    v, n = lanes.var.reshape(-1, LANES)[:, j], points.n_threads
    reads, writes = float(v[READS]), float(points.counts[WRITES])
    per_cycle = reads + writes
    if per_cycle == 0:
        v[RATE] = lanes.arrival[n - 1, j]
        v[[INSIDE, OWNED, READ_WAIT, WRITE_WAIT]] = 0.0
        return 0.0
    read, write = max(float(v[READ_NS]), 1e-9), max(float(v[WRITE_NS]), 1e-9)
    arrival = np.concatenate([[0.0], lanes.arrival[:n, j] * per_cycle])
    drain = drain_rates(n, read, points.read_cv)
    p = writes / per_cycle
    means = solve_lock(LockSystem(p, arrival, np.arange(n + 1.0) / read, drain, 1 / write))
    reading, writing = means.throughput * (1 - p), means.throughput * p
    v[RATE], v[INSIDE] = means.throughput / per_cycle, n - means.outside
    v[OWNED] = means.writer + means.reader_owned
    v[READ_WAIT] = means.readers_waiting / reading if reading else 0.0
    v[WRITE_WAIT] = means.writers_waiting / writing if writing else 0.0
    return means.residual


def _method(residual: float) -> str:
    """What `Solution.solver` says: the next power of ten above the residual, 1e-12 at the least."""
    return f"ctmc, first-come-first-served lock, residual below 1e{max(-12, ceil(log10(max(residual, 1e-300)))):d}"


def solve(network: Network) -> Solution:
    """Solve every draw with the exact chain; a chain of 64 threads takes about 1 ms, of 2,000 .06 s,
    or up to 5 s where another station is as busy as the lock.

    The chain is that of a first-come-first-served lock without sleep, one CPU per thread. `Solution.solver` tells the
    largest residual of all chains on the way (`rwlock_chain.Law`).
    """
    if not network.rules.handoff_direct or network.rules.sleep:
        raise ValueError("ctmc solves only the first-come-first-served lock (rules FCFS): use des or closed")
    if network.n_threads > network.cpus:
        raise ValueError(
            f"ctmc needs a CPU per thread, got {network.n_threads} threads on {network.cpus} CPUs: use des"
        )
    cycle, size = read_cycle(network), len(network.value_ns)
    points, lanes = points_of(network, cycle, 0.0), lanes_for(cycle, network.n_threads, 0, size)
    found, residual = np.empty((rows_for(cycle), size)), 0.0
    step(points, lanes, found, 1)
    while lanes.queue[BUSY_LANES] > 0:
        residual = max([residual, *(chain_lock(points, lanes, int(j)) for j in np.flatnonzero(lanes.phase != IDLE))])
        step(points, lanes, found, 0)
    return solution(network, cycle, found, _method(residual))
