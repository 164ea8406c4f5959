"""The rwsem's state changes: request, grant, steal, spin, wake, hand off (docs/semantics.md).

The rules are `RwsemRules` as integers in I, the times `Network.rwsem_ns` of one draw in F. Nothing
here knows a protocol or a workload.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .chance import erlang, uniform
from .scheduler import SLICE, others_queue, sleep
from .state import (
    ASLEEP, BY_READER, BY_WRITER, DEBT, DOWNGRADED, FAILED_AT, FLAGS, HANDOFF, HANDOFF_SPIN, HINT, KIND, N_THREADS,
    NONE, NONSPIN, NOW, NXT, OWN_SINCE, READER_NS, READERS, RETRY, RUNNING, SINCE, SLICE_END, SPINNERS, SPINNING,
    STATUS, TIMES, WAITERS, WAKING, WRITER, WRITER_NS, Sim, at, fat, fix, push, remove, schedule,
)  # fmt: skip

DIRECT, SLEEP, BARGE, SPIN, SPIN_READER, LAST_TRY, READ_STEAL, ALL_READERS, WAKE_ON_RELEASE, DOWNGRADE = range(10)
"""Indices after FLAGS, in the order of `RwsemRules`."""
WAKE, WAKE_HOT, WAKE_SEND, SPIN_HANDOFF = range(4)
STEAL, HANDOFF_AFTER = 6, 7
"""Indices after TIMES, in the order of `network.TIMES`, the chance to steal, the hand-off."""
HOT_NS = 50_000.0
"""A CPU is warm if its thread failed for the lock this recently."""
HOT_SPREAD = 0.27
"""Half-width of the hot latency's uniform law, over its mean: the scv .025 of a POWER9's wake-up by
IPI (primitives.csv P9-CEDE-IPI: median 7564 ns, standard deviation 1200 ns)."""
WAKE_AT_MOST = 256


@njit(cache=True)
def account(sm: Sim) -> None:
    """Book the time since the last change of owner."""
    now = sm.F[NOW]
    if sm.I[WRITER] >= 0:
        sm.F[WRITER_NS] += now - sm.F[OWN_SINCE]
    elif sm.I[READERS] > 0:
        sm.F[READER_NS] += now - sm.F[OWN_SINCE]
    sm.F[OWN_SINCE] = now


@njit(cache=True)
def own_write(sm: Sim, i: int) -> None:
    """Thread i is now the writer."""
    account(sm)
    sm.I[WRITER] = i
    sm.I[HINT] = BY_WRITER
    sm.I[NONSPIN] = 0


@njit(cache=True)
def own_read(sm: Sim) -> None:
    """One more reader."""
    account(sm)
    sm.I[READERS] += 1
    sm.I[HINT] = BY_READER


@njit(cache=True)
def is_free(sm: Sim) -> bool:
    """No writer, no readers."""
    return sm.I[WRITER] < 0 and sm.I[READERS] == 0


@njit(cache=True)
def join_list(sm: Sim, i: int, kind: int) -> None:
    """Thread i becomes the last waiter."""
    sm.I[at(i) + KIND] = kind
    sm.F[fat(i) + SINCE] = sm.F[NOW]
    sm.I[WAITERS] += 1
    push(sm, NXT, sm.I[N_THREADS], i)


@njit(cache=True)
def leave_list(sm: Sim, i: int) -> None:
    """Thread i waits no longer."""
    remove(sm, NXT, i)
    sm.I[WAITERS] -= 1


@njit(cache=True)
def wake(sm: Sim, waker: int, j: int, place: int) -> None:
    """Send j, which sleeps, a wake-up; the waker pays for it later."""
    if sm.I[FLAGS + SLEEP] == 0:
        schedule(sm, j, 0.0, WAKING)
        return
    if sm.F[NOW] - sm.F[fat(j) + FAILED_AT] < HOT_NS:
        latency = sm.F[TIMES + WAKE_HOT] * (1.0 + HOT_SPREAD * (2.0 * uniform(sm, j) - 1.0))
    else:
        latency = erlang(sm, j, sm.F[TIMES + WAKE], 4)
    sm.F[fat(waker) + DEBT] += sm.F[TIMES + WAKE_SEND]
    schedule(sm, j, latency + place * sm.F[TIMES + WAKE_SEND], WAKING)


@njit(cache=True)
def grant_readers(sm: Sim, waker: int) -> None:
    """Let the run of readers at the head in, or all queued readers; they hold while still asleep."""
    head = sm.I[N_THREADS]
    j = sm.I[at(head) + NXT]
    granted = 0
    while j != head and granted < WAKE_AT_MOST:
        after = sm.I[at(j) + NXT]
        if sm.I[at(j) + KIND] == 1:
            if sm.I[FLAGS + ALL_READERS] == 0:
                break
        else:
            leave_list(sm, j)
            own_read(sm)
            wake(sm, waker, j, granted)
            granted += 1
        j = after


@njit(cache=True)
def head_reads(sm: Sim) -> bool:
    """A reader heads the wait list."""
    j = sm.I[at(sm.I[N_THREADS]) + NXT]
    return j != sm.I[N_THREADS] and sm.I[at(j) + KIND] == 0


@njit(cache=True)
def wake_head_writer(sm: Sim, waker: int) -> None:
    """Wake the writer at the head, unless it is on its way already."""
    j = sm.I[at(sm.I[N_THREADS]) + NXT]
    if sm.I[at(j) + STATUS] == ASLEEP:
        sm.I[at(j) + RETRY] = 1
        wake(sm, waker, j, 0)


@njit(cache=True)
def stop_spinning(sm: Sim, i: int) -> bool:
    """Thread i gives up spinning; True if its last try took the lock, else it queues and sleeps."""
    remove(sm, NXT, i)
    sm.I[SPINNERS] -= 1
    sm.due[i] = np.inf
    fix(sm, i)
    return queue_writer(sm, i)


@njit(cache=True)
def became_reader_owned(sm: Sim) -> None:
    """Spinning writers see a reader: they sleep, or (5.3 on) spin on for a limited time."""
    head = sm.I[N_THREADS] + 1
    j = sm.I[at(head) + NXT]
    while j != head:
        after = sm.I[at(j) + NXT]
        if sm.I[FLAGS + SPIN_READER] == 1:
            limit = min(25e3, 10e3 + 500.0 * sm.I[READERS])
            if sm.due[j] > sm.F[NOW] + limit:
                schedule(sm, j, limit, SPINNING)
        else:
            stop_spinning(sm, j)
        j = after


@njit(cache=True)
def queue_writer(sm: Sim, i: int) -> bool:
    """Thread i joins the list as a writer, tries once, and sleeps: True if the try succeeded."""
    if sm.I[WRITER] < 0 and sm.I[READERS] > 0 and head_reads(sm) and sm.I[FLAGS + DIRECT] == 0:
        grant_readers(sm, i)
    barred = sm.I[HANDOFF] >= 0 and sm.I[HANDOFF] != i
    if sm.I[FLAGS + LAST_TRY] == 1 and is_free(sm) and not barred:
        own_write(sm, i)
        return True
    join_list(sm, i, 1)
    sleep(sm, i)
    return False


@njit(cache=True)
def may_spin(sm: Sim, i: int) -> bool:
    """The rules of optimistic spinning."""
    if sm.I[FLAGS + SPIN] == 0 or sm.I[HANDOFF] >= 0 or (sm.F[NOW] >= sm.F[fat(i) + SLICE_END] and others_queue(sm)):
        return False
    return sm.I[HINT] != BY_READER or (sm.I[FLAGS + SPIN_READER] == 1 and sm.I[NONSPIN] == 0)


@njit(cache=True)
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
    push(sm, NXT, sm.I[N_THREADS] + 1, i)
    sm.I[SPINNERS] += 1
    until = max(sm.F[fat(i) + SLICE_END] - sm.F[NOW], sm.F[TIMES + SLICE] * 0.01)
    if sm.I[READERS] > 0:
        until = min(until, min(25e3, 10e3 + 500.0 * sm.I[READERS]))
    schedule(sm, i, until, SPINNING)
    return False


@njit(cache=True)
def request_read(sm: Sim, i: int) -> bool:
    """True if thread i reads now; else it sleeps in the list."""
    others = sm.I[WAITERS] > 0
    if sm.I[WRITER] < 0 and not others:
        granted = True
    else:
        owned = sm.I[HINT] == BY_READER and sm.I[READERS] > 0
        granted = sm.I[WRITER] < 0 and sm.I[FLAGS + READ_STEAL] == 1 and sm.I[HANDOFF] < 0 and not owned
    if not granted:
        join_list(sm, i, 0)
        sleep(sm, i)
        return False
    first = sm.I[READERS] == 0
    own_read(sm)
    if others and head_reads(sm):
        grant_readers(sm, i)
    if first:
        became_reader_owned(sm)
    return True


@njit(cache=True)
def spinner_takes(sm: Sim) -> None:
    """The first spinner has the freed lock, a line transfer later."""
    j = sm.I[at(sm.I[N_THREADS] + 1) + NXT]
    remove(sm, NXT, j)
    sm.I[SPINNERS] -= 1
    own_write(sm, j)
    schedule(sm, j, sm.F[TIMES + SPIN_HANDOFF], RUNNING)


@njit(cache=True)
def serve_head(sm: Sim, waker: int) -> None:
    """No spinner: readers at the head are granted; a writer is woken (or, textbook lock, granted)."""
    if head_reads(sm):
        grant_readers(sm, waker)
        became_reader_owned(sm)
        return
    j = sm.I[at(sm.I[N_THREADS]) + NXT]
    if sm.I[FLAGS + DIRECT] == 1:
        leave_list(sm, j)
        own_write(sm, j)
        wake(sm, waker, j, 0)
    else:
        wake_head_writer(sm, waker)


@njit(cache=True)
def released(sm: Sim, waker: int) -> None:
    """The lock has just become free: who is next?"""
    heir = sm.I[HANDOFF]
    if heir >= 0:
        sm.I[HANDOFF] = -1
        leave_list(sm, heir)
        own_write(sm, heir)
        schedule(sm, heir, sm.F[TIMES + SPIN_HANDOFF], RUNNING)
        return
    waiting = sm.I[WAITERS] > 0
    reads = head_reads(sm)
    if sm.I[SPINNERS] > 0 and (not waiting or not reads or uniform(sm, waker) < sm.F[TIMES + STEAL]):
        spinner_takes(sm)
        if waiting and not reads and sm.I[FLAGS + WAKE_ON_RELEASE] == 1:
            wake_head_writer(sm, waker)
    elif waiting:
        serve_head(sm, waker)


@njit(cache=True)
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


@njit(cache=True)
def release_read(sm: Sim, i: int) -> None:
    """Thread i's up_read."""
    account(sm)
    sm.I[READERS] -= 1
    if sm.I[READERS] == 0:
        if sm.I[WAITERS] > 0:
            sm.I[NONSPIN] = 0
        released(sm, i)


