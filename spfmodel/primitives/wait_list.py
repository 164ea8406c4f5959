"""The rwsem's sleepers: joining the wait list, being granted the lock, being woken (docs/semantics.md)."""

from __future__ import annotations

import numpy as np

from .chance import erlang
from .compiled import compiled
from .lock_line import TRIES, timed
from .ownership import (
    ALL_READERS,
    IDLE_DEPTH,
    LAST_TRY,
    SLEEP,
    TRANSFER,
    WAKE,
    WAKE_HOT,
    WAKE_SEND,
    is_free,
    own_read,
    own_write,
)
from .random_stream import uniform
from .scheduler import SWITCH, sleep
from .state import (
    ASLEEP,
    FAILED_AT,
    FLAGS,
    HANDOFF,
    KIND,
    N_THREADS,
    NOW,
    NXT,
    PAID_AT,
    READERS,
    RETRY,
    SINCE,
    STATUS,
    TIMES,
    WAITERS,
    WAKING,
    WRITER,
    Sim,
    at,
    fat,
    push,
    remove,
    schedule,
    set_due,
)  # fmt: skip

HOT_NS = 50_000.0
"""A CPU is warm if its thread failed for the lock this recently."""
HOT_SPREAD = 0.27
"""Half-width of the hot latency's uniform law, over its mean: the scv .025 of a POWER9's wake-up by
IPI (primitives.csv P9-CEDE-IPI: median 7564 ns, standard deviation 1200 ns)."""
WAKE_AT_MOST = 256


@compiled
def head_reads(sm: Sim) -> bool:
    """A reader heads the wait list."""
    j = sm.I[at(sm.I[N_THREADS]) + NXT]
    return bool(j != sm.I[N_THREADS] and sm.I[at(j) + KIND] == 0)


@compiled
def wait(sm: Sim, i: int) -> None:
    """Thread i sleeps until it is woken; without `sleep` it keeps its CPU."""
    if sm.I[FLAGS + SLEEP] == 1:
        sleep(sm, i)
    else:
        sm.I[at(i) + STATUS] = ASLEEP


@compiled
def join_list(sm: Sim, i: int) -> None:
    """Thread i, its KIND set, becomes the last waiter, and sleeps."""
    sm.F[fat(i) + SINCE] = sm.F[NOW]
    sm.F[fat(i) + FAILED_AT] = -np.inf
    sm.I[WAITERS] += 1
    push(sm, sm.I[N_THREADS], i)
    wait(sm, i)


@compiled
def leave_list(sm: Sim, i: int) -> None:
    """Thread i waits no longer."""
    remove(sm, i)
    sm.I[WAITERS] -= 1


@compiled
def asleep_ns(sm: Sim, j: int) -> float:
    """How long thread j has slept."""
    return float(sm.F[NOW] - max(sm.F[fat(j) + SINCE], sm.F[fat(j) + FAILED_AT]))


@compiled
def wake_latency(sm: Sim, j: int) -> float:
    """Time from a wake-up that is sent to j, to j's being runnable."""
    cold, hot, depth = sm.F[TIMES + WAKE], sm.F[TIMES + WAKE_HOT], sm.F[TIMES + IDLE_DEPTH]
    if depth > 0.0:
        return float(erlang(sm, j, min(cold, hot + depth * asleep_ns(sm, j)), 4))
    if sm.F[NOW] - sm.F[fat(j) + FAILED_AT] <= HOT_NS:
        return float(hot * (1.0 + HOT_SPREAD * (2.0 * uniform(sm, j) - 1.0)))
    return float(erlang(sm, j, cold, 4))


@compiled
def hurries(sm: Sim, j: int) -> bool:
    """True if thread j has not left its CPU yet, and is runnable when the switch is over, at nobody's cost."""
    left = sm.F[TIMES + SWITCH] - asleep_ns(sm, j)
    if left <= 0.0:
        return False
    sm.I[at(j) + STATUS] = WAKING
    set_due(sm, j, sm.F[NOW] + max(left, sm.F[TIMES + TRANSFER]))
    return True


@compiled
def wake(sm: Sim, waker: int, j: int, place: float) -> None:
    """Send j, which sleeps, a wake-up, after `place` others; the waker loses the time that this takes."""
    if sm.I[FLAGS + SLEEP] == 0:
        schedule(sm, j, 0.0)
        return
    if timed(sm) and hurries(sm, j):
        return
    latency = wake_latency(sm, j)
    send = sm.F[TIMES + WAKE_SEND]
    sm.F[fat(waker) + PAID_AT] = max(sm.F[fat(waker) + PAID_AT], sm.F[NOW]) + send
    sm.I[at(j) + STATUS] = WAKING
    set_due(sm, j, sm.F[NOW] + latency + place * send)


@compiled
def grant_readers(sm: Sim, waker: int) -> None:
    """Let the run of readers at the head in, or all queued readers; they hold while still asleep."""
    head = sm.I[N_THREADS]
    j = sm.I[at(head) + NXT]
    granted = 0.0
    while j != head and granted < WAKE_AT_MOST:
        after = sm.I[at(j) + NXT]
        if sm.I[at(j) + KIND] == 0:
            leave_list(sm, j)
            own_read(sm)
            wake(sm, waker, j, granted)
            granted += 1.0
        elif sm.I[FLAGS + ALL_READERS] == 0:
            return
        j = after


@compiled
def wake_head_writer(sm: Sim, waker: int) -> None:
    """Wake the writer at the head, unless it is on its way already."""
    j = sm.I[at(sm.I[N_THREADS]) + NXT]
    if sm.I[at(j) + STATUS] == ASLEEP:
        sm.I[at(j) + RETRY] = TRIES
        wake(sm, waker, j, 0.0)


@compiled
def queue_writer(sm: Sim, i: int) -> bool:
    """Thread i joins the list as a writer, tries once, and sleeps: True if the try succeeded."""
    if sm.I[READERS] > 0 and head_reads(sm):
        grant_readers(sm, i)
    if sm.I[FLAGS + LAST_TRY] == 1 and is_free(sm) and sm.I[HANDOFF] < 0:
        own_write(sm, i)
        return True
    sm.I[at(i) + KIND] = 1
    join_list(sm, i)
    return False


@compiled
def queue_reader(sm: Sim, i: int) -> bool:
    """Thread i joins the list as a reader, unless no writer owns the lock and nobody waits: True if it reads."""
    if sm.I[WAITERS] == 0 and sm.I[WRITER] < 0:
        own_read(sm)
        return True
    join_list(sm, i)
    return False


@compiled
def serve_list(sm: Sim, waker: int) -> None:
    """Under wait_lock: readers at the head are granted, unless a writer owns the lock; a writer there is woken."""
    if sm.I[WAITERS] == 0 or sm.I[HANDOFF] >= 0:
        return
    if not head_reads(sm):
        wake_head_writer(sm, waker)
    elif sm.I[WRITER] < 0:
        grant_readers(sm, waker)
