"""Random streams and hold laws for the simulation: one splitmix64 stream per thread.

A stream is one 64-bit word in the thread's row; the same seed gives the same numbers on any
number of cores. Mixing function: Steele, Lea and Flood, OOPSLA 2014.
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .state import STREAM, Sim, at

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX1 = np.uint64(0xBF58476D1CE4E5B9)
MIX2 = np.uint64(0x94D049BB133111EB)
MOST_STAGES = 100
"""of an Erlang law: a coefficient of variation below 0.1 counts as 0.1"""


@compiled
def uniform(sm: Sim, i: int) -> float:
    """Next number of thread i's stream, in (0, 1)."""
    s = np.uint64(sm.I[at(i) + STREAM]) + GOLDEN
    sm.I[at(i) + STREAM] = np.int64(s)
    z = (s ^ (s >> np.uint64(30))) * MIX1
    z = (z ^ (z >> np.uint64(27))) * MIX2
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * 1.1102230246251565e-16 + 5.551115123125783e-17


@compiled
def erlang(sm: Sim, i: int, mean: float, stages: int) -> float:
    """Sum of `stages` exponentials, mean `mean` in all; one logarithm for a dozen stages."""
    total, product = 0.0, 1.0
    for _ in range(stages):
        product *= uniform(sm, i)
        if product < 1e-250:
            total -= log(product)
            product = 1.0
    return (total - log(product)) * mean / stages


@compiled
def hold(sm: Sim, i: int, mean: float, scv: float) -> float:
    """A time of the given mean and squared coefficient of variation.

    0: constant; below 1: Erlang of round(1/scv) stages; 1: exponential; above 1: hyperexponential
    of two phases with balanced means.
    """
    if scv <= 0.0 or mean <= 0.0:
        return mean
    if scv == 1.0:
        return -log(uniform(sm, i)) * mean
    if scv < 1.0:
        return erlang(sm, i, mean, min(MOST_STAGES, int(1.0 / scv + 0.5)))
    p = 0.5 * (1.0 + sqrt((scv - 1.0) / (scv + 1.0)))
    if uniform(sm, i) >= p:
        p = 1.0 - p
    return -log(uniform(sm, i)) * mean / (2.0 * p)


def streams(seed: int, n_threads: int) -> NDArray[np.uint64]:
    """Starting points (N,) of every thread's stream."""
    return np.asarray(np.random.SeedSequence(seed).generate_state(n_threads, np.uint64), np.uint64)
