"""Random streams for the simulation: one splitmix64 stream per thread.

A stream is one 64-bit word in the thread's row; the same seed gives the same numbers on any
number of cores. Mixing function: Steele, Lea and Flood, OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .state import STREAM, Sim, at

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX1 = np.uint64(0xBF58476D1CE4E5B9)
MIX2 = np.uint64(0x94D049BB133111EB)
STEP, HALF_STEP = 1.1102230246251565e-16, 5.551115123125783e-17
"""2^-53: the top 53 bits of a word as a number in (0, 1), in the middle of its step"""


@compiled
def word(sm: Sim, i: int) -> np.uint64:
    """Next 64 bits of thread i's stream."""
    s = np.uint64(sm.I[at(i) + STREAM]) + GOLDEN
    sm.I[at(i) + STREAM] = np.int64(s)
    z = (s ^ (s >> np.uint64(30))) * MIX1
    z = (z ^ (z >> np.uint64(27))) * MIX2
    return np.uint64(z ^ (z >> np.uint64(31)))


@compiled
def uniform(sm: Sim, i: int) -> float:
    """Next number of thread i's stream, in (0, 1)."""
    return float(word(sm, i) >> np.uint64(11)) * STEP + HALF_STEP


def streams(seed: int, n_threads: int) -> NDArray[np.uint64]:
    """Starting points (N,) of every thread's stream."""
    return np.asarray(np.random.SeedSequence(seed).generate_state(n_threads, np.uint64), np.uint64)
