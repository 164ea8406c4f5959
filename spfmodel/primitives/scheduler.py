"""CPUs and their one run queue: who runs, who waits for a CPU, who sleeps."""

from __future__ import annotations

from .compiled import compiled
from .state import (
    ASLEEP,
    BUSY,
    BUSY_NS,
    BUSY_SINCE,
    CPUS,
    N_THREADS,
    NOW,
    QUEUED,
    RNXT,
    RPRV,
    RUNNING,
    SLEEPS,
    SLICE_END,
    STATUS,
    SWITCHING,
    TIMES,
    Sim,
    at,
    fat,
    set_due,
)  # fmt: skip

SWITCH, SLICE = 4, 5
"""Indices after TIMES, in the order of `network.TIMES`."""


@compiled
def count_busy(sm: Sim) -> None:
    """Book the CPUs' time since the last change of their number."""
    now = sm.F[NOW]
    sm.F[BUSY_NS] += sm.I[BUSY] * (now - sm.F[BUSY_SINCE])
    sm.F[BUSY_SINCE] = now


@compiled
def slice_over(sm: Sim, i: int) -> bool:
    """Thread i has had its CPU for a slice or longer, and others queue."""
    n = sm.I[N_THREADS]
    return bool(sm.I[at(n) + RNXT] != n and sm.F[NOW] >= sm.F[fat(i) + SLICE_END])


@compiled
def queue_for_cpu(sm: Sim, i: int) -> None:
    """Thread i joins the run queue's tail."""
    head = sm.I[N_THREADS]
    sm.I[at(i) + STATUS] = QUEUED
    last = sm.I[at(head) + RPRV]
    sm.I[at(last) + RNXT] = i
    sm.I[at(i) + RPRV] = last
    sm.I[at(i) + RNXT] = head
    sm.I[at(head) + RPRV] = i


@compiled
def make_runnable(sm: Sim, i: int) -> bool:
    """Thread i wants a CPU: True if it has one now, else it queues."""
    if sm.I[BUSY] < sm.I[CPUS]:
        count_busy(sm)
        sm.I[BUSY] += 1
        sm.F[fat(i) + SLICE_END] = sm.F[NOW] + sm.F[TIMES + SLICE]
        sm.I[at(i) + STATUS] = RUNNING
        return True
    queue_for_cpu(sm, i)
    return False


@compiled
def give_up_cpu(sm: Sim) -> None:
    """The CPU takes the head of the run queue, whose slice begins now, or idles."""
    n = sm.I[N_THREADS]
    j = sm.I[at(n) + RNXT]
    if j == n:
        count_busy(sm)
        sm.I[BUSY] -= 1
        return
    after = sm.I[at(j) + RNXT]
    sm.I[at(n) + RNXT] = after
    sm.I[at(after) + RPRV] = n
    sm.F[fat(j) + SLICE_END] = sm.F[NOW] + sm.F[TIMES + SLICE]
    sm.I[at(j) + STATUS] = SWITCHING
    set_due(sm, j, sm.F[NOW] + sm.F[TIMES + SWITCH])


@compiled
def sleep(sm: Sim, i: int) -> None:
    """Thread i leaves its CPU until somebody wakes it."""
    sm.I[at(i) + STATUS] = ASLEEP
    sm.F[SLEEPS] += 1
    give_up_cpu(sm)


@compiled
def preempted(sm: Sim, i: int) -> bool:
    """At the return to user mode: a used-up slice goes to the run queue's tail, if others wait."""
    if not slice_over(sm, i):
        return False
    queue_for_cpu(sm, i)
    give_up_cpu(sm)
    return True
