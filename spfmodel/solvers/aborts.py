"""How often an attempt aborts, and why: hazards in the order of the table, competing for the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import Op
from ..primitives.compiled import compiled
from ..primitives.seqcount import others_rate, stays_unchanged
from ..primitives.spin_trylock import busy_probability
from .cycle import CHANCE, MOVES, ODD, ODD_LINES, PER_HAZARD, ROWS, TRYLOCK, TRYLOCK_LINES, WINDOW, WINDOW_LINES
from .lanes import FALLEN, IDLE, LANES, PACE, REACHED, SLOW, START, Lanes, Points

Floats = NDArray[np.float64]
ABORTS_BY_CHANCE, ABORTS_BY_TRYLOCK, ABORTS_IF_MOVED = int(Op.CHANCE), int(Op.TRYLOCK), int(Op.SEQ_CHECK)
FAULTS = 0
"""in Points.counts"""
others = compiled(others_rate)
unchanged = compiled(stays_unchanged)
busy = compiled(busy_probability)


@compiled
def chance(points: Points, lanes: Lanes, c: int, j: int, pace: float) -> float:
    """Probability that hazard c aborts an attempt of lane j that reaches it, at a pace in cycles per ns.

    A sequence is odd, or a VMA locked, with the share of time that the other threads' updates keep it so; and moves at
    their rate, X (N - 1) / N (see `seqcount.abort_probability`).
    """
    cost, op, n, slow = lanes.cost, points.hazard[c], points.n_threads, lanes.var[SLOW * LANES + j]
    row = ROWS + 2 * points.lines + PER_HAZARD * c
    if op == ABORTS_BY_CHANCE:
        return float(cost[row + CHANCE, j])
    if op == ABORTS_BY_TRYLOCK:
        shared = 1 - cost[row + CHANCE, j]
        hold = (cost[TRYLOCK, j] * slow + cost[TRYLOCK_LINES, j]) * shared
        between = n / max(pace, 1e-300) / points.counts[FAULTS] - hold
        return float(shared * busy(points.per_table, hold, max(between, hold)))
    if op != ABORTS_IF_MOVED:
        odd = cost[ODD, j] * slow + cost[ODD_LINES, j]
        return float(min(others(pace, n, 1.0) * odd, 1.0))
    window = cost[row + WINDOW, j] * slow + cost[row + WINDOW_LINES, j]
    if window == 0.0:
        return 0.0
    return float(1 - unchanged(others(pace, n, 1.0) * cost[MOVES, j], window, points.scv))


@compiled
def spend(points: Points, lanes: Lanes, c: int) -> None:
    """What attempts spend between hazard c - 1 and hazard c, as often as they get there."""
    attempt, v, width = lanes.attempt, lanes.var, 1 + points.lines
    first = ROWS + 2 * points.lines + PER_HAZARD * points.hazard.size + c * width
    for r in range(width):
        segment, total = lanes.cost[first + r], attempt[r]
        for j in range(LANES):
            total[j] += v[REACHED * LANES + j] * segment[j]


@compiled
def race(points: Points, lanes: Lanes) -> None:
    """All hazards of an attempt in order, at the pace of each lane: its share of fallbacks, what its attempts spend.

    Competing risks: G_c = prod_{b<c} (1 - P_b), cause c has share G_c P_c; the shares and the chance of success sum
    to 1. In the first guess no attempt aborts, or all at their first hazard.
    """
    v, attempted = lanes.var, points.counts[2] > 0
    lanes.attempt[:, :] = 0.0
    for j in range(LANES):
        v[REACHED * LANES + j] = 1.0
    if attempted:
        spend(points, lanes, 0)
        for c in range(points.hazard.size):
            for j in range(LANES):
                if lanes.phase[j] == START:
                    v[REACHED * LANES + j] *= 1 - points.aborts
                elif lanes.phase[j] != IDLE:
                    v[REACHED * LANES + j] *= 1 - chance(points, lanes, c, j, v[PACE * LANES + j])
            spend(points, lanes, c + 1)
    for j in range(LANES):
        v[FALLEN * LANES + j] = 1 - v[REACHED * LANES + j]


def secant_gain(change: float, gap: float, move: float) -> float:
    """How far to move in ln x, over ln(y / x), towards a fixed point of x -> y: the secant rule.

    change: ln(y / x) now; gap: the same one move ago; move: the last one.
    """
    slope = change - gap
    return -move / slope if slope != 0 else 0.5


secant = compiled(secant_gain)
