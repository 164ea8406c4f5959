"""Idle CPUs sink deeper the longer they sleep, so wake-ups get slower: why an old rwsem collapses with many threads.

The state change is `wait_list.wake_latency` with `RwsemRules.idle_depth`; here is its closed form for a lock that is
never idle, under the rules up to 5.2 and in no particular order of reads and writes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def queued_writes(p_write: Floats | float) -> Floats:
    """Share of writes among the requests that sleep in the list, e: some writes are stolen by who runs, (...).

    Who has written, and finds a writer at the list's head, writes again before that one is awake, as long as its
    own next request is a write: e^2 p/q stolen writes a sleeper. So e + e^2 p/q = p (1 + e^2 p/q), e + p e^2 = p.

    >>> round(float(queued_writes(0.5)), 4)
    0.4142
    """
    p = np.asarray(p_write, float)
    return np.asarray((np.sqrt(1 + 4 * p * p) - 1) / (2 * np.maximum(p, 1e-300)))


def wakes_per_op(p_write: Floats | float) -> Floats:
    """Wake-ups that an operation waits for, one after another, w (...), for 0 < p < 1.

    A sleeping writer needs one, and so does a run of readers: e + e (1 - e) a sleeper, of which there are
    q / (1 - e) an operation.

    >>> round(float(wakes_per_op(0.5)), 4)
    0.5607
    """
    p, e = np.asarray(p_write, float), queued_writes(p_write)
    return np.asarray(e * (2 - e) * (1 - p) / (1 - e))


def op_ns(
    n_threads: Floats | float,
    p_write: Floats | float,
    lock_ns: Floats | float,
    hot_ns: Floats | float,
    depth: Floats | float,
    cold_ns: Floats | float,
) -> Floats:
    """Time per operation of all threads together, ns, (...): x = w min(h + d N x, c) + l.

    Each thread sleeps for about a round, N x, and its wake-up takes h + d N x, at most c. lock_ns, l : time per
    operation beside the wake-ups; hot_ns, h; depth, d, ns per ns; cold_ns, c

    >>> [round(float(op_ns(n, 0.5, 600.0, 1500.0, 0.03, 20_000.0)) / 1e3, 1) for n in (8, 32, 64)]
    [1.7, 3.1, 11.8]
    """
    w = wakes_per_op(p_write)
    share = np.asarray(w * depth * n_threads)
    warm = (w * np.asarray(hot_ns) + lock_ns) / np.where(share < 1, 1 - share, 1.0)
    return np.asarray(np.minimum(np.where(share < 1, warm, np.inf), w * np.asarray(cold_ns) + lock_ns))


def collapse_threads(p_write: Floats | float, depth: Floats | float) -> Floats:
    """Number of threads from which only the deepest idle state ends the spiral, 1 / (w d), (...).

    >>> round(float(collapse_threads(0.5, 0.03)))
    59
    """
    return np.asarray(1 / (wakes_per_op(p_write) * np.asarray(depth)))
