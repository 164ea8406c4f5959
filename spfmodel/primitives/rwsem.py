"""The rwsem's state changes: request, release, steal, downgrade, hand off (docs/semantics.md).

Nothing here knows a protocol or a workload. Sleepers are in wait_list.py, spinners in spin_queue.py;
who calls these also calls `spin_queue.meet_readers`, since each may have made the lock reader-owned.
"""

from __future__ import annotations

from .chance import uniform
from .compiled import compiled
from .ownership import (
    BARGE,
    DIRECT,
    DOWNGRADE,
    HANDOFF_AFTER,
    READ_STEAL,
    STEAL,
    WAKE_ON_RELEASE,
    account,
    is_free,
    own_read,
    own_write,
    stop_readers_clock,
)  # fmt: skip
from .spin_queue import may_spin, spin, spinner_takes
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
    NONE,
    NONSPIN,
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
from .wait_list import (
    grant_readers,
    head_reads,
    join_list,
    leave_list,
    queue_writer,
    wait,
    wake,
    wake_head_writer,
)  # fmt: skip


@compiled
def request_write(sm: Sim, i: int) -> bool:
    """True if thread i has the lock now; else it spins, or sleeps in the list."""
    free = is_free(sm)
    if free and sm.I[WAITERS] == 0 and (sm.I[FLAGS + BARGE] == 1 or sm.I[SPINNERS] == 0):
        own_write(sm, i)
        return True
    if not may_spin(sm, i):
        return queue_writer(sm, i)
    if free and sm.I[SPINNERS] == 0:
        own_write(sm, i)
        return True
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
    """True if thread i reads now; else it sleeps in the list."""
    if not may_read(sm):
        sm.I[at(i) + KIND] = 0
        join_list(sm, i)
        return False
    own_read(sm)
    if head_reads(sm):
        grant_readers(sm, i)
    return True


@compiled
def serve_head(sm: Sim, waker: int) -> None:
    """No spinner: readers at the head are granted; a writer is woken (or, textbook lock, granted)."""
    if head_reads(sm):
        grant_readers(sm, waker)
        return
    if sm.I[FLAGS + DIRECT] == 0:
        wake_head_writer(sm, waker)
        return
    j = sm.I[at(sm.I[N_THREADS]) + NXT]
    leave_list(sm, j)
    own_write(sm, j)
    wake(sm, waker, j, 0.0)


@compiled
def hand_off(sm: Sim) -> None:
    """The waiter that set the hand-off has the lock; it spins, so it runs on at once."""
    heir = sm.I[HANDOFF]
    sm.I[HANDOFF] = -1
    leave_list(sm, heir)
    own_write(sm, heir)
    schedule(sm, heir, 0.0)


@compiled
def released(sm: Sim, waker: int) -> None:
    """The lock has just become free: who is next?"""
    if sm.I[HANDOFF] >= 0:
        hand_off(sm)
        return
    waiting, reads = sm.I[WAITERS] > 0, head_reads(sm)
    if sm.I[SPINNERS] > 0 and (not reads or uniform(sm, waker) < sm.F[TIMES + STEAL]):
        spinner_takes(sm)
        if waiting and not reads and sm.I[FLAGS + WAKE_ON_RELEASE] == 1:
            wake_head_writer(sm, waker)
    elif waiting:
        serve_head(sm, waker)


@compiled
def release_read(sm: Sim, i: int) -> None:
    """Thread i's up_read."""
    account(sm)
    sm.I[READERS] -= 1
    if sm.I[READERS] == 0:
        if sm.I[WAITERS] > 0:
            sm.I[NONSPIN] = 0
        stop_readers_clock(sm)
        released(sm, i)


@compiled
def release_write(sm: Sim, i: int) -> None:
    """Thread i's up_write (or up_read, if it was downgraded)."""
    if sm.I[at(i) + DOWNGRADED] == 1:
        sm.I[at(i) + DOWNGRADED] = 0
        release_read(sm, i)
        return
    account(sm)
    sm.I[WRITER] = -1
    sm.I[HINT] = NONE
    released(sm, i)


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
def woken_writer(sm: Sim, i: int) -> bool:
    """A woken writer has a CPU: True if the lock was free, else it sleeps again or forces a hand-off."""
    sm.I[at(i) + RETRY] = 0
    if is_free(sm):
        leave_list(sm, i)
        own_write(sm, i)
        return True
    after, waited = sm.F[TIMES + HANDOFF_AFTER], sm.F[NOW] - sm.F[fat(i) + SINCE]
    if 0.0 < after < waited and sm.I[at(sm.I[N_THREADS]) + NXT] == i:
        sm.I[HANDOFF] = i
        sm.I[at(i) + STATUS] = HANDOFF_SPIN
        return False
    sm.F[fat(i) + FAILED_AT] = sm.F[NOW]
    wait(sm, i)
    return False
