"""Speculative page faults by Michel Lespinasse (RFC April 2021, v2 January 2022).

One sequence count per mm, odd while anybody holds mmap_lock for write; the VMA is copied under
RCU, so that the fault path writes no shared line. Any update anywhere in the mm aborts every
fault in flight.
"""

from .mmap_sem import CLASSIC, update
from .vocabulary import AbortCause as C
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

ATTEMPT = (
    Step(action=A.SEQ_READ, resource=R.MM_SEQ, abort=C.SPF_ABORT_ODD, note="odd at the start: never spins"),
    Step(action=A.WORK, cost="vma_walk_ns", note="RCU tree walk, the VMA is copied"),
    Step(action=A.CHANCE, cost="notsup_share", abort=C.SPF_ABORT_NO_SPECULATE, note="not anonymous"),
    Step(action=A.SEQ_CHECK, resource=R.MM_SEQ, abort=C.SPF_ABORT_VMA_COPY, note="is the copy good?"),
    Step(action=A.CHANCE, cost="new_pmd_share", abort=C.SPF_ABORT_PMD, note="page-table level missing"),
    Step(action=A.CHANCE, cost="new_vma_share", abort=C.SPF_ABORT_ANON_VMA, note="first fault of an anonymous VMA"),
    Step(action=A.WORK, cost="speculative_work_ns", note="allocate, clear and charge the page"),
    Step(action=A.LINE, resource=R.MEMORY_LINE, cost="memory_ns", note="zone, LRU, memcg, rss counters"),
    Step(action=A.SEQ_CHECK, resource=R.MM_SEQ, abort=C.SPF_ABORT_PTE_MAP_LOCK_SEQ1, note="IRQs off"),
    Step(action=A.CHANCE, cost="collapse_share", abort=C.SPF_ABORT_PTE_MAP_LOCK_PMD, note="khugepaged"),
    Step(action=A.TRYLOCK, resource=R.PTE_LOCK, abort=C.SPF_ABORT_PTE_MAP_LOCK_PTL, note="one try"),
    Step(action=A.SEQ_CHECK, resource=R.MM_SEQ, abort=C.SPF_ABORT_PTE_MAP_LOCK_SEQ2, note="under the lock"),
    Step(action=A.WORK, cost="pte_commit_ns", note="set the PTE, IRQs on"),
    Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK),
)

PROTOCOL = Protocol(
    name="spf_mmseq",
    title="speculative page faults with one sequence count per mm (Lespinasse)",
    source="Lespinasse2021a",
    attempt=ATTEMPT,
    classic=CLASSIC,
    update=update(
        (Step(action=A.SEQ_ODD, resource=R.MM_SEQ, note="mmap_write_lock"),),
        (Step(action=A.SEQ_EVEN, resource=R.MM_SEQ, note="mmap_write_unlock or downgrade"),),
        whole=True,
    ),
    refuses=("file", "shared", "swap"),
    notes=(
        "Swap-in aborts always in v2 (counted by the kernel as spf_abort_swap, here with spf_abort_no_speculate).",
        "MADV_DONTNEED holds mmap_lock for read: it moves no sequence.",
    ),
)
