"""Reader/writer locks of other policies, and the FCFS lock spelt out, as exact chains (small N).

Think times and holds are exponential; types are independent. Each policy is a transition rule over
small tuples; `markov.reach` builds its chain. About N^3/6 states, except reader preference (N^2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import comb
from typing import NamedTuple, TypeVar

from .markov import reach, stationary


class Parameters(NamedTuple):
    """N threads around one lock; times in any one unit."""

    n_threads: int
    p_write: float
    think: float
    read: float
    write: float


class PolicyState(NamedTuple):
    """A lock with its waiters counted by type."""

    writer: int
    """1 if a writer holds"""
    readers: int
    """readers that hold"""
    reads: int
    """readers that wait"""
    writes: int
    """writers that wait, ahead of `unknown`"""
    unknown: int = 0
    """requests of unknown type that wait (wake-all policy)"""


Moves = Iterator[tuple[PolicyState, float]]
T = TypeVar("T", bound=tuple[object, ...])


def _arrivals(s: PolicyState, p: Parameters) -> float:
    return (p.n_threads - sum(s)) / p.think


def _release(s: PolicyState, p: Parameters) -> float:
    return s.writer / p.write + s.readers / p.read


def reader_preference(s: PolicyState, p: Parameters) -> Moves:
    """Readers join unless a writer holds; a freed lock goes to all waiting readers, else to a writer."""
    rate, free = _arrivals(s, p), not (s.writer or s.readers)
    if s.writer:
        yield s._replace(reads=s.reads + 1), rate * (1 - p.p_write)
    else:
        yield s._replace(readers=s.readers + 1), rate * (1 - p.p_write)
    yield (PolicyState(1, 0, 0, 0) if free else s._replace(writes=s.writes + 1)), rate * p.p_write
    if s.readers > 1:
        after = s._replace(readers=s.readers - 1)
    elif s.reads:
        after = PolicyState(0, s.reads, 0, s.writes)
    else:
        after = PolicyState(min(s.writes, 1), 0, 0, max(s.writes - 1, 0))
    yield after, _release(s, p)


def writer_preference(s: PolicyState, p: Parameters) -> Moves:
    """Readers join only if no writer holds or waits; a freed lock goes to a waiting writer first."""
    rate, free = _arrivals(s, p), not (s.writer or s.readers)
    if s.writer or s.writes:
        yield s._replace(reads=s.reads + 1), rate * (1 - p.p_write)
    else:
        yield s._replace(readers=s.readers + 1), rate * (1 - p.p_write)
    yield (PolicyState(1, 0, 0, 0) if free else s._replace(writes=s.writes + 1)), rate * p.p_write
    if s.readers > 1:
        after = s._replace(readers=s.readers - 1)
    elif s.writes:
        after = PolicyState(1, 0, s.reads, s.writes - 1)
    else:
        after = PolicyState(0, s.reads, 0, 0)
    yield after, _release(s, p)


def wake_all_readers(s: PolicyState, p: Parameters) -> Moves:
    """First come first served, but a reader at the head takes all queued readers along.

    `writes` are those left at the head of the queue after such a wake-up; behind them wait `unknown`.
    """
    rate, write = _arrivals(s, p), p.p_write
    if s.writer or s.writes:
        yield s._replace(unknown=s.unknown + 1), rate
    else:
        yield s._replace(readers=s.readers + 1), rate * (1 - write)
        yield (s._replace(writes=1) if s.readers else PolicyState(1, 0, 0, 0)), rate * write
    if s.readers > 1:
        yield s._replace(readers=s.readers - 1), _release(s, p)
    else:
        yield from _next_holder(s, write, _release(s, p))


def _next_holder(s: PolicyState, p_write: float, rate: float) -> Moves:
    """Who follows when the lock becomes free: a known writer, or the unknown head reveals itself."""
    if s.writes or not s.unknown:
        yield PolicyState(min(s.writes, 1), 0, 0, max(s.writes - 1, 0), s.unknown), rate
        return
    yield PolicyState(1, 0, 0, 0, s.unknown - 1), rate * p_write
    others = s.unknown - 1
    for k in range(others + 1):
        chance = comb(others, k) * p_write**k * (1 - p_write) ** (others - k)
        yield PolicyState(0, s.unknown - k, 0, k), rate * (1 - p_write) * chance


def policy_throughput(rule: Callable[[PolicyState, Parameters], Moves], p: Parameters) -> float:
    """Operations per unit time under a policy, exact."""
    states, chain = reach(PolicyState(0, 0, 0, 0), lambda s: rule(s, p))
    return float(sum(w * _release(s, p) for s, w in zip(states, stationary(chain), strict=True)))


QueueState = tuple[str, str]
"""(holders, waiters in order) as strings of R and W: the FCFS lock without any lumping"""


def _admit(holders: str, queue: str) -> QueueState:
    """Grant the head of the queue: a writer to a free lock, readers unless a writer holds."""
    while queue and (not holders or (queue[0] == "R" and holders[0] == "R")):
        holders, queue = holders + queue[0], queue[1:]
    return holders, queue


def queue_string_moves(s: QueueState, p: Parameters) -> Iterator[tuple[QueueState, float]]:
    """The FCFS lock with every waiter's type written down; the oracle of `rwlock_chain`."""
    holders, queue = s
    rate = (p.n_threads - len(holders) - len(queue)) / p.think
    yield _admit(holders, queue + "R"), rate * (1 - p.p_write)
    yield _admit(holders, queue + "W"), rate * p.p_write
    if holders:
        speed = 1 / p.write if holders == "W" else len(holders) / p.read
        yield _admit(holders[1:], queue), speed


def queue_string_throughput(p: Parameters) -> float:
    """Operations per unit time of the FCFS lock, from the chain over queue strings (N <= 8)."""
    states, chain = reach(("", ""), lambda s: queue_string_moves(s, p))
    rates = [1 / p.write if h == "W" else len(h) / p.read for h, _ in states]
    return float(stationary(chain) @ rates)
