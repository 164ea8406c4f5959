"""What each step of a program does to the state of a small system in which every time is exponential.

A second reading of docs/semantics.md that shares no code with the simulation's: see table_locks.py for the locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ..network import Op
from .table_locks import (
    downgrade,
    read_lock,
    spin_lock,
    spin_unlock,
    unlock,
    vma_read_unlock,
    vma_write_lock,
    vma_write_unlock,
    write_lock,
)  # fmt: skip
from .table_state import (
    BUMPED,
    HOLDS_PTE,
    LAST_SERVED,
    MARKS_VMA,
    READS_VMA,
    VALID,
    Instant,
    Others,
    State,
    Table,
    toss,
)  # fmt: skip

CYCLES, FAULTS, UPDATES, ATTEMPTS, CAUSES = range(5)
"""What is counted; CAUSES + c: aborts by cause c."""
COUNTED: dict[int, int] = {Op.FAULT_END: FAULTS, Op.UPDATE_END: UPDATES, Op.ATTEMPT: ATTEMPTS}
MOST_STEPS = 10_000
"""in one instant; more means that time stands still"""


def _time_passes(m: Instant, _i: int, s: int, _others: Others) -> None:
    """WORK, FLUSH."""
    if m.table.value[s] > 0:
        m.stop()


def _service_ns(m: Instant, i: int) -> float:
    """Mean service of thread i at the line that it is at."""
    s = m.pc[i]
    local = m.flags[i] & (LAST_SERVED << m.table.arg[s])
    return m.table.local_ns if local else m.table.value[s]


def _join_line(m: Instant, i: int, _s: int, _others: Others) -> None:
    """LINE."""
    ahead = m.queued(m.queue_of(i))
    if ahead or _service_ns(m, i) > 0:
        m.stop(ahead + 1)
    else:
        _served(m, i)


def _served(m: Instant, i: int) -> None:
    """Thread i was the last at its line."""
    bit = LAST_SERVED << m.table.arg[m.pc[i]]
    m.flags = [flags & ~bit for flags in m.flags]
    m.flags[i] |= bit


def _line_ends(m: Instant, i: int) -> None:
    """Thread i's turn at a line is over; and that of the next, if it takes no time."""
    queue = m.queue_of(i)
    while True:
        m.leave(i)
        _served(m, i)
        i = m.head(queue)
        if i < 0 or _service_ns(m, i) > 0:
            return


def _trylock(m: Instant, i: int, s: int, others: Others) -> None:
    """`value` is the chance that the table is the thread's own."""
    if m.table.contended:
        toss(m, 1 - m.table.value[s], others, partial(_try_shared, i=i, s=s))


def _try_shared(m: Instant, i: int, s: int) -> None:
    if m.holding(HOLDS_PTE, m.table.group[i]):
        _abort(m, i, s)
    else:
        m.flags[i] |= HOLDS_PTE


def _seq_read(m: Instant, i: int, s: int, _others: Others) -> None:
    k = m.table.arg[s]
    if m.holding(BUMPED << k) % 2:
        _abort(m, i, s)
    else:
        m.flags[i] |= VALID << k


def _seq_check(m: Instant, i: int, s: int, _others: Others) -> None:
    if not m.flags[i] & (VALID << m.table.arg[s]):
        _abort(m, i, s)


def _sequence_moves(m: Instant, k: int) -> None:
    """What anybody remembers of sequence k is out of date."""
    m.flags = [flags & ~(VALID << k) for flags in m.flags]


def _bump(m: Instant, i: int, k: int) -> None:
    m.flags[i] |= BUMPED << k
    _sequence_moves(m, k)


def _seq_odd(m: Instant, i: int, s: int, others: Others) -> None:
    toss(m, m.table.value[s], others, partial(_bump, i=i, k=m.table.arg[s]))


def _seq_even(m: Instant, i: int, s: int, _others: Others) -> None:
    k = m.table.arg[s]
    if m.flags[i] & (BUMPED << k):
        m.flags[i] &= ~(BUMPED << k)
        _sequence_moves(m, k)


def _vma_read_try(m: Instant, i: int, s: int, _others: Others) -> None:
    if m.holding(MARKS_VMA):
        _abort(m, i, s)
    else:
        m.flags[i] |= READS_VMA


