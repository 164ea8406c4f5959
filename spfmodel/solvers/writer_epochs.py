"""The chain of `rwlock_chain` from one writer's start to the next, in one pass over its states, without a subtraction.

Censored on those epochs (Meyer 1989) the chain has N unknowns: how many wait when a writer starts. In between each
part is quick: W(q) and R0(r) are birth-death chains that are left for good, and in R1(r, q) readers only leave and
requests only come, so its states follow from one another, diagonal by diagonal (q - r constant).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled, compiled_entry

Floats = NDArray[np.float64]
UP, DOWN, AWAY = range(3)
"""Rows of Rates.writer and Rates.reader: one more, one less, and out of the part for good."""


class Rates(NamedTuple):
    """The chain of a lock of N threads, per unit time; arrays end in zeros where a diagonal reaches beyond."""

    writer: Floats
    """(3, N) UP, DOWN and AWAY while a writer holds, by requests that wait"""
    reader: Floats
    """(3, N + 1) the same while readers hold and nobody waits, by readers"""
    opened: Floats
    """(2, N // 2 + 4) arrivals in R1(r, q): [m % 2, m // 2] with m = r + q"""
    drain: Floats
    """(N + 4,) releases in R1(r, q), by readers"""
    runs: Floats
    """(N + 4,) chance that the first so many requests of a queue are all reads"""
    release: float
    """of a writer"""
    p_write: float


class Room(NamedTuple):
    """Where a pass writes: weights of states, and what it notes on the way."""

    writer: Floats
    """(N,) W(q)"""
    reader: Floats
    """(N + 1,) R0(r)"""
    given: Floats
    """(N + 1,)"""
    folded: Floats
    """(2, N + 2)"""
    queued: Floats
    """(2, N // 2 + 4) flow from W(m + 1) to the R1(r, q) with m = r + q and a writer behind the reads, as `opened`"""
    waves: Floats
    """(2, N + 4) two diagonals of R1, by readers"""


def room_for(n_threads: int) -> Room:
    """An empty room."""
    n = n_threads
    shapes = (n, n + 1, n + 1, (2, n + 2), (2, n // 2 + 4), (2, n + 4))
    return Room(*(np.zeros(shape) for shape in shapes))


@compiled
def leave_for_good(given: Floats, rates: Floats, folded: Floats, out: Floats) -> None:
    """Weights `out` of a birth-death chain that starts by the flows `given` and leaves at `AWAY`.

    The states are folded into the one below, from the last on, as by Grassmann, Taksar and Heyman 1985.
    """
    size, flow, lost = given.size, 0.0, 0.0
    for k in range(size - 1, -1, -1):
        away = rates[AWAY, k] + rates[UP, k] * lost
        whole = away + rates[DOWN, k]
        folded[0, k], lost = whole, away / whole
        flow += given[k]
        out[k] = flow
        flow *= rates[DOWN, k] / whole
    below = 0.0
    for k in range(size):
        out[k] = (out[k] + below) / folded[0, k]
        below = rates[UP, k] * out[k]


@compiled
def next_diagonal(
    new: Floats, old: Floats, came: Floats, comes: Floats, drain: Floats, queued: Floats, runs: Floats
) -> None:
    """R1(r, q) with q - r = d, from d - 1: by an arrival, by a reader that left, or out of W."""
    for i in range(new.size):
        flow = old[i] * came[i] + old[i + 1] * drain[i + 1] + queued[i] * runs[i]
        new[i] = flow / (drain[i] + comes[i])


@compiled
def writer_behind_readers(rates: Rates, room: Room, ends: Floats, full: Floats) -> None:
    """R1, and the flow out of it into W(q), added to `ends`; weights into `full`, by rows, unless that is empty."""
    n, drain, queued = ends.size, rates.drain, room.queued
    room.waves[:, :] = 0.0
    for d in range(1 - n, n - 2):
        new, old, first, last = room.waves[d & 1], room.waves[1 - (d & 1)], max(1, -d), (n - 1 - d) // 2
        was, now = first + ((d - 1) >> 1), first + (d >> 1)
        came, comes = rates.opened[(d - 1) & 1, was:], rates.opened[d & 1, now:]
        next_diagonal(
            new[first : last + 1], old[first : last + 2], came, comes, drain[first:], queued[d & 1, now:],
            rates.runs[first:],
        )  # fmt: skip
        if d < 0:
            new[first] += room.reader[first] * rates.reader[AWAY, first] / (drain[first] + comes[0])
        if first == 1:
            ends[d + 1] += drain[1] * new[1]
        new[first - 1], new[last + 1] = 0.0, 0.0
        if full.size:
            for r in range(first, last + 1):
                full[(r - 1) * n - r * (r - 1) // 2 + d + r] = new[r]


@compiled_entry
def passes(rates: Rates, room: Room, starts: Floats, ends: Floats, full: Floats) -> None:
    """From flows into W(q) at one writer's start, `starts` (K, N), to those at the next one's, `ends` (K, N).

    room : holds the weights W and R0 of the last pass; full : (N (N - 1) / 2,) the same for R1, or empty.
    """
    n = starts.shape[1]
    for k in range(len(starts)):
        leave_for_good(starts[k], rates.writer, room.folded, room.writer)
        for q in range(n):
            flow = rates.release * room.writer[q]
            room.given[q] = flow * rates.runs[q]
            if q:
                room.queued[(q - 1) & 1, (q - 1) >> 1] = flow * rates.p_write
        leave_for_good(room.given, rates.reader, room.folded, room.reader)
        ends[k, :] = 0.0
        ends[k, 0] = room.reader[0] * rates.reader[AWAY, 0]
        writer_behind_readers(rates, room, ends[k], full)


# -- how well a distribution balances, from the rates alone -----------------------------------------


@compiled
def row_imbalance(rates: Rates, room: Room, full: Floats, r: int, n: int) -> float:
    """Sum over q of |flow in - flow out| of R1(r, q)."""
    here, above, total = (r - 1) * n - r * (r - 1) // 2, r * n - r * (r + 1) // 2, 0.0
    into = rates.release * rates.p_write * rates.runs[r]
    for q in range(n - r):
        m = r + q
        flow = room.reader[r] * rates.reader[AWAY, r] if q == 0 else 0.0
        if q:
            flow += full[here + q - 1] * rates.opened[(m - 1) & 1, (m - 1) >> 1]
        if m < n - 1:
            flow += full[above + q] * rates.drain[r + 1] + room.writer[m + 1] * into
        total += abs(flow - full[here + q] * (rates.drain[r] + rates.opened[m & 1, m >> 1]))
    return total


@compiled
def others_imbalance(rates: Rates, room: Room, full: Floats, n: int) -> float:
    """Sum of |flow in - flow out| over W(q) and R0(r)."""
    w, r0, writer, reader, total = room.writer, room.reader, rates.writer, rates.reader, 0.0
    for q in range(n):
        flow = w[q - 1] * writer[UP, q - 1] if q else r0[0] * reader[AWAY, 0]
        if q < n - 1:
            flow += full[q] * rates.drain[1] + w[q + 1] * rates.release * rates.p_write
        total += abs(flow - w[q] * (rates.release + writer[UP, q]))
    for r in range(n + 1):
        flow = r0[r - 1] * reader[UP, r - 1] if r else 0.0
        if r < n:
            flow += r0[r + 1] * reader[DOWN, r + 1] + w[r] * rates.release * rates.runs[r]
        total += abs(flow - r0[r] * (reader[UP, r] + reader[DOWN, r] + reader[AWAY, r]))
    return total


@compiled_entry
def totals(rates: Rates, room: Room, full: Floats, heads: Floats, behind: Floats) -> float:
    """Sum of |flow in - flow out| over all states.

    Weights of R1 are summed over q into `heads` (N + 1,), and over r into `behind` (N,).
    """
    n, at = behind.size, 0
    total = others_imbalance(rates, room, full, n)
    heads[:] = 0.0
    behind[:] = 0.0
    for r in range(1, n):
        total += row_imbalance(rates, room, full, r, n)
        for q in range(n - r):
            heads[r] += full[at]
            behind[q] += full[at]
            at += 1
    return total
