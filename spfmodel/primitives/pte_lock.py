"""The spinlock of a page-table page: waited for, or only tried (docs/semantics.md)."""

from __future__ import annotations

from .compiled import compiled
from .random_stream import uniform
from .state import HOLDS_PTE, N_THREADS, NXT, PER_TABLE, PTE_OWNER, PTE_SPIN, STATUS, Sim, at, push, remove, schedule


@compiled
def pte_head(sm: Sim, i: int) -> int:
    """The row of thread i's page-table lock."""
    return int(sm.I[N_THREADS] + 2 + i // sm.I[PER_TABLE])


@compiled
def unlock_pte(sm: Sim, i: int) -> None:
    """Hand thread i's page-table lock to the next spinner, if any; nothing if the table was its own."""
    if sm.I[at(i) + HOLDS_PTE] == 0:
        return
    sentinel = pte_head(sm, i)
    sm.I[at(i) + HOLDS_PTE] = 0
    j = sm.I[at(sentinel) + NXT]
    if j == sentinel:
        sm.I[at(sentinel) + PTE_OWNER] = -1
        return
    remove(sm, j)
    sm.I[at(sentinel) + PTE_OWNER] = j
    sm.I[at(j) + HOLDS_PTE] = 1
    schedule(sm, j, 0.0)


@compiled
def own_table(sm: Sim, i: int, chance: float) -> bool:
    """Does this page lie in a page table that no other thread uses?"""
    return bool(chance > 0.0 and uniform(sm, i) < chance)


@compiled
def lock_pte(sm: Sim, i: int, own_chance: float) -> bool:
    """Spin for the page-table lock; True if it was free."""
    if own_table(sm, i, own_chance):
        return True
    sentinel = pte_head(sm, i)
    if sm.I[at(sentinel) + PTE_OWNER] < 0:
        sm.I[at(sentinel) + PTE_OWNER] = i
        sm.I[at(i) + HOLDS_PTE] = 1
        return True
    push(sm, sentinel, i)
    sm.I[at(i) + STATUS] = PTE_SPIN
    return False


@compiled
def try_pte(sm: Sim, i: int, own_chance: float) -> bool:
    """Take the page-table lock if it is free; True if thread i may go on."""
    if own_table(sm, i, own_chance):
        return True
    sentinel = pte_head(sm, i)
    if sm.I[at(sentinel) + PTE_OWNER] >= 0:
        return False
    sm.I[at(sentinel) + PTE_OWNER] = i
    sm.I[at(i) + HOLDS_PTE] = 1
    return True
