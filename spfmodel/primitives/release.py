"""The rwsem's releases: who is next? (docs/semantics.md)"""

from __future__ import annotations

from .compiled import compiled
from .lock_line import SERVES, enter, timed
from .ownership import DIRECT, STEAL, WAKE_ON_RELEASE, account, own_write, stop_readers_clock
from .random_stream import uniform
from .spin_queue import first_goes, spinner_takes
from .state import (
    DOWNGRADED,
    FLAGS,
    HANDOFF,
    HINT,
    N_THREADS,
    NONE,
    NONSPIN,
    NXT,
    READERS,
    SPINNERS,
    TIMES,
    WAITERS,
    WRITER,
    Sim,
    at,
    schedule,
)  # fmt: skip
from .wait_list import grant_readers, head_reads, leave_list, wake, wake_head_writer


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
def frees(sm: Sim, waker: int) -> bool:
    """Where operations take time: the first spinner and the waker race for a free lock; True if nobody waits."""
    waiting, spinning = sm.I[WAITERS] > 0, sm.I[SPINNERS] > 0
    spinner_first = spinning and (not waiting or uniform(sm, waker) < sm.F[TIMES + STEAL])
    if spinner_first:
        first_goes(sm)
    if waiting:
        enter(sm, waker, SERVES)
    if spinning and not spinner_first:
        first_goes(sm)
    return not waiting


@compiled
def released(sm: Sim, waker: int) -> bool:
    """The lock has just become free: who is next? True if the waker goes on with its program."""
    if sm.I[HANDOFF] >= 0:
        hand_off(sm)
        return True
    if timed(sm):
        return frees(sm, waker)
    waiting, reads = sm.I[WAITERS] > 0, head_reads(sm)
    if sm.I[SPINNERS] > 0 and (not reads or uniform(sm, waker) < sm.F[TIMES + STEAL]):
        spinner_takes(sm)
        if waiting and not reads and sm.I[FLAGS + WAKE_ON_RELEASE] == 1:
            wake_head_writer(sm, waker)
    elif waiting:
        serve_head(sm, waker)
    return True


@compiled
def release_read(sm: Sim, i: int) -> bool:
    """Thread i's up_read: True if it goes on with its program."""
    account(sm)
    sm.I[READERS] -= 1
    if sm.I[READERS] == 0:
        if sm.I[WAITERS] > 0:
            sm.I[NONSPIN] = 0
        stop_readers_clock(sm)
        return released(sm, i)
    return True


@compiled
def release_write(sm: Sim, i: int) -> bool:
    """Thread i's up_write (or up_read, if it was downgraded): True if it goes on with its program."""
    if sm.I[at(i) + DOWNGRADED] == 1:
        sm.I[at(i) + DOWNGRADED] = 0
        return release_read(sm, i)
    account(sm)
    sm.I[WRITER] = -1
    sm.I[HINT] = NONE
    return released(sm, i)
