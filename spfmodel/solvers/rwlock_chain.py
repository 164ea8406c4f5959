"""The first-come-first-served reader/writer lock as an exact Markov chain of N (N + 3) / 2 + 1 states.

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

from .mva import birth_death
from .writer_epochs import DOWN, Rates, Room, passes, room_for, totals

Floats = NDArray[np.float64]


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
    residual: float = 0.0
    """of the balance of all states: see `Law`; 0 where a formula is exact"""


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


# -- the chain in equilibrium ----------------------------------------------------------------------


class Law(NamedTuple):
    """Stationary probabilities of the chain of a lock of N threads."""

    writer: Floats
    """(N,) W(q)"""
    reader: Floats
    """(N + 1,) R0(r)"""
    drained: Floats
    """(N (N - 1) / 2,) R1(r, q) by rows r = 1, 2, ...; row r holds q = 0..N - 1 - r"""
    heads: Floats
    """(N + 1,) R1 summed over q"""
    behind: Floats
    """(N,) R1 summed over r"""
    residual: float
    """sum over all states of |flow in - flow out|, relative to two moves for each release"""


def rates_of(system: LockSystem) -> Rates:
    """The system's rates as `writer_epochs` reads them."""
    n, p, inflow = len(system.arrival) - 1, system.p_write, system.arrival[::-1]
    held = np.concatenate([[1.0], np.full(n - 1, 1 - p)]) * system.write_rate
    shrink = np.concatenate([[0.0], np.full(n - 1, p * system.write_rate)])
    runs = np.zeros(n + 4)
    runs[: n + 1] = (1 - p) ** np.arange(n + 1.0)
    opened = np.zeros((n // 2 + 4, 2))
    opened.flat[:n] = inflow[1:]
    fewer = np.concatenate([[0.0], system.complete[1:]])
    return Rates(
        writer=np.array([inflow[1:], shrink, held]), reader=np.array([inflow * (1 - p), fewer, inflow * p]),
        opened=np.ascontiguousarray(opened.T), drain=np.concatenate([system.drain, np.zeros(3)]), runs=runs,
        release=float(system.write_rate), p_write=float(p),
    )  # fmt: skip


def first_guess(system: LockSystem) -> Floats:
    """Who waits as a writer starts, by a one-number sketch of the lock, (N,)."""
    n = len(system.arrival) - 1
    p, k = system.p_write, np.arange(1, n + 1)
    powers = np.cumsum((1 - p) ** k / k) - (1 - p) ** k / k
    op = p / system.write_rate + (p * powers + (1 - p) ** k / k) / system.complete[1]
    law = birth_death(system.arrival[:0:-1], 1 / op).probability[1:]
    return np.asarray(law / law.sum())


DIRECT, KRYLOV, POLISH = 96, 800, 3
"""Threads up to which the N equations are solved by elimination; most steps of GMRES beyond, of which most locks need
10 to 120; plain passes after either, which only sum positive terms."""
BALANCED = 1e-10
"""residual up to which the iteration is believed; else elimination does it"""
NOWHERE = np.zeros(0)


def by_elimination(rates: Rates, room: Room, guess: Floats) -> Floats:
    """Flows at a writer's start, from N passes and N equations; memory for some matrices of N x N."""
    starts = np.eye(len(guess))
    ends = np.empty_like(starts)
    passes(rates, room, starts, ends, NOWHERE)
    return np.asarray(np.linalg.solve(starts - ends.T + guess[:, None], guess))


def by_iteration(rates: Rates, room: Room, guess: Floats) -> Floats:
    """The same by GMRES (Saad & Schultz 1986), a pass per step; memory for KRYLOV vectors."""
    from scipy.sparse.linalg import LinearOperator, gmres

    ends = np.empty((1, len(guess)))

    def apart(flow: Floats) -> Floats:
        passes(rates, room, np.ascontiguousarray(flow).reshape(1, -1), ends, NOWHERE)
        return np.asarray(flow - ends[0] + guess * flow.sum())

    equations = LinearOperator((len(guess),) * 2, matvec=apart, dtype=np.float64)
    found, _ = gmres(equations, guess, x0=guess, rtol=1e-14, atol=0.0, restart=KRYLOV, maxiter=1)
    return np.asarray(found)


def law_from(rates: Rates, room: Room, flow: Floats) -> Law:
    """All weights from the flows at a writer's start, with the residual of the whole chain."""
    n = len(flow)
    full, heads, behind = np.empty(n * (n - 1) // 2), np.empty(n + 1), np.empty(n)
    flows = np.empty((POLISH + 2, n))
    np.maximum(flow, 0.0, out=flows[0])
    passes(rates, room, flows[:-2], flows[1:-1], NOWHERE)
    passes(rates, room, flows[-2:-1], flows[-1:], full)
    apart = totals(rates, room, full, heads, behind)
    w, r0 = room.writer, room.reader
    moves = 2 * (rates.release * w.sum() + rates.reader[DOWN] @ r0 + rates.drain[: n + 1] @ heads)
    total = w.sum() + r0.sum() + full.sum()
    full /= total
    return Law(w / total, r0 / total, full, heads / total, behind / total, float(apart / moves))


WAYS = (by_elimination, by_iteration)


def lock_law(system: LockSystem) -> Law:
    """Stationary probabilities of every state, for 0 < p_write < 1 and two threads or more.

    The chain is censored on the starts of writers: see `writer_epochs`. A step of the iteration takes time N^2, and
    memory is 8 bytes a state; where it fails (lock and another station equally busy, thousands of threads), elimination
    takes N of those steps and four matrices of N x N.
    """
    rates, guess = rates_of(system), first_guess(system)
    room = room_for(len(guess))
    if len(guess) > DIRECT:
        found = law_from(rates, room, by_iteration(rates, room, guess))
        if found.residual <= BALANCED:
            return found
    return law_from(rates, room, by_elimination(rates, room, guess))


def _means(system: LockSystem, law: Law) -> LockMeans:
    n, p = len(system.arrival) - 1, system.p_write
    unknown = float((law.writer + law.behind) @ np.arange(n))
    readers = float((law.reader + law.heads) @ np.arange(n + 1))
    heads, writer = float(law.heads.sum()), float(law.writer.sum())
    flow = float(writer * system.write_rate + law.reader[1:] @ system.complete[1:] + law.heads @ system.drain)
    outside = n - readers - heads - writer - unknown
    owned = float(law.reader[1:].sum()) + heads
    waiting = (1 - p) * unknown, heads + p * unknown
    return LockMeans(flow, outside, readers, writer, owned, *waiting, law.residual)


FEWEST = 1e-100
"""a smaller share of writers is none: 1 / rate would overflow"""


def solve_lock(system: LockSystem) -> LockMeans:
    """Exact means of the FCFS reader/writer lock (for exponential holds and independent types)."""
    if system.p_write < FEWEST or system.p_write == 1:
        return _one_type(system)
    return _single(system) if len(system.arrival) == 2 else _means(system, lock_law(system))


def _single(system: LockSystem) -> LockMeans:
    """One thread: it never waits."""
    p, think = system.p_write, 1 / system.arrival[1]
    read, write = (1 - p) / system.complete[1], p / system.write_rate
    cycle = float(think + read + write)
    return LockMeans(1 / cycle, think / cycle, read / cycle, write / cycle, read / cycle, 0.0, 0.0)
