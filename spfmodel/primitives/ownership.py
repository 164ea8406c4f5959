"""Who owns the rwsem: writer, readers, the hint that they leave, and the clock of a reader-owned spell.

The rules are `RwsemRules` as integers in I, the times `Network.rwsem_ns` of one draw in F.
"""

from __future__ import annotations

import numpy as np

from .compiled import compiled
from .state import (
    BY_READER,
    BY_WRITER,
    FLAGS,
    HINT,
    N_THREADS,
    NONSPIN,
    NOW,
    OWN_SINCE,
    READER_NS,
    READERS,
    WRITER,
    WRITER_AT,
    WRITER_NS,
    Sim,
    set_due,
)  # fmt: skip

DIRECT, SLEEP, BARGE, SPIN, SPIN_READER, LAST_TRY, READ_STEAL, ALL_READERS, WAKE_ON_RELEASE, DOWNGRADE, READ_SPIN = (
    range(11)
)
"""Indices after FLAGS, in the order of `RwsemRules`."""
WAKE, WAKE_HOT, WAKE_SEND, SPIN_HANDOFF = range(4)
STEAL, HANDOFF_AFTER, SPIN_EACH, TRANSFER, IDLE_DEPTH, STOP_EVERY, STOP_FOR = range(6, 13)
"""Indices after TIMES: the order of `network.TIMES`, the chance to steal, the times in `RwsemRules`."""


@compiled
def account(sm: Sim) -> None:
    """Book the time since the last change of owner."""
    now = sm.F[NOW]
    if sm.I[WRITER] >= 0:
        sm.F[WRITER_NS] += now - sm.F[OWN_SINCE]
    elif sm.I[READERS] > 0:
        sm.F[READER_NS] += now - sm.F[OWN_SINCE]
    sm.F[OWN_SINCE] = now


@compiled
def is_free(sm: Sim) -> bool:
    """No writer, no readers."""
    return bool(sm.I[WRITER] < 0 and sm.I[READERS] == 0)


@compiled
def stop_readers_clock(sm: Sim) -> None:
    """Spinners need no longer watch how long readers own the lock."""
    clock = sm.I[N_THREADS]
    if sm.I[FLAGS + SPIN_READER] == 1 and sm.due[clock] != np.inf:
        set_due(sm, clock, np.inf)


@compiled
def own_write(sm: Sim, i: int) -> None:
    """Thread i is now the writer."""
    account(sm)
    sm.I[WRITER] = i
    sm.I[HINT] = BY_WRITER
    sm.I[NONSPIN] = 0
    sm.F[WRITER_AT] = sm.F[NOW]
    stop_readers_clock(sm)


@compiled
def own_read(sm: Sim) -> None:
    """One more reader."""
    account(sm)
    sm.I[READERS] += 1
    sm.I[HINT] = BY_READER
