"""Who spins for the rwsem (optimistic spinning), what the first spinner does, and when spinners give up."""

from __future__ import annotations

import numpy as np

from .compiled import compiled
from .lock_line import GRABS, QUEUES, enter, glance, section, timed
from .ownership import SPIN, SPIN_EACH, SPIN_HANDOFF, SPIN_READER, is_free, own_read, own_write, stop_readers_clock
from .scheduler import slice_over
from .state import (
    BY_READER,
    CLOCK_FROM,
    FLAGS,
    HANDOFF,
    HINT,
    KIND,
    N_THREADS,
    NONSPIN,
    NOW,
    NXT,
    OVERDUE,
    OVERDUES,
    OWNER_STOPPED,
    READERS,
    RETRY,
    SLICE_END,
    SPINNERS,
    SPINNING,
    STATUS,
    TIMES,
    WAITERS,
    WRITER,
    WRITER_AT,
    Sim,
    at,
    fat,
    push,
    remove,
    schedule,
    set_due,
)  # fmt: skip
from .wait_list import grant_readers, head_reads, queue_reader, queue_writer


@compiled
def may_spin(sm: Sim, i: int) -> bool:
    """The rules of optimistic spinning."""
    if sm.I[FLAGS + SPIN] == 0 or sm.I[HANDOFF] >= 0 or slice_over(sm, i) or sm.F[NOW] < sm.F[OWNER_STOPPED]:
        return False
    return bool(sm.I[HINT] != BY_READER or (sm.I[FLAGS + SPIN_READER] == 1 and sm.I[NONSPIN] == 0))


@compiled
def leave_spin_queue(sm: Sim, i: int) -> None:
    """Thread i spins no longer."""
    remove(sm, i)
    sm.I[at(i) + RETRY] = 0
    sm.I[SPINNERS] -= 1
    if sm.I[at(i) + STATUS] == OVERDUE:
        sm.I[OVERDUES] -= 1
    if sm.I[SPINNERS] == 0:
        stop_readers_clock(sm)


@compiled
def first_goes(sm: Sim) -> None:
    """Where operations take time: the first spinner has seen the lock free, and goes for it."""
    j = sm.I[at(sm.I[N_THREADS] + 1) + NXT]
    if sm.I[at(j) + RETRY] != GRABS:
        sm.I[at(j) + RETRY] = GRABS
        set_due(sm, j, sm.F[NOW] + glance(sm, j))


@compiled
def queue(sm: Sim, i: int) -> bool:
    """Thread i joins the wait list: True if it has the lock instead."""
    return queue_writer(sm, i) if sm.I[at(i) + KIND] == 1 else queue_reader(sm, i)


@compiled
def give_up(sm: Sim, i: int) -> None:
    """Thread i stops spinning: it queues and sleeps, unless its last try takes the lock."""
    leave_spin_queue(sm, i)
    set_due(sm, i, np.inf)
    if timed(sm):
        if sm.I[SPINNERS] > 0 and is_free(sm):
            first_goes(sm)
        enter(sm, i, QUEUES)
    elif queue(sm, i):
        schedule(sm, i, 0.0)


@compiled
def all_give_up(sm: Sim) -> None:
    """In order."""
    head = sm.I[N_THREADS] + 1
    while sm.I[SPINNERS] > 0:
        give_up(sm, sm.I[at(head) + NXT])


@compiled
def start_own_clocks(sm: Sim) -> None:
    """Each spinner that has no clock since the last writer starts one (`reader_spin_each_ns`)."""
    head = sm.I[N_THREADS] + 1
    j = sm.I[at(head) + NXT]
    while j != head:
        if sm.F[fat(j) + CLOCK_FROM] < sm.F[WRITER_AT]:
            sm.F[fat(j) + CLOCK_FROM] = sm.F[NOW]
            until = sm.F[NOW] + sm.F[TIMES + SPIN_EACH]
            late = sm.I[at(j) + STATUS] == OVERDUE
            set_due(sm, j, until if late else min(until, max(sm.F[NOW], sm.F[fat(j) + SLICE_END])))
        j = sm.I[at(j) + NXT]


