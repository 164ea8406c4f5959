"""The simulator's state: one array of integers, one of floats, and a calendar.

Everything lives in a few flat arrays so that the compiled functions pass little. `I` holds
scalars, the histogram of fault times, and a row of `WIDTH` integers per thread, followed by rows
that serve as list heads: wait list (row N), spin queue (N + 1), waiters of PTE lock j (N + 2 + j).
`F` holds scalars, the tally, and a row of `FWIDTH` floats per thread. The calendar is a tournament
tree over threads: each has at most one event pending. Row N of the calendar is the readers' clock
that spinning writers watch, where the rules have one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled, pointer

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RUNNING, QUEUED, SWITCHING, ASLEEP, WAKING, SPINNING, OVERDUE, HANDOFF_SPIN, PTE_SPIN = range(9)
"""Values of STATUS. OVERDUE: spins although its slice is over, since nobody waits for its CPU; PTE_SPIN: also of an
update that waits for the readers of a VMA."""
NONE, BY_WRITER, BY_READER = range(3)
"""Values of HINT."""

(
    WRITER, READERS, HINT, HANDOFF, NONSPIN, BUSY, WAITERS, SPINNERS, OVERDUES, N_THREADS, CPUS, PER_TABLE,
    FIRST_LINE, VMA_READERS, VMA_OWNER, VMA_WAITER,
) = range(16)  # fmt: skip
"""Scalars in I. OVERDUES: number of spinners with status OVERDUE; FIRST_LINE: index in F of line 0's tally;
VMA_READERS, VMA_OWNER, VMA_WAITER: of the lock of the VMA in which threads fault: faults that hold it, the
update that has marked it, the update that waits for them (-1: none)."""
FLAGS, MAX_FLAGS = 16, 16
"""I[FLAGS + j]: the rwsem's rules."""
SEQUENCES = 32
"""I[SEQUENCES + k]: sequence counts."""
LINE_OWNERS, MAX_LINES = 40, 8
"""I[LINE_OWNERS + k]: thread that line k served last."""
LEAVES = 48
"""I[LEAVES]: leaves of the calendar's tree."""
WINDOWS = 49
"""code[I[WINDOWS] + s]: where in code the window begins that a thread about to do step s is in; 0: in none."""
LATENCY, BINS = 64, 640
"""I[LATENCY + b]: histogram of fault times, 16 bins an octave of ns."""
THREADS, WIDTH = LATENCY + BINS, 17
STATUS, PC, RETRY, KIND, DOWNGRADED, HOLDS_PTE, NXT, PRV, RNXT, RPRV, PTE_OWNER, STREAM, SEEN, BUMPED, HOLDS_VMA = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16,
)  # fmt: skip
"""Columns of a row of I. RETRY: what a thread does next at the rwsem (lock_line.py); KIND: 1 waits as a writer;
SEEN + k, BUMPED + k: what SEQ_READ k saw, whether SEQ_ODD k moved it."""

NOW, BUSY_SINCE, OWN_SINCE, LINE_LOCAL, WRITER_AT, OWNER_STOPPED = range(6)
"""Scalars in F. WRITER_AT: when a writer took the lock last; OWNER_STOPPED: when the writer's vCPU runs on."""
TIMES = 8
"""F[TIMES + j]: the rwsem's times."""
LINES_FREE = 24
"""F[LINES_FREE + k]: when line k has served all who wait."""
(CYCLES, FAULTS, UPDATES, ATTEMPTS, FAULT_NS, UPDATE_NS, BUSY_NS, WRITER_NS, READER_NS, SLEEPS) = range(32, 42)
CAUSES, TALLY_END = 42, 72
"""F[CAUSES + c]: aborts by cause; the lines' busy times follow. The tally is F[CYCLES:TALLY_END]."""
EXPECTED, SUMS_END = 72, 102
"""F[EXPECTED + c]: aborts by cause as their chances say (hazard.py)."""
FTHREADS, FWIDTH = 102, 9
LOOPS, SLICE_END, SINCE, FAILED_AT, PAID_AT, FAULT_AT, UPDATE_AT, CLOCK_FROM, TURNS = range(9)
"""Columns of a row of F. SINCE: joined the wait list; FAILED_AT: a woken writer slept again; PAID_AT: all
wake-ups sent; CLOCK_FROM: a spinner's own clock started; TURNS: times since EVERY let it through."""


