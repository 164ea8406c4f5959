"""The network in equilibrium: lines by MVA, mmap_sem by a lock model, and the pace at which attempts abort.

One step of the iteration, for all lanes: `before` the lock model, that, and `after` it. `closed` compiles the three
into one loop; `ctmc` puts its chain between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled
from .aborts import race, secant
from .cycle import (
    FALLBACK,
    FALLBACK_HELD,
    FALLBACK_HELD_LINES,
    HELD,
    HELD_LINES,
    OUTSIDE,
    ROWS,
    WRITE,
    WRITE_LINES,
)
from .exponentials import expm1, log1p
from .lanes import (
    ALONE_SLOW,
    BUSY,
    CHANGE,
    FALLEN,
    FIRST,
    FIRST_GAIN,
    GAIN,
    GAP,
    IDLE,
    INSIDE,
    LANES,
    LATER,
    MOVE,
    NEXT_GAIN,
    NEXT_MOVE,
    NEXT_PACE,
    OTHERS,
    PACE,
    RATE,
    READ_NS,
    READ_WAIT,
    READS,
    SERVICE,
    SLOW,
    START,
    START_WORK,
    STRETCH,
    THINK,
    WORK,
    WRITE_NS,
    WRITE_WAIT,
    Lanes,
    Points,
    mix,
    take_next,
)
from .line_stations import stations
from .outcome import book

Floats = NDArray[np.float64]

ALWAYS_READ, FALLBACK_READS, WRITES, DOWNGRADES = 3, 4, 5, 6
"""in Points.counts"""
MILD = 0.1
"""gains between this and its inverse are kept for the next round of flushes"""
RTOL, MOST_TURNS = 1e-6, 60
"""of ln pace between two steps; steps after which the last values are taken"""


@compiled
def slow_down(points: Points, lanes: Lanes, work: int, passes: int) -> None:
    """The factor s on work: s = table[w s] if w CPUs would work without it (spinning is no work).

    work : the row of work per cycle. Between whole numbers of CPUs linear; lanes at START keep what they have.
    """
    v, table, crowd, last = lanes.var, points.slowdown, float(min(points.n_threads, points.cpus)), points.cpus - 1
    for _ in range(passes):
        for j in range(LANES):
            slow = v[SLOW * LANES + j]
            working = min(max(v[PACE * LANES + j] * v[work * LANES + j] * slow, 1.0), crowd)
            below = max(min(np.int32(working), last), 0)
            place = lanes.point[j] * points.table_size + below
            low, high = table[place], table[place + 1]
            v[SLOW * LANES + j] = slow if lanes.phase[j] == START else low + (working - below) * (high - low)


@compiled
def work_now(lanes: Lanes) -> None:
    """Work per cycle before any slowdown, ns."""
    cost, v = lanes.cost, lanes.var
    for j in range(LANES):
        fallen = v[FALLEN * LANES + j]
        always = cost[OUTSIDE, j] + cost[HELD, j] + cost[WRITE, j]
        work = always + lanes.attempt[0, j] + fallen * (cost[FALLBACK, j] + cost[FALLBACK_HELD, j])
        v[WORK * LANES + j] = work


@compiled
def load(points: Points, lanes: Lanes) -> None:
    """What reaches mmap_sem, and what the rest of the network does meanwhile.

    Lines inside a hold count twice, as part of the hold and as a station, so the think time gives their
    service back. What follows a downgrade counts as a read hold of its own.
    """
    v, c, cost = lanes.var, points.counts, lanes.cost
    reads, fallback_reads, writes = c[ALWAYS_READ] + c[DOWNGRADES], c[FALLBACK_READS], max(c[WRITES], 1.0)
    for j in range(LANES):
        fallen, slow = v[FALLEN * LANES + j], v[SLOW * LANES + j]
        read_lines = cost[HELD_LINES, j] + fallen * cost[FALLBACK_HELD_LINES, j]
        read_ns = (cost[HELD, j] + fallen * cost[FALLBACK_HELD, j]) * slow + read_lines
        outside = cost[OUTSIDE, j] + lanes.attempt[0, j] + fallen * cost[FALLBACK, j]
        v[READS * LANES + j] = reads + fallen * fallback_reads
        v[READ_NS * LANES + j] = read_ns / max(reads + fallen * fallback_reads, 1e-300)
        v[WRITE_NS * LANES + j] = (cost[WRITE, j] * slow + cost[WRITE_LINES, j]) / writes
        v[THINK * LANES + j] = max(outside * slow - read_lines - cost[WRITE_LINES, j], 0.0)
        v[SERVICE * LANES + j] = 0.0
    for line in range(points.lines):
        always, falls, spent = cost[ROWS + line], cost[ROWS + points.lines + line], lanes.attempt[1 + line]
        demand = lanes.demand[line]
        for j in range(LANES):
            demand[j] = always[j] + spent[j] + v[FALLEN * LANES + j] * falls[j]
            v[SERVICE * LANES + j] += demand[j]


@compiled
def before(points: Points, lanes: Lanes) -> None:
    """At the pace that each lane tries: aborts, slowdown, and what the lock and the lines are asked for."""
    v = lanes.var
    for j in range(LANES):
        v[SLOW * LANES + j] = v[ALONE_SLOW * LANES + j]
    slow_down(points, lanes, START_WORK, 3)
    race(points, lanes)
    work_now(lanes)
    slow_down(points, lanes, WORK, 1)
    load(points, lanes)
    stations(points, lanes)


@compiled
def flow(points: Points, lanes: Lanes) -> None:
    """The lock's answer within the network: no more than the CPUs can do; time at lines; CPUs that run."""
    v, c, cost = lanes.var, points.counts, lanes.cost
    n, cpus, sleep = points.n_threads, float(points.cpus), points.rules.sleep
    for j in range(LANES):
        fallen, service = v[FALLEN * LANES + j], v[SERVICE * LANES + j]
        held = cost[HELD, j] + fallen * cost[FALLBACK_HELD, j] + cost[WRITE, j]
        outside = cost[OUTSIDE, j] + lanes.attempt[0, j] + fallen * cost[FALLBACK, j]
        work = (outside + held) * v[SLOW * LANES + j]
        rate = min(v[RATE * LANES + j], cpus / max(work + service, 1e-300))
        at_lines = (n - v[INSIDE * LANES + j]) / rate - v[THINK * LANES + j]
        stretch = max(at_lines / max(service, 1e-300), 1.0)
        reading = v[READS * LANES + j] * v[READ_WAIT * LANES + j]
        asleep = sleep * rate * (reading + c[WRITES] * v[WRITE_WAIT * LANES + j])
        v[RATE * LANES + j] = rate
        v[STRETCH * LANES + j] = 1.0 if cpus < n else stretch
        v[BUSY * LANES + j] = min(max(n - asleep, 0.0), cpus)


