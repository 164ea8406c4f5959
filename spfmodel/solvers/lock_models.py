"""mmap_sem as one station of a closed network: a server as fast as a lock that n threads never leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled, inlined
from .lanes import (
    ALL,
    HANDOFF,
    HARMONIC,
    INSIDE,
    LANES,
    LONGEST,
    OWN_POWER,
    OWNED,
    PER_CYCLE,
    POWER,
    POWERS,
    RATE,
    READ_NS,
    READ_WAIT,
    READERS,
    READS,
    SHARE,
    SPIN,
    STEAL,
    STEPS,
    WAKE,
    WEIGHT,
    WRITE_NS,
    WRITE_WAIT,
    Lanes,
    Points,
)
from .lock_capacity import MANY, by_state, first_come, wake_few, wake_many

Floats = NDArray[np.float64]
EVEN_OUT = 2 * STEPS
"""states of the chain after which its weights are made shares again"""
WRITES = 5
"""in Points.counts"""


@compiled
def operations(points: Points, lanes: Lanes) -> None:
    """Operations on the lock per cycle and the share of writers; one thread at the lock, or nobody."""
    v, writes = lanes.var, points.counts[WRITES]
    start = lanes.arrival[min(points.n_threads, points.cpus) - 1]
    for j in range(LANES):
        operations_per_cycle = v[READS * LANES + j] + writes
        p = writes / max(operations_per_cycle, 1e-300)
        alone_ns = p * v[WRITE_NS * LANES + j] + (1 - p) * v[READ_NS * LANES + j]
        v[PER_CYCLE * LANES + j], v[SHARE * LANES + j] = operations_per_cycle, p
        lanes.ops[0, j] = alone_ns * operations_per_cycle
        v[POWER * LANES + j], v[OWN_POWER * LANES + j], v[HARMONIC * LANES + j] = 1 - p, p, 1 - p
        v[POWERS * LANES + j] = v[WEIGHT * LANES + j] = v[OWNED * LANES + j] = v[ALL * LANES + j] = 1.0
        v[INSIDE * LANES + j] = v[READERS * LANES + j] = v[LONGEST * LANES + j] = 0.0
        v[RATE * LANES + j] = start[j]


@compiled
def handoff(points: Points, lanes: Lanes) -> None:
    """Time per operation that a contended lock loses between owners (approx): what does not depend on how many wait.

    Before a write hold, after a writer (p of the time): a spinner takes over in `spin_handoff_ns`, unless
    readers head the queue and keep their turn, s = write_spin (p + q steal); else, and after readers
    (unless writers spin on those too), a sleeper is woken, which takes `wake_ns`, or somebody on a CPU
    takes the free lock first, after Z on average: writers of every era (chance p), readers from 5.3 on.
    gap = (1 - b) wake + b wake Z / (wake + Z), b = p, or 1. Batches of readers, on top: see `batches`.
    """
    v, rules = lanes.var, points.rules
    for j in range(LANES):
        p, wake = v[SHARE * LANES + j], v[WAKE * LANES + j]
        spin = rules.write_spin * (p + (1 - p) * v[STEAL * LANES + j])
        takes_over = spin * (p + (1 - p) * rules.spin_on_reader)
        barges = 1.0 if rules.barges else p
        think = 1 / max(lanes.arrival[0, j] * v[PER_CYCLE * LANES + j], 1e-300)
        gap = wake - barges * wake * wake / max(wake + think, 1e-300)
        v[HANDOFF * LANES + j] = p * (takes_over * v[SPIN * LANES + j] + (1 - takes_over) * gap)


@compiled
def feed(points: Points, lanes: Lanes, n: int) -> None:
    """States n..n + STEPS - 1 of the birth-death chain of the number at the lock: its throughput, mean, chance of 0.

    Sums of weights that are no shares yet; see `even_out`. No division, no logarithm.
    """
    v, n_threads, cpus, nobody = lanes.var, points.n_threads, points.cpus, lanes.arrival.shape[0] - 1
    for j in range(LANES):
        weight, total = v[WEIGHT * LANES + j], v[ALL * LANES + j]
        inside, rate = v[INSIDE * LANES + j], v[RATE * LANES + j]
        for k in range(STEPS):
            outside = n_threads - n - k
            came = lanes.arrival[min(outside, cpus - 1) if outside >= 0 else nobody, j]
            come = lanes.arrival[min(outside, cpus) - 1 if outside > 0 else nobody, j]
            weight *= came * lanes.ops[min(n + k, cpus) - 1, j]
            total += weight
            inside += weight * (n + k)
            rate += weight * come
        v[WEIGHT * LANES + j], v[ALL * LANES + j] = weight, total
        v[INSIDE * LANES + j], v[RATE * LANES + j] = inside, rate


@compiled
def even_out(lanes: Lanes) -> None:
    """Make the weights of the chain shares of those so far, so that no float overflows."""
    v = lanes.var
    for j in range(LANES):
        share = 1.0 / v[ALL * LANES + j]
        v[WEIGHT * LANES + j] *= share
        v[OWNED * LANES + j] *= share
        v[INSIDE * LANES + j] *= share
        v[RATE * LANES + j] *= share
        v[ALL * LANES + j] = 1.0


def long_writers(free: float, n_threads: int, operations: float, writes: float, write_ns: float) -> float:
    """Bound on cycles per ns where write holds are so long that all others come to wait for them.

    While a writer holds for S the rest goes on for N / X, until nobody is left to feed it; then it stands
    still: 1 / X' = 1 / X + w (S - N / (X k))^+. free: X, the rate without the lock; operations: k, on the lock
    per cycle; writes: w, write holds per cycle, 0 if nobody else waits.
    """
    still = max(write_ns - n_threads / free / max(operations, 1e-300), 0.0)
    return 1 / (1 / free + writes * still)


bound = inlined(long_writers)


@compiled
def waits(points: Points, lanes: Lanes) -> None:
    """No more than `long_writers`, and the mean wait."""
    v, writes = lanes.var, points.counts[WRITES]
    without = lanes.arrival[min(points.n_threads, points.cpus) - 1]
    for j in range(LANES):
        free, per_cycle, p = without[j], v[PER_CYCLE * LANES + j], v[SHARE * LANES + j]
        read, write = v[READ_NS * LANES + j], v[WRITE_NS * LANES + j]
        others = writes if v[READS * LANES + j] > 0 else 0.0
        rate = min(v[RATE * LANES + j], bound(free, points.n_threads, per_cycle, others, write))
        hold = (1 - p) * read + p * write
        wait = max(v[INSIDE * LANES + j] / max(rate * per_cycle, 1e-300) - hold, 0.0)
        v[RATE * LANES + j], v[OWNED * LANES + j] = rate, 1 - v[OWNED * LANES + j]
        v[READ_WAIT * LANES + j] = v[WRITE_WAIT * LANES + j] = wait if per_cycle > 0 else 0.0


@compiled
def flow_equivalent_lock(points: Points, lanes: Lanes) -> None:
    """The lock as a server of rate X_sat(n) at n threads (Norton; approx), O(N) per point.

    Holds and hand-offs as of a lock that n threads never leave. With the FCFS chain as the measure the
    error has a median near .1 %; it is largest, some 30 %, for rare and very long writers. Readers and
    writers are given the same wait. With fewer CPUs than threads, as many run at once as there are CPUs.
    """
    operations(points, lanes)
    handoff(points, lanes)
    by_state(points, lanes, float(points.rules.sleep))
    for n in range(2, min(points.n_threads, points.cpus) + 1, STEPS):
        if not points.rules.wake_all:
            first_come(lanes, n)
        elif n < MANY:
            wake_few(lanes, n)
        else:
            wake_many(lanes, n)
    for n in range(1, points.n_threads + 1, STEPS):
        feed(points, lanes, n)
        if n % EVEN_OUT == 1:
            even_out(lanes)
    even_out(lanes)
    waits(points, lanes)
