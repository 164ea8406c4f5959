"""Exponential and normal random numbers by the ziggurat, gamma by squeezing a cubed normal.

One multiplication and one comparison for 99 draws of 100, where a logarithm takes five times as long.
Marsaglia and Tsang, Journal of Statistical Software 5(8), 2000, with the layer taken from other bits
than the place in it (Doornik 2005); gamma: Marsaglia and Tsang, ACM TOMS 26(3), 2000.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .random_stream import HALF_STEP, STEP, uniform, word
from .state import Sim

Floats = NDArray[np.float64]
LAYERS = 256
LOW_BITS = np.uint64(LAYERS - 1)
ELEVEN = np.uint64(11)
TAIL_EXP, AREA_EXP = 7.69711747013104972, 3.949659822581557e-3
TAIL_NORMAL, AREA_NORMAL = 3.6541528853610088, 4.92867323399e-3
"""where the lowest layer's tail begins, and the area of each layer: the papers' values for 256 layers"""


def edges(tail: float, area: float, density: Callable[[float], float], inverse: Callable[[float], float]) -> Floats:
    """(LAYERS + 1,) right edges of layers of equal area under a falling density with density(0) = 1, 0 at the top.

    The first is that of a rectangle as large as the lowest layer with its tail.
    """
    out = [area / density(tail), tail]
    while len(out) < LAYERS:
        out.append(inverse(density(out[-1]) + area / out[-1]))
    return np.array([*out, 0.0])


EXP_X = edges(TAIL_EXP, AREA_EXP, lambda x: exp(-x), lambda y: -log(y))
EXP_Y = np.exp(-EXP_X)
NORMAL_X = edges(TAIL_NORMAL, AREA_NORMAL, lambda x: exp(-0.5 * x * x), lambda y: sqrt(-2.0 * log(y)))
NORMAL_Y = np.exp(-0.5 * NORMAL_X**2)


@compiled
def exponential(sm: Sim, i: int) -> float:
    """An exponential time of mean 1, from thread i's stream."""
    while True:
        z = word(sm, i)
        layer = np.int64(z & LOW_BITS)
        x = float((float(z >> ELEVEN) * STEP + HALF_STEP) * EXP_X[layer])
        if x < EXP_X[layer + 1]:
            return x
        if layer == 0:
            return TAIL_EXP - log(uniform(sm, i))
        if EXP_Y[layer] + uniform(sm, i) * (EXP_Y[layer + 1] - EXP_Y[layer]) < exp(-x):
            return x


@compiled
def normal_tail(sm: Sim, i: int) -> float:
    """A normal number given that it lies beyond the lowest layer (Marsaglia 1964)."""
    while True:
        beyond = -log(uniform(sm, i)) / TAIL_NORMAL
        if -2.0 * log(uniform(sm, i)) > beyond * beyond:
            return TAIL_NORMAL + beyond


@compiled
def normal(sm: Sim, i: int) -> float:
    """A standard normal number from thread i's stream."""
    while True:
        z = word(sm, i)
        layer = np.int64(z & LOW_BITS)
        side = 2.0 * (float(z >> ELEVEN) * STEP + HALF_STEP) - 1.0
        x = float(side * NORMAL_X[layer])
        if abs(x) < NORMAL_X[layer + 1]:
            return x
        if layer == 0:
            beyond = normal_tail(sm, i)
            return beyond if side > 0.0 else -beyond
        if NORMAL_Y[layer] + uniform(sm, i) * (NORMAL_Y[layer + 1] - NORMAL_Y[layer]) < exp(-0.5 * x * x):
            return x


@compiled
def gamma(sm: Sim, i: int, shape: float) -> float:
    """A gamma number of mean `shape` and scale 1, for a shape of 1 or more; 95 tries of 100 succeed, or more."""
    d = shape - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    while True:
        x = normal(sm, i)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        u = uniform(sm, i)
        if u < 1.0 - 0.0331 * x * x * x * x or log(u) < 0.5 * x * x + d * (1.0 - v + log(v)):
            return d * v
