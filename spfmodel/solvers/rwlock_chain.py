"""The first-come-first-served reader/writer lock as an exact Markov chain of O(N^2) states.

The types of queued requests are independent of the past until one reaches the head, so a request's
type is drawn there. States, for N threads (k of them outside the lock):
  W(q)     a writer holds, q requests of unknown type wait
  R0(r)    r readers hold, nobody waits (r = 0: idle)
  R1(r, q) r readers hold, a writer waits at the head, q of unknown type behind it
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .markov import Chain, stationary
from .mva import birth_death

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


class LockSystem(NamedTuple):
    """N threads around one lock. Rates per unit time; every array has N + 1 entries, [0] unused or 0."""

    p_write: float
    arrival: Floats
    """[k]: requests per unit time when k threads are outside (Norton: complement's throughput)"""
    complete: Floats
    """[r]: releases per unit time when r readers hold and no writer waits"""
    drain: Floats
    """[r]: the same with a writer at the head; `drain_rates` corrects it for other hold laws"""
    write_rate: float


class LockMeans(NamedTuple):
    """Stationary means of the lock."""

    throughput: float
    """operations per unit time, reads and writes"""
    outside: float
    """mean number of threads outside the lock"""
    readers: float
    """mean number of readers that hold"""
    writer: float
    """probability that a writer holds"""
    reader_owned: float
    """probability that readers hold"""
    readers_waiting: float
    writers_waiting: float


def simple_system(n_threads: int, p_write: float, think: float, read: float, write: float) -> LockSystem:
    """Exponential think time and holds, no other station."""
    k = np.arange(n_threads + 1.0)
    return LockSystem(p_write, k / think, k / read, k / read, 1 / write)


def drain_rates(n_threads: int, read: float, cv: float) -> Floats:
    """Order-statistics drain correction 1 / (m_r - m_(r-1)), (N + 1,).

    Readers of a batch start together: m_r, the mean longest of r holds, is read (1 + cv (H_r - 1)):
    exact for cv = 0 and 1. A constant hold drains at once after the first: a step of 1e-6 read stands
    for 0.
    """
    steps = read * cv / np.maximum(np.arange(n_threads + 1.0), 1)
    steps[:2] = read
    return np.concatenate([[0.0], 1 / np.maximum(steps[1:], 1e-6 * read)])


class _Numbers(NamedTuple):
    """State numbers of a lock of N threads."""

    n: int

    def w(self, q: Index) -> Index:
        return q

    def r0(self, r: Index) -> Index:
        return self.n + r

    def r1(self, r: Index, q: Index) -> Index:
        return 2 * self.n + 1 + (r - 1) * self.n - r * (r - 1) // 2 + q

    def size(self) -> int:
        return 2 * self.n + 1 + self.n * (self.n - 1) // 2


Part = tuple[Index, Index, Floats]


def _writer_moves(at: _Numbers, system: LockSystem) -> list[Part]:
    """Out of W(q): an arrival, or a release that reveals the types at the head."""
    n, p = at.n, system.p_write
    q = np.arange(n)
    reads, queued = np.nonzero(np.tri(n, n, -1, dtype=bool).T)
    some = (reads > 0) & (reads < queued)
    reads, queued = reads[some], queued[some]
    rate = system.write_rate
    return [
        (at.w(q[:-1]), at.w(q[1:]), system.arrival[n - 1 - q[:-1]]),
        (at.w(q[:1]), at.r0(q[:1]), np.full(1, rate)),
        (at.w(q[1:]), at.w(q[:-1]), np.full(n - 1, rate * p)),
        (at.w(q[1:]), at.r0(q[1:]), rate * (1 - p) ** q[1:]),
        (at.w(queued), at.r1(reads, queued - reads - 1), rate * p * (1 - p) ** reads),
    ]


def _reader_moves(at: _Numbers, system: LockSystem) -> list[Part]:
    """Out of R0(r) and R1(r, q)."""
    n, p = at.n, system.p_write
    r = np.arange(n + 1)
    idle = np.zeros(1, np.intp)
    held, behind = np.nonzero(np.tri(n + 1, n, -1, dtype=bool)[::-1])
    held, behind = held[held > 0], behind[held > 0]
    here, room = at.r1(held, behind), n - 1 - held - behind
    last = held == 1
    return [
        (at.r0(r[:-1]), at.r0(r[1:]), system.arrival[n - r[:-1]] * (1 - p)),
        (at.r0(r[1:-1]), at.r1(r[1:-1], np.zeros(n - 1, np.intp)), system.arrival[n - r[1:-1]] * p),
        (at.r0(idle), at.w(idle), system.arrival[n:] * p),
        (at.r0(r[1:]), at.r0(r[:-1]), system.complete[1:]),
        (here[room > 0], here[room > 0] + 1, system.arrival[room[room > 0]]),
        (here[~last], at.r1(held[~last] - 1, behind[~last]), system.drain[held[~last]]),
        (here[last], at.w(behind[last]), system.drain[held[last]]),
    ]


def lumped_chain(system: LockSystem) -> Chain:
    """The chain over W(0..N-1), R0(0..N), R1(r, q); needs 0 < p_write < 1."""
    at = _Numbers(len(system.arrival) - 1)
    parts = _writer_moves(at, system) + _reader_moves(at, system)
    source, target, rate = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Chain(at.size(), source, target, rate)


def _common_state(system: LockSystem) -> int:
    """A state that is not rare: where a one-number sketch of the lock spends most time."""
    n = len(system.arrival) - 1
    p, k = system.p_write, np.arange(1, n + 1)
    powers = np.cumsum((1 - p) ** k / k) - (1 - p) ** k / k
    op = p / system.write_rate + (p * powers + (1 - p) ** k / k) / system.complete[1]
    mode = int(np.argmax(birth_death(system.arrival[:0:-1], 1 / op).probability))
    return mode - 1 if mode and p > 0.01 else n + mode


def _one_type(system: LockSystem) -> LockMeans:
    """p_write exactly 0 or 1: a birth-death chain, since some states cannot be reached."""
    n = len(system.arrival) - 1
    writes = system.p_write == 1
    down = np.full(n, system.write_rate) if writes else system.complete[1:]
    law = birth_death(system.arrival[:0:-1], down)
    inside, busy = float(law.mean), 1 - float(law.probability[0])
    if writes:
        return LockMeans(float(law.throughput), n - inside, 0.0, busy, 0.0, 0.0, inside - busy)
    return LockMeans(float(law.throughput), n - inside, inside, 0.0, busy, 0.0, 0.0)


def _means(system: LockSystem, weight: Floats) -> LockMeans:
    n, p = len(system.arrival) - 1, system.p_write
    w, r0, r1 = weight[:n], weight[n : 2 * n + 1], weight[2 * n + 1 :]
    held, behind = np.nonzero(np.tri(n + 1, n, -1, dtype=bool)[::-1])
    held, behind = held[held > 0], behind[held > 0]
    unknown = float(w @ np.arange(n) + r1 @ behind)
    readers = float(r0 @ np.arange(n + 1) + r1 @ held)
    heads, writer = float(r1.sum()), float(w.sum())
    flow = float(w.sum() * system.write_rate + r0 @ system.complete + r1 @ system.drain[held])
    outside = n - readers - heads - writer - unknown
    return LockMeans(flow, outside, readers, writer, 1 - writer - float(r0[0]), (1 - p) * unknown, heads + p * unknown)


def solve_lock(system: LockSystem) -> LockMeans:
    """Exact means of the FCFS reader/writer lock (for exponential holds and independent types)."""
    if system.p_write in (0, 1) or len(system.arrival) == 2:
        return _one_type(system) if system.p_write in (0, 1) else _single(system)
    return _means(system, stationary(lumped_chain(system), _common_state(system)))


def _single(system: LockSystem) -> LockMeans:
    """One thread: it never waits."""
    p, think = system.p_write, 1 / system.arrival[1]
    read, write = (1 - p) / system.complete[1], p / system.write_rate
    cycle = float(think + read + write)
    return LockMeans(1 / cycle, think / cycle, read / cycle, write / cycle, read / cycle, 0.0, 0.0)
