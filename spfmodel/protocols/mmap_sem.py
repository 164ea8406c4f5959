"""The classic path: every fault reads mmap_sem, every update writes it.

arch/x86/mm/fault.c and mm/memory.c before any speculation: down_read on the mm-wide rwsem
(an atomic on its line), find_vma, handle_mm_fault, up_read (a second atomic). An update holds
the rwsem for write from the system call's start to its end; since 4.20 munmap and brk turn that
into a read hold for the unmapping.
"""

from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

CLASSIC = (
    Step(action=A.LINE, resource=R.MMAP_LINE, cost="line_ns", note="down_read: atomic add on mmap_sem"),
    Step(action=A.READ_LOCK, resource=R.MMAP_SEM, note="waits behind writers, by the rwsem of the era"),
    Step(action=A.WORK, cost="vma_walk_ns", note="find_vma"),
    Step(action=A.WORK, cost="fault_work_ns", note="allocate, clear and charge the page"),
    Step(action=A.LINE, resource=R.MEMORY_LINE, cost="memory_ns", note="zone, LRU, memcg, rss counters"),
    Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK),
    Step(action=A.WORK, cost="pte_commit_ns", note="set the PTE"),
    Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK),
    Step(action=A.LINE, resource=R.MMAP_LINE, cost="line_ns", note="up_read"),
    Step(action=A.READ_UNLOCK, resource=R.MMAP_SEM),
)
"""A fault under mmap_sem; also the fallback of every speculative protocol."""

UNMAPS = ("munmap", "brk_down")


def update(before: tuple[Step, ...], after: tuple[Step, ...], whole: bool = False) -> tuple[Step, ...]:
    """An update's steps, with what a protocol adds around the part that changes VMAs.

    before, after : the added steps; whole : they surround the whole write hold
    """
    change = (
        Step(action=A.WORK, cost="{op}_before_ns", note="find the place, account, allocate"),
        *(() if whole else before),
        Step(action=A.WORK, cost="{op}_adjust_ns", note="split, merge or resize the VMA"),
        *(() if whole else after),
    )
    end = after if whole else ()
    unmap = (
        *(Step(action=s.action, resource=s.resource, cost=s.cost, ops=UNMAPS, note=s.note) for s in end),
        Step(action=A.DOWNGRADE, resource=R.MMAP_SEM, ops=UNMAPS, note="4.20 on"),
        Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK, ops=UNMAPS, note="zap"),
        Step(action=A.WORK, cost="{op}_zap_ns", ops=UNMAPS, note="clear PTEs"),
        Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK, ops=UNMAPS),
    )
    keeps = tuple(
        Step(action=s.action, resource=s.resource, cost=s.cost, ops=("mmap", "brk_up", "mprotect"), note=s.note)
        for s in end
    )
    return (
        Step(action=A.WORK, cost="syscall_ns", note="system call entry and exit"),
        Step(action=A.WRITE_LOCK, resource=R.MMAP_SEM),
        *(before if whole else ()),
        *change,
        *unmap,
        Step(action=A.WORK, cost="{op}_after_ns", note="flush TLBs, free tables and pages"),
        *keeps,
        Step(action=A.WRITE_UNLOCK, resource=R.MMAP_SEM),
    )


PROTOCOL = Protocol(
    name="mmap_sem",
    title="every fault under mmap_sem (the kernel as it was)",
    source="arch/x86/mm/fault.c, mm/mmap.c, Linux 4.14 to 6.3",
    classic=CLASSIC,
    update=update((), ()),
)
