"""What each step of a program does to the simulation's state (docs/semantics.md), compiled by numba."""

from __future__ import annotations

from math import log2

from ..network import Op
from ..primitives.chance import hold
from ..primitives.compiled import compiled
from ..primitives.hazard import aborted, make_even, make_odd
from ..primitives.ownership import STOP_EVERY
from ..primitives.pte_lock import lock_pte, try_pte, unlock_pte
from ..primitives.random_stream import uniform
from ..primitives.release import release_read, release_write
from ..primitives.rwsem import downgrade, request_read, request_write
from ..primitives.scheduler import preempted
from ..primitives.spin_queue import meet_readers
from ..primitives.state import (
    ATTEMPTS,
    BINS,
    BUSY,
    CAUSES,
    CYCLES,
    EXPECTED,
    FAULT_AT,
    FAULT_NS,
    FAULTS,
    FIRST_LINE,
    LATENCY,
    LINE_LOCAL,
    LINE_OWNERS,
    LINES_FREE,
    LOOPS,
    NOW,
    PAID_AT,
    PC,
    SEEN,
    SEQUENCES,
    SPINNERS,
    TIMES,
    TURNS,
    UPDATE_AT,
    UPDATE_NS,
    UPDATES,
    Sim,
    at,
    fat,
)  # fmt: skip
from ..primitives.vcpu import stopped_ns
from ..primitives.vma_lock import mark_vma, put_vma, try_read, unmark_vma

WORK, LINE, READ_LOCK, READ_UNLOCK, WRITE_LOCK, WRITE_UNLOCK, DOWNGRADE = (int(o) for o in list(Op)[:7])
SEQ_READ, SEQ_CHECK, SEQ_ODD, SEQ_EVEN, TRYLOCK, SPIN_LOCK, SPIN_UNLOCK = (int(o) for o in list(Op)[7:14])
CHANCE, FAULT_BEGIN, ATTEMPT, FAULT_END, UPDATE_BEGIN, UPDATE_END = (int(o) for o in list(Op)[14:20])
LOOP, JUMP, CYCLE_END, FLUSH = (int(o) for o in list(Op)[20:24])
VMA_READ_TRY, VMA_READ_UNLOCK, VMA_WRITE_LOCK, VMA_WRITE_UNLOCK, EVERY = (int(o) for o in list(Op)[24:])


@compiled
def serve_line(sm: Sim, i: int, s: int) -> float:
    """Time until thread i has had its turn at the line of step s."""
    line = sm.code[4 * s + 1]
    service = sm.F[LINE_LOCAL]
    if sm.I[LINE_OWNERS + line] != i:
        service = hold(sm, i, sm.num[2 * s], sm.num[2 * s + 1])
    sm.I[LINE_OWNERS + line] = i
    now = sm.F[NOW]
    start = max(now, sm.F[LINES_FREE + line])
    sm.F[LINES_FREE + line] = start + service
    sm.F[sm.I[FIRST_LINE] + line] += service
    return float(start + service - now)


@compiled
def fails(sm: Sim, i: int, s: int) -> bool:
    """Does the check of step s abort the attempt? (SEQ_READ, SEQ_CHECK, TRYLOCK, CHANCE, VMA_READ_TRY)"""
    op = sm.code[4 * s]
    k = sm.code[4 * s + 1]
    if op == SEQ_READ:
        sm.I[at(i) + SEEN + k] = sm.I[SEQUENCES + k]
        return bool(sm.I[SEQUENCES + k] % 2 == 1)
    if op == SEQ_CHECK:
        return bool(sm.I[SEQUENCES + k] != sm.I[at(i) + SEEN + k])
    if op == CHANCE:
        sm.F[EXPECTED + sm.code[4 * s + 3]] += sm.num[2 * s]
        return bool(uniform(sm, i) < sm.num[2 * s])
    if op == VMA_READ_TRY:
        return not try_read(sm, i)
    return not try_pte(sm, i, sm.num[2 * s])


@compiled
def abort(sm: Sim, i: int, s: int) -> None:
    """Count the cause, let go of page-table and VMA lock, go on at the classic path."""
    sm.F[CAUSES + sm.code[4 * s + 3]] += 1
    aborted(sm, i, s)
    unlock_pte(sm, i)
    put_vma(sm, i)
    sm.I[at(i) + PC] = sm.code[4 * s + 2]


@compiled
def end_fault(sm: Sim, i: int) -> None:
    """Book a fault and its time."""
    ns = sm.F[NOW] - sm.F[fat(i) + FAULT_AT]
    sm.F[FAULTS] += 1
    sm.F[FAULT_NS] += ns
    place = int(16.0 * log2(max(ns, 1.0)))
    sm.I[LATENCY + min(place, BINS - 1)] += 1


