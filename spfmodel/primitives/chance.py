"""Hold laws of the simulation: constant, Erlang, exponential, hyperexponential times."""

from __future__ import annotations

from math import sqrt

from .compiled import compiled
from .random_stream import uniform
from .state import Sim
from .ziggurat import exponential, gamma

MOST_STAGES = 100
"""of an Erlang law: a coefficient of variation below 0.1 counts as 0.1"""


@compiled
def erlang(sm: Sim, i: int, mean: float, stages: int) -> float:
    """Sum of `stages` exponentials, mean `mean` in all: a gamma number."""
    return gamma(sm, i, float(stages)) * mean / stages


@compiled
def hold(sm: Sim, i: int, mean: float, scv: float) -> float:
    """A time of the given mean and squared coefficient of variation.

    0: constant; below 1: Erlang of round(1/scv) stages; 1: exponential; above 1: hyperexponential
    of two phases with balanced means.
    """
    if scv <= 0.0 or mean <= 0.0:
        return mean
    if scv == 1.0:
        return exponential(sm, i) * mean
    if scv < 1.0:
        return erlang(sm, i, mean, min(MOST_STAGES, int(1.0 / scv + 0.5)))
    p = 0.5 * (1.0 + sqrt((scv - 1.0) / (scv + 1.0)))
    if uniform(sm, i) >= p:
        p = 1.0 - p
    return exponential(sm, i) * mean / (2.0 * p)
