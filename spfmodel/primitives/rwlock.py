"""mm_rb_lock: a spinning reader/writer lock around the VMA tree (v6 to v11), fair on x86, unfair on POWER.

x86's qrwlock queues: a writer waits for the readers inside, and whoever comes later waits behind it. POWER's
arch_rwlock_t does not: readers enter whenever no writer holds, so that a writer has to find a moment without any.
Either way a look-up takes two atomics on the lock's line (`cacheline`), and updates link or erase as writers.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _series(z: Floats) -> Floats:
    """Sum of z^k / (k k!), k = 1, 2, ...: the integral of (e^(z x) - 1) / x from 0 to 1, (...)."""
    from scipy.special import expi

    away = np.where(np.abs(z) < 1e-8, 1.0, z)
    return np.asarray(np.where(np.abs(z) < 1e-8, z, expi(away) - np.log(np.abs(away)) - np.euler_gamma))


def fair_drain_ns(reads_per_ns: Floats | float, read_ns: Floats | float) -> Floats:
    """How long a writer waits for the readers that it finds inside a fair lock, mean, ns, (...).

    D = S E[H_K] = S int_0^1 (1 - e^(-rho x)) / x dx,  K ~ Poisson(rho = lambda S), H_K: harmonic number
    reads_per_ns: lambda, Poisson; read_ns: S, exponential. The readers inside start anew: no memory.
    """
    inside = np.asarray(reads_per_ns, float) * read_ns
    return np.asarray(-np.asarray(read_ns) * _series(np.asarray(-inside)))


def unfair_drain_ns(
    reads_per_ns: Floats | float, read_ns: Floats | float, write_ns: Floats | float = 0.0, arrived: bool = False
) -> Floats:
    """How long a writer waits for a moment without readers in an unfair lock, mean, ns, (...).

    From k readers that moment comes after T_k = S int_0^1 (1 - (1 - x)^k) / x e^(rho x) dx (M/M/inf).
    arrived False: it comes at a random time, k ~ Poisson(rho):     D = S int (1 - e^(-rho x)) / x e^(rho x) dx
    arrived True: right after a hold of W, k ~ Poisson(a = lambda W): D = S int (1 - e^(-a x)) / x e^(rho x) dx
    Grows like e^rho / rho: readers starve the writer once a few of them are always inside.
    """
    rate, read = np.asarray(reads_per_ns, float), np.asarray(read_ns, float)
    inside = rate * read
    first = rate * write_ns if arrived else inside
    return np.asarray(read * (_series(np.asarray(inside)) - _series(np.asarray(inside - first))))


def reader_wait_ns(blocked_ns: Floats | float, gap_ns: Floats | float, blocked_scv: Floats | float = 0.0) -> Floats:
    """Mean wait of a look-up that comes at a random time, ns, (...).

    w = B / (B + U) x B (1 + c2) / 2: the share of time in which readers are kept out, times what is left of it.
    blocked_ns: B, the hold of an update, on a fair lock with the drain before it; gap_ns: U, between two of these.
    """
    blocked = np.asarray(blocked_ns, float)
    return np.asarray(blocked / (blocked + gap_ns) * blocked * (1 + np.asarray(blocked_scv)) / 2)


def unfair_saturated_op_ns(p_write: Floats | float, read_ns: Floats | float, write_ns: Floats | float) -> Floats:
    """Mean time per operation of an unfair lock that three or more threads never leave, ns, (...).

    1/X = p S_w + q (1 + p) / 2 S_r, q = 1 - p, whatever their number: nearly all of them wait to write. At most two
    readers are ever inside, the thread that wanted to read when a write began (q) and the one that ended it (q):
    one leaves after S_r, two meet for S_r / (2 p) before. The fair lock gains more from its readers:
    `reader_writer.saturated_op_ns`.

    >>> float(unfair_saturated_op_ns(0.5, 8.0, 2.0))
    4.0
    """
    share = np.asarray(p_write, float)
    return np.asarray(share * write_ns + (1 - share) * (1 + share) / 2 * np.asarray(read_ns))


class Rwlock(NamedTuple):
    """Who holds the lock and who waits: one updating thread among readers that come and go."""

    inside: int = 0
    """readers that hold it"""
    queued: int = 0
    """readers that wait"""
    update: int = 0
    """the updater: 0 away, 1 waits, 2 holds"""

    def reader_comes(self, fair: bool) -> Rwlock:
        """A reader takes the lock or queues: behind a holder, and on a fair lock behind a waiter, too."""
        if self.update == 2 or (fair and self.update == 1):
            return self._replace(queued=self.queued + 1)
        return self._replace(inside=self.inside + 1)

    def reader_leaves(self) -> Rwlock:
        """The last reader lets the waiting updater in."""
        left = self.inside - 1
        return self._replace(inside=left, update=2 if self.update == 1 and not left else self.update)

    def update_comes(self) -> Rwlock:
        """The updater takes a free lock, or waits."""
        return self._replace(update=1 if self.inside else 2)

    def update_leaves(self) -> Rwlock:
        """All readers that waited enter."""
        return Rwlock(self.inside + self.queued)


class Load(NamedTuple):
    """What is asked of the lock; times in ns."""

    reads_per_ns: float
    read_ns: float
    write_ns: float
    gap_ns: float
    """from an update's end to the next one's request"""
    fair: bool = True


class Waits(NamedTuple):
    """Mean waits for the lock, without its line, ns, (...)."""

    reader_ns: Floats
    update_ns: Floats


def waits(load: Load) -> Waits:
    """What a look-up and an update wait for each other (approx: the updater comes at a random time).

    Fair: an update waits D = `fair_drain_ns` and keeps readers out for B = D + W, squared coefficient of variation
    (W^2 + S D) / B^2. Unfair: it waits D = `unfair_drain_ns`, long, and keeps readers out for W only.
    Against the exact chain of `moves`: tests/test_rwlock.py.
    """
    if load.fair:
        drain = fair_drain_ns(load.reads_per_ns, load.read_ns)
        blocked = drain + load.write_ns
        scv = (load.write_ns**2 + load.read_ns * drain) / blocked**2
        return Waits(reader_wait_ns(blocked, load.gap_ns, scv), drain)
    drain = unfair_drain_ns(load.reads_per_ns, load.read_ns)
    return Waits(reader_wait_ns(load.write_ns, load.gap_ns + drain, 1.0), drain)


def moves(lock: Rwlock, load: Load, most: int) -> Iterator[tuple[Rwlock, float]]:
    """Next states and their rates per ns, all times exponential; at most `most` readers are about."""
    if lock.inside + lock.queued < most:
        yield lock.reader_comes(load.fair), load.reads_per_ns
    if lock.inside:
        yield lock.reader_leaves(), lock.inside / load.read_ns
    if lock.update == 0:
        yield lock.update_comes(), 1 / load.gap_ns
    if lock.update == 2:
        yield lock.update_leaves(), 1 / load.write_ns


class Replay(NamedTuple):
    """What `replay` saw, ns; half-widths of 95 % intervals by batches."""

    lookup_ns: float
    """mean time of a look-up from its first atomic to its last"""
    lookup_half: float
    update_ns: float
    """mean time from an update's request until it is done"""
    lookups_per_ns: float


