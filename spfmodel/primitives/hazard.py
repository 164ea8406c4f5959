"""How likely each abort was, beside whether it came: aborts counted without the noise of their coins.

Just before a coin falls the simulation's state says how likely it is to abort an attempt: the value of a CHANCE; the
chance that SEQ_ODD moves a sequence, for each attempt that relies on it and has not been doomed yet. The sum of these
chances has the same mean as the number of aborts (it is that counting process's compensator), and hardly any
noise where each of them is small. Aborts that hang on no coin are counted as they come. What an attempt relies on
follows from its place in the program (`solvers.windows`). An attempt that a moved sequence has doomed may yet fail
at an earlier check: then it is taken from the one cause's sum, for it is in the other's.
"""

from __future__ import annotations

from .compiled import compiled
from .random_stream import uniform
from .state import BUMPED, EXPECTED, N_THREADS, PC, SEEN, SEQUENCES, WINDOWS, Sim, at

SETS = 4
"""of two sequences: which of them have moved, as bits"""


@compiled
def moved(sm: Sim, i: int, window: int) -> int:
    """Which of the sequences that thread i relies on, being in this window, have moved: a set."""
    out = 0
    if sm.code[window + 1] >= 0 and sm.I[SEQUENCES] != sm.I[at(i) + SEEN]:
        out = 1
    if sm.code[window + 2] >= 0 and sm.I[SEQUENCES + 1] != sm.I[at(i) + SEEN + 1]:
        out += 2
    return out


@compiled
def may_move(sm: Sim, k: int, chance: float) -> None:
    """Sequence k is about to move by chance, and to doom the attempts that rely on it: each adds it to a cause.

    code[window + set]: the cause that an attempt in this window will count if these sequences have moved.
    """
    bit = 1 << k
    for i in range(sm.I[N_THREADS]):
        window = sm.code[sm.I[WINDOWS] + sm.I[at(i) + PC]]
        if window > 0 and sm.code[window + bit] >= 0:
            gone = moved(sm, i, window)
            if gone & bit == 0:
                sm.F[EXPECTED + sm.code[window + (gone | bit)]] += chance
                if gone > 0:
                    sm.F[EXPECTED + sm.code[window + gone]] -= chance


@compiled
def aborted(sm: Sim, i: int, s: int) -> None:
    """Thread i aborts at step s: by no coin (num[2 s + 1] is 1), or before it comes to the check that it is doomed to.

    Where num[2 s + 1] is negative this is that check: the abort has been added when the sequence might have moved.
    """
    counts = sm.num[2 * s + 1]
    if counts < 0.0:
        return
    sm.F[EXPECTED + sm.code[4 * s + 3]] += counts
    window = sm.code[sm.I[WINDOWS] + s]
    if window > 0:
        gone = moved(sm, i, window)
        if gone > 0:
            sm.F[EXPECTED + sm.code[window + gone]] -= 1.0


@compiled
def make_odd(sm: Sim, i: int, k: int, chance: float, looks: float) -> None:
    """An update's first move of a sequence, if its coin says so."""
    if looks > 0.0:
        may_move(sm, k, min(1.0, chance))
    sm.I[at(i) + BUMPED + k] = 1 if chance >= 1.0 or uniform(sm, i) < chance else 0
    sm.I[SEQUENCES + k] += sm.I[at(i) + BUMPED + k]


@compiled
def make_even(sm: Sim, i: int, k: int, looks: float) -> None:
    """The second move, if there was a first one."""
    if sm.I[at(i) + BUMPED + k] == 0:
        return
    if looks > 0.0:
        may_move(sm, k, 1.0)
    sm.I[SEQUENCES + k] += 1
    sm.I[at(i) + BUMPED + k] = 0
