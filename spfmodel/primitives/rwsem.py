"""The rwsem's state changes: requests, downgrade, and what a woken thread does (docs/semantics.md).

Nothing here knows a protocol or a workload. Releases are in release.py, sleepers in wait_list.py, spinners in
spin_queue.py, the cache line in lock_line.py; who calls these also calls `spin_queue.meet_readers`, since each
may have made the lock reader-owned.
"""

from __future__ import annotations

from .compiled import compiled
from .lock_line import QUEUES, SERVES, enter, section, timed
from .ownership import (
    BARGE,
    DOWNGRADE,
    HANDOFF_AFTER,
    READ_SPIN,
    READ_STEAL,
    STEAL,
    account,
    is_free,
    own_read,
    own_write,
)
from .random_stream import uniform
from .spin_queue import may_spin, meet_readers, queue, spin
from .state import (
    BY_READER,
    DOWNGRADED,
    FAILED_AT,
    FLAGS,
    HANDOFF,
    HANDOFF_SPIN,
    HINT,
    KIND,
    N_THREADS,
    NOW,
    NXT,
    READERS,
    RETRY,
    SINCE,
    SPINNERS,
    STATUS,
    TIMES,
    WAITERS,
    WRITER,
    Sim,
    at,
    fat,
    schedule,
)  # fmt: skip
from .wait_list import grant_readers, head_reads, leave_list, serve_list, wait


@compiled
def slow(sm: Sim, i: int) -> bool:
    """True if thread i, which has the lock, goes on only after the accesses of a slow path."""
    if not timed(sm):
        return False
    schedule(sm, i, section(sm, i))
    return True


@compiled
def queues(sm: Sim, i: int) -> bool:
    """Thread i goes to the wait list: True if it has the lock at once."""
    if not timed(sm):
        return queue(sm, i)
    enter(sm, i, QUEUES)
    return False


@compiled
def request_write(sm: Sim, i: int) -> bool:
    """True if thread i has the lock now; else it spins, or sleeps in the list."""
    sm.I[at(i) + KIND] = 1
    free = is_free(sm)
    if free and sm.I[WAITERS] == 0 and (sm.I[FLAGS + BARGE] == 1 or sm.I[SPINNERS] == 0):
        own_write(sm, i)
        return True
    if not may_spin(sm, i):
        return queues(sm, i)
    if free and sm.I[SPINNERS] == 0:
        own_write(sm, i)
        return not slow(sm, i)
    spin(sm, i)
    return False


@compiled
def may_read(sm: Sim) -> bool:
    """No writer and nobody waits; or, with `read_steal`, others wait but readers do not own the lock yet."""
    if sm.I[WRITER] >= 0:
        return False
    if sm.I[WAITERS] == 0:
        return True
    owned = sm.I[HINT] == BY_READER and sm.I[READERS] > 0
    return bool(sm.I[FLAGS + READ_STEAL] == 1 and sm.I[HANDOFF] < 0 and not owned)


@compiled
def request_read(sm: Sim, i: int) -> bool:
    """True if thread i reads now; else it spins (5.3 to 5.10), or sleeps in the list."""
    sm.I[at(i) + KIND] = 0
    if not may_read(sm):
        if sm.I[FLAGS + READ_SPIN] == 0 or not may_spin(sm, i):
            return queues(sm, i)
        if sm.I[WRITER] >= 0 or sm.I[SPINNERS] > 0:
            spin(sm, i)
            return False
    waited_for = sm.I[WAITERS] > 0
    own_read(sm)
    if head_reads(sm):
        grant_readers(sm, i)
    return not (waited_for and slow(sm, i))


@compiled
def downgrade(sm: Sim, i: int) -> None:
    """Thread i turns its write hold into a read hold, where the era has it."""
    if sm.I[FLAGS + DOWNGRADE] == 0:
        return
    account(sm)
    sm.I[WRITER] = -1
    sm.I[at(i) + DOWNGRADED] = 1
    own_read(sm)
    if head_reads(sm):
        grant_readers(sm, i)


@compiled
def wins(sm: Sim, i: int) -> bool:
    """A woken writer sees the lock free: is it faster than the first spinner, if one is on its way, too?"""
    return bool(not timed(sm) or sm.I[SPINNERS] == 0 or uniform(sm, i) >= sm.F[TIMES + STEAL])


@compiled
def woken_writer(sm: Sim, i: int) -> bool:
    """A woken writer has a CPU: True if the lock was free, else it sleeps again or forces a hand-off."""
    after, waited = sm.F[TIMES + HANDOFF_AFTER], sm.F[NOW] - sm.F[fat(i) + SINCE]
    long = 0.0 < after < waited and sm.I[at(sm.I[N_THREADS]) + NXT] == i
    if is_free(sm) and (long or wins(sm, i)):
        leave_list(sm, i)
        own_write(sm, i)
        return not slow(sm, i)
    if long:
        sm.I[HANDOFF] = i
        sm.I[at(i) + STATUS] = HANDOFF_SPIN
        return False
    sm.F[fat(i) + FAILED_AT] = sm.F[NOW]
    wait(sm, i)
    return False


@compiled
def resume(sm: Sim, i: int) -> bool:
    """Thread i is awake, or has wait_lock, and does what RETRY says: True if it goes on with its program."""
    stage = sm.I[at(i) + RETRY]
    sm.I[at(i) + RETRY] = 0
    goes_on = True
    if stage == QUEUES:
        goes_on = queue(sm, i)
        if not goes_on and is_free(sm):
            serve_list(sm, i)
    elif stage == SERVES:
        serve_list(sm, i)
    else:
        goes_on = woken_writer(sm, i)
    if sm.I[SPINNERS] > 0 and timed(sm):
        meet_readers(sm)
    return goes_on
