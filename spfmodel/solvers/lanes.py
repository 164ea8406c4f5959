"""Many design points at once for the closed forms: `LANES` of them side by side, so that a CPU's vector units are full.

A point is one draw of a network. Its sums (`cycle`) are one column of `cost`, its variables one column of `var`; when
it is solved, the lane takes the next point. No point's result depends on another, nor on the lane.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import TIMES
from ..primitives.compiled import compiled
from .cycle import FALLBACK, FALLBACK_HELD, HELD, OUTSIDE, PER_HAZARD, ROWS, WRITE, Cycle

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LANES = 64
"""points side by side: their variables stay in a core's cache"""
WAKE_NS, SEND_NS, SPIN_NS = (TIMES.index(name) for name in ("wake_ns", "wake_send_ns", "spin_handoff_ns"))
STEAL_SHARE = len(TIMES)
"""rows of Points.rwsem"""
NEXT, END, BUSY_LANES = range(3)
"""Of Lanes.queue: next point, the one after the last, lanes that have a point."""
IDLE, START, FIRST, LATER = range(4)
"""Values of Lanes.phase: no point; the first guess of the pace; the first step of the iteration; its later steps."""

(
    PACE, RATE, GAP, MOVE, GAIN, OTHERS, SLOW, FALLEN, REACHED, READS, READ_NS, WRITE_NS, THINK, SERVICE,
    STRETCH, BUSY, INSIDE, OWNED, READ_WAIT, WRITE_WAIT, SHARE, PER_CYCLE, WAKE, SEND, SPIN, STEAL, ALONE_SLOW,
    START_WORK, WORK, CHANGE, NEXT_GAIN, NEXT_MOVE, NEXT_PACE, ALONE, ALONE_THINK, NORM, NORM_THINK, POWER,
    POWERS, HARMONIC, WEIGHT, OWN_POWER, ALL, HANDOFF, READERS, LONGEST, FIXED, CONSTANT, RANDOM, WAKING,
    SENDING, VARIABLES,
) = range(52)  # fmt: skip
"""Rows of `var`. PACE: cycles per ns that the iteration tries; RATE: those that follow; GAP, MOVE, GAIN: of its secant;
OTHERS: CPUs that a TLB flush interrupts; SLOW: factor on work; FALLEN: fallbacks / attempts; REACHED: chance to get to
the hazard at hand; THINK, SERVICE: time outside mmap_sem and the lines, and service at lines; STRETCH: time at a line /
service there; INSIDE, OWNED, READ_WAIT,
WRITE_WAIT: threads at mmap_sem, share of time that it is owned, mean waits in ns; SHARE:
writers / operations; PER_CYCLE: operations; WAKE, SEND, SPIN, STEAL: of the point's `rwsem_ns`; ALONE_SLOW: factor on
work of a lone CPU; START_WORK, WORK: work per cycle before any slowdown, in the first guess and now; CHANGE and NEXT_*:
of the move of PACE; the others of the recurrences in `lock_models` and `stations`."""


STEPS, FOUR = 4, 4
"""populations, and lines, that a pass over the lanes does at once: what it needs stays in registers"""
FIRST_GAIN = 0.6
"""share of the gap that the first move goes"""


class Rules(NamedTuple):
    """What the formulas know of mmap_sem's policy."""

    sleep: int
    wake_all: int
    barges: int
    """readers, too, take a lock that is free"""
    write_spin: int
    spin_on_reader: int


class Points(NamedTuple):
    """All draws of a network. D draws, R rows of sums, C hazards.

    What all draws agree on is summed once; T terms are left, in V amounts that vary.
    """

    value: Floats
    """(V, D)"""
    slowdown: Floats
    """(D (cpus + 1),) or (cpus + 1,) where all draws agree"""
    table_size: int
    """from one draw's slowdown to the next's: cpus + 1, or 0"""
    rwsem: Floats
    """(7, D)"""
    base: Floats
    """(2 R,) what does not vary of each sum; from R on what each CPU adds that flushes interrupt"""
    filled: Ints
    """rows of these that vary"""
    flushed: Ints
    """rows below R to which flushes add"""
    used: Ints
    """(R,) 1 where any term adds to a row"""
    row: Ints
    amount: Ints
    """(T,) the row to which a term adds, and the amount"""
    times: Floats
    hazard: Ints
    """(C,) codes of `Op`"""
    counts: Floats
    """(7,) as `cycle.Counts`"""
    n_threads: int
    cpus: int
    lines: int
    per_table: int
    flushes: int
    """rounds in which the number of CPUs that a shootdown interrupts settles; 1: the program has none"""
    aborts: float
    """of all attempts, in the first guess"""
    scv: float
    """squared coefficient of variation of work"""
    read_cv: float
    """coefficient of variation of read holds: that of work, which makes up most of them"""
    rules: Rules


