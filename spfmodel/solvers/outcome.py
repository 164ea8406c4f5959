"""From an equilibrium to the `Solution` that all solvers share."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Solution
from ..primitives.compiled import compiled
from .aborts import chance
from .cycle import (
    FALLBACK,
    FALLBACK_HELD,
    FAULT,
    FAULT_LINES,
    ROWS,
    UPDATE,
    UPDATE_LINES,
    Cycle,
)
from .lanes import BUSY, FALLEN, LANES, OWNED, RATE, READ_WAIT, SLOW, STRETCH, WRITE_WAIT, Lanes, Points

Floats = NDArray[np.float64]
PACE_OUT, MEAN_OUT, LATE_OUT, UPDATE_OUT, OWNED_OUT, BUSY_OUT, REST_OUT = range(7)
"""Rows of results: cycles per ns; a fault's mean and 99th percentile, an update's mean, ns; share of time that mmap_sem
is owned; CPUs that run. Service at each line per cycle in ns follows, then the chance of each hazard to be the one."""


@compiled
def fault_times(points: Points, lanes: Lanes, j: int, out: Floats, d: int) -> None:
    """Mean and 99th percentile of a fault, ns, with slowdown and the queues at lines.

    The percentile takes waits for mmap_sem as exponential, the rest as constant: with a share s of
    faults that take the lock, base + W max(0, ln(100 s)).
    """
    c, cost, v = points.counts, lanes.cost, lanes.var
    faults, slow, stretch, fallen = max(c[0], 1.0), v[SLOW * LANES + j], v[STRETCH * LANES + j], v[FALLEN * LANES + j]
    at_lines, back = cost[FAULT_LINES, j], 0.0
    for line in range(points.lines):
        at_lines += lanes.attempt[1 + line, j]
        back += cost[ROWS + points.lines + line, j]
    base = ((cost[FAULT, j] + lanes.attempt[0, j]) * slow + at_lines * stretch) / faults
    after = ((cost[FALLBACK, j] + cost[FALLBACK_HELD, j]) * slow + back * stretch) / faults
    share, wait = min((c[3] + fallen * c[4]) / faults, 1.0), v[READ_WAIT * LANES + j]
    out[MEAN_OUT, d] = base + fallen * after + share * wait
    out[LATE_OUT, d] = base + (log(max(100 * share, 1.0)) * wait + after if share > 0.01 else 0.0)


@compiled
def book(points: Points, lanes: Lanes, j: int, out: Floats) -> None:
    """Write down what lane j has found, in its point's column."""
    d, v, cost, c = lanes.point[j], lanes.var, lanes.cost, points.counts
    fault_times(points, lanes, j, out, d)
    updating = cost[UPDATE, j] * v[SLOW * LANES + j] + cost[UPDATE_LINES, j] * v[STRETCH * LANES + j]
    out[UPDATE_OUT, d] = updating / max(c[1], 1.0) + (v[WRITE_WAIT * LANES + j] if c[5] > 0 else 0.0)
    out[PACE_OUT, d] = v[RATE * LANES + j]
    out[OWNED_OUT, d], out[BUSY_OUT, d] = v[OWNED * LANES + j], v[BUSY * LANES + j]
    for line in range(points.lines):
        out[REST_OUT + line, d] = lanes.demand[line, j]
    reached = 1.0
    for hazard in range(points.hazard.size):
        aborts = chance(points, lanes, hazard, j, v[RATE * LANES + j])
        out[REST_OUT + points.lines + hazard, d] = reached * aborts
        reached *= 1 - aborts


def rows_for(cycle: Cycle) -> int:
    """Number of rows of results."""
    return REST_OUT + cycle.layout.lines + cycle.layout.hazards


def _causes(network: Network, cycle: Cycle, failed: Floats) -> dict[str, Floats]:
    """Aborts / attempts by cause, in the order of the table; they sum to the fallback share. failed: (C, D)."""
    if not len(failed):
        return {}
    shares = {name: np.zeros(failed.shape[1]) for name in network.causes}
    for cause, share in zip(cycle.hazard_cause, failed, strict=True):
        shares[network.causes[cause]] += share
    return shares


def solution(network: Network, cycle: Cycle, found: Floats, solver: str) -> Solution:
    """Results (rows, D) in the shape that all solvers share."""
    pace, c, lines = found[PACE_OUT], cycle.counts, cycle.layout.lines
    per_s = pace * 1e9
    at_lines = {name: pace * found[REST_OUT + i] for i, name in enumerate(network.lines)}
    return Solution(
        solver=solver, throughput_per_s=per_s * network.units_per_cycle,
        throughput_half_width=np.zeros_like(pace), faults_per_s=per_s * c.faults,
        updates_per_s=per_s * c.updates,
        attempt_share=np.full_like(pace, c.attempts / c.faults if c.faults else 0.0),
        abort_share=_causes(network, cycle, found[REST_OUT + lines :]), fault_mean_ns=found[MEAN_OUT],
        fault_p99_ns=found[LATE_OUT], update_mean_ns=found[UPDATE_OUT],
        utilisation={"mmap_sem": found[OWNED_OUT], **at_lines}, busy_cpus=found[BUSY_OUT],
    )  # fmt: skip
