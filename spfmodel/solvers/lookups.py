"""Threads that look up a VMA under a rwlock while one thread updates: the lock's line and its holds together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..primitives.rwlock import Load, reader_wait_ns, waits
from .mva import mva

ROUNDS = 60
"""of the fixed point, damped by half: enough for 1e-9"""


class Lookups(NamedTuple):
    """Mean values, ns and per ns."""

    per_ns: float
    """look-ups of all threads"""
    lookup_ns: float
    """from a look-up's first atomic to its last"""
    update_ns: float
    """from an update's request until it is done; infinite if readers starve it"""


def lookups(n_threads: int, think_ns: float, atomic_ns: float, load: Load) -> Lookups:
    """N threads think, queue for the line, wait out the update, walk, and queue for the line again (approx).

    The line is a station of two visits a look-up, solved by exact mean value analysis; walk and wait are delays
    beside it; the wait is `rwlock.waits` at the rate that comes out, which takes a fixed point. A reader holds the
    lock while it queues for its second atomic; an update on a fair lock waits no longer than for a walk and the
    queue at the line, since nobody comes in any more, and the line idles while it holds the lock. Exact without
    updates (load.gap_ns infinite); with them within 8 % of the event loop `rwlock.replay` for look-ups, 25 % for
    updates on a fair lock (tests/test_rwlock.py). `load.reads_per_ns` is not used.
    """
    wait, line, rate, drain = 0.0, 2 * atomic_ns, 0.0, 0.0
    for _ in range(ROUNDS):
        found = mva(n_threads, think_ns + load.read_ns + wait, np.array([2 * atomic_ns]))
        rate, line = float(found.throughput[-1]), float(found.residence[-1])
        if not np.isfinite(load.gap_ns):
            break
        reader, drain = _waits(load, rate, line)
        wait += (reader - wait) / 2
    update = drain + load.write_ns + line / 2 + atomic_ns
    rate = min(rate, (1 - load.write_ns / (update + load.gap_ns)) / (2 * atomic_ns))
    return Lookups(rate, n_threads / rate - think_ns, update)


def _waits(load: Load, rate: float, line: float) -> tuple[float, float]:
    """Waits of a look-up and of an update at this rate of look-ups, with `line` ns spent at the line by each."""
    reader, drain = (float(w) for w in waits(load._replace(reads_per_ns=rate, read_ns=load.read_ns + line / 2)))
    most = load.read_ns + line / 2
    if load.fair and drain > most:
        reader, drain = float(reader_wait_ns(most + load.write_ns, load.gap_ns)), most
    return reader, drain
