"""Threads that look up a VMA under a rwlock while one thread updates: the lock's line and its holds together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..primitives.rwlock import Load, fair_drain_ns, unfair_drain_ns
from .mva import mva


class Lookups(NamedTuple):
    """Mean values, ns and per ns."""

    per_ns: float
    """look-ups of all threads"""
    lookup_ns: float
    """from a look-up's first atomic to its last"""
    update_ns: float
    """from an update's request until it is done"""


def lookups(n_threads: int, think_ns: float, atomic_ns: float, load: Load) -> Lookups:
    """N threads think, queue for the line, wait out the update, walk, and queue for the line again (approx).

    Without updates (load.gap_ns infinite): exact mean value analysis, the line a station of two visits, the walk a
    delay. Each update keeps readers out for B, and a thread that has U' left until it asks loses B^2 / (B + U') of
    that (both exponential), so X = X0 (1 - loss / time between updates); a full line idles while the update holds.
    A reader holds the lock while it queues for its second atomic; an update on a fair lock waits no longer than for
    a walk and the queue at the line, since nobody comes in any more.
    Within 10 % of the event loop `rwlock.replay` for look-ups, mostly 3 %, and 25 % for updates on a fair lock.
    `load.reads_per_ns` is not used.
    """
    found = mva(n_threads, think_ns + load.read_ns, np.array([2 * atomic_ns]))
    rate, line = float(found.throughput[-1]), float(found.residence[-1])
    if not np.isfinite(load.gap_ns):
        return Lookups(rate, line + load.read_ns, np.nan)
    drain = _drain(load, rate, line)
    update = drain + load.write_ns + line / 2 + atomic_ns
    loss = _loss(load, drain, think_ns + line / 2) / (load.gap_ns + update)
    idle = load.write_ns / (load.gap_ns + update)
    rate = min(rate * (1 - loss), (1 - idle) / (2 * atomic_ns))
    return Lookups(rate, n_threads / rate - think_ns, update)


def _drain(load: Load, rate: float, line: float) -> float:
    """How long an update waits for the readers inside, at this rate of look-ups."""
    hold = load.read_ns + line / 2
    if not load.fair:
        return float(unfair_drain_ns(rate, hold))
    return min(float(fair_drain_ns(rate, hold)), hold)


def _loss(load: Load, drain: float, until_asked: float) -> float:
    """Time that one update costs a reading thread."""
    blocked = load.write_ns + (drain if load.fair else 0.0)
    rest = (blocked**2 + load.write_ns**2) / (2 * blocked)
    return blocked * rest / (rest + until_asked)
