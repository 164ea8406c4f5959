"""How long a cycle's operations take at a lock that n threads never leave, for many design points at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled, inlined
from .exponentials import log1p
from .lanes import (
    CONSTANT,
    FIXED,
    HANDOFF,
    HARMONIC,
    LANES,
    LONGEST,
    OWN_POWER,
    PER_CYCLE,
    POWER,
    POWERS,
    RANDOM,
    READ_NS,
    READERS,
    SEND,
    SENDING,
    SHARE,
    STEPS,
    WAKE,
    WAKING,
    WRITE_NS,
    Lanes,
    Points,
)

Floats = NDArray[np.float64]
MOST_WOKEN = 256
"""readers that one wake-up takes along (MAX_READERS_WAKEUP)"""
EULER = 1.7810724
"""e^gamma: the longest of r holds is about ln(1 + EULER r)"""
MANY = 4 * STEPS
"""threads from which on one more makes so little difference that five terms of a series tell it to rounding"""


@compiled
def by_state(points: Points, lanes: Lanes, sleeps: float) -> None:
    """What of a cycle at the lock does not depend on the number there, ns: see `first_come` and `wake_all`."""
    v, cv = lanes.var, points.read_cv
    for j in range(LANES):
        p, per_cycle = v[SHARE * LANES + j], v[PER_CYCLE * LANES + j]
        q, wake, send = 1 - p, v[WAKE * LANES + j], v[SEND * LANES + j]
        batch = 0.0 if points.rules.wake_all else p * q * (wake - send)
        read_ns = v[READ_NS * LANES + j] * per_cycle
        v[FIXED * LANES + j] = (p * v[WRITE_NS * LANES + j] + sleeps * (batch + v[HANDOFF * LANES + j])) * per_cycle
        v[CONSTANT * LANES + j], v[RANDOM * LANES + j] = read_ns * (1 - cv), read_ns * cv
        v[WAKING * LANES + j] = sleeps * per_cycle * (wake if points.rules.wake_all else q * send)
        v[SENDING * LANES + j] = sleeps * per_cycle * send


@compiled
def first_come(lanes: Lanes, n: int) -> None:
    """Mean time per cycle of a FCFS lock that n > 1 threads never leave: `saturated_op_ns` with hand-offs.

    Batches: p q of them per operation, of (1 - q^n) / p readers. For n..n + STEPS - 1.
    """
    v, ops = lanes.var, lanes.ops
    for j in range(LANES):
        p, power = v[SHARE * LANES + j], v[POWER * LANES + j]
        powers, harmonic = v[POWERS * LANES + j], v[HARMONIC * LANES + j]
        q, fixed, random, waking = 1 - p, v[FIXED * LANES + j], v[RANDOM * LANES + j], v[WAKING * LANES + j]
        constant = v[CONSTANT * LANES + j] * q
        for k in range(STEPS):
            powers += power
            power *= q
            last = power * (1.0 / (n + k))
            ops[n - 1 + k, j] = fixed + constant / powers + random * (p * harmonic + last) + waking * (1 - power)
            harmonic += last
        v[POWER * LANES + j], v[POWERS * LANES + j], v[HARMONIC * LANES + j] = power, powers, harmonic


def log_of_ratio(after: float, before: float, terms: int) -> float:
    """ln(after / before), by a series that a vector unit can do: 2 (z + z^3/3 + z^5/5 ...), z = (a - b) / (a + b).

    With 20 terms exact to rounding for ratios up to 3, with 9 up to 1.4.
    """
    z = (after - before) / (after + before)
    square, total = z * z, 0.0
    for k in range(terms - 1, -1, -1):
        total = total * square + 1.0 / (2 * k + 1)
    return 2 * z * total


log_step = inlined(log_of_ratio)


def _waker(many: bool) -> Callable[[Lanes, int], None]:
    """Capacity of a lock that wakes all readers, for few (below MANY) or many threads: two ways to a logarithm."""

    @compiled
    def wake_all(lanes: Lanes, n: int) -> None:
        """As `first_come` where a reader at the head takes all queued readers along: `saturated_op_ns_wake_all`.

        Batches: one a round of n operations, of all its readers (at most MOST_WOKEN), if it has readers and writers.
        The longest hold of r readers lasts about ln(1 + EULER r) times the mean.
        """
        v, ops = lanes.var, lanes.ops
        for j in range(LANES):
            p, power, own = v[SHARE * LANES + j], v[POWER * LANES + j], v[OWN_POWER * LANES + j]
            q, fixed, constant, random = 1 - p, v[FIXED * LANES + j], v[CONSTANT * LANES + j], v[RANDOM * LANES + j]
            waking, sending, before = v[WAKING * LANES + j], v[SENDING * LANES + j], v[READERS * LANES + j]
            longest = v[LONGEST * LANES + j]
            for k in range(STEPS):
                power *= q
                own *= p
                mixed = 1 - power
                readers = (n + k) * max(q - power, 0.0) / max(mixed, 1e-300)
                if many:
                    longest += log_step(1 + EULER * readers, 1 + EULER * before, 5)
                else:
                    longest = log1p(EULER * readers)
                woken = waking + sending * min(q * (n + k), MOST_WOKEN)
                round_ns = mixed * (min(readers, 1.0) * constant + random * longest + (1 - own) * woken)
                ops[n - 1 + k, j] = fixed + (round_ns + (constant + random) * power) * (1.0 / (n + k))
                before = readers
            v[POWER * LANES + j], v[OWN_POWER * LANES + j], v[READERS * LANES + j] = power, own, before
            v[LONGEST * LANES + j] = longest

    return wake_all


wake_few, wake_many = _waker(False), _waker(True)
