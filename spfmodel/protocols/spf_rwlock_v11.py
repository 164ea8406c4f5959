"""Speculative page faults v11 (Laurent Dufour, May 2018).

As v6 to v10 (spf_rwlock), but for two things. The page-table lock is tried in a loop that lets interrupts in
between two tries: an attempt waits for it, and there is no event for it any more. And a fault that falls back puts
its reference at once and looks the VMA up again under mmap_sem.
"""

from .mmap_sem import CLASSIC
from .spf_rwlock import COMMIT, LOOKUP, PUT, REFUSED, SECTION
from .spf_rwlock import PROTOCOL as V10
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

LOOP = Step(action=A.SPIN_LOCK, resource=R.PTE_LOCK, note="try, IRQs on, try again: as long as it takes")
PUT_FIRST = Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note="put_vma: the pinned VMA is not re-used")

PROTOCOL = Protocol(
    name="spf_rwlock_v11",
    title="speculative page faults v11: as v6 to v10, but waits for the page-table lock, and looks up again",
    source="Dufour2018e (v11)",
    attempt=(*LOOKUP, REFUSED, *SECTION, LOOP, *COMMIT, PUT),
    classic=CLASSIC,
    fallback=(PUT_FIRST, *CLASSIC),
    update=V10.update,
    refuses=V10.refuses,
    notes=("The event pte_lock is gone; a busy page-table lock costs time instead.",),
)
