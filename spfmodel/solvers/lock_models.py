"""mmap_sem as one station of a closed network: flow-equivalent (closed form) or exact (chain)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import TIMES
from ..primitives.reader_writer import RwsemRules, saturated_op_ns, saturated_op_ns_wake_all
from .rwlock_chain import LockSystem, drain_rates, solve_lock

Floats = NDArray[np.float64]


class LockLoad(NamedTuple):
    """What the rest of the network asks of the lock. D draws, N threads, times in ns."""

    arrival: Floats
    """(N, D) cycles per ns that the rest would do with 1..N threads in it"""
    reads: Floats
    """(D,) read holds per cycle"""
    writes: Floats
    """(D,) write holds per cycle"""
    read_ns: Floats
    """(D,) mean read hold"""
    write_ns: Floats
    """(D,) mean write hold"""
    read_cv: float
    """coefficient of variation of the read hold"""
    rules: RwsemRules
    rwsem_ns: Floats
    """(D, 7) as in `Network`"""
    cpus: int


class LockAnswer(NamedTuple):
    """How the lock fares, (D,) each."""

    cycles_per_ns: Floats
    inside: Floats
    """mean number of threads that hold it or wait for it"""
    owned: Floats
    """share of time"""
    read_wait_ns: Floats
    write_wait_ns: Floats


LockModel = Callable[[LockLoad], LockAnswer]


def write_share(load: LockLoad) -> Floats:
    """Share of writers among the lock's operations, (D,)."""
    return np.asarray(load.writes / np.maximum(load.reads + load.writes, 1e-300))


def handoff_op_ns(load: LockLoad) -> Floats:
    """Time per operation that a contended lock loses between owners, (N, D) (approx).

    Before a write hold, after a writer (p of the time): a spinner takes over in `spin_handoff_ns`, unless
    readers head the queue and keep their turn, s = write_spin (p + q steal); else, and after readers
    (unless writers spin on those too), a sleeper is woken, which takes `wake_ns`, or somebody on a CPU
    takes the free lock first, after Z on average: writers of every era (chance p), readers from 5.3 on.
    gap = (1 - b) wake + b wake Z / (wake + Z), b = p, or 1. Batches of readers: see `_batch_op_ns`.
    """
    n_threads = len(load.arrival)
    if not load.rules.sleep or n_threads == 1:
        return np.zeros_like(load.arrival)
    times = dict(zip((*TIMES, "steal"), load.rwsem_ns.T, strict=True))
    p = write_share(load)
    spin = load.rules.write_spin * (p + (1 - p) * times["steal"])
    takes_over = spin * (p + (1 - p) * load.rules.spin_on_reader)
    barges = np.ones_like(p) if load.rules.read_steal or load.rules.read_spin else p
    think = 1 / np.maximum(load.arrival[0] * (load.reads + load.writes), 1e-300)
    wake = times["wake_ns"]
    gap = wake - barges * wake * wake / np.maximum(wake + think, 1e-300)
    lost = _batch_op_ns(load, p, wake, times["wake_send_ns"])
    lost += p * (takes_over * times["spin_handoff_ns"] + (1 - takes_over) * gap)
    lost[0] = 0.0
    return lost


def _batch_op_ns(load: LockLoad, p: Floats, wake: Floats, send: Floats) -> Floats:
    """Wake-ups of batches of readers, per operation, with 1..N threads at the lock, (N, D).

    FCFS: p q batches per operation, of (1 - q^n) / p readers. Wake-all: one batch a round of n
    operations, of all its readers (at most 256), if the round has readers and writers.
    """
    some = 1 - _powers(1 - p, len(load.arrival))
    if load.rules.wake_all_readers:
        n = np.arange(1, len(some) + 1)[:, None]
        some *= (1 - _powers(p, len(some))) / n
        return np.asarray(some * (wake + send * np.minimum((1 - p) * n, 256)))
    some *= (1 - p) * send
    some += p * (1 - p) * (wake - send)
    return some


def _powers(q: Floats, n_threads: int) -> Floats:
    """q, q^2, ..., q^N, (N, D)."""
    out = np.empty((n_threads, *q.shape))
    out[0] = q
    for n in range(1, n_threads):
        np.multiply(out[n - 1], q, out=out[n])
    return out


