"""No lock at all in the fault path: the bound that no protocol can beat.

Faults take neither mmap_sem nor a reference nor a sequence; updates still exclude each other
under mmap_sem. What is left shared (the allocator, the LRU, counters) stays.
"""

from .mmap_sem import update
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

PROTOCOL = Protocol(
    name="ideal",
    title="no lock in the fault path (the upper bound)",
    source="thought experiment",
    classic=(
        Step(action=A.WORK, cost="vma_walk_ns", note="find_vma"),
        Step(action=A.WORK, cost="fault_work_ns", note="allocate, clear and charge the page"),
        Step(action=A.LINE, resource=R.MEMORY_LINE, cost="memory_ns", note="zone, LRU, memcg, rss counters"),
        Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK),
        Step(action=A.WORK, cost="pte_commit_ns", note="set the PTE"),
        Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK),
    ),
    update=update(),
)
