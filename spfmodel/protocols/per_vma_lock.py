"""Per-VMA locks, 6.4 to 6.14 (Suren Baghdasaryan, 2023).

A fault finds its VMA under RCU and takes the VMA's rwsem for read, by one try: two atomics on the VMA's line, in place
of two on mmap_lock's. An update marks each VMA that it changes, having waited for the faults that read it, and leaves
it marked until it releases or downgrades mmap_lock. A fault that meets a mark falls back, and so waits for mmap_lock.
No sequence is checked, nothing is refused for what the VMA is (file and swap since 6.6 and 6.7), and the page-table
lock is an ordinary one. A process with one thread tries, too.
"""

from .mmap_sem import CLASSIC, WRITES, update
from .vocabulary import AbortCause as C
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R


def attempt(get: str, put: str) -> tuple[Step, ...]:
    """A fault under the lock of its VMA. get, put : what takes and releases it"""
    return (
        Step(action=A.WORK, cost="vma_walk_ns", note="maple-tree walk under RCU"),
        Step(
            action=A.VMA_READ_TRY,
            resource=R.VMA_LOCK,
            abort=C.VMA_LOCK_ABORT,
            note="marked by an update, or about to be",
        ),
        Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note=get),
        Step(
            action=A.CHANCE,
            cost="retry_share",
            abort=C.VMA_LOCK_RETRY,
            note="VM_FAULT_RETRY: the page must be waited for",
        ),
        Step(action=A.WORK, cost="fault_work_ns", note="allocate, clear and charge the page"),
        Step(action=A.LINE, resource=R.MEMORY_LINE, cost="memory_ns", note="zone, LRU, memcg, rss counters"),
        Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK),
        Step(action=A.WORK, cost="pte_commit_ns", note="set the PTE"),
        Step(action=A.SPIN_UNLOCK, resource=R.PTE_LOCK),
        Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note=put),
        Step(action=A.VMA_READ_UNLOCK, resource=R.VMA_LOCK),
    )


UPDATE = update(
    (Step(action=A.VMA_WRITE_LOCK, resource=R.VMA_LOCK, note="vma_start_write: once its readers are done"),),
    (Step(action=A.VMA_WRITE_UNLOCK, resource=R.VMA_LOCK, note="vma_end_write_all: mmap_lock's sequence moves on"),),
    late=WRITES,
)

PROTOCOL = Protocol(
    name="per_vma_lock",
    title="per-VMA locks of 6.4 to 6.14: a rwsem in each VMA, only tried by faults",
    source="Baghdasaryan2023a, Linux 6.12",
    attempt=attempt("vma_start_read: down_read_trylock", "vma_end_read: up_read"),
    classic=CLASSIC,
    update=UPDATE,
    skips_single_threaded=False,
    notes=(
        "6.4 to 6.9 also abort a VMA's first anonymous fault, 6.4 and 6.5 files and swap, 6.6 writes to files.",
        "Kernel-mode faults never try. vma_lock_miss (the VMA was replaced meanwhile) is counted, and no fallback.",
    ),
)
