"""The simulation's loop: one event after another, compiled by numba.

Reads a network's arrays by docs/semantics.md. A calendar pop is one event; steps that take no
time are worked off within it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled, compiled_entry
from ..primitives.ownership import account
from ..primitives.random_stream import uniform
from ..primitives.rwsem import resume
from ..primitives.scheduler import count_busy, make_runnable
from ..primitives.spin_queue import all_give_up, overdue_give_up, spin_event
from ..primitives.state import (
    BINS,
    CYCLES,
    LATENCY,
    N_THREADS,
    NONSPIN,
    NOW,
    OVERDUE,
    OVERDUES,
    PC,
    RETRY,
    RUNNING,
    SPINNING,
    STATUS,
    SUMS_END,
    WAKING,
    Sim,
    at,
    fix,
    in_place,
    schedule,
)  # fmt: skip
from .steps import advance


@compiled
def event(sm: Sim, i: int) -> None:
    """Row i's event has come. Row N: readers have owned the lock for long, and nobody spins on them any more."""
    if i == sm.I[N_THREADS]:
        sm.I[NONSPIN] = 1
        all_give_up(sm)
        return
    status = sm.I[at(i) + STATUS]
    if status in (SPINNING, OVERDUE):
        spin_event(sm, i)
        return
    if status == WAKING and not make_runnable(sm, i):
        if sm.I[OVERDUES] > 0:
            overdue_give_up(sm)
        return
    sm.I[at(i) + STATUS] = RUNNING
    if sm.I[at(i) + RETRY] == 0 or resume(sm, i):
        advance(sm, i)


@compiled
def start(sm: Sim, entry: NDArray[np.int32], stagger_ns: float) -> None:
    """All threads become runnable; who gets a CPU begins at a random moment within `stagger_ns`."""
    for i in range(entry.size):
        sm.I[at(i) + PC] = entry[i]
        if make_runnable(sm, i):
            schedule(sm, i, stagger_ns * uniform(sm, i))


@compiled
def book(sm: Sim, out: NDArray[np.float64], batch: int) -> None:
    """Write down the tally, and the clock last."""
    account(sm)
    count_busy(sm)
    for k in range(CYCLES, SUMS_END):
        out[batch, k - CYCLES] = sm.F[k]
    out[batch, SUMS_END - CYCLES] = sm.F[NOW]


@compiled_entry
def run(arrays: Sim, entry: NDArray[np.int32], stagger_ns: float, per_batch: int, out: NDArray[np.float64]) -> None:
    """Simulate out.shape[0] - 1 batches; out[b]: the tally (and the clock, last) after b of them."""
    sm = in_place(arrays)
    start(sm, entry, stagger_ns)
    for batch in range(1, out.shape[0]):
        for _ in range(per_batch):
            i = sm.tree[1]
            sm.F[NOW] = sm.due[i]
            sm.due[i] = np.inf
            event(sm, i)
            fix(sm, i)
        book(sm, out, batch)
        if batch == out.shape[0] // 10:
            for k in range(BINS):
                sm.I[LATENCY + k] = 0
