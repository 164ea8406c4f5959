"""One atomic on a cache line that several CPUs share: where the line comes from, and the ceiling that this sets."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


def mean_service_ns(local_ns: Floats | float, contended_ns: Floats | float, n_threads: Floats | int) -> Floats:
    """Mean time of an atomic when N threads use the line equally often, ns, (...).

    t = t0 + (t1 - t0) (N - 1) / N: the last user was another with probability (N - 1) / N.

    >>> float(mean_service_ns(10.0, 110.0, 4))
    85.0
    """
    others = 1 - 1 / n_threads
    mean: Floats = np.add(local_ns, (contended_ns - local_ns) * others)
    return mean


def throughput_bound(atomic_ns: Floats | float, atomics_per_op: Floats | float = 2.0) -> Floats:
    """Most operations per ns that one line admits, X <= 1 / (k t), (...).

    A rwlock_t's or a reference count's read side is k = 2 atomics on one line.
    """
    return np.asarray(1 / (np.asarray(atomics_per_op) * atomic_ns))


def threads_at_bound(alone_ns: Floats | float, atomic_ns: Floats | float, atomics_per_op: float = 2.0) -> Floats:
    """Threads from which the line, not their number, limits: N* = (Z + k t) / (k t), (...).

    Where N / (Z + k t) meets 1 / (k t). alone_ns: Z, an operation without its k atomics on this line.

    >>> float(threads_at_bound(900.0, 50.0))
    10.0
    """
    line = atomics_per_op * np.asarray(atomic_ns, float)
    return np.asarray((alone_ns + line) / line)


def mixed_transfer_ns(
    within_ns: Floats | float, across_ns: Floats | float, n_threads: Floats | int, n_sockets: Floats | int
) -> Floats:
    """Mean transfer time when N threads are spread evenly over s sockets, ns, (...).

    Of the N - 1 others, N / s - 1 sit on the same socket.
    """
    threads, sockets = np.asarray(n_threads, float), np.asarray(n_sockets, float)
    same = np.clip((threads / sockets - 1) / np.maximum(threads - 1, 1), 0.0, 1.0)
    return np.asarray(same * within_ns + (1 - same) * across_ns)


def batched_transfer_ns(
    within_ns: Floats | float,
    across_ns: Floats | float,
    n_waiting: Floats | float,
    n_complexes: Floats | int,
    kappa: Floats | float = 1.0,
) -> Floats:
    """Mean transfer when the line serves its neighbours before it moves on, ns, (...).

    t(q) = t_w + (t_a - t_w) / (1 + kappa (q - 1) / n): a visit to a core complex begins with one transfer from
    afar and serves on average kappa (q - 1) / n more requests there, the others being anywhere.
    within_ns: t_w; across_ns: t_a; n_waiting: q, threads at the line; n_complexes: n; kappa: share of the
    neighbours' requests that are seen in time (0: first come first served; 1: all).

    >>> float(batched_transfer_ns(25.0, 125.0, 9, 2, 1.0))
    45.0
    """
    more = np.asarray(kappa) * (np.asarray(n_waiting, float) - 1) / n_complexes
    return np.asarray(within_ns + (np.asarray(across_ns) - within_ns) / (1 + more))


class Topology(NamedTuple):
    """Where threads can be, and what a line costs between two places, ns."""

    n_sockets: int
    cores_per_socket: int
    within_ns: float
    across_ns: float
    sibling_ns: float
    """between two hardware threads of a core"""
    local_ns: float
    """an atomic by who had the line last"""


def cores_of(n_threads: int, topology: Topology, spread: bool = False) -> Index:
    """Core of each thread, (N,): socket after socket, or turn by turn (`spread`); siblings last.

    >>> cores_of(5, Topology(2, 2, 1.0, 1.0, 1.0, 1.0)).tolist()
    [0, 1, 2, 3, 0]
    """
    s, c = topology.n_sockets, topology.cores_per_socket
    core = np.arange(n_threads) % (s * c)
    return np.asarray(core % s * c + core // s if spread else core)


def pair_ns(cores: Index, topology: Topology) -> Floats:
    """Transfer time between any two threads, (N, N); on the diagonal the local time."""
    socket = cores // topology.cores_per_socket
    matrix = np.where(socket[:, None] == socket, topology.within_ns, topology.across_ns)
    matrix = np.where(cores[:, None] == cores, topology.sibling_ns, matrix)
    np.fill_diagonal(matrix, topology.local_ns)
    return np.asarray(matrix, float)


def transfer_ns(cores: Index, topology: Topology) -> float:
    """Mean transfer between two different threads, ns: the mean of `pair_ns` off its diagonal; alone, local."""
    n, matrix = len(cores), pair_ns(cores, topology)
    if n == 1:
        return topology.local_ns
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1)))


def socket_first_ns(n_threads: int, topology: Topology) -> float:
    """The same in closed form for threads that fill one socket after the other, no more than there are cores.

    f full sockets of c threads and one of r = N - f c: same-socket pairs f c (c - 1) + r (r - 1) of N (N - 1).

    >>> socket_first_ns(3, Topology(2, 2, 50.0, 110.0, 8.0, 6.0))
    90.0
    """
    c, n = topology.cores_per_socket, n_threads
    full, rest = divmod(n, c)
    same = (full * c * (c - 1) + rest * (rest - 1)) / (n * (n - 1))
    return same * topology.within_ns + (1 - same) * topology.across_ns


class Visit(NamedTuple):
    """A line that serves its neighbours first: requests by core complex. q are about, and one is being served."""

    crossing: bool
    """the request in service is the visit's first: it comes from afar"""
    left: int
    """requests of this complex still to be served in this visit"""
    late: int
    """requests of this complex that came after the visit began"""
    others: tuple[int, ...]
    """requests of each other complex, sorted"""


