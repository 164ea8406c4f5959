"""CPUs and their one run queue: who runs, who waits for a CPU, who sleeps."""

from __future__ import annotations

from numba import njit

from .state import (
    ASLEEP, BUSY, BUSY_NS, BUSY_SINCE, CPUS, N_THREADS, NOW, QUEUED, RNXT, RUNNING, SLEEPS, SLICE_END,
    STATUS, SWITCHING, TIMES, Sim, at, fat, push, remove, schedule,
)  # fmt: skip

SWITCH, SLICE = 4, 5
"""Indices after TIMES, in the order of `network.TIMES`."""


@njit(cache=True)
def count_busy(sm: Sim, change: int) -> None:
    """A CPU becomes busy (+1) or idle (-1)."""
    now = sm.F[NOW]
    sm.F[BUSY_NS] += sm.I[BUSY] * (now - sm.F[BUSY_SINCE])
    sm.F[BUSY_SINCE] = now
    sm.I[BUSY] += change


@njit(cache=True)
def others_queue(sm: Sim) -> bool:
    """Somebody waits for a CPU."""
    n = sm.I[N_THREADS]
    return sm.I[at(n) + RNXT] != n


@njit(cache=True)
def make_runnable(sm: Sim, i: int) -> bool:
    """Thread i wants a CPU: True if it has one now, else it queues."""
    if sm.I[BUSY] < sm.I[CPUS]:
        count_busy(sm, 1)
        sm.F[fat(i) + SLICE_END] = sm.F[NOW] + sm.F[TIMES + SLICE]
        sm.I[at(i) + STATUS] = RUNNING
        return True
    sm.I[at(i) + STATUS] = QUEUED
    push(sm, RNXT, sm.I[N_THREADS], i)
    return False


@njit(cache=True)
def give_up_cpu(sm: Sim) -> None:
    """The CPU takes the head of the run queue, or idles."""
    n = sm.I[N_THREADS]
    j = sm.I[at(n) + RNXT]
    if j == n:
        count_busy(sm, -1)
        return
    remove(sm, RNXT, j)
    sm.F[fat(j) + SLICE_END] = sm.F[NOW] + sm.F[TIMES + SWITCH] + sm.F[TIMES + SLICE]
    schedule(sm, j, sm.F[TIMES + SWITCH], SWITCHING)


@njit(cache=True)
def sleep(sm: Sim, i: int) -> None:
    """Thread i leaves its CPU until somebody wakes it."""
    sm.I[at(i) + STATUS] = ASLEEP
    sm.F[SLEEPS] += 1
    give_up_cpu(sm)


@njit(cache=True)
def preempted(sm: Sim, i: int) -> bool:
    """At the return to user mode: a used-up slice goes to the run queue's tail, if others wait."""
    if sm.F[NOW] < sm.F[fat(i) + SLICE_END] or not others_queue(sm):
        return False
    sm.I[at(i) + STATUS] = QUEUED
    push(sm, RNXT, sm.I[N_THREADS], i)
    give_up_cpu(sm)
    return True
