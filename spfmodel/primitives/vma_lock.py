"""The lock of the VMA in which threads fault: only tried by faults, kept by updates (6.4 on).

A fault takes it for read or aborts. An update marks the VMA, waits for the faults that hold it, and keeps it
until it releases mmap_sem (docs/semantics.md). One update at a time: it holds mmap_sem for write.
"""

from __future__ import annotations

from .compiled import compiled
from .state import HOLDS_VMA, PTE_SPIN, STATUS, VMA_OWNER, VMA_READERS, VMA_WAITER, Sim, at, schedule


@compiled
def try_read(sm: Sim, i: int) -> bool:
    """True if thread i reads the VMA now; False: an update has it, or waits for it."""
    if sm.I[VMA_OWNER] >= 0:
        return False
    sm.I[VMA_READERS] += 1
    sm.I[at(i) + HOLDS_VMA] = 1
    return True


@compiled
def put_vma(sm: Sim, i: int) -> None:
    """Thread i reads it no longer; the last reader lets a waiting update on."""
    if sm.I[at(i) + HOLDS_VMA] == 0:
        return
    sm.I[at(i) + HOLDS_VMA] = 0
    sm.I[VMA_READERS] -= 1
    j = sm.I[VMA_WAITER]
    if sm.I[VMA_READERS] == 0 and j >= 0:
        sm.I[VMA_WAITER] = -1
        schedule(sm, j, 0.0)


@compiled
def mark_vma(sm: Sim, i: int) -> bool:
    """Thread i's update marks the VMA; False if it must wait for readers (it spins)."""
    sm.I[VMA_OWNER] = i
    if sm.I[VMA_READERS] == 0:
        return True
    sm.I[VMA_WAITER] = i
    sm.I[at(i) + STATUS] = PTE_SPIN
    return False


@compiled
def unmark_vma(sm: Sim, i: int) -> None:
    """Thread i's update lets go of the VMAs that it marked."""
    if sm.I[VMA_OWNER] == i:
        sm.I[VMA_OWNER] = -1
