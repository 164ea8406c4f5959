"""Many design points at once for the closed forms: `LANES` of them side by side, so that a CPU's vector units are full.

A point is one draw of a network. Its sums (`cycle`) are one column of `cost`, its variables one column of `var`; when
it is solved, the lane takes the next point. No point's result depends on another, nor on the lane.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op
from ..primitives.cacheline import mean_service_ns
from ..primitives.compiled import compiled
from .cycle import Cycle

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LANES = 32
"""points side by side: their variables stay in a core's cache"""
FLUSHES = 4
"""rounds in which the number of CPUs that a shootdown interrupts settles"""
WORK, LINE, FLUSH = range(3)
"""Values of Points.kind."""
NEXT, END, BUSY_LANES = range(3)
"""Of Lanes.queue: next point, the one after the last, lanes that have a point."""
IDLE, START, FIRST, LATER = range(4)
"""Values of Lanes.phase: no point; the first guess of the pace; the first step of the iteration; its later steps."""

(
    PACE, RATE, GAP, MOVE, GAIN, OTHERS, SLOW, FALLEN, REACHED, READS, READ_NS, WRITE_NS, THINK, SERVICE, STRETCH, BUSY,
    INSIDE, OWNED, READ_WAIT, WRITE_WAIT, SHARE, PER_CYCLE, POWER, POWERS, HARMONIC, OPS_NS, WEIGHT, OWN_POWER, BATCH,
    HANDOFF, SEND, CYCLE_NS, FLOW, READERS, LONGEST, VARIABLES,
) = range(36)  # fmt: skip
"""Rows of `var`. PACE: cycles per ns that the iteration tries; RATE: those that follow; GAP, MOVE, GAIN: of its secant;
OTHERS: CPUs that a TLB flush interrupts; SLOW: factor on work; FALLEN: fallbacks / attempts; REACHED: chance to get to
the hazard at hand; THINK, SERVICE: time outside mmap_sem and the lines, and service at lines; STRETCH: time at a line /
service there; INSIDE, OWNED, READ_WAIT,
WRITE_WAIT: threads at mmap_sem, share of time that it is owned, mean waits in ns; SHARE:
writers / operations; PER_CYCLE: operations; from POWER on: of the recurrences in
`lock_models` and `stations`."""


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
    """All draws of a network. D draws, S steps, T terms, C hazards."""

    value: Floats
    """(D, S)"""
    local: Floats
    """(D,)"""
    slowdown: Floats
    """(D, cpus + 1)"""
    rwsem: Floats
    """(D, 7)"""
    row: Ints
    step: Ints
    odd: Ints
    kind: Ints
    """(T,) WORK, LINE or FLUSH"""
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
    """(W,) steps of the iteration"""
    flush: Ints
    """(W,) rounds of flushes"""
    queue: Ints
    """(3,) by NEXT, END, BUSY_LANES"""
    alone: Floats
    """(R, W) sums without TLB flushes"""
    flushed: Floats
    """(R, W) what each CPU that flushes interrupt adds"""
    cost: Floats
    """(R, W) both together"""
    attempt: Floats
    """(1 + L, W) what attempts spend, cut short by aborts"""
    demand: Floats
    """(L, W) service at each line per cycle"""
    residence: Floats
    """(L, W)"""
    arrival: Floats
    """(N, W) cycles per ns that the rest would do with 1..N threads in it"""
    var: Floats
    """(VARIABLES W,)"""


service = compiled(mean_service_ns)


@compiled
def gather(points: Points, lanes: Lanes, j: int) -> None:
    """The sums of lane j's point; repeated terms are added in order."""
    d = lanes.point[j]
    for r in range(lanes.cost.shape[0]):
        lanes.alone[r, j] = 0.0
        lanes.flushed[r, j] = 0.0
    for t in range(points.row.size):
        value = points.value[d, points.step[t]]
        if points.kind[t] == LINE:
            value = service(points.local[d], value, points.n_threads)
        value *= points.times[t]
        if points.odd[t] >= 0:
            value *= points.value[d, points.odd[t]]
        if points.kind[t] == FLUSH:
            lanes.flushed[points.row[t], j] += value
        else:
            lanes.alone[points.row[t], j] += value


@compiled
def mix(lanes: Lanes, j: int) -> None:
    """Lane j's sums with as many CPUs interrupted by flushes as it has found so far."""
    others = lanes.var[OTHERS * LANES + j]
    for r in range(lanes.cost.shape[0]):
        lanes.cost[r, j] = lanes.alone[r, j] + others * lanes.flushed[r, j]


@compiled
def take_next(points: Points, lanes: Lanes, j: int) -> None:
    """Lane j takes the next point; IDLE if there is none."""
    d = lanes.queue[NEXT]
    if d >= lanes.queue[END]:
        lanes.phase[j] = IDLE
        lanes.queue[BUSY_LANES] -= 1
        return
    lanes.queue[NEXT] = d + 1
    lanes.point[j], lanes.phase[j], lanes.turn[j], lanes.flush[j] = d, START, 0, 1
    lanes.var[GAIN * LANES + j] = FIRST_GAIN
    lanes.var[OTHERS * LANES + j] = min(points.n_threads, points.cpus) - 1.0
    gather(points, lanes, j)
    mix(lanes, j)


def _plain(values: Floats) -> Floats:
    """In the memory layout that the compiled code was made for."""
    return np.require(values, np.float64, ["C", "W"])


def points_of(network: Network, cycle: Cycle, aborts: float) -> Points:
    """All draws of a network and its cycle."""
    kind = np.select([network.op == Op.LINE, network.op == Op.FLUSH], [LINE, FLUSH], WORK)[cycle.step]
    rules, work = network.rules, network.scv[network.op == Op.WORK]
    return Points(
        value=_plain(network.value_ns), local=_plain(network.line_local_ns), slowdown=_plain(network.slowdown),
        rwsem=_plain(network.rwsem_ns), row=cycle.row, step=cycle.step, odd=cycle.odd, kind=kind.astype(np.int64),
        times=cycle.times, hazard=cycle.hazard_op, counts=np.array(cycle.counts, float),
        n_threads=int(network.n_threads), cpus=int(network.cpus), lines=len(network.lines),
        per_table=int(network.threads_per_page_table), flushes=FLUSHES if FLUSH in kind else 1,
        aborts=float(aborts), scv=max(0.0, float(work[0])) if len(work) else 0.0,
        read_cv=float(np.sqrt(work[0])) if len(work) else 1.0,
        rules=Rules(
            int(rules.sleep), int(rules.wake_all_readers), int(bool(rules.read_steal or rules.read_spin)),
            int(rules.write_spin), int(rules.spin_on_reader),
        ),
    )  # fmt: skip


def lanes_for(cycle: Cycle, n_threads: int, first: int, last: int) -> Lanes:
    """Idle lanes, for the points first..last - 1."""
    rows, lines = cycle.layout.rows, cycle.layout.lines
    return Lanes(
        point=np.zeros(LANES, np.int64), phase=np.zeros(LANES, np.int64), turn=np.zeros(LANES, np.int64),
        flush=np.zeros(LANES, np.int64), queue=np.array([first, last, LANES], np.int64),
        alone=np.zeros((rows, LANES)), flushed=np.zeros((rows, LANES)), cost=np.zeros((rows, LANES)),
        attempt=np.zeros((1 + lines, LANES)), demand=np.zeros((lines, LANES)), residence=np.zeros((lines, LANES)),
        arrival=np.zeros((n_threads, LANES)), var=np.zeros(VARIABLES * LANES),
    )  # fmt: skip