def _abort(m: Instant, i: int, s: int) -> None:
    """Count the cause, let go of page table and VMA, go on at `fail`."""
    m.seen.append(CAUSES + m.table.cause[s])
    spin_unlock(m, i, s, [])
    if m.flags[i] & READS_VMA:
        vma_read_unlock(m, i, s, [])
    m.pc[i] = m.table.fail[s] - 1


def _chance(m: Instant, i: int, s: int, others: Others) -> None:
    toss(m, m.table.value[s], others, partial(_abort, i=i, s=s))


def _mark(m: Instant, _i: int, s: int, _others: Others) -> None:
    """FAULT_END, UPDATE_END, ATTEMPT: counted."""
    m.seen.append(COUNTED[m.table.op[s]])


def _nothing(_m: Instant, _i: int, _s: int, _others: Others) -> None:
    """FAULT_BEGIN, UPDATE_BEGIN."""


def _jump(m: Instant, i: int, s: int, _others: Others) -> None:
    m.pc[i] = m.table.arg[s] - 1


def _cycle_end(m: Instant, i: int, s: int, _others: Others) -> None:
    m.seen.append(CYCLES)
    m.pc[i] = m.table.arg[s] - 1


def _loop(m: Instant, i: int, s: int, _others: Others) -> None:
    m.loops[i] += 1
    if m.loops[i] < m.table.value[s] - 0.5:
        m.pc[i] = m.table.arg[s] - 1
    else:
        m.loops[i] = 0


def _every(m: Instant, i: int, s: int, _others: Others) -> None:
    m.turns[i] += 1
    if m.turns[i] < m.table.value[s] - 0.5:
        m.pc[i] = m.table.arg[s] - 1
    else:
        m.turns[i] = 0


Does = Callable[[Instant, int, int, Others], None]
DOES: dict[int, Does] = {
    Op.WORK: _time_passes, Op.FLUSH: _time_passes, Op.LINE: _join_line, Op.READ_LOCK: read_lock,
    Op.WRITE_LOCK: write_lock, Op.READ_UNLOCK: unlock, Op.WRITE_UNLOCK: unlock, Op.DOWNGRADE: downgrade,
    Op.SEQ_READ: _seq_read, Op.SEQ_CHECK: _seq_check, Op.SEQ_ODD: _seq_odd, Op.SEQ_EVEN: _seq_even,
    Op.TRYLOCK: _trylock, Op.SPIN_LOCK: spin_lock, Op.SPIN_UNLOCK: spin_unlock, Op.CHANCE: _chance,
    Op.FAULT_BEGIN: _nothing, Op.UPDATE_BEGIN: _nothing, Op.FAULT_END: _mark, Op.UPDATE_END: _mark,
    Op.ATTEMPT: _mark, Op.LOOP: _loop, Op.EVERY: _every, Op.JUMP: _jump, Op.CYCLE_END: _cycle_end,
    Op.VMA_READ_TRY: _vma_read_try, Op.VMA_READ_UNLOCK: vma_read_unlock, Op.VMA_WRITE_LOCK: vma_write_lock,
    Op.VMA_WRITE_UNLOCK: vma_write_unlock,
}  # fmt: skip
"""Every op."""


def settle(m: Instant) -> Iterator[Instant]:
    """All courses of an instant, each to where nobody can act any more."""
    others = [m]
    while others:
        m = others.pop()
        for _ in range(MOST_STEPS):
            if not m.ready:
                break
            i = m.ready[0]
            s = m.pc[i] = m.pc[i] + 1
            DOES[m.table.op[s]](m, i, s, others)
        else:
            raise ValueError("a thread goes round its program without any time passing")
        yield m


def moves(table: Table, state: State) -> Iterator[tuple[State, float, list[int]]]:
    """Every way out of a state: the next state, the rate per ns, and what is counted on the way."""
    now = Instant(table, state)
    alike = 1
    for i, thread in enumerate(state):
        if i + 1 < len(state) and state[i + 1] == thread and table.group[i + 1] == table.group[i]:
            alike += 1
            continue
        s, place = now.pc[i], now.place[i]
        if place > 1 or (place == 1 and table.op[s] != Op.LINE):
            continue
        m = now.copy()
        if place:
            mean = _service_ns(m, i)
            _line_ends(m, i)
        else:
            mean = table.value[s]
            m.ready = [i]
        for course in settle(m):
            yield course.packed(), alike * course.chance / mean, course.seen
        alike = 1
