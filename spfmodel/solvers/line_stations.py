"""Cache lines as product-form stations: their throughput with 1..N threads, for many design points at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled
from .lanes import ALONE, ALONE_THINK, FOUR, LANES, NORM, NORM_THINK, SERVICE, STEPS, THINK, Lanes, Points

Floats = NDArray[np.float64]
RESCALE = 64
"""steps after which normalisation constants are brought back to 1: (4096 threads)^64 is within a float64's range"""


@compiled
def stations(points: Points, lanes: Lanes) -> None:
    """The lines for 1..N threads (as many as CPUs do): what the lock's complement does, per ns.

    `mva.mva` by normalisation constants (Buzen 1973), a cycle alone being 1: G_0(n) = G_0(n-1) Z / n,
    G_k(n) = G_(k-1)(n) + D_k G_k(n-1), X(n) = G_L(n-1) / G_L(n). One division a step; no term is negative.
    """
    v, norm, scaled = lanes.var, lanes.norm, lanes.scaled
    norm[:, :] = 1.0
    for j in range(LANES):
        think = max(v[THINK * LANES + j], 1e-6)
        per_ns = 1 / (think + v[SERVICE * LANES + j])
        v[ALONE * LANES + j], v[ALONE_THINK * LANES + j] = per_ns, think * per_ns
        v[NORM_THINK * LANES + j] = v[NORM * LANES + j] = 1.0
    for line in range(points.lines):
        for j in range(LANES):
            scaled[line, j] = lanes.demand[line, j] * v[ALONE * LANES + j]
    for n in range(1, min(points.n_threads, points.cpus) + 1, STEPS):
        convolve(lanes, n)
        if n % RESCALE == 1:
            rescale(lanes)


@compiled
def convolve(lanes: Lanes, n: int) -> None:
    """Normalisation constants and throughput with n..n + STEPS - 1 threads; lines by FOUR."""
    v, norm, scaled, carry, arrival = lanes.var, lanes.norm, lanes.scaled, lanes.carry, lanes.arrival
    for j in range(LANES):
        think, alone = v[ALONE_THINK * LANES + j], v[NORM_THINK * LANES + j]
        a, b, c, d = norm[0, j], norm[1, j], norm[2, j], norm[3, j]
        of_a, of_b, of_c, of_d = scaled[0, j], scaled[1, j], scaled[2, j], scaled[3, j]
        for k in range(STEPS):
            alone *= think * (1.0 / (n + k))
            a = alone + of_a * a
            b = a + of_b * b
            c = b + of_c * c
            d = c + of_d * d
            carry[k, j] = d
        v[NORM_THINK * LANES + j] = alone
        norm[0, j], norm[1, j], norm[2, j], norm[3, j] = a, b, c, d
    for i in range(FOUR, norm.shape[0], FOUR):
        add_lines(carry, norm[i : i + FOUR], scaled[i : i + FOUR])
    for j in range(LANES):
        before, per_ns = v[NORM * LANES + j], v[ALONE * LANES + j]
        for k in range(STEPS):
            constant = carry[k, j]
            arrival[n - 1 + k, j] = before * per_ns / constant
            before = constant
        v[NORM * LANES + j] = before


@compiled
def add_lines(carry: Floats, norm: Floats, scaled: Floats) -> None:
    """Fold FOUR lines into the constants of STEPS populations."""
    for j in range(LANES):
        a, b, c, d = norm[0, j], norm[1, j], norm[2, j], norm[3, j]
        of_a, of_b, of_c, of_d = scaled[0, j], scaled[1, j], scaled[2, j], scaled[3, j]
        for k in range(STEPS):
            a = carry[k, j] + of_a * a
            b = a + of_b * b
            c = b + of_c * c
            d = c + of_d * d
            carry[k, j] = d
        norm[0, j], norm[1, j], norm[2, j], norm[3, j] = a, b, c, d


@compiled
def rescale(lanes: Lanes) -> None:
    """Keep the constants within a float's range: what counts is their ratio."""
    v = lanes.var
    for j in range(LANES):
        factor = 1.0 / v[NORM * LANES + j]
        v[NORM_THINK * LANES + j] *= factor
        for line in range(lanes.norm.shape[0]):
            lanes.norm[line, j] *= factor
        v[NORM * LANES + j] = 1.0
