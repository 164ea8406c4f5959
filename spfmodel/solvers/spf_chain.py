"""A small speculative page-fault system, exact: the measure of the closed forms' abort probability.

N threads think; then each starts an update (a FCFS write hold, with its VMA's sequence odd) or a fault.
A share of the updates hits the VMA in which all threads fault. A fault aborts at once if such an update
is active, and at its end if one became active meanwhile; then it queues for a read hold. All times are
exponential. Letters: R a read, W an update that hits the VMA, M one that misses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .markov import reach, stationary


class SpfParameters(NamedTuple):
    """Times in any one unit; probabilities."""

    n_threads: int
    p_write: float
    think: float
    read: float
    write: float
    speculation: float
    """mean length of a speculative fault"""
    same_vma: float
    """probability that an update hits the VMA of a given fault"""


class SpfState(NamedTuple):
    """Who does what."""

    holders: str
    """W, M, or as many R as readers hold"""
    queue: str
    """waiters in order"""
    clean: int
    """speculative faults that no update has hit"""
    hit: int
    """speculative faults that will abort"""


class SpfMeans(NamedTuple):
    """Stationary results."""

    throughput: float
    """operations started per unit time"""
    abort_share: float
    """aborts / attempts"""
    early_share: float
    """aborts at once / attempts"""
    n_states: int


Moves = Iterator[tuple[SpfState, float]]


def _grant(s: SpfState) -> SpfState:
    """The state after the queue's head is served: an update that becomes active hits all clean faults."""
    holders, queue = s.holders, s.queue
    while queue and (not holders or (queue[0] == "R" and holders[0] == "R")):
        holders, queue = holders + queue[0], queue[1:]
    if holders == "W":
        return SpfState(holders, queue, 0, s.hit + s.clean)
    return SpfState(holders, queue, s.clean, s.hit)


def _join(s: SpfState, letter: str) -> SpfState:
    return _grant(s._replace(queue=s.queue + letter))


def _starts(s: SpfState, p: SpfParameters) -> float:
    return (p.n_threads - len(s.holders) - len(s.queue) - s.clean - s.hit) / p.think


def spf_moves(s: SpfState, p: SpfParameters) -> Moves:
    """All transitions out of a state."""
    starts = _starts(s, p)
    yield _join(s, "W"), starts * p.p_write * p.same_vma
    yield _join(s, "M"), starts * p.p_write * (1 - p.same_vma)
    fault = _join(s, "R") if s.holders == "W" else s._replace(clean=s.clean + 1)
    yield fault, starts * (1 - p.p_write)
    yield s._replace(clean=s.clean - 1), s.clean / p.speculation
    yield _join(s._replace(hit=s.hit - 1), "R"), s.hit / p.speculation
    if s.holders:
        rate = len(s.holders) / p.read if s.holders[0] == "R" else 1 / p.write
        yield _grant(s._replace(holders=s.holders[1:])), rate


def solve_spf(p: SpfParameters) -> SpfMeans:
    """Exact stationary means of the speculative system; N up to about 8."""
    states, chain = reach(SpfState("", "", 0, 0), lambda s: spf_moves(s, p))
    starts = early = late = 0.0
    for s, weight in zip(states, stationary(chain), strict=True):
        rate = weight * _starts(s, p)
        starts += rate
        early += rate * (1 - p.p_write) * (s.holders == "W")
        late += weight * s.hit / p.speculation
    attempts = starts * (1 - p.p_write)
    return SpfMeans(float(starts), float((early + late) / attempts), float(early / attempts), len(states))
