"""Grace periods: a removed VMA is freed once every fault that might still see it has ended (SRCU, RCU).

v1 to v5 ran faults under one SRCU domain: a reader counts on its own CPU between two memory barriers, and each
removed VMA is queued by call_srcu. v12, Lespinasse and maple trees use RCU, whose readers pay nothing. Callbacks that
come during a grace period have to wait for the next one, which starts as soon as this one ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .seqcount import stays_unchanged

Floats = NDArray[np.float64]


def srcu_reader_ns(barrier_ns: Floats | float, counter_ns: Floats | float) -> Floats:
    """srcu_read_lock and srcu_read_unlock: a per-CPU counter and a full memory barrier each, ns, (...).

    >>> float(srcu_reader_ns(20.0, 1.0))
    42.0
    """
    return np.asarray(2 * (np.asarray(barrier_ns) + np.asarray(counter_ns)))


def frees_per_grace_period(frees_per_ns: Floats | float, grace_ns: Floats | float, scv: float = 0.0) -> Floats:
    """Mean number of callbacks that one grace period serves, (...): r G + P0.

    P0 = E[e^(-r T)], the chance that none comes during a grace period, after which the next callback starts one
    at once. frees_per_ns: r, Poisson; grace_ns: G, mean; scv: squared coefficient of variation of its length T.
    1 where frees are rare, r G where they are not.

    >>> float(frees_per_grace_period(0.0, 5e6)), float(frees_per_grace_period(1e-3, 5e6))
    (1.0, 5000.0)
    """
    rate = np.asarray(frees_per_ns, float)
    return np.asarray(rate * grace_ns + stays_unchanged(rate, grace_ns, scv))


def busy_share(frees_per_ns: Floats | float, grace_ns: Floats | float, scv: float = 0.0) -> Floats:
    """Share of time in which a grace period is under way, (...): r G / (r G + P0)."""
    rate = np.asarray(frees_per_ns, float)
    return np.asarray(rate * grace_ns / frees_per_grace_period(rate, grace_ns, scv))


def free_latency_ns(frees_per_ns: Floats | float, grace_ns: Floats | float, scv: float = 0.0) -> Floats:
    """From a VMA's removal until its memory is freed, mean, ns, (...): G + busy G (1 + c2) / 2.

    Who comes while no grace period runs waits for one; else for the rest of it, too. Exact for Poisson frees, one at
    a time or in bursts. From G (rare frees) to 1.5 G (c2 = 0) or 2 G (c2 = 1).
    """
    rest = np.asarray(grace_ns) * (1 + scv) / 2
    return np.asarray(grace_ns + busy_share(frees_per_ns, grace_ns, scv) * rest)


def waiting_frees(
    frees_per_ns: Floats | float, grace_ns: Floats | float, scv: float = 0.0, burst: Floats | float = 1.0
) -> Floats:
    """Mean number of objects that are removed but not yet freed, (...): rate x latency (Little).

    burst: objects that come together, as at the exit of a process; `frees_per_ns` then counts bursts. Times the
    object's size this is the memory held.
    """
    return np.asarray(np.asarray(frees_per_ns) * burst * free_latency_ns(frees_per_ns, grace_ns, scv))


def switches_per_free(
    frees_per_ns: Floats | float, grace_ns: Floats | float, scv: float = 0.0, switches_per_grace: float = 2.0
) -> Floats:
    """Context switches to a worker thread for each freed object (or burst), (...): c / (r G + P0)."""
    return np.asarray(switches_per_grace / frees_per_grace_period(frees_per_ns, grace_ns, scv))


def maple_frees(n_levels: Floats | float, split_share: Floats | float = 0.1) -> Floats:
    """Maple nodes that one update replaces and so leaves to RCU, (...): the leaf, and a share of each level above.

    n_levels: `lookup.maple_depth`; split_share: how often a change of a node changes its parent, too.
    """
    share = np.asarray(split_share, float)
    return np.asarray((1 - share ** np.asarray(n_levels)) / (1 - share))


def extra_ns(base_per_s: Floats | float, candidate_per_s: Floats | float) -> Floats:
    """What an operation takes longer, ns, (...): 1 / X_candidate - 1 / X_base of one task.

    >>> round(float(extra_ns(2e6, 1.6e6)))
    125
    """
    return np.asarray(1e9 / np.asarray(candidate_per_s, float) - 1e9 / np.asarray(base_per_s, float))


def kept_throughput(operation_ns: Floats | float, extra: Floats | float) -> Floats:
    """Candidate's throughput over the base's where each operation takes `extra` ns longer, (...): T / (T + e).

    operation_ns: T, an operation of one task that runs by itself. It holds for processes, whose operations run side
    by side; and for threads at a full lock, if the extra lies inside the hold in the same proportion as the rest,
    since throughput is then 1 / hold. If the extra lay outside a full lock, nothing would be lost.

    >>> float(kept_throughput(450.0, 50.0))
    0.9
    """
    operation = np.asarray(operation_ns, float)
    return np.asarray(operation / (operation + np.asarray(extra)))


class Callbacks(NamedTuple):
    """Objects to be freed: those that the grace period under way serves, and those that came during it."""

    served: int = 0
    later: int = 0

    def call(self, burst: int = 1) -> Callbacks:
        """call_srcu: starts a grace period if none is under way."""
        return self._replace(later=self.later + burst) if self.served else Callbacks(burst)

    def grace_period_ends(self) -> Callbacks:
        """The served are freed; those that came meanwhile are next."""
        return Callbacks(self.later)


def moves(state: Callbacks, frees_per_ns: float, grace_ns: float, most: int) -> Iterator[tuple[Callbacks, float]]:
    """Next states and their rates per ns, grace periods exponential; at most `most` come during one."""
    if state.later < most:
        yield state.call(), frees_per_ns
    if state.served:
        yield state.grace_period_ends(), 1 / grace_ns


class Replay(NamedTuple):
    """What `replay` saw."""

    latency_ns: float
    waiting: float
    per_grace_period: float


def replay(rng: np.random.Generator, frees_per_ns: float, grace_ns: float, scv: float, frees: int) -> Replay:
    """Poisson frees one by one, grace periods of a gamma law (scv 0: constant), until `frees` objects came."""
    came = np.cumsum(rng.exponential(1 / frees_per_ns, frees))
    freed, start, periods = 0, 0.0, 0
    total = 0.0
    while freed < frees:
        start = max(start, came[freed])
        end = start + (rng.gamma(1 / scv, grace_ns * scv) if scv > 0 else grace_ns)
        batch = int(np.searchsorted(came, start, side="right"))
        total += float((end - came[freed:batch]).sum())
        freed, start, periods = batch, end, periods + 1
    return Replay(total / frees, total / start, frees / periods)
