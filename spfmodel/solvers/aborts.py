"""How often an attempt aborts, and why: hazards in the order of the table, competing for the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import Op
from ..primitives.compiled import compiled, inlined
from ..primitives.seqcount import others_rate
from ..primitives.spin_trylock import busy_probability
from .cycle import CHANCE, MOVES, ODD, ODD_LINES, PER_HAZARD, ROWS, TRYLOCK, TRYLOCK_LINES, WINDOW, WINDOW_LINES
from .exponentials import expm1, log1p
from .lanes import FALLEN, LANES, PACE, REACHED, SLOW, START, Lanes, Points

Floats = NDArray[np.float64]
ABORTS_BY_CHANCE, ABORTS_BY_TRYLOCK, ABORTS_IF_MOVED = int(Op.CHANCE), int(Op.TRYLOCK), int(Op.SEQ_CHECK)
FAULTS, ATTEMPTS = 0, 2
"""in Points.counts"""
others = compiled(others_rate)
busy = compiled(busy_probability)


def moves_within(updates_per_ns: float, window_ns: float, window_scv: float) -> float:
    """Chance that an update begins within a window: 1 - `seqcount.stays_unchanged`, exact also where it is rare.

    >>> float(moves_within(1e-12, 1e-8, 0.0))
    1e-20
    """
    expected = updates_per_ns * window_ns
    if window_scv > 0:
        return -expm1(-log1p(window_scv * expected) / window_scv)
    return -expm1(-expected)


moved = inlined(moves_within)


@inlined
def trylock_chance(points: Points, lanes: Lanes, row: int, j: int, pace: float) -> float:
    """The page-table lock is busy: another thread of the page table holds it."""
    cost = lanes.cost
    shared = 1 - cost[row + CHANCE, j]
    hold = (cost[TRYLOCK, j] * lanes.var[SLOW * LANES + j] + cost[TRYLOCK_LINES, j]) * shared
    between = points.n_threads / max(pace, 1e-300) / points.counts[FAULTS] - hold
    return float(shared * busy(points.per_table, hold, max(between, hold)))


@inlined
def moved_chance(points: Points, lanes: Lanes, row: int, j: int, pace: float) -> float:
    """The sequence moves within the window before a check, at the rate of the other threads' updates."""
    cost = lanes.cost
    window = cost[row + WINDOW, j] * lanes.var[SLOW * LANES + j] + cost[row + WINDOW_LINES, j]
    return float(moved(others(pace, points.n_threads, 1.0) * cost[MOVES, j], window, points.scv))


@inlined
def odd_chance(points: Points, lanes: Lanes, j: int, pace: float) -> float:
    """The sequence is odd, or the VMA locked: the share of time that the other threads' updates keep it so."""
    odd = lanes.cost[ODD, j] * lanes.var[SLOW * LANES + j] + lanes.cost[ODD_LINES, j]
    return float(min(others(pace, points.n_threads, 1.0) * odd, 1.0))


@compiled
def row_of(points: Points, c: int) -> int:
    """First row of sums of hazard c."""
    return int(ROWS + 2 * points.lines + PER_HAZARD * c)


@compiled
def chance(points: Points, lanes: Lanes, c: int, j: int, pace: float) -> float:
    """Probability that hazard c aborts an attempt of lane j that reaches it, at a pace in cycles per ns.

    Of a sequence see `seqcount.abort_probability`.
    """
    op, row = points.hazard[c], row_of(points, c)
    if op == ABORTS_BY_CHANCE:
        return float(lanes.cost[row + CHANCE, j])
    if op == ABORTS_BY_TRYLOCK:
        return trylock_chance(points, lanes, row, j, pace)
    if op == ABORTS_IF_MOVED:
        return moved_chance(points, lanes, row, j, pace)
    return odd_chance(points, lanes, j, pace)


@compiled
def chances(points: Points, lanes: Lanes, c: int) -> None:
    """`chance` for all lanes at their pace, a loop for each kind of hazard."""
    op, row, v, found = points.hazard[c], row_of(points, c), lanes.var, lanes.chance
    if op == ABORTS_IF_MOVED and not (points.used[row + WINDOW] or points.used[row + WINDOW_LINES]):
        found[:] = 0.0
    elif op == ABORTS_BY_CHANCE:
        for j in range(LANES):
            found[j] = lanes.cost[row + CHANCE, j]
    elif op == ABORTS_BY_TRYLOCK:
        for j in range(LANES):
            found[j] = trylock_chance(points, lanes, row, j, v[PACE * LANES + j])
    elif op == ABORTS_IF_MOVED:
        for j in range(LANES):
            found[j] = moved_chance(points, lanes, row, j, v[PACE * LANES + j])
    else:
        for j in range(LANES):
            found[j] = odd_chance(points, lanes, j, v[PACE * LANES + j])
    for j in range(LANES):
        v[REACHED * LANES + j] *= 1 - (points.aborts if lanes.phase[j] == START else found[j])


@compiled
def spend(points: Points, lanes: Lanes, c: int) -> None:
    """What attempts spend between hazard c - 1 and hazard c, as often as they get there."""
    attempt, v, width = lanes.attempt, lanes.var, 1 + points.lines
    first = ROWS + 2 * points.lines + PER_HAZARD * points.hazard.size + c * width
    for r in range(width):
        if points.used[first + r]:
            segment, total = lanes.cost[first + r], attempt[r]
            for j in range(LANES):
                total[j] += v[REACHED * LANES + j] * segment[j]


@compiled
def race(points: Points, lanes: Lanes) -> None:
    """All hazards of an attempt in order, at the pace of each lane: its share of fallbacks, what its attempts spend.

    Competing risks: G_c = prod_{b<c} (1 - P_b), cause c has share G_c P_c; the shares and the chance of success sum
    to 1. In the first guess no attempt aborts, or all at their first hazard.
    """
    v = lanes.var
    lanes.attempt[:, :] = 0.0
    for j in range(LANES):
        v[REACHED * LANES + j] = 1.0
    if points.counts[ATTEMPTS] > 0:
        spend(points, lanes, 0)
        for c in range(points.hazard.size):
            chances(points, lanes, c)
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
