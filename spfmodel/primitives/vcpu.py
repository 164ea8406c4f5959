"""Virtual CPUs that the host stops now and then (docs/semantics.md, "Virtual CPUs that stop")."""

from __future__ import annotations

from math import log

from .compiled import compiled
from .ownership import STOP_EVERY, STOP_FOR
from .random_stream import uniform
from .spin_queue import all_give_up
from .state import NOW, OWNER_STOPPED, SPINNERS, TIMES, WRITER, Sim


@compiled
def stopped_ns(sm: Sim, i: int, work: float) -> float:
    """How long thread i's CPU stands still before this work; who spins for a lock that it writes gives up."""
    if -log(uniform(sm, i)) * sm.F[TIMES + STOP_EVERY] > work:
        return 0.0
    if sm.I[WRITER] == i:
        sm.F[OWNER_STOPPED] = sm.F[NOW] + sm.F[TIMES + STOP_FOR]
        if sm.I[SPINNERS] > 0:
            all_give_up(sm)
    return float(sm.F[TIMES + STOP_FOR])
