"""mmap_sem as one station of a closed network: a server as fast as a lock that n threads never leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import TIMES
from ..primitives.compiled import compiled
from .lanes import (
    BATCH,
    HANDOFF,
    HARMONIC,
    INSIDE,
    LANES,
    LONGEST,
    OPS_NS,
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
    SEND,
    SHARE,
    WEIGHT,
    WRITE_NS,
    WRITE_WAIT,
    Lanes,
    Points,
)

Floats = NDArray[np.float64]
WAKE, WAKE_SEND, SPIN_HANDOFF = (TIMES.index(name) for name in ("wake_ns", "wake_send_ns", "spin_handoff_ns"))
STEAL = len(TIMES)
MOST_WOKEN = 256
"""readers that one wake-up takes along (MAX_READERS_WAKEUP)"""
EULER = 1.7810724
"""e^gamma: the longest of r holds is about ln(1 + EULER r)"""
WRITES = 5
"""in Points.counts"""


@compiled
def operations(points: Points, lanes: Lanes) -> None:
    """Operations on the lock per cycle and the share of writers; nobody at the lock to begin with."""
    v, writes = lanes.var, points.counts[WRITES]
    start = lanes.arrival[min(points.n_threads, points.cpus) - 1]
    for j in range(LANES):
        operations_per_cycle = v[READS * LANES + j] + writes
        v[PER_CYCLE * LANES + j] = operations_per_cycle
        v[SHARE * LANES + j] = writes / max(operations_per_cycle, 1e-300)
        v[POWER * LANES + j] = v[OWN_POWER * LANES + j] = v[WEIGHT * LANES + j] = v[OWNED * LANES + j] = 1.0
        v[POWERS * LANES + j] = v[HARMONIC * LANES + j] = v[INSIDE * LANES + j] = 0.0
        v[READERS * LANES + j] = v[LONGEST * LANES + j] = 0.0
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
        times, p = points.rwsem[lanes.point[j]], v[SHARE * LANES + j]
        spin = rules.write_spin * (p + (1 - p) * times[STEAL])
        takes_over = spin * (p + (1 - p) * rules.spin_on_reader)
        barges = 1.0 if rules.barges else p
        think = 1 / max(lanes.arrival[0, j] * v[PER_CYCLE * LANES + j], 1e-300)
        wake = times[WAKE]
        gap = wake - barges * wake * wake / max(wake + think, 1e-300)
        v[HANDOFF * LANES + j] = p * (takes_over * times[SPIN_HANDOFF] + (1 - takes_over) * gap)
        v[BATCH * LANES + j], v[SEND * LANES + j] = wake, times[WAKE_SEND]


@compiled
def first_come(points: Points, lanes: Lanes, n: int, lost: float) -> None:
    """Mean time per cycle of a FCFS lock that n threads never leave: `saturated_op_ns` with hand-offs (if lost is 1).

    Batches: p q of them per operation, of (1 - q^n) / p readers.
    """
    v, cv = lanes.var, points.read_cv
    for j in range(LANES):
        p = v[SHARE * LANES + j]
        q, power = 1 - p, v[POWER * LANES + j]
        powers = v[POWERS * LANES + j] + power
        power *= q
        last, harmonic = power / n, v[HARMONIC * LANES + j]
        constant = q / powers
        longest = constant + cv * (p * harmonic + last - constant)
        wake, send = v[BATCH * LANES + j], v[SEND * LANES + j]
        waking = (1 - power) * (q * send) + p * q * (wake - send) + v[HANDOFF * LANES + j]
        op_ns = p * v[WRITE_NS * LANES + j] + v[READ_NS * LANES + j] * longest
        v[OPS_NS * LANES + j] = (op_ns + lost * waking) * v[PER_CYCLE * LANES + j]
        v[POWER * LANES + j], v[POWERS * LANES + j] = power, powers
        v[HARMONIC * LANES + j] = harmonic + last


def log_of_ratio(after: float, before: float, terms: int) -> float:
    """ln(after / before), by a series that a vector unit can do: 2 (z + z^3/3 + z^5/5 ...), z = (a - b) / (a + b).

    With 20 terms exact to rounding for ratios up to 3, with 9 up to 1.4.
    """
    z = (after - before) / (after + before)
    square, total = z * z, 0.0
    for k in range(terms - 1, -1, -1):
        total = total * square + 1.0 / (2 * k + 1)
    return 2 * z * total


log_step = compiled(log_of_ratio)


@compiled
def longest_of(lanes: Lanes, n: int, terms: int) -> None:
    """About how many times its mean the longest hold of the readers among n threads lasts: ln(1 + EULER r)."""
    v = lanes.var
    for j in range(LANES):
        q, power = 1 - v[SHARE * LANES + j], v[POWER * LANES + j] * (1 - v[SHARE * LANES + j])
        readers = n * max(q - power, 0.0) / max(1 - power, 1e-300)
        step = log_step(1 + EULER * readers, 1 + EULER * v[READERS * LANES + j], terms)
        v[LONGEST * LANES + j] += step
        v[READERS * LANES + j] = readers


@compiled
def wake_all(points: Points, lanes: Lanes, n: int, lost: float) -> None:
    """The same where a reader at the head takes all queued readers along: `saturated_op_ns_wake_all` with hand-offs.

    Batches: one a round of n operations, of all its readers (at most MOST_WOKEN), if it has readers and writers.
    """
    v, cv = lanes.var, points.read_cv
    if n < 4:
        longest_of(lanes, n, 20)
    else:
        longest_of(lanes, n, 9)
    for j in range(LANES):
        p = v[SHARE * LANES + j]
        q = 1 - p
        power, own = v[POWER * LANES + j] * q, v[OWN_POWER * LANES + j] * p
        mixed, constant = max(1 - power, 1e-300), min(v[READERS * LANES + j], 1.0)
        longest = constant + cv * (v[LONGEST * LANES + j] - constant)
        wake, send = v[BATCH * LANES + j], v[SEND * LANES + j]
        waking = (1 - power) * (1 - own) / n * (wake + send * min(q * n, MOST_WOKEN)) + v[HANDOFF * LANES + j]
        op_ns = p * v[WRITE_NS * LANES + j] + v[READ_NS * LANES + j] * (mixed * longest + power) / n
        v[OPS_NS * LANES + j] = (op_ns + lost * waking) * v[PER_CYCLE * LANES + j]
        v[POWER * LANES + j], v[OWN_POWER * LANES + j] = power, own


@compiled
def feed(points: Points, lanes: Lanes, n: int) -> None:
    """State n of the birth-death chain of the number at the lock: its throughput, mean, chance of 0, so far.

    Running means: w_n, the share of state n among states 0..n, gives every mean in about 12 operations
    per state and no logarithm. Needs arrival[N - n] * cycle_ns[n - 1] to fall with n.
    """
    v, n_threads, cpus = lanes.var, points.n_threads, points.cpus
    arrival = lanes.arrival[min(n_threads - n + 1, cpus) - 1]
    outside = min(n_threads - n, cpus)
    after, some = lanes.arrival[max(outside - 1, 0)], 1.0 if outside else 0.0
    for j in range(LANES):
        ratio = v[WEIGHT * LANES + j] * arrival[j] * v[OPS_NS * LANES + j]
        weight = ratio / (1 + ratio)
        v[WEIGHT * LANES + j] = weight
        v[INSIDE * LANES + j] += weight * (n - v[INSIDE * LANES + j])
        v[OWNED * LANES + j] *= 1 - weight
        v[RATE * LANES + j] += weight * (some * after[j] - v[RATE * LANES + j])


def long_writers(free: float, n_threads: int, operations: float, writes: float, write_ns: float) -> float:
    """Bound on cycles per ns where write holds are so long that all others come to wait for them.

    While a writer holds for S the rest goes on for N / X, until nobody is left to feed it; then it stands
    still: 1 / X' = 1 / X + w (S - N / (X k))^+. free: X, the rate without the lock; operations: k, on the lock
    per cycle; writes: w, write holds per cycle, 0 if nobody else waits.
    """
    still = max(write_ns - n_threads / free / max(operations, 1e-300), 0.0)
    return 1 / (1 / free + writes * still)


bound = compiled(long_writers)


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
    sleeps = points.rules.sleep == 1
    if sleeps:
        handoff(points, lanes)
    for n in range(1, points.n_threads + 1):
        lost = 1.0 if sleeps and n > 1 else 0.0
        if n <= points.cpus:
            if points.rules.wake_all:
                wake_all(points, lanes, n, lost)
            else:
                first_come(points, lanes, n, lost)
        feed(points, lanes, n)
    waits(points, lanes)