def replay(
    rng: np.random.Generator, load: Load, n_threads: int, think_ns: float, atomic_ns: float, lookups: int
) -> Replay:
    """N threads look up again and again, one updates: an event loop with the lock's line as a queue.

    A look-up is an atomic, the wait for the lock, a walk of load.read_ns, an atomic; an update the same with
    load.write_ns. Atomics take `atomic_ns` each, first come first served. All times are exponential. No updates if
    load.gap_ns is infinite. `load.reads_per_ns` is not used: the threads make their own rate.
    """
    run = _Run(rng, load, n_threads, think_ns, atomic_ns)
    while len(run.lookups) < lookups:
        run.step()
    found = np.array(run.lookups[lookups // 10 :])
    means = np.array([batch.mean() for batch in np.array_split(found, 20)])
    half = 2.09 * means.std(ddof=1) / np.sqrt(20)
    done = np.array(run.ends[lookups // 10 :])
    updates = np.mean(run.updates) if run.updates else np.nan
    return Replay(float(found.mean()), float(half), float(updates), (len(done) - 1) / float(done[-1] - done[0]))


COMES, ASKS, WALKED, LEAVES = range(4)


class _Run:
    """The event loop of `replay`: thread 0 updates, the others look up."""

    def __init__(self, rng: np.random.Generator, load: Load, n_threads: int, think_ns: float, atomic_ns: float):
        self.rng, self.load, self.think, self.atomic = rng, load, think_ns, atomic_ns
        self.lock, self.line_free, self.waiting = Rwlock(), 0.0, list[int]()
        self.began = [0.0] * (n_threads + 1)
        self.lookups, self.ends, self.updates = list[float](), list[float](), list[float]()
        self.events = list[tuple[float, int, int]]()
        for thread in range(0 if load.gap_ns < np.inf else 1, n_threads + 1):
            self.after(0.0, load.gap_ns if thread == 0 else think_ns, thread, COMES)

    def after(self, now: float, mean: float, thread: int, kind: int) -> None:
        heappush(self.events, (now + self.rng.exponential(mean), thread, kind))

    def line(self, now: float, thread: int, kind: int) -> None:
        self.line_free = max(now, self.line_free) + self.rng.exponential(self.atomic)
        heappush(self.events, (self.line_free, thread, kind))

    def enter(self, now: float, thread: int) -> None:
        self.after(now, self.load.read_ns if thread else self.load.write_ns, thread, WALKED)

    def step(self) -> None:
        now, thread, kind = heappop(self.events)
        if kind == COMES:
            self.began[thread] = now
        if kind in (COMES, WALKED):
            self.line(now, thread, ASKS if kind == COMES else LEAVES)
        elif kind == ASKS:
            self.asks(now, thread)
        else:
            self.leaves(now, thread)

    def asks(self, now: float, thread: int) -> None:
        before = self.lock
        self.lock = before.reader_comes(self.load.fair) if thread else before.update_comes()
        if self.lock.queued > before.queued:
            self.waiting.append(thread)
        elif self.lock.update != 1 or thread:
            self.enter(now, thread)

    def leaves(self, now: float, thread: int) -> None:
        before = self.lock
        self.lock = before.reader_leaves() if thread else before.update_leaves()
        if thread == 0:
            self.updates.append(now - self.began[0])
            for reader in self.waiting:
                self.enter(now, reader)
            self.waiting.clear()
        else:
            self.lookups.append(now - self.began[thread])
            self.ends.append(now)
            if self.lock.update == 2 and before.update == 1:
                self.enter(now, 0)
        self.after(now, self.think if thread else self.load.gap_ns, thread, COMES)