class Lanes(NamedTuple):
    """Points at work. R rows of sums, W lanes, L lines, N threads."""

    point: Ints
    phase: Ints
    turn: Ints
    """(W,) steps of the iteration; -1 before a lane's first point"""
    flush: Ints
    """(W,) rounds of flushes"""
    queue: Ints
    """(3,) by NEXT, END, BUSY_LANES"""
    alone: Floats
    """(R, W) sums without TLB flushes, of the rows to which these add"""
    cost: Floats
    """(2 R, W) sums; from R on what each CPU that flushes interrupt adds to them"""
    attempt: Floats
    """(1 + L, W) what attempts spend, cut short by aborts"""
    chance: Floats
    """(W,) of the hazard at hand"""
    demand: Floats
    """(L, W) service at each line per cycle"""
    scaled: Floats
    """(L', W) the same over the whole cycle of a thread alone; L': L up to a multiple of FOUR, at least that"""
    norm: Floats
    """(L', W) normalisation constants with the first 1..L' lines"""
    carry: Floats
    """(STEPS, W) those of the populations at hand"""
    arrival: Floats
    """(N + STEPS + 1, W) cycles per ns that the rest would do with 1..N threads in it; the last row is 0"""
    ops: Floats
    """(N + STEPS, W) ns per cycle of a lock that 1..N threads never leave"""
    var: Floats
    """(VARIABLES W,)"""


@compiled
def gather(points: Points, lanes: Lanes, j: int) -> None:
    """The sums of lane j's point: what varies on top of what does not."""
    d, cost, alone = lanes.point[j], lanes.cost, lanes.alone
    for q in range(points.filled.size):
        cost[points.filled[q], j] = points.base[points.filled[q]]
    for t in range(points.row.size):
        cost[points.row[t], j] += points.value[points.amount[t], d] * points.times[t]
    for f in range(points.flushed.size):
        alone[points.flushed[f], j] = cost[points.flushed[f], j]


@compiled
def mix(points: Points, lanes: Lanes, j: int) -> None:
    """Lane j's sums with as many CPUs interrupted by flushes as it has found so far."""
    others, cost, rows = lanes.var[OTHERS * LANES + j], lanes.cost, lanes.alone.shape[0]
    for f in range(points.flushed.size):
        r = points.flushed[f]
        cost[r, j] = lanes.alone[r, j] + others * cost[rows + r, j]
    lanes.var[START_WORK * LANES + j] = first_work(points, lanes, j)


@compiled
def first_work(points: Points, lanes: Lanes, j: int) -> float:
    """Work per cycle in the first guess, before any slowdown, ns."""
    cost, hazards, width = lanes.cost, points.hazard.size, 1 + points.lines
    first = ROWS + 2 * points.lines + PER_HAZARD * hazards
    fallen, reached = points.aborts if hazards else 0.0, 1.0
    work = cost[OUTSIDE, j] + cost[HELD, j] + cost[WRITE, j] + fallen * (cost[FALLBACK, j] + cost[FALLBACK_HELD, j])
    for c in range(hazards + 1):
        work += reached * cost[first + c * width, j]
        reached = 1 - points.aborts
    return float(work)


@compiled
def take_next(points: Points, lanes: Lanes, j: int) -> None:
    """Lane j takes the next point; IDLE if there is none."""
    d, v = lanes.queue[NEXT], lanes.var
    if d >= lanes.queue[END]:
        lanes.phase[j] = IDLE
        lanes.queue[BUSY_LANES] -= 1
        return
    if lanes.turn[j] < 0:
        for r in range(points.base.size):
            lanes.cost[r, j] = points.base[r]
    lanes.queue[NEXT] = d + 1
    lanes.point[j], lanes.phase[j], lanes.turn[j], lanes.flush[j] = d, START, 0, 1
    v[GAIN * LANES + j] = FIRST_GAIN
    v[OTHERS * LANES + j] = min(points.n_threads, points.cpus) - 1.0
    v[ALONE_SLOW * LANES + j] = points.slowdown[d * points.table_size + 1]
    v[WAKE * LANES + j], v[SEND * LANES + j] = points.rwsem[WAKE_NS, d], points.rwsem[SEND_NS, d]
    v[SPIN * LANES + j], v[STEAL * LANES + j] = points.rwsem[SPIN_NS, d], points.rwsem[STEAL_SHARE, d]
    gather(points, lanes, j)
    mix(points, lanes, j)


def lanes_for(cycle: Cycle, n_threads: int, first: int, last: int) -> Lanes:
    """Idle lanes, for the points first..last - 1."""
    rows, lines = cycle.layout.rows, cycle.layout.lines
    fours = max(-(-lines // FOUR), 1) * FOUR
    return Lanes(
        point=np.zeros(LANES, np.int64), phase=np.zeros(LANES, np.int64), turn=np.full(LANES, -1, np.int64),
        flush=np.zeros(LANES, np.int64), queue=np.array([first, last, LANES], np.int64),
        alone=np.zeros((rows, LANES)), cost=np.zeros((2 * rows, LANES)),
        attempt=np.zeros((1 + lines, LANES)), chance=np.zeros(LANES), demand=np.zeros((lines, LANES)),
        scaled=np.zeros((fours, LANES)), norm=np.zeros((fours, LANES)), carry=np.zeros((STEPS, LANES)),
        arrival=np.zeros((n_threads + STEPS + 1, LANES)), ops=np.zeros((n_threads + STEPS, LANES)),
        var=np.zeros(VARIABLES * LANES),
    )  # fmt: skip
