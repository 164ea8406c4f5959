"""One atomic on a cache line that several CPUs share: its mean cost, and the ceiling it sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mean_service_ns(local_ns: Floats | float, contended_ns: Floats | float, n_threads: Floats | int) -> Floats:
    """Mean time of an atomic when N threads use the line equally often, ns, (...).

    t = t0 + (t1 - t0) (N - 1) / N: the last user was another with probability (N - 1) / N.

    >>> float(mean_service_ns(10.0, 110.0, 4))
    85.0
    """
    others = 1 - 1 / np.asarray(n_threads, float)
    return np.asarray(local_ns + (np.asarray(contended_ns) - local_ns) * others)


def throughput_bound(atomic_ns: Floats | float, atomics_per_op: Floats | float = 2.0) -> Floats:
    """Most operations per ns that one line admits, X <= 1 / (k t), (...).

    A rwlock_t's or a reference count's read side is k = 2 atomics on one line.
    """
    return np.asarray(1 / (np.asarray(atomics_per_op) * atomic_ns))


def mixed_transfer_ns(
    within_ns: Floats | float, across_ns: Floats | float, n_threads: Floats | int, n_sockets: Floats | int
) -> Floats:
    """Mean transfer time when N threads are spread evenly over s sockets, ns, (...).

    Of the N - 1 others, N / s - 1 sit on the same socket.
    """
    threads, sockets = np.asarray(n_threads, float), np.asarray(n_sockets, float)
    same = np.clip((threads / sockets - 1) / np.maximum(threads - 1, 1), 0.0, 1.0)
    return np.asarray(same * within_ns + (1 - same) * across_ns)