@njit(cache=True)
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
    became_reader_owned(sm)


@njit(cache=True)
def woken_writer(sm: Sim, i: int) -> bool:
    """A woken writer has a CPU: True if the lock was free, else it sleeps again or forces a hand-off."""
    sm.I[at(i) + RETRY] = 0
    heads = sm.I[at(sm.I[N_THREADS]) + NXT] == i
    barred = sm.I[HANDOFF] >= 0 and sm.I[HANDOFF] != i
    if is_free(sm) and not barred:
        leave_list(sm, i)
        own_write(sm, i)
        return True
    overdue = sm.F[TIMES + HANDOFF_AFTER] > 0.0 and sm.F[NOW] - sm.F[fat(i) + SINCE] > sm.F[TIMES + HANDOFF_AFTER]
    if overdue and heads and sm.I[HANDOFF] < 0:
        sm.I[HANDOFF] = i
        schedule(sm, i, np.inf, HANDOFF_SPIN)
        return False
    sm.F[fat(i) + FAILED_AT] = sm.F[NOW]
    sleep(sm, i)
    return False


@njit(cache=True)
def spin_expired(sm: Sim, i: int) -> bool:
    """A spinner's time is over: True if its last try took the lock."""
    if sm.I[READERS] > 0 and sm.I[FLAGS + SPIN_READER] == 1:
        sm.I[NONSPIN] = 1
    elif not others_queue(sm):
        schedule(sm, i, sm.F[TIMES + SLICE], SPINNING)
        return False
    return stop_spinning(sm, i)