def visit_moves(visit: Visit, within_ns: float, across_ns: float) -> Iterator[tuple[Visit, float]]:
    """Next states and rates per ns: the request is served, and its thread asks again from any complex."""
    n = len(visit.others) + 1
    rate = 1 / (across_ns if visit.crossing else within_ns)
    for where in range(n):
        late, others = visit.late + (where == 0), list(visit.others)
        if where:
            others[where - 1] += 1
        if visit.left:
            yield Visit(False, visit.left - 1, late, tuple(sorted(others))), rate / n
            continue
        waiting = [late, *others]
        for k, count in enumerate(waiting):
            rest = tuple(sorted(waiting[:k] + waiting[k + 1 :]))
            yield Visit(True, count - 1, 0, rest), rate / n * count / sum(waiting)


class Replay(NamedTuple):
    """What `replay` saw."""

    ops_per_ns: float
    transfer_ns: float
    """mean time of an atomic"""


def replay(
    rng: np.random.Generator, pairs: Floats, think_ns: float, operations: int, atomics_per_op: int = 2
) -> Replay:
    """N threads think and then do k atomics on one line, first come first served: an event loop.

    pairs: (N, N) mean transfer time from the last user (row) to the next (column), ns; think and transfer times are
    exponential. An operation's atomics are one after the other, each from the tail of the queue.
    """
    n = len(pairs)
    events = [(float(t), i, atomics_per_op) for i, t in enumerate(rng.exponential(think_ns, n))]
    events.sort()
    owner, free, served, busy, done, start = 0, 0.0, 0, 0.0, 0, 0.0
    while done < operations:
        now, i, left = heappop(events)
        took = rng.exponential(pairs[owner, i])
        free, owner = max(now, free) + took, i
        served, busy = served + 1, busy + took
        if left > 1:
            heappush(events, (free, i, left - 1))
            continue
        done += 1
        start = free if done == operations // 10 else start
        heappush(events, (free + rng.exponential(think_ns), i, atomics_per_op))
    return Replay((operations - operations // 10) / (free - start), busy / served)