@compiled
def own(sm: Sim, i: int) -> None:
    """Thread i, no longer in the spin queue, has the lock; a reader lets in readers at the list's head."""
    if sm.I[at(i) + KIND] == 1:
        own_write(sm, i)
        return
    own_read(sm)
    if head_reads(sm):
        grant_readers(sm, i)


@compiled
def spinner_takes(sm: Sim) -> None:
    """The first spinner has the freed lock, a line transfer later."""
    j = sm.I[at(sm.I[N_THREADS] + 1) + NXT]
    leave_spin_queue(sm, j)
    own(sm, j)
    schedule(sm, j, sm.F[TIMES + SPIN_HANDOFF])


@compiled
def watch_readers(sm: Sim) -> None:
    """A writer at the head of the spin queue watches how long readers own the lock."""
    if sm.F[TIMES + SPIN_EACH] > 0.0:
        start_own_clocks(sm)
    elif sm.due[sm.I[N_THREADS]] == np.inf:
        set_due(sm, sm.I[N_THREADS], sm.F[NOW] + min(25e3, 10e3 + 500.0 * sm.I[READERS]))


@compiled
def meet_readers(sm: Sim) -> None:
    """Readers own the lock: who spins to read joins them; writers sleep, or (5.3 on) spin on for a limited time."""
    head = sm.I[N_THREADS] + 1
    while sm.I[READERS] > 0 and sm.I[SPINNERS] > 0:
        j = sm.I[at(head) + NXT]
        if sm.I[at(j) + KIND] == 0 and sm.I[HANDOFF] < 0:
            if timed(sm):
                first_goes(sm)
                return
            spinner_takes(sm)
        elif sm.I[FLAGS + SPIN_READER] == 0:
            give_up(sm, j)
        else:
            watch_readers(sm)
            return


@compiled
def spin(sm: Sim, i: int) -> None:
    """Thread i joins the spin queue."""
    push(sm, sm.I[N_THREADS] + 1, i)
    sm.I[SPINNERS] += 1
    sm.I[at(i) + STATUS] = SPINNING
    sm.F[fat(i) + CLOCK_FROM] = -1.0
    set_due(sm, i, max(sm.F[NOW], sm.F[fat(i) + SLICE_END]))


@compiled
def grab(sm: Sim, i: int) -> None:
    """The first spinner's access is done: it has the lock, unless somebody else took it meanwhile."""
    sm.I[at(i) + RETRY] = 0
    taken = sm.I[WRITER] >= 0 or sm.I[HANDOFF] >= 0 or (sm.I[at(i) + KIND] == 1 and sm.I[READERS] > 0)
    if taken:
        late = sm.I[at(i) + STATUS] == OVERDUE
        set_due(sm, i, np.inf if late else max(sm.F[NOW], sm.F[fat(i) + SLICE_END]))
    else:
        leave_spin_queue(sm, i)
        schedule(sm, i, section(sm, i) if sm.I[at(i) + KIND] == 0 and sm.I[WAITERS] > 0 else 0.0)
        own(sm, i)
    meet_readers(sm)


@compiled
def spin_event(sm: Sim, i: int) -> None:
    """A spinner's slice, or its own clock, has come to its end; or it is there with the lock's line."""
    if sm.I[at(i) + RETRY] == GRABS:
        grab(sm, i)
        return
    now, from_ = sm.F[NOW], sm.F[fat(i) + CLOCK_FROM]
    until = from_ + sm.F[TIMES + SPIN_EACH] if from_ >= sm.F[WRITER_AT] else np.inf
    if now >= until or slice_over(sm, i):
        give_up(sm, i)
    elif now >= sm.F[fat(i) + SLICE_END]:
        sm.I[OVERDUES] += 1
        sm.I[at(i) + STATUS] = OVERDUE
        set_due(sm, i, until)
    else:
        set_due(sm, i, sm.F[fat(i) + SLICE_END])


@compiled
def overdue_give_up(sm: Sim) -> None:
    """Somebody has joined the run queue: need_resched for spinners whose slice is over."""
    head = sm.I[N_THREADS] + 1
    j = sm.I[at(head) + NXT]
    while j != head:
        after = sm.I[at(j) + NXT]
        if sm.I[at(j) + STATUS] == OVERDUE and slice_over(sm, j):
            give_up(sm, j)
        j = after