def flow_equivalent_lock(load: LockLoad) -> LockAnswer:
    """The lock as a server of rate X_sat(n) at n threads (Norton; approx), O(N) per draw.

    Holds and hand-offs as of a lock that n threads never leave. With the FCFS chain as the measure the
    error has a median near .1 %; it is largest, some 30 %, for rare and very long writers. Readers and
    writers are given the same wait. With fewer CPUs than threads, as many run at once as there are CPUs.
    """
    n_threads = len(load.arrival)
    p, per_cycle = write_share(load), load.reads + load.writes
    capacity = saturated_op_ns_wake_all if load.rules.wake_all_readers else saturated_op_ns
    op_ns = capacity(n_threads, p, load.read_ns, load.write_ns, load.read_cv)
    cycle_ns = op_ns
    cycle_ns += handoff_op_ns(load)
    cycle_ns *= per_cycle
    rate, inside, idle = _feed(load.arrival, cycle_ns, load.cpus)
    rate = np.minimum(rate, _long_writers(load))
    hold = (1 - p) * load.read_ns + p * load.write_ns
    wait = np.maximum(inside / np.maximum(rate * per_cycle, 1e-300) - hold, 0.0)
    wait = np.where(per_cycle > 0, wait, 0.0)
    return LockAnswer(rate, inside, 1 - idle, wait, wait)


def _long_writers(load: LockLoad) -> Floats:
    """Bound on cycles per ns where write holds are so long that all others come to wait for them, (D,).

    While a writer holds for S the rest goes on for N / X, until nobody is left to feed it; then it stands
    still: 1 / X' = 1 / X + w (S - N / X)^+, X: the rate without the lock, w: write holds per cycle.
    """
    n_threads = len(load.arrival)
    free = load.arrival[min(n_threads, load.cpus) - 1]
    still = np.maximum(load.write_ns - n_threads / free / np.maximum(load.reads + load.writes, 1e-300), 0.0)
    others_wait = load.writes * still * (load.reads > 0)
    return np.asarray(1 / (1 / free + others_wait))


def _feed(arrival: Floats, cycle_ns: Floats, cpus: int) -> tuple[Floats, Floats, Floats]:
    """Birth-death chain of the number at the lock: (throughput, mean, chance of 0), (D,) each.

    Running means: w_n, the share of state n among states 0..n, gives every mean in about 12 operations
    per state and no logarithm. Needs arrival[N - n] * cycle_ns[n - 1] to fall with n.
    """
    n_threads = len(arrival)
    weight, idle = np.ones_like(arrival[0]), np.ones_like(arrival[0])
    mean, rate = np.zeros_like(idle), arrival[min(n_threads, cpus) - 1].copy()
    for n in range(1, n_threads + 1):
        ratio = weight * arrival[min(n_threads - n + 1, cpus) - 1]
        ratio *= cycle_ns[min(n, cpus) - 1]
        weight = np.divide(ratio, 1 + ratio, out=ratio)
        mean += weight * (n - mean)
        idle *= 1 - weight
        outside = min(n_threads - n, cpus)
        rate += weight * ((arrival[outside - 1] if outside else 0.0) - rate)
    return rate, mean, idle


def chain_lock(load: LockLoad) -> LockAnswer:
    """The lock as the exact FCFS chain, one sparse solution per draw.

    Holds of readers with another law than exponential drain as `drain_rates` says (approx then); the
    rest of the network feeds it by Norton's theorem (error .06 % on average, at most .7 %).
    """
    rows = [_chain_row(load, d) for d in range(load.arrival.shape[1])]
    return LockAnswer(*(np.array(column) for column in zip(*rows, strict=True)))


def _chain_row(load: LockLoad, d: int) -> tuple[float, float, float, float, float]:
    """One draw of `chain_lock`."""
    n_threads, per_cycle = len(load.arrival), float(load.reads[d] + load.writes[d])
    if per_cycle == 0:
        return float(load.arrival[-1, d]), 0.0, 0.0, 0.0, 0.0
    read, write = max(float(load.read_ns[d]), 1e-9), max(float(load.write_ns[d]), 1e-9)
    arrival = np.concatenate([[0.0], load.arrival[:, d] * per_cycle])
    drain = drain_rates(n_threads, read, load.read_cv)
    p = float(write_share(load)[d])
    means = solve_lock(LockSystem(p, arrival, np.arange(n_threads + 1.0) / read, drain, 1 / write))
    reads, writes = means.throughput * (1 - p), means.throughput * p
    return (
        means.throughput / per_cycle,
        n_threads - means.outside,
        means.writer + means.reader_owned,
        means.readers_waiting / reads if reads else 0.0,
        means.writers_waiting / writes if writes else 0.0,
    )
