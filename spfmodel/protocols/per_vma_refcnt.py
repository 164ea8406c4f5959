"""Per-VMA locks as a reference count, 6.15 on (Suren Baghdasaryan, 2025).

The rwsem has become a count inside the VMA itself: a fault adds one unless an update's bit is set, and takes it away
at the end. What excludes what, and for how long, is as in per_vma_lock; the atomics are as many, and fall on a line of
the VMA that lookups read, too. Since 6.17 MADV_DONTNEED also takes the VMA's lock for read, and no longer mmap_lock.
"""

from collections.abc import Iterable

from .mmap_sem import CLASSIC
from .per_vma_lock import UPDATE, attempt
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R


def without_mmap_lock(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Updates in which MADV_DONTNEED holds a VMA's count where it held mmap_lock for read."""
    count = {
        A.READ_LOCK: Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", ops=("madvise",), note="vma_start_read"),
        A.READ_UNLOCK: Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", ops=("madvise",), note="vma_end_read"),
    }
    return tuple(count.get(step.action, step) for step in steps)


PROTOCOL = Protocol(
    name="per_vma_refcnt",
    title="per-VMA locks of 6.15 on: a reference count in each VMA, only tried by faults",
    source="Baghdasaryan2025a, Linux 6.18",
    attempt=attempt("vma_start_read: count + 1, unless the writers' bit is set", "vma_end_read: count - 1"),
    classic=CLASSIC,
    update=without_mmap_lock(UPDATE),
    skips_single_threaded=False,
    notes=("Kernel-mode faults never try.",),
)
