"""A network's program as the exact chain reads it, and what each step's place in the program tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..network import Network, Op
from .table_state import LINES, MMAP_SEM, PTE_LOCKS, VALID, VMA_LOCK, Table

QUEUES = {Op.READ_LOCK: MMAP_SEM, Op.WRITE_LOCK: MMAP_SEM, Op.VMA_WRITE_LOCK: VMA_LOCK, Op.SPIN_LOCK: PTE_LOCKS}
OUTSIDE, IN_FAULT, IN_UPDATE = range(3)
"""Where a step lies in the cycle."""


def exponential(network: Network) -> Network:
    """The network with exponential times, and no time for an atomic on a line that the CPU touched last.

    The simulation of this network is the chain's: only there is a local atomic a constant.
    """
    timed = np.isin(network.op, (Op.WORK, Op.LINE, Op.FLUSH))
    return replace(network, scv=np.where(timed, 1.0, 0.0), line_local_ns=np.zeros_like(network.line_local_ns))


def _after(network: Network, s: int) -> list[int]:
    """The steps that may follow step s."""
    op, arg, fail = int(network.op[s]), int(network.arg[s]), int(network.fail[s])
    if op in (Op.JUMP, Op.CYCLE_END):
        return [arg]
    branch = [arg] if op in (Op.LOOP, Op.EVERY) else []
    return [s + 1, *branch, *([fail] if fail >= 0 else [])]


def _live(network: Network) -> list[int]:
    """(S,) VALID flags that a thread still needs while it is at a step: some later SEQ_CHECK reads them."""
    steps = range(len(network.op))
    before, after = [0] * len(network.op), [0] * len(network.op)
    changed = True
    while changed:
        changed = False
        for s in reversed(steps):
            flag = VALID << int(network.arg[s])
            needs = 0
            for n in _after(network, s):
                needs |= before[n]
            own = needs & ~flag if network.op[s] == Op.SEQ_READ else needs
            own |= flag if network.op[s] == Op.SEQ_CHECK else 0
            changed |= (before[s], after[s]) != (own, needs)
            before[s], after[s] = own, needs
    return after


def places(network: Network) -> list[int]:
    """(S,) whether a thread at a step is in a fault, in an update, or neither."""
    enters = {Op.FAULT_BEGIN: IN_FAULT, Op.UPDATE_BEGIN: IN_UPDATE, Op.FAULT_END: OUTSIDE, Op.UPDATE_END: OUTSIDE}
    where = [-1] * len(network.op)
    to_do = [(int(s), OUTSIDE) for s in np.unique(network.entry)]
    while to_do:
        s, place = to_do.pop()
        place = enters.get(Op(int(network.op[s])), place)
        if where[s] < 0:
            where[s] = place
            to_do += [(n, place) for n in _after(network, s)]
    return where


def table_of(network: Network, draw: int) -> Table:
    """The program with the numbers of one draw."""
    n, value = network.n_threads, network.value_ns[draw].copy()
    value[network.op == Op.WORK] *= network.slowdown[draw, n]
    value[network.op == Op.FLUSH] *= n - 1
    queue = [QUEUES.get(Op(int(op)), -1) for op in network.op]
    queue = [LINES + int(a) if op == Op.LINE else q for q, op, a in zip(queue, network.op, network.arg, strict=True)]
    per_table = network.threads_per_page_table
    return Table(
        op=network.op.tolist(), arg=network.arg.tolist(), fail=network.fail.tolist(), cause=network.cause.tolist(),
        value=value.tolist(), queue=queue, live=_live(network), group=[i // per_table for i in range(n)],
        contended=per_table > 1, local_ns=float(network.line_local_ns[draw]), downgrade=bool(network.rules.downgrade),
    )  # fmt: skip