@compiled
def mark(sm: Sim, i: int, s: int) -> bool:
    """Marks and bookkeeping; False if thread i lost its CPU at the return to user mode."""
    op = sm.code[4 * s]
    if op == FAULT_BEGIN:
        sm.F[fat(i) + FAULT_AT] = sm.F[NOW]
    elif op == UPDATE_BEGIN:
        sm.F[fat(i) + UPDATE_AT] = sm.F[NOW]
    elif op == ATTEMPT:
        sm.F[ATTEMPTS] += 1
    elif op == LOOP:
        sm.F[fat(i) + LOOPS] += 1.0
        if sm.F[fat(i) + LOOPS] < sm.num[2 * s] - 0.5:
            sm.I[at(i) + PC] = sm.code[4 * s + 1]
        else:
            sm.F[fat(i) + LOOPS] = 0.0
    elif op == JUMP:
        sm.I[at(i) + PC] = sm.code[4 * s + 1]
    else:
        if op == FAULT_END:
            end_fault(sm, i)
        elif op == UPDATE_END:
            sm.F[UPDATES] += 1
            sm.F[UPDATE_NS] += sm.F[NOW] - sm.F[fat(i) + UPDATE_AT]
        else:
            sm.F[CYCLES] += 1
            sm.I[at(i) + PC] = sm.code[4 * s + 1]
        return not preempted(sm, i)
    return True


@compiled
def locking(sm: Sim, i: int, op: int) -> bool:
    """Steps on mmap_sem; False if thread i must wait."""
    goes_on = True
    if op == READ_LOCK:
        goes_on = request_read(sm, i)
    elif op == WRITE_LOCK:
        goes_on = request_write(sm, i)
    elif op == READ_UNLOCK:
        goes_on = release_read(sm, i)
    elif op == WRITE_UNLOCK:
        goes_on = release_write(sm, i)
    else:
        downgrade(sm, i)
    if sm.I[SPINNERS] > 0:
        meet_readers(sm)
    return goes_on


@compiled
def vma_step(sm: Sim, i: int, s: int) -> bool:
    """Steps on the VMA's own lock but the try, and EVERY; False if thread i must wait."""
    op = sm.code[4 * s]
    if op == EVERY:
        sm.F[fat(i) + TURNS] += 1.0
        if sm.F[fat(i) + TURNS] < sm.num[2 * s] - 0.5:
            sm.I[at(i) + PC] = sm.code[4 * s + 1]
        else:
            sm.F[fat(i) + TURNS] = 0.0
    elif op == VMA_READ_UNLOCK:
        put_vma(sm, i)
    elif op == VMA_WRITE_UNLOCK:
        unmark_vma(sm, i)
    elif sm.num[2 * s] >= 1.0 or uniform(sm, i) < sm.num[2 * s]:
        return mark_vma(sm, i)
    return True


@compiled
def instant(sm: Sim, i: int, s: int) -> bool:
    """All other steps that take no time; False if thread i must wait."""
    op = sm.code[4 * s]
    k = sm.code[4 * s + 1]
    if op == SEQ_ODD:
        make_odd(sm, i, k, sm.num[2 * s], sm.num[2 * s + 1])
    elif op == SEQ_EVEN:
        make_even(sm, i, k, sm.num[2 * s + 1])
    elif op == SPIN_LOCK:
        return lock_pte(sm, i, sm.num[2 * s])
    elif op == SPIN_UNLOCK:
        unlock_pte(sm, i)
    elif op > VMA_READ_TRY:
        return vma_step(sm, i, s)
    elif op == VMA_READ_TRY:
        if fails(sm, i, s):
            abort(sm, i, s)
    elif op >= FAULT_BEGIN:
        return mark(sm, i, s)
    elif fails(sm, i, s):
        abort(sm, i, s)
    return True


@compiled
def advance(sm: Sim, i: int) -> None:
    """Thread i, on a CPU, works off its program until time passes or it must wait."""
    while True:
        if sm.F[fat(i) + PAID_AT] > sm.F[NOW]:
            sm.due[i] = sm.F[fat(i) + PAID_AT]
            return
        s = sm.I[at(i) + PC]
        sm.I[at(i) + PC] = s + 1
        op = sm.code[4 * s]
        if op == WORK:
            work = hold(sm, i, sm.num[2 * s], sm.num[2 * s + 1])
            stopped = stopped_ns(sm, i, work) if sm.F[TIMES + STOP_EVERY] > 0.0 else 0.0
            sm.due[i] = sm.F[NOW] + work * sm.slowdown[sm.I[BUSY] - sm.I[SPINNERS]] + stopped
            return
        if op == LINE:
            sm.due[i] = sm.F[NOW] + serve_line(sm, i, s)
            return
        if op == FLUSH:
            sm.due[i] = sm.F[NOW] + hold(sm, i, sm.num[2 * s], sm.num[2 * s + 1]) * (sm.I[BUSY] - 1)
            return
        if op <= DOWNGRADE:
            if not locking(sm, i, op):
                return
        elif not instant(sm, i, s):
            return
