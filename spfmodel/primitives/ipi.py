"""TLB shootdown: how long an IPI waits for CPUs that run with interrupts off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hit_probability(n_targets: Floats | int, off_share: Floats | float) -> Floats:
    """Chance that at least one of n targets has interrupts off, 1 - (1 - u)^n, (...)."""
    return np.asarray(1 - (1 - np.asarray(off_share, float)) ** np.asarray(n_targets))


def wait_exponential_ns(n_targets: int, off_share: Floats | float, off_ns: Floats | float) -> Floats:
    """Mean longest residual over n targets, interrupt-off sections exponential, ns, (...).

    E[max] = m sum_{k=1..n} (1 - (1 - u)^k) / k; u: share of time with interrupts off, m: mean section.

    >>> float(wait_exponential_ns(1, 0.25, 100.0))
    25.0
    """
    on, total = 1 - np.asarray(off_share, float), np.zeros(np.shape(off_share))
    power = np.ones_like(total)
    for k in range(1, n_targets + 1):
        power = power * on
        total = total + (1 - power) / k
    return np.asarray(total * off_ns)


def wait_constant_ns(n_targets: int, off_share: Floats | float, off_ns: Floats | float) -> Floats:
    """Mean longest residual over n targets, sections of constant length D, ns, (...).

    E[max] = D [1 - (1 - (1 - u)^(n+1)) / ((n + 1) u)] = D [1 - (1 + v + ... + v^n) / (n + 1)], v = 1 - u

    >>> float(wait_constant_ns(1, 1.0, 100.0))
    50.0
    """
    on = 1 - np.asarray(off_share, float)
    powers = on[..., None] ** np.arange(n_targets + 1)
    return np.asarray((1 - powers.mean(axis=-1)) * off_ns)


def off_share(faults_per_ns: Floats | float, off_ns: Floats | float) -> Floats:
    """Share of time that one CPU has interrupts off in its speculative faults, u, at most 1, (...)."""
    return np.asarray(np.minimum(np.asarray(faults_per_ns, float) * off_ns, 1.0))


class FlushCost(NamedTuple):
    """What it costs to make other CPUs forget a translation; (median, low, high) ns each."""

    base_ns: tuple[float, float, float]
    """alone: the local flush and what the range needs"""
    first_ns: tuple[float, float, float]
    """as soon as one other CPU must be interrupted: sending, its entry and flush, the acknowledgement's way back"""
    target_ns: tuple[float, float, float]
    """for each further CPU: one more queue entry, one more flag to read"""
    interrupts: bool
    """whether windows with interrupts off, and descheduled vCPUs, delay it"""
    source: str


FREE = (0.0, 0.0, 0.0)
FLUSH_COSTS = {
    "x86": FlushCost(
        (150.0, 80.0, 400.0), (1200.0, 700.0, 2500.0), (200.0, 80.0, 500.0), True,
        "TLB-UNSEEL-base_IPI_cost, TLB-UNSEEL-per-receiver_cost and TLB-NEWSLETTER (secondary: 1 us, 1 to 3 us, "
        "200 ns a receiver; two line transfers a receiver are as much); upper ends from the loops of Amit2022a",
    ),
    "x86-vm": FlushCost(
        (150.0, 80.0, 400.0), (21_000.0, 3_000.0, 40_000.0), (2_500.0, 500.0, 10_000.0), True,
        "host_throughput.csv, native: an mprotect elsewhere by a dedicated updater while one thread faults, less the "
        "same alone (2 vCPUs): 20 to 23 us; per further target judgement: one VM exit to send, unless x2APIC or AVIC",
    ),
    "amd": FlushCost(
        (150.0, 80.0, 400.0), (1300.0, 700.0, 3000.0), (250.0, 100.0, 700.0), True,
        "as x86; VanRiel2025a: IPI less INVLPGB .5 to .85 us a CPU where all flush, their own handlers included",
    ),
    "amd-invlpgb": FlushCost(
        (270.0, 150.0, 1500.0), FREE, FREE, False, "VanRiel2025a, one thread: 3.29 against 3.17 us a loop",
    ),
    "ppc64-tlbie": FlushCost(
        (1500.0, 500.0, 4000.0), FREE, (5.0, 0.0, 30.0), False,
        "judgement: tlbie and ptesync are broadcast on the fabric and serialised by native_tlbie_lock; in a partition "
        "one hypervisor call (H_BULK_REMOVE) for up to four entries",
    ),
    "arm64": FlushCost(
        (400.0, 100.0, 1500.0), FREE, (5.0, 0.0, 30.0), False, "judgement: TLBI broadcast (inner shareable) and DSB",
    ),
}  # fmt: skip
"""kind of machine -> cost of one flush"""


def shootdown_ns(
    n_targets: Floats | int, cost: FlushCost, off: Floats | float = 0.0, off_ns: Floats | float = 0.0
) -> Floats:
    """Mean time that one flush takes its caller while the n others do not flush, ns, (...).

    S(n) = c0 + [n > 0] c_ipi + c1 (n - 1)^+ + E[max of n residual windows]; windows of constant length D, off a share
    u of time. Broadcasts do without the last term. A descheduled vCPU is a window, too: u its share
    of time without a CPU, D a time slice.
    """
    targets = np.asarray(n_targets)
    some = targets > 0
    whole = cost.base_ns[0] + some * cost.first_ns[0] + cost.target_ns[0] * np.maximum(targets - 1, 0)
    if not cost.interrupts:
        return np.asarray(whole)
    wait = [wait_constant_ns(int(n), np.asarray(off, float), off_ns) for n in targets.ravel()]
    return np.asarray(whole + np.reshape(wait, targets.shape))


def loop_ns(n_threads: Floats | int, alone_ns: float, per_cpu_ns: float) -> Floats:
    """Time of one loop of n threads that all flush all the time, ns, (...).

    T(n) = T(1) + (n - 1) (c1 + h): each sends to the others, and answers each of them (h) once a loop.
    """
    return np.asarray(alone_ns + (np.asarray(n_threads, float) - 1) * per_cpu_ns)


def per_cpu_ns(n_threads: Floats, loops_ns: Floats) -> float:
    """The slope of `loop_ns` by least squares in ln T, given T(1) as measured at n = 1 (the first point), ns.

    n_threads, loops_ns: (P,), rising from 1
    """
    alone = float(loops_ns[0])
    slopes = np.geomspace(1e-3 * alone, 10 * alone, 4001)
    error = np.log(alone + np.multiply.outer(slopes, n_threads[1:] - 1)) - np.log(loops_ns[1:])
    return float(slopes[np.argmin((error**2).sum(axis=1))])
