"""Where in a program an attempt relies on a sequence, and which cause will be counted if that moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op
from ..primitives.hazard import SETS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ENDS = {
    *map(int, (Op.READ_LOCK, Op.WRITE_LOCK, Op.JUMP, Op.LOOP, Op.CYCLE_END)),
    *map(int, (Op.FAULT_BEGIN, Op.FAULT_END, Op.UPDATE_BEGIN)),
}
"""No attempt goes on behind these."""
WITHOUT_COIN = np.isin(list(Op), (Op.SEQ_READ, Op.SEQ_CHECK, Op.TRYLOCK, Op.VMA_READ_TRY))
MOVES = np.isin(list(Op), (Op.SEQ_ODD, Op.SEQ_EVEN))
"""by op"""
NONE = -1
MOST_WATCHED = 1024
"""threads: among more, an update that looks at each attempt costs more than it saves, and what sequences abort is
counted as it comes"""


def by_coin(network: Network, draw: int) -> tuple[bool, bool]:
    """Of each sequence: whether some update moves it by chance. Where all do or none does there is no coin."""
    odd, value = network.op == Op.SEQ_ODD, network.value_ns[draw]
    first, second = (bool(np.any(odd & (network.arg == k) & (value > 0) & (value < 1))) for k in range(2))
    return first, second


def next_checks(network: Network, k: int) -> list[int]:
    """(S,) the step at which an attempt that is about to do step s will check sequence k; -1: it relies on none."""
    ops, mine = network.op.tolist(), (network.arg == k).tolist()
    out, check = [NONE] * len(ops), NONE
    for s in reversed(range(len(ops))):
        if ops[s] == Op.SEQ_CHECK and mine[s]:
            check = s
        elif ops[s] in ENDS or (ops[s] == Op.SEQ_READ and mine[s]):
            check = NONE
        out[s] = check
    relies = False
    for s, op in enumerate(ops):  # nobody has read for a check that no SEQ_READ precedes
        relies = relies and out[s] != NONE
        out[s] = out[s] if relies else NONE
        relies = relies or (op == Op.SEQ_READ and mine[s])
    return out


def windows(network: Network, draw: int) -> tuple[Ints, Floats]:
    """What the simulation knows of windows.

    -> what follows the steps in `Sim.code`: (S,) place of each step's window, 0 if in none, then (SETS,) causes each:
    none, that counted if sequence 0 has moved, if sequence 1 has, if both have (the earlier check's);
    and (S,) squared coefficients of variation, or of a check how an abort by it counts (hazard.py): 1 as it comes, 0
    by its chance, -1 since a sequence might move; of SEQ_ODD and SEQ_EVEN 1 if attempts are looked at, else 0.
    """
    op, size = network.op, len(network.op)
    coins = by_coin(network, draw) if network.n_threads <= MOST_WATCHED else (False, False)
    books = np.where(WITHOUT_COIN[op], 1.0, network.scv)
    books[op == Op.CHANCE] = 0.0
    if not any(coins):
        return np.zeros(size, np.int64), books
    checks = np.array([next_checks(network, k) if coins[k] else [NONE] * size for k in range(2)]).T
    books[checks[np.arange(size), np.clip(network.arg, 0, 1)] == np.arange(size)] = -1.0
    for k in range(2):
        books[MOVES[op] & (network.arg == k)] = float(coins[k])
    kinds, which = np.unique(checks, axis=0, return_inverse=True)
    first = np.where(kinds == NONE, size, kinds).min(axis=1)
    causes = np.append(network.cause, NONE)[np.column_stack([np.full(len(kinds), NONE), kinds, first])]
    place = np.where(np.any(checks != NONE, axis=1), 5 * size + SETS * which.ravel(), 0)
    return np.concatenate([place, causes.ravel()]), books
