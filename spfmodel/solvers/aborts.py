"""How often an attempt aborts, and why: hazards in the order of the table, competing for the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op
from ..primitives.seqcount import others_rate, stays_unchanged
from ..primitives.spin_trylock import busy_probability
from .cycle import Cycle, Hazard

Floats = NDArray[np.float64]
Details = TypeVar("Details")


class Race(NamedTuple):
    """Outcome of an attempt, as shares of attempts."""

    reached: Floats
    """(C + 1, ...) chance to get to each hazard, and to the end"""
    failed: Floats
    """(C, ...) chance that each is the one that aborts"""


def first_cause(chance: Floats) -> Race:
    """Competing risks in order: G_c = prod_{j<c} (1 - P_j), cause c has share G_c P_c.

    chance: (C, ...) probability that hazard c aborts an attempt that reaches it. The shares and the
    chance of success sum to 1.

    >>> first_cause(np.array([0.5, 0.5])).failed.tolist()
    [0.5, 0.25]
    """
    reached = np.concatenate([np.ones((1, *chance.shape[1:])), np.cumprod(1 - chance, axis=0)])
    return Race(reached, reached[:-1] * chance)


class Pace(NamedTuple):
    """What aborts depend on, (D,) each, per ns: `slowdown` is a factor on work."""

    cycles_per_ns: Floats
    slowdown: Floats


def time_of(costs: Floats, slowdown: Floats) -> Floats:
    """Total time of a `Costs` array, ns, (D,)."""
    return np.asarray(costs[0] * slowdown + costs[1:].sum(axis=0))


def _chance(network: Network, cycle: Cycle, hazard: Hazard, pace: Pace, scv: float) -> Floats:
    """Probability that one hazard aborts an attempt that reaches it, (D,)."""
    n = network.n_threads
    if hazard.op == Op.CHANCE:
        return hazard.chance
    if hazard.op == Op.TRYLOCK:
        shared = 1 - hazard.chance
        hold = time_of(cycle.spent.trylock, pace.slowdown) * shared
        between = n / np.maximum(pace.cycles_per_ns, 1e-300) / cycle.counts.faults - hold
        return shared * busy_probability(network.threads_per_page_table, hold, np.maximum(between, hold))
    if hazard.op in (Op.SEQ_READ, Op.VMA_READ_TRY):
        odd = time_of(cycle.spent.odd, pace.slowdown)
        return np.minimum(others_rate(pace.cycles_per_ns, n) * odd, 1.0)
    rate = others_rate(pace.cycles_per_ns, n) * cycle.moves
    return 1 - stays_unchanged(rate, time_of(hazard.window, pace.slowdown), scv)


def race(network: Network, cycle: Cycle, pace: Pace) -> Race:
    """All hazards of an attempt when the network runs at a given pace.

    A sequence is odd, or a VMA locked, with the share of time that the other threads' updates keep it so; and moves at
    their rate, X (N - 1) / N (see `seqcount.abort_probability`).
    """
    scv = max([0.0, *(float(v) for v in network.scv[network.op == Op.WORK][:1])])
    chances = [_chance(network, cycle, h, pace, scv) if _matters(h) else None for h in cycle.hazards]
    zero = np.zeros(len(pace.cycles_per_ns))
    return first_cause(np.stack([zero if c is None else c for c in chances] or [zero]))


def _matters(hazard: Hazard) -> bool:
    """A check right behind another can't fail."""
    return hazard.op != Op.SEQ_CHECK or bool(hazard.window.any())


def fixed_point(
    step: Callable[[Floats], tuple[Floats, Details]], start: Floats, rtol: float = 1e-6
) -> tuple[Floats, Details]:
    """Solve x = step(x)[0] > 0 by the secant rule in ln x, elementwise, (D,); returned with step(x)[1].

    The first move goes .6 of the way. Where it doesn't settle in 60 steps the last values are returned.
    """
    after, details = step(start)
    gap = np.log(after / start)
    if np.all(np.abs(gap) <= rtol):
        return start, details
    move, x = 0.6 * gap, start * np.exp(0.6 * gap)
    for _ in range(60):
        after, details = step(x)
        change = np.log(after / x)
        if np.all(np.abs(change) <= rtol):
            break
        slope = change - gap
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = np.clip(-change * move / slope, -1.0, 1.0)
        move, gap = np.where(slope != 0, secant, 0.5 * change), change
        x = x * np.exp(move)
    return x, details
