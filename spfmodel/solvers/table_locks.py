"""The locks of a small system in which every time is exponential: mmap_sem, page tables, the VMA's own.

The textbook lock: first come, first served, and waiters keep their CPUs. The thread that acts is the first in
`ready`; each function is what one `Op` does: `m` the threads, `i` who acts, `s` its step, `others` further courses.
"""

from __future__ import annotations

from functools import partial

from ..network import Op
from .table_state import (
    HOLDS_PTE,
    MARKS_VMA,
    MMAP_SEM,
    PTE_LOCKS,
    READS,
    READS_VMA,
    VMA_LOCK,
    WRITES,
    Instant,
    Others,
    toss,
)  # fmt: skip


def read_lock(m: Instant, i: int, _s: int, _others: Others) -> None:
    """READ_LOCK: granted if nobody writes or waits."""
    ahead = m.queued(MMAP_SEM)
    if ahead or m.holding(WRITES):
        m.stop(ahead + 1)
    else:
        m.flags[i] |= READS


def write_lock(m: Instant, i: int, _s: int, _others: Others) -> None:
    """WRITE_LOCK: granted if nobody has the lock or waits."""
    ahead = m.queued(MMAP_SEM)
    if ahead or m.holding(READS | WRITES):
        m.stop(ahead + 1)
    else:
        m.flags[i] |= WRITES


def _grant(m: Instant) -> None:
    """The queue's head gets the lock if it may: a writer alone, readers together."""
    while (j := m.head(MMAP_SEM)) >= 0:
        writes = m.table.op[m.pc[j]] == Op.WRITE_LOCK
        if m.holding(READS | WRITES if writes else WRITES):
            return
        m.leave(j)
        m.flags[j] |= WRITES if writes else READS


def unlock(m: Instant, i: int, _s: int, _others: Others) -> None:
    """READ_UNLOCK, WRITE_UNLOCK."""
    m.flags[i] &= ~(READS | WRITES)
    _grant(m)


def downgrade(m: Instant, i: int, _s: int, _others: Others) -> None:
    """DOWNGRADE: the writer becomes a reader, where the rules have it."""
    if m.table.downgrade:
        m.flags[i] += READS - WRITES
        _grant(m)


def spin_lock(m: Instant, i: int, s: int, others: Others) -> None:
    """SPIN_LOCK: `value` is the chance that the page table is the thread's own."""
    if m.table.contended:
        toss(m, 1 - m.table.value[s], others, partial(_lock_shared, i=i))


def _lock_shared(m: Instant, i: int) -> None:
    if m.holding(HOLDS_PTE, m.table.group[i]):
        m.stop(m.queued(m.queue_of(i)) + 1)
    else:
        m.flags[i] |= HOLDS_PTE


def spin_unlock(m: Instant, i: int, _s: int, _others: Others) -> None:
    """SPIN_UNLOCK: the next in line has the lock at once."""
    if m.flags[i] & HOLDS_PTE:
        m.flags[i] &= ~HOLDS_PTE
        heir = m.head(PTE_LOCKS + m.table.group[i])
        if heir >= 0:
            m.leave(heir)
            m.flags[heir] |= HOLDS_PTE


def vma_read_unlock(m: Instant, i: int, _s: int, _others: Others) -> None:
    """VMA_READ_UNLOCK: the last reader lets a waiting update on."""
    m.flags[i] &= ~READS_VMA
    j = m.head(VMA_LOCK)
    if j >= 0 and not m.holding(READS_VMA):
        m.leave(j)


def vma_write_lock(m: Instant, i: int, s: int, others: Others) -> None:
    """VMA_WRITE_LOCK: `value` is the chance that it is the VMA in which threads fault."""
    toss(m, m.table.value[s], others, partial(_mark_vma, i=i))


def _mark_vma(m: Instant, i: int) -> None:
    """An update marks the VMA and waits for its readers."""
    m.flags[i] |= MARKS_VMA
    if m.holding(READS_VMA):
        m.stop(1)


def vma_write_unlock(m: Instant, i: int, _s: int, _others: Others) -> None:
    """VMA_WRITE_UNLOCK."""
    m.flags[i] &= ~MARKS_VMA
