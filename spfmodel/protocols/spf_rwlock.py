"""Speculative page faults v6 to v10 (Laurent Dufour, January to April 2018).

The VMA is looked up under the read side of a per-mm rwlock, mm_rb_lock, and pinned by an atomic
reference count; its sequence count is read at the start and validated at the end; the page-table
lock is only tried. Whatever fails returns to the classic path, which re-uses the pinned VMA and
so skips find_vma. Updates make the VMA's sequence odd while they split, merge or resize it, mprotect
while it changes the page table, too; MADV_DONTNEED while it zaps.
"""

from .mmap_sem import CLASSIC, update
from .vocabulary import AbortCause as C
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

LOOKUP = (
    Step(action=A.LINE, resource=R.MM_RB_LINE, cost="line_ns", note="read_lock(mm_rb_lock)"),
    Step(action=A.WORK, cost="vma_walk_ns", note="rb-tree walk"),
    Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note="get_vma: reference count + 1"),
    Step(action=A.LINE, resource=R.MM_RB_LINE, cost="line_ns", note="read_unlock(mm_rb_lock)"),
)
REFUSED = Step(
    action=A.LINE, resource=R.MMAP_LINE, cost="refused_ns", note="of a kind that it refuses: mm is read again"
)
SECTION = (
    Step(action=A.SEQ_READ, resource=R.VMA_SEQ, abort=C.VMA_CHANGED, note="odd: being changed"),
    Step(action=A.CHANCE, cost="notsup_share", abort=C.VMA_NOTSUP, note="vm_ops, userfaultfd, growing stack"),
    Step(action=A.CHANCE, cost="new_vma_share", abort=C.VMA_NOTSUP, note="no anon_vma yet: traced as notsup"),
    Step(action=A.CHANCE, cost="new_pmd_share", abort=C.VMA_NOTSUP, note="page-table level missing or huge"),
    Step(action=A.WORK, cost="speculative_work_ns", note="walk, allocate, clear and charge the page"),
    Step(action=A.LINE, resource=R.MEMORY_LINE, cost="memory_ns", note="zone, LRU, memcg, rss counters"),
    Step(action=A.SEQ_CHECK, resource=R.VMA_SEQ, abort=C.VMA_CHANGED, note="IRQs off; moved or unlinked"),
    Step(action=A.CHANCE, cost="collapse_share", abort=C.PMD_CHANGED, note="khugepaged at work"),
)
"""From the lookup to the page-table lock; the same in v1 to v12."""
COMMIT = (
    Step(action=A.SEQ_CHECK, resource=R.VMA_SEQ, abort=C.VMA_CHANGED, note="again under the lock"),
    Step(action=A.WORK, cost="pte_commit_ns", note="set the PTE, IRQs on"),
    Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK),
)
"""Under the page-table lock."""
TRY = Step(action=A.TRYLOCK, resource=R.PTE_LOCK, abort=C.PTE_LOCK, note="one try, IRQs off")
PUT = Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note="put_vma")

LINKS = ("mmap", "munmap", "brk_down")
"""Operations that link a VMA into the tree, or erase one; growth merges, mprotect of a whole VMA changes flags."""


def sequenced(link: Step) -> tuple[Step, ...]:
    """The updates of v6 to v12: what makes the VMA's sequence odd, and the write side of the lookup."""
    odd = Step(action=A.SEQ_ODD, resource=R.VMA_SEQ, note="vm_write_begin")
    even = Step(action=A.SEQ_EVEN, resource=R.VMA_SEQ, note="vm_write_end")
    return update((odd,), (even, link), late=("mprotect",), zapping=(odd, even))


PROTOCOL = Protocol(
    name="spf_rwlock",
    title="speculative page faults v6 to v10: mm_rb rwlock, VMA reference count, per-VMA sequence",
    source="Dufour2018a (v6), Dufour2018b (v8), Dufour2018c (v9), Dufour2018d (v10)",
    attempt=(*LOOKUP, REFUSED, *SECTION, TRY, *COMMIT, PUT),
    classic=CLASSIC,
    fallback=(
        *(step for step in CLASSIC if step.cost != "vma_walk_ns"),
        Step(
            action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note="put_vma, at the end: the pinned VMA was re-used"
        ),
    ),
    update=sequenced(
        Step(
            action=A.LINE,
            resource=R.MM_RB_LINE,
            cost="mm_rb_write_ns",
            ops=LINKS,
            note="link or erase under mm_rb_lock",
        )
    ),
    refuses=("file", "shared"),
    notes=(
        "v11 loops on the page-table lock instead of aborting, and looks the VMA up again: spf_rwlock_v11.",
        "Kernel-mode faults never try: they are counted nowhere and always take mmap_sem.",
    ),
)
