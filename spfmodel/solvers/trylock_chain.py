"""Threads that try one spinlock, exact: what an abort on a busy lock costs, and what a retry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .markov import reach, stationary


class TrylockParameters(NamedTuple):
    """m threads that share a lock; times in any one unit, all exponential."""

    n_threads: int
    between: float
    """from the lock's release to the next try"""
    hold: float
    fallback: float
    """what an abort does before it queues for the lock; 0: it spins at once, a retry"""


class Means(NamedTuple):
    """Stationary results."""

    busy_share: float
    """tries that find the lock held"""
    lost: float
    """time per round beyond `between` and `hold`"""


State = tuple[int, int]
"""(falling back, at the lock); all others are away, and who holds it is at the lock"""


def trylock_moves(state: State, p: TrylockParameters) -> Iterator[tuple[State, float]]:
    """All transitions out of a state."""
    back, at = state
    tries = (p.n_threads - back - at) / p.between
    aborts = at > 0 and p.fallback > 0
    yield ((back + 1, at) if aborts else (back, at + 1)), tries
    if back:
        yield (back - 1, at + 1), back / p.fallback
    if at:
        yield (back, at - 1), 1 / p.hold


def solve_trylock(p: TrylockParameters) -> Means:
    """Exact means; the number of states grows as m^2 / 2."""
    states, chain = reach((0, 0), lambda s: trylock_moves(s, p))
    tries = busy = rounds = 0.0
    for (back, at), weight in zip(states, stationary(chain), strict=True):
        rate = weight * (p.n_threads - back - at) / p.between
        tries, busy = tries + rate, busy + rate * (at > 0)
        rounds += weight * (at > 0) / p.hold
    return Means(float(busy / tries), float(p.n_threads / rounds - p.between - p.hold))
