"""Closed forms: from a network's program to its `Solution`, at once for all draws (approx).

Lines are product-form stations, mmap_sem is a server of rate X_sat(n), and the pace of the network is the
one at which attempts abort as often as they must. A core builds and solves 250,000 to 600,000 draws of 16
threads a second (docs/speed.md).

What is left out: the order of a cycle's steps, waits at page-table spinlocks, pre-emption of holders,
barging and stealing beyond `lock_models.handoff`, and the bursts in which aborted faults queue.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Solution
from ..primitives.compiled import compiled_entry
from .equilibrium import after, before
from .lanes import BUSY_LANES, LANES, Lanes, Points, lanes_for, take_next
from .lock_models import flow_equivalent_lock
from .outcome import rows_for, solution
from .points import cycle_of, points_of

Floats = NDArray[np.float64]


@compiled_entry
def run(points: Points, at_work: Lanes, out: Floats) -> None:
    """Solve the points of the queue; out: (rows, D)."""
    for j in range(LANES):
        take_next(points, at_work, j)
    while at_work.queue[BUSY_LANES] > 0:
        before(points, at_work)
        flow_equivalent_lock(points, at_work)
        after(points, at_work, out)


def solve_from(network: Network, aborts: float = 0.0) -> Solution:
    """Solve all draws from no aborts (0.0) or nothing but aborts (1.0)."""
    cycle, size = cycle_of(network), len(network.value_ns)
    found = np.empty((rows_for(cycle), size))
    run(points_of(network, cycle, aborts), lanes_for(cycle, network.n_threads, 0, size), found)
    return solution(network, cycle, found, "closed")


def solve(network: Network) -> Solution:
    """Throughput, latencies and aborts of a network by formulas (approx).

    Of two equilibria, if there are two, it is the one with fewer aborts: see `both_ends`.
    fault_p99_ns takes waits for mmap_sem as exponential.
    """
    return solve_from(network)


class Ends(NamedTuple):
    """The equilibria reached from no aborts and from nothing but aborts, and where they differ."""

    low: Solution
    high: Solution
    differ: NDArray[np.bool_]
    """(D,) their throughput differs by more than 1e-4"""


def both_ends(network: Network) -> Ends:
    """Solve from both ends; speculation can lock in at many aborts where updates are frequent."""
    low, high = (solve_from(network, a) for a in (0.0, 1.0))
    apart = np.abs(low.throughput_per_s - high.throughput_per_s) > 1e-4 * low.throughput_per_s
    return Ends(low, high, apart)
