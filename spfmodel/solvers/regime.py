"""Which solver for which network, and how far off it is: by regime, as measured in docs/agreement.md.

A regime is what a solved network is like: who waits for what. Its bands are relative errors of the throughput
that 95 % of the measured systems stay within; tests/test_agreement.py holds them against the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, Solution
from ..sources import BadInput

Floats = NDArray[np.float64]
MANY_ABORTS, BUSY = 0.05, 0.6
"""shares from which on aborts are many, a line or the lock is busy"""
CHAIN_THREADS, CHAIN_STATES, CHAIN_DRAWS = 5, 20_000, 4
"""the exact chain takes a few seconds up to here"""

ALONE, LIGHT, LINES, LOCK = "one thread", "light", "busy lines", "busy lock"
ABORTS, SLEEP, CROWD = "many aborts", "updates, and waiters sleep", "more threads than CPUs"
REGIMES = (ALONE, LIGHT, LINES, LOCK, ABORTS, SLEEP, CROWD)
BANDS: Mapping[str, Mapping[str, float]] = {
    "closed": {ALONE: 0.0, LIGHT: 0.045, LINES: 0.08, LOCK: 0.05, ABORTS: 0.13, SLEEP: 0.8, CROWD: 0.8},
    "ctmc": {ALONE: 0.0, LIGHT: 0.045, LINES: 0.08, LOCK: 0.045, ABORTS: 0.1},
}
"""By solver and regime; `ctmc` with the textbook lock in both."""


def regime(network: Network, found: Solution) -> str:
    """What the network is like, by a solution of it: of its draws, the median.

    More threads than CPUs come first, then updates under a lock whose waiters sleep, aborts, lock, lines.
    """
    writes = bool(np.any(network.op == Op.WRITE_LOCK))
    if network.n_threads == 1:
        return ALONE
    if network.n_threads > network.cpus:
        return CROWD
    if network.rules.sleep and writes:
        return SLEEP
    if float(np.median(found.fallback_share)) >= MANY_ABORTS:
        return ABORTS
    used = {name: float(np.median(share)) for name, share in found.utilisation.items()}
    owned = sum(share for name, share in used.items() if name.startswith("mmap_sem"))
    if owned >= BUSY and writes:
        return LOCK
    lines = [share for name, share in used.items() if not name.startswith("mmap_sem")]
    return LINES if max(lines, default=0.0) >= BUSY else LIGHT


def band(network: Network, found: Solution, solver: str) -> float | None:
    """The error band of a solution by `closed` or `ctmc`; None where none was measured."""
    return BANDS[solver].get(regime(network, found))


def sampled_band(found: Solution) -> float:
    """The error band of a simulation: the half-width of its own 95 % interval, median of the draws."""
    return float(np.median(found.throughput_half_width / np.maximum(found.throughput_per_s, 1e-300)))


class Choice(NamedTuple):
    """A solver, and why it is the one."""

    solver: str
    """`alone`, `chain` or `des`"""
    why: str


def choose(network: Network) -> Choice:
    """The solver that `auto` takes: exact where there is an exact one, else the simulation.

    Formulas are never taken by themselves: where threads wait for each other they miss by more than the
    simulation's noise, and where they don't they save nothing.
    """
    if network.n_threads == 1 and not _chance_outside_faults(network):
        return Choice("alone", "one thread waits for nobody")
    if _small(network):
        return Choice("chain", "few threads, a textbook lock and exponential times")
    return Choice(
        "des", "threads wait for each other: only the simulation knows sleeping, stealing and aborts together"
    )


def _chance_outside_faults(network: Network) -> bool:
    """Whether the program branches other than by an abort."""
    inside = np.cumsum(network.op == Op.FAULT_BEGIN) - np.cumsum(network.op == Op.FAULT_END) > 0
    return bool(np.any(np.isin(network.op, (Op.CHANCE, Op.JUMP)) & ~inside))


def _small(network: Network) -> bool:
    """Whether an exact chain says what the simulation would, in a few seconds."""
    rules = network.rules
    textbook = rules.handoff_direct and not rules.sleep and network.n_threads <= network.cpus
    timed = np.isin(network.op, (Op.WORK, Op.LINE, Op.FLUSH)) & np.any(network.value_ns > 0, axis=0)
    exponential = np.all(network.scv[timed] == 1) and not (network.lines and np.any(network.line_local_ns > 0))
    few = network.n_threads <= CHAIN_THREADS and len(network.value_ns) <= CHAIN_DRAWS
    return bool(textbook and exponential and few)


APART = 0.02
"""of ln throughput: less is what the iteration leaves open"""


class Equilibria(NamedTuple):
    """The two ends at which aborts can settle."""

    low: Solution
    high: Solution
    """from nothing but aborts"""
    differ: float
    """share of draws in which they are apart"""

    @property
    def note(self) -> str:
        """A sentence for a reader; empty if there is one equilibrium only."""
        if self.differ == 0:
            return ""
        low, high = (float(np.median(end.fallback_share)) for end in (self.low, self.high))
        gain = float(np.median(self.high.throughput_per_s / self.low.throughput_per_s))
        return (
            f"two equilibria in {self.differ:.0%} of the draws: {low:.1%} or {high:.1%} of attempts abort, "
            f"and throughput is {gain:.2f} times as high at many aborts"
        )


def equilibria(network: Network) -> Equilibria | None:
    """Both ends by the formulas; None where they do not apply (threads that differ)."""
    from .closed import both_ends

    try:
        ends = both_ends(network)
    except BadInput:
        return None
    ratio = ends.high.throughput_per_s / ends.low.throughput_per_s
    return Equilibria(ends.low, ends.high, float(np.mean(np.abs(np.log(ratio)) > APART)))
