"""The rwsem's own cache line, where lock operations take time (docs/semantics.md, "Lock operations that take time").

Count, owner, wait_lock, wait list and the tail of the spin queue share one line, which is in one cache at a
time: a first-come-first-served station, the same as LINE 0 of the program, which is the fast path's access.
"""

from __future__ import annotations

from .compiled import compiled
from .ownership import SPIN_HANDOFF, TRANSFER
from .state import FIRST_LINE, LINE_OWNERS, LINES_FREE, NOW, RETRY, TALLY_END, TIMES, WAITERS, Sim, at, schedule

SECTION = 3.0
"""Accesses in a slow path: wait_lock, then count and list, then wait_lock's release; or, of a spinner, the
fast path's bias taken back, the queue's tail, and the count."""
TRIES, QUEUES, SERVES, GRABS = 1, 2, 3, 4
"""Values of RETRY, what a thread does next: a woken writer tries; under wait_lock, a thread queues, or a releaser
serves the list's head; a spinner takes the lock that it saw free."""


@compiled
def timed(sm: Sim) -> bool:
    """Lock operations take time."""
    return bool(sm.F[TIMES + TRANSFER] > 0.0)


@compiled
def visit(sm: Sim, i: int, service: float) -> float:
    """Time until thread i has had the line for so long, after those who asked before."""
    start = max(sm.F[NOW], sm.F[LINES_FREE])
    sm.F[LINES_FREE] = start + service
    sm.I[LINE_OWNERS] = i
    if sm.I[FIRST_LINE] < TALLY_END:
        sm.F[sm.I[FIRST_LINE]] += service
    return float(start + service - sm.F[NOW])


@compiled
def section(sm: Sim, i: int) -> float:
    """Time until thread i has made the accesses of a slow path; 0 where operations take none."""
    if not timed(sm):
        return 0.0
    return visit(sm, i, SECTION * sm.F[TIMES + TRANSFER])


@compiled
def glance(sm: Sim, i: int) -> float:
    """Time until the first spinner has taken a lock that it saw free."""
    if sm.I[WAITERS] > 0:
        return section(sm, i)
    return visit(sm, i, sm.F[TIMES + SPIN_HANDOFF])


@compiled
def enter(sm: Sim, i: int, stage: int) -> None:
    """Thread i goes for wait_lock, and does `stage` when it has it."""
    sm.I[at(i) + RETRY] = stage
    schedule(sm, i, section(sm, i))