class Sim(NamedTuple):
    """State and program of one run."""

    I: Ints  # noqa: E741 - the two arrays are named by their kind
    F: Floats
    due: Floats
    """(P,) time of each thread's pending event, inf if none: the second half of keys"""
    keys: Floats
    """(2P,) tournament: the earliest due time below each node"""
    tree: Ints
    """(2P,) whose that is: tree[1] is the thread whose event comes first"""
    code: Ints
    """(4 S + S + ...) op, arg, fail, cause of each step; then its window, and the windows"""
    num: Floats
    """(2 S,) value of each step, and its squared coefficient of variation, or how its aborts count (hazard.py)"""
    slowdown: Floats
    """(cpus + 1,) factor on work when so many CPUs run and do not spin"""


@compiled
def in_place(sm: Sim) -> Sim:
    """The same state as bare pointers: cheap to hand on, and never past an end by the loop's own rules."""
    return Sim(
        pointer(sm.I), pointer(sm.F), pointer(sm.due), pointer(sm.keys), pointer(sm.tree), pointer(sm.code),
        pointer(sm.num), pointer(sm.slowdown),
    )  # fmt: skip


@compiled
def at(i: int) -> int:
    """Where row i of I begins."""
    return THREADS + WIDTH * i


@compiled
def fat(i: int) -> int:
    """Where row i of F begins."""
    return FTHREADS + FWIDTH * i


@compiled
def fix(sm: Sim, i: int) -> None:
    """Let row i's new due time rise through the tournament, against the winner of the other half of each pair."""
    time, winner = sm.due[i], i
    node = i + sm.I[LEAVES]
    while node > 1:
        other = node ^ 1
        rival, whose = sm.keys[other], sm.tree[other]
        winner = whose if (rival < time) | ((rival == time) & (other < node)) else winner
        time = rival if rival < time else time
        node >>= 1
        sm.keys[node] = time
        sm.tree[node] = winner


@compiled
def set_due(sm: Sim, i: int, time: float) -> None:
    """Row i's next event is at `time`; inf: never."""
    sm.due[i] = time
    fix(sm, i)


@compiled
def schedule(sm: Sim, i: int, delay: float) -> None:
    """Thread i runs on in `delay`."""
    sm.I[at(i) + STATUS] = RUNNING
    set_due(sm, i, sm.F[NOW] + delay)


@compiled
def push(sm: Sim, head: int, i: int) -> None:
    """Append i to the list of `head`: wait list, spin queue or a PTE lock's waiters."""
    last = sm.I[at(head) + PRV]
    sm.I[at(last) + NXT] = i
    sm.I[at(i) + PRV] = last
    sm.I[at(i) + NXT] = head
    sm.I[at(head) + PRV] = i


@compiled
def remove(sm: Sim, i: int) -> None:
    """Take i out of the list that it is in."""
    before, after = sm.I[at(i) + PRV], sm.I[at(i) + NXT]
    sm.I[at(before) + NXT] = after
    sm.I[at(after) + PRV] = before


def calendar(rows: int) -> tuple[Floats, Floats, Ints]:
    """An empty calendar: due times, and the tournament's keys and winners."""
    leaves = 2
    while leaves < rows:
        leaves *= 2
    tree = np.zeros(2 * leaves, np.int64)
    tree[leaves:] = np.arange(leaves)
    for node in range(leaves - 1, 0, -1):
        tree[node] = tree[2 * node]
    keys = np.full(2 * leaves, np.inf)
    return keys[leaves:], keys, tree


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
    i_array[[WRITER, HANDOFF, VMA_OWNER, VMA_WAITER]] = -1
    i_array[LINE_OWNERS : LINE_OWNERS + MAX_LINES] = -1
    i_array[[N_THREADS, CPUS, PER_TABLE]] = n, cpus, per_table
    f_array = np.zeros(FTHREADS + FWIDTH * n)
    f_array[FTHREADS:].reshape(n, FWIDTH)[:, FAILED_AT] = -np.inf
    return i_array, f_array
