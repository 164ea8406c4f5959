"""The simulator's state: one array of integers, one of floats, and a calendar.

Everything lives in a few flat arrays so that the compiled functions pass little. `I` holds
scalars, the histogram of fault times, and a row of `WIDTH` integers per thread, followed by rows
that serve as list heads: wait list (row N), spin queue (N + 1), waiters of PTE lock j (N + 2 + j).
`F` holds scalars, the tally, and a row of `FWIDTH` floats per thread. The calendar is a tournament
tree over threads: each has at most one event pending.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RUNNING, QUEUED, SWITCHING, ASLEEP, WAKING, SPINNING, HANDOFF_SPIN, PTE_SPIN = range(8)
"""Values of STATUS."""
NONE, BY_WRITER, BY_READER = range(3)
"""Values of HINT."""

WRITER, READERS, HINT, HANDOFF, NONSPIN, BUSY, WAITERS, SPINNERS, N_THREADS, CPUS, PER_TABLE, FIRST_LINE = range(12)
"""Scalars in I."""
FLAGS = 12
"""I[FLAGS + j]: the rwsem's rules."""
SEQUENCES = 24
"""I[SEQUENCES + k]: sequence counts."""
LINE_OWNERS = 32
"""I[LINE_OWNERS + k]: thread that line k served last."""
LATENCY, BINS = 64, 640
"""I[LATENCY + b]: histogram of fault times, 16 bins an octave of ns."""
THREADS, WIDTH = LATENCY + BINS, 16
STATUS, PC, RETRY, KIND, SEEN, BUMPED, DOWNGRADED, HOLDS_PTE, NXT, PRV, RNXT, RPRV, PTE_OWNER, STREAM = range(14)
"""Columns of a row of I. RETRY: a woken writer that must try once it has a CPU; KIND: 1 waits as a writer."""

NOW, BUSY_SINCE, OWN_SINCE, LINE_LOCAL = range(4)
"""Scalars in F."""
TIMES = 8
"""F[TIMES + j]: the rwsem's times."""
LINES_FREE = 16
"""F[LINES_FREE + k]: when line k has served all who wait."""
(CYCLES, FAULTS, UPDATES, ATTEMPTS, FAULT_NS, UPDATE_NS, BUSY_NS, WRITER_NS, READER_NS, SLEEPS) = range(32, 42)
CAUSES, TALLY_END = 42, 64
"""F[CAUSES + c]: aborts by cause; the lines' busy times follow. The tally is F[CYCLES:TALLY_END]."""
FTHREADS, FWIDTH = 64, 8
LOOPS, SLICE_END, SINCE, FAILED_AT, DEBT, FAULT_AT, UPDATE_AT = range(7)
"""Columns of a row of F. SINCE: joined the wait list; FAILED_AT: a woken writer slept again; DEBT: wake-ups to pay."""


class Sim(NamedTuple):
    """State and program of one run."""

    I: Ints  # noqa: E741 - the two arrays are named by their kind
    F: Floats
    due: Floats
    """(P,) time of each thread's pending event, inf if none"""
    tree: Ints
    """(2P,) tournament: tree[1] is the thread whose event comes first"""
    code: Ints
    """(4 S,) op, arg, fail, cause of each step"""
    num: Floats
    """(2 S,) value and squared coefficient of variation of each step"""
    slowdown: Floats
    """(cpus + 1,) factor on work when so many CPUs run"""


@njit(cache=True)
def at(i: int) -> int:
    """Where row i of I begins."""
    return THREADS + WIDTH * i


@njit(cache=True)
def fat(i: int) -> int:
    """Where row i of F begins."""
    return FTHREADS + FWIDTH * i


@njit(cache=True)
def fix(sm: Sim, i: int) -> None:
    """Let thread i's new due time rise through the tournament."""
    due, tree = sm.due, sm.tree
    node = (i + due.size) >> 1
    while node >= 1:
        left, right = tree[2 * node], tree[2 * node + 1]
        winner = left if due[left] <= due[right] else right
        if tree[node] == winner and winner != i:
            return
        tree[node] = winner
        node >>= 1


@njit(cache=True)
def schedule(sm: Sim, i: int, delay: float, status: int) -> None:
    """Thread i's next event, `delay` from now."""
    sm.due[i] = sm.F[NOW] + delay
    sm.I[at(i) + STATUS] = status
    fix(sm, i)


@njit(cache=True)
def push(sm: Sim, column: int, head: int, i: int) -> None:
    """Append i to the list of `head`; column is NXT or RNXT."""
    nxt, prv = column, column + 1
    last = sm.I[at(head) + prv]
    sm.I[at(last) + nxt] = i
    sm.I[at(i) + prv] = last
    sm.I[at(i) + nxt] = head
    sm.I[at(head) + prv] = i


@njit(cache=True)
def remove(sm: Sim, column: int, i: int) -> None:
    """Take i out of the list that it is in."""
    before, after = sm.I[at(i) + column + 1], sm.I[at(i) + column]
    sm.I[at(before) + column] = after
    sm.I[at(after) + column + 1] = before


def calendar(n: int) -> tuple[Floats, Ints]:
    """An empty calendar for n threads: due times and tournament."""
    leaves = 2
    while leaves < n:
        leaves *= 2
    tree = np.zeros(2 * leaves, np.int64)
    tree[leaves:] = np.arange(leaves)
    for node in range(leaves - 1, 0, -1):
        tree[node] = tree[2 * node]
    return np.full(leaves, np.inf), tree


def at_rest(n: int, cpus: int, per_table: int, stream: NDArray[np.uint64]) -> tuple[Ints, Floats]:
    """I and F with all n threads at rest and every lock free."""
    rows = n + 2 + -(-n // per_table)
    i_array = np.zeros(THREADS + WIDTH * rows, np.int64)
    table = i_array[THREADS:].reshape(rows, WIDTH)
    for column in (NXT, PRV, RNXT, RPRV):
        table[:, column] = np.arange(rows)
    table[:, PTE_OWNER] = -1
    table[:n, STATUS] = QUEUED
    table[:n, STREAM] = stream.view(np.int64)
    i_array[[WRITER, HANDOFF]] = -1
    i_array[LINE_OWNERS : LINE_OWNERS + 8] = -1
    i_array[[N_THREADS, CPUS, PER_TABLE]] = n, cpus, per_table
    f_array = np.zeros(FTHREADS + FWIDTH * n)
    f_array[FTHREADS:].reshape(n, FWIDTH)[:, FAILED_AT] = -np.inf
    return i_array, f_array
