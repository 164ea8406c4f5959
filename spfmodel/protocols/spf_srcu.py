"""Speculative page faults, RFC v1 to v5 (Peter Zijlstra 2014; Laurent Dufour 2016 to October 2017).

The walk to the VMA runs in a read section of SRCU, retried against the mm's seqlock; nothing pins the VMA but the
section, so the fault path writes no shared line. Every VMA that an update frees goes through call_srcu, and its page
comes back a grace period later. Single-threaded processes try, too: they pay and gain nothing (Wang2017a).
"""

from .mmap_sem import CLASSIC, WRITES, update
from .spf_rwlock import COMMIT, LINKS, SECTION, TRY
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

ODD = Step(action=A.SEQ_ODD, resource=R.VMA_SEQ, note="write_seqcount_begin")
EVEN = Step(action=A.SEQ_EVEN, resource=R.VMA_SEQ, note="write_seqcount_end")
LINK = Step(action=A.LINE, resource=R.MM_RB_LINE, cost="line_ns", ops=LINKS, note="write_seqlock: link or erase")

PROTOCOL = Protocol(
    name="spf_srcu",
    title="speculative page faults v1 to v5: lookup under SRCU, per-VMA sequence",
    source="Zijlstra2014a, Dufour2017b (RFC v5), Dufour2017d (v1) to Dufour2017g (v4), Wang2017a (v5)",
    attempt=(
        Step(action=A.WORK, cost="srcu_read_ns", note="srcu_read_lock and unlock: per-CPU counts, two barriers"),
        Step(action=A.WORK, cost="vma_walk_ns", note="rb-tree walk; again if the mm's seqlock moved"),
        *SECTION,
        TRY,
        *COMMIT,
    ),
    classic=CLASSIC,
    update=update(
        (ODD,),
        (EVEN, LINK),
        late=("mprotect",),
        zapping=(ODD, EVEN),
        freeing=(Step(action=A.WORK, cost="{op}_srcu_ns", ops=WRITES, note="call_srcu for each VMA freed"),),
    ),
    skips_single_threaded=False,
    refuses=("file", "shared"),
)
