"""The classic path: every fault reads mmap_sem, every update writes it.

arch/x86/mm/fault.c and mm/memory.c before any speculation: down_read on the mm-wide rwsem
(an atomic on its line), find_vma, handle_mm_fault, up_read (a second atomic). An update holds
the rwsem for write from the system call's start to its end; since 4.20 munmap and brk turn that
into a read hold for the unmapping.
"""

from collections.abc import Iterable
from dataclasses import replace

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
KEEPS = ("mmap", "brk_up", "mprotect")
WRITES = (*KEEPS, *UNMAPS)
"""Operations that hold mmap_sem for write; madvise(MADV_DONTNEED) holds it for read."""


def only(steps: Iterable[Step], ops: tuple[str, ...]) -> tuple[Step, ...]:
    """The steps, for these operations alone; a step that is for some only stays so."""
    mine = ((step, tuple(op for op in ops if not step.ops or op in step.ops)) for step in steps)
    return tuple(replace(step, ops=left) for step, left in mine if left)


def zap(ops: tuple[str, ...]) -> tuple[Step, ...]:
    """Clear PTEs under the page-table lock, then flush the other CPUs' TLBs."""
    steps = (
        Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK, note="zap"),
        Step(action=A.WORK, cost="{op}_zap_ns", note="clear PTEs"),
        Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK),
    )
    return only(steps, ops)


FLUSH = Step(action=A.FLUSH, cost="{op}_flush_ns", ops=(*UNMAPS, "mprotect", "madvise"), note="TLB shootdown")


def update(
    before: tuple[Step, ...] = (),
    after: tuple[Step, ...] = (),
    *,
    whole: bool = False,
    late: tuple[str, ...] = (),
    zapping: tuple[Step, Step] | None = None,
    freeing: tuple[Step, ...] = (),
) -> tuple[Step, ...]:
    """An update's steps, with what a protocol adds around the part that changes VMAs.

    before, after : the added steps; whole : they surround the whole write hold; late : operations in which `after`
    comes at the end of the write hold only; zapping : what is added around the zap of MADV_DONTNEED, which
    changes no VMA; freeing : what is added where the VMAs are freed, at the end of the hold
    """
    late = WRITES if whole else late
    around = ((), ()) if zapping is None else ((zapping[0],), (zapping[1],))
    return (
        Step(action=A.WORK, cost="syscall_ns", note="system call entry and exit"),
        *only((Step(action=A.WRITE_LOCK, resource=R.MMAP_SEM), *(before if whole else ())), WRITES),
        *only((Step(action=A.WORK, cost="{op}_before_ns", note="find the place, account, allocate"),), WRITES),
        *only(() if whole else before, WRITES),
        *only((Step(action=A.WORK, cost="{op}_adjust_ns", note="split, merge or resize the VMA"),), WRITES),
        *only(after, tuple(op for op in WRITES if op not in late)),
        *only(after, tuple(op for op in UNMAPS if op in late)),
        Step(action=A.DOWNGRADE, resource=R.MMAP_SEM, ops=UNMAPS, note="4.20 on"),
        Step(action=A.READ_LOCK, resource=R.MMAP_SEM, ops=("madvise",)),
        *only(around[0], ("madvise",)),
        *zap((*UNMAPS, "madvise")),
        *only(around[1], ("madvise",)),
        FLUSH,
        Step(action=A.WORK, cost="{op}_after_ns", note="flush this TLB, free tables and pages"),
        *only(after, tuple(op for op in KEEPS if op in late)),
        *only(freeing, WRITES),
        Step(action=A.READ_UNLOCK, resource=R.MMAP_SEM, ops=("madvise",)),
        Step(action=A.WRITE_UNLOCK, resource=R.MMAP_SEM, ops=WRITES),
    )


PROTOCOL = Protocol(
    name="mmap_sem",
    title="every fault under mmap_sem (the kernel as it was)",
    source="arch/x86/mm/fault.c, mm/mmap.c, Linux 4.14 to 6.3",
    classic=CLASSIC,
    update=update(),
)
