"""Speculative page faults v12 (Laurent Dufour, April 2019).

The VMA is looked up under RCU and validated against a sequence count of the mm that link and erase bump: no write to
a line of the mm. The atomic reference count stays, two atomics a fault on the VMA's line. The page-table lock is waited
for as in v11. Only VMAs with a fault method are refused; swap-in does without readahead.
"""

from .mmap_sem import CLASSIC
from .spf_rwlock import COMMIT, LINKS, PUT, SECTION, sequenced
from .spf_rwlock_v11 import LOOP, PUT_FIRST
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

PROTOCOL = Protocol(
    name="spf_rcu",
    title="speculative page faults v12: lookup under RCU, VMA reference count, per-VMA sequence",
    source="Dufour2019a (v12)",
    attempt=(
        Step(action=A.WORK, cost="vma_walk_ns", note="find_vma under RCU; again if the mm's seqlock moved"),
        Step(action=A.LINE, resource=R.VMA_LINE, cost="line_ns", note="get_vma: reference count + 1"),
        *SECTION,
        LOOP,
        *COMMIT,
        PUT,
    ),
    classic=CLASSIC,
    fallback=(PUT_FIRST, *CLASSIC),
    update=sequenced(
        Step(action=A.LINE, resource=R.MM_RB_LINE, cost="line_ns", ops=LINKS, note="write_seqlock: link or erase")
    ),
    refuses=("file", "shared"),
    notes=(
        "A refused fault has written no line that all threads share: the lookup is under RCU, the count is the VMA's.",
        "A lookup that meets a link or an erase loops; it does not abort, and the loop is not counted as time.",
    ),
)
