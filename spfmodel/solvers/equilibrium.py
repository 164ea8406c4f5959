"""The network in equilibrium: lines by MVA, mmap_sem by a lock model, and the pace at which attempts abort.

One step of the iteration, for all lanes: `before` the lock model, that, and `after` it. `closed` compiles the three
into one loop; `ctmc` puts its chain between them.
"""

from __future__ import annotations

from math import exp, log

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
    PER_HAZARD,
    ROWS,
    WRITE,
    WRITE_LINES,
)
from .lanes import (
    BUSY,
    CYCLE_NS,
    FALLEN,
    FIRST,
    FIRST_GAIN,
    FLOW,
    GAIN,
    GAP,
    IDLE,
    INSIDE,
    LANES,
    LATER,
    MOVE,
    OTHERS,
    PACE,
    RATE,
    READ_NS,
    READ_WAIT,
    READS,
    SERVICE,
    SLOW,
    START,
    STRETCH,
    THINK,
    WRITE_NS,
    WRITE_WAIT,
    Lanes,
    Points,
    mix,
    take_next,
)
from .outcome import book

Floats = NDArray[np.float64]

ALWAYS_READ, FALLBACK_READS, WRITES, DOWNGRADES = 3, 4, 5, 6
"""in Points.counts"""
MILD = 0.1
"""gains between this and its inverse are kept for the next round of flushes"""
RTOL, MOST_TURNS = 1e-6, 60
"""of ln pace between two steps; steps after which the last values are taken"""


@compiled
def lookup(points: Points, lanes: Lanes, j: int, working: float) -> float:
    """The factor on work when so many CPUs work, linear between whole numbers."""
    table = points.slowdown[lanes.point[j]]
    below = min(int(working), points.cpus - 1)
    return float(table[below] + (working - below) * (table[below + 1] - table[below]))


@compiled
def slowed(points: Points, lanes: Lanes, j: int, working: float, slow: float, passes: int) -> float:
    """The factor s on work: s = table[w s] if w CPUs would work without it (spinning is no work)."""
    crowd = float(min(points.n_threads, points.cpus))
    for _ in range(passes):
        slow = lookup(points, lanes, j, min(max(working * slow, 1.0), crowd))
    return slow


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
def work_of(lanes: Lanes, j: int) -> float:
    """Work per cycle before any slowdown, ns."""
    cost, fallen = lanes.cost, lanes.var[FALLEN * LANES + j]
    always = cost[OUTSIDE, j] + cost[HELD, j] + cost[WRITE, j]
    return float(always + lanes.attempt[0, j] + fallen * (cost[FALLBACK, j] + cost[FALLBACK_HELD, j]))


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
def stations(points: Points, lanes: Lanes) -> None:
    """`mva.mva` of the lines for 1..N threads (as many as CPUs do): what the lock's complement does, per ns."""
    v = lanes.var
    lanes.residence[:, :] = 0.0
    v[FLOW * LANES : (FLOW + 1) * LANES] = 0.0
    for n in range(1, min(points.n_threads, points.cpus) + 1):
        for j in range(LANES):
            v[CYCLE_NS * LANES + j] = max(v[THINK * LANES + j], 1e-6)
        for line in range(points.lines):
            residence, demand = lanes.residence[line], lanes.demand[line]
            for j in range(LANES):
                residence[j] = (1.0 + v[FLOW * LANES + j] * residence[j]) * demand[j]
                v[CYCLE_NS * LANES + j] += residence[j]
        arrival = lanes.arrival[n - 1]
        for j in range(LANES):
            v[FLOW * LANES + j] = n / v[CYCLE_NS * LANES + j]
            arrival[j] = v[FLOW * LANES + j]


@compiled
def before(points: Points, lanes: Lanes) -> None:
    """At the pace that each lane tries: aborts, slowdown, and what the lock and the lines are asked for."""
    v = lanes.var
    for j in range(LANES):
        if lanes.phase[j] == START:
            v[SLOW * LANES + j] = points.slowdown[lanes.point[j], 1]
        elif lanes.phase[j] != IDLE:
            working = v[PACE * LANES + j] * first_work(points, lanes, j)
            v[SLOW * LANES + j] = slowed(points, lanes, j, working, points.slowdown[lanes.point[j], 1], 3)
    race(points, lanes)
    for j in range(LANES):
        if lanes.phase[j] == FIRST or lanes.phase[j] == LATER:
            working = v[PACE * LANES + j] * work_of(lanes, j)
            v[SLOW * LANES + j] = slowed(points, lanes, j, working, v[SLOW * LANES + j], 1)
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
def settles(lanes: Lanes, j: int) -> bool:
    """Whether lane j's pace is the one that follows from it; else its next pace, at most a factor e away."""
    v = lanes.var
    pace, rate, gain = v[PACE * LANES + j], v[RATE * LANES + j], v[GAIN * LANES + j]
    if lanes.phase[j] == START:
        v[PACE * LANES + j], lanes.phase[j] = rate, FIRST
        return False
    change = log(rate / pace)
    if abs(change) <= RTOL or lanes.turn[j] == MOST_TURNS:
        return True
    if lanes.phase[j] == LATER:
        gain = secant(change, v[GAP * LANES + j], v[MOVE * LANES + j])
    move = min(max(gain * change, -1.0), 1.0)
    lanes.phase[j], lanes.turn[j] = LATER, lanes.turn[j] + 1
    v[GAIN * LANES + j] = gain if MILD < gain < 1 / MILD else FIRST_GAIN
    v[PACE * LANES + j], v[MOVE * LANES + j], v[GAP * LANES + j] = pace * exp(move), move, change
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
    mix(lanes, j)
    return False


@compiled
def after(points: Points, lanes: Lanes, out: Floats) -> None:
    """Each lane's next pace, or its results and the next point."""
    flow(points, lanes)
    for j in range(LANES):
        if lanes.phase[j] != IDLE and settles(lanes, j) and flushes_settle(points, lanes, j):
            book(points, lanes, j, out)
            take_next(points, lanes, j)
