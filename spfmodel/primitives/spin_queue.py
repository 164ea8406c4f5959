"""Writers that spin for the rwsem (optimistic spinning), and when they give up (docs/semantics.md)."""

from __future__ import annotations

import numpy as np

from .compiled import compiled
from .ownership import SPIN, SPIN_EACH, SPIN_HANDOFF, SPIN_READER, own_write, stop_readers_clock
from .scheduler import slice_over
from .state import (
    BY_READER,
    CLOCK_FROM,
    FLAGS,
    HANDOFF,
    HINT,
    N_THREADS,
    NONSPIN,
    NOW,
    NXT,
    OVERDUE,
    OVERDUES,
    READERS,
    SLICE_END,
    SPINNERS,
    SPINNING,
    STATUS,
    TIMES,
    WRITER_AT,
    Sim,
    at,
    fat,
    push,
    remove,
    schedule,
    set_due,
)  # fmt: skip
from .wait_list import queue_writer


@compiled
def may_spin(sm: Sim, i: int) -> bool:
    """The rules of optimistic spinning."""
    if sm.I[FLAGS + SPIN] == 0 or sm.I[HANDOFF] >= 0 or slice_over(sm, i):
        return False
    return bool(sm.I[HINT] != BY_READER or (sm.I[FLAGS + SPIN_READER] == 1 and sm.I[NONSPIN] == 0))


@compiled
def leave_spin_queue(sm: Sim, i: int) -> None:
    """Thread i spins no longer."""
    remove(sm, i)
    sm.I[SPINNERS] -= 1
    if sm.I[at(i) + STATUS] == OVERDUE:
        sm.I[OVERDUES] -= 1
    if sm.I[SPINNERS] == 0:
        stop_readers_clock(sm)


@compiled
def give_up(sm: Sim, i: int) -> None:
    """Thread i stops spinning: it queues and sleeps, unless its last try takes the lock."""
    leave_spin_queue(sm, i)
    set_due(sm, i, np.inf)
    if queue_writer(sm, i):
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
def meet_readers(sm: Sim) -> None:
    """Writers spin; if readers own the lock, they sleep, or (5.3 on) spin on for a limited time."""
    if sm.I[READERS] == 0:
        return
    if sm.I[FLAGS + SPIN_READER] == 0:
        all_give_up(sm)
    elif sm.F[TIMES + SPIN_EACH] > 0.0:
        start_own_clocks(sm)
    elif sm.due[sm.I[N_THREADS]] == np.inf:
        set_due(sm, sm.I[N_THREADS], sm.F[NOW] + min(25e3, 10e3 + 500.0 * sm.I[READERS]))


@compiled
def spin(sm: Sim, i: int) -> None:
    """Thread i joins the spin queue."""
    push(sm, sm.I[N_THREADS] + 1, i)
    sm.I[SPINNERS] += 1
    sm.I[at(i) + STATUS] = SPINNING
    sm.F[fat(i) + CLOCK_FROM] = -1.0
    set_due(sm, i, max(sm.F[NOW], sm.F[fat(i) + SLICE_END]))


@compiled
def spinner_takes(sm: Sim) -> None:
    """The first spinner has the freed lock, a line transfer later."""
    j = sm.I[at(sm.I[N_THREADS] + 1) + NXT]
    leave_spin_queue(sm, j)
    own_write(sm, j)
    schedule(sm, j, sm.F[TIMES + SPIN_HANDOFF])


@compiled
def spin_event(sm: Sim, i: int) -> None:
    """A spinner's slice, or its own clock, has come to its end."""
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