@compiled
def moves(lanes: Lanes) -> None:
    """How far each lane's pace is from the one that follows from it, and its next one, at most a factor e away."""
    v = lanes.var
    for j in range(LANES):
        pace = v[PACE * LANES + j]
        change = log1p(v[RATE * LANES + j] / pace - 1.0)
        gain = v[GAIN * LANES + j]
        if lanes.phase[j] == LATER:
            gain = secant(change, v[GAP * LANES + j], v[MOVE * LANES + j])
        move = min(max(gain * change, -1.0), 1.0)
        v[CHANGE * LANES + j], v[NEXT_MOVE * LANES + j] = change, move
        v[NEXT_GAIN * LANES + j] = gain if MILD < gain < 1 / MILD else FIRST_GAIN
        v[NEXT_PACE * LANES + j] = pace + pace * expm1(move)


@compiled
def settles(lanes: Lanes, j: int) -> bool:
    """Whether lane j's pace is the one that follows from it; else it moves on."""
    v = lanes.var
    if lanes.phase[j] == START:
        v[PACE * LANES + j], lanes.phase[j] = v[RATE * LANES + j], FIRST
        return False
    if abs(v[CHANGE * LANES + j]) <= RTOL or lanes.turn[j] == MOST_TURNS:
        return True
    lanes.phase[j], lanes.turn[j] = LATER, lanes.turn[j] + 1
    v[GAIN * LANES + j], v[PACE * LANES + j] = v[NEXT_GAIN * LANES + j], v[NEXT_PACE * LANES + j]
    v[MOVE * LANES + j], v[GAP * LANES + j] = v[NEXT_MOVE * LANES + j], v[CHANGE * LANES + j]
    return False


@compiled
def flushes_settle(points: Points, lanes: Lanes, j: int) -> bool:
    """Whether lane j has been through its rounds of flushes; each begins at the pace of the one before.

    A TLB flush takes as long as CPUs run, which run as the flushes let them.
    """
    v = lanes.var
    if lanes.flush[j] >= points.flushes:
        return True
    running = max(v[BUSY * LANES + j] - 1, 1e-3)
    v[OTHERS * LANES + j] = (max(v[OTHERS * LANES + j], 1e-3) * running) ** 0.5
    lanes.flush[j], lanes.turn[j], lanes.phase[j] = lanes.flush[j] + 1, 0, FIRST
    mix(points, lanes, j)
    return False


@compiled
def after(points: Points, lanes: Lanes, out: Floats) -> None:
    """Each lane's next pace, or its results and the next point."""
    flow(points, lanes)
    moves(lanes)
    for j in range(LANES):
        if lanes.phase[j] != IDLE and settles(lanes, j) and flushes_settle(points, lanes, j):
            book(points, lanes, j, out)
            take_next(points, lanes, j)
