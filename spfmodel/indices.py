"""Indices: which inputs of a function matter, by elementary effects (Morris) and by shares of the variance (Sobol)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = 4
"""of the grid on each input's range"""
DELTA = LEVELS / (2 * (LEVELS - 1))
"""step along the grid, as Morris chose it: each level is then met equally often"""

RESAMPLES = 200
"""of the bootstrap"""


class Index(NamedTuple):
    """A Sobol index with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Screening(NamedTuple):
    """Elementary effects of each input over its whole range, (..., P) each."""

    mu_star: Floats
    """mean |effect| (Campolongo 2007): how much the input matters"""
    sigma: Floats
    """standard deviation of the effects: 0 if the function is linear in it and adds it to the rest"""


def paths(n_inputs: int, trajectories: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Random walks (T, P + 1, P) on the grid of the unit cube that move each input once; the moves (T, P, P).

    Row k + 1 of a walk differs from row k in one input, by +DELTA or -DELTA; that row of the moves is this difference.
    """
    start = rng.integers(0, LEVELS // 2, (trajectories, n_inputs)) / (LEVELS - 1)
    up = rng.integers(0, 2, (trajectories, n_inputs)).astype(bool)
    turn = rng.permuted(np.tile(np.arange(n_inputs), (trajectories, 1)), axis=1)
    moved = turn[:, None, :] < np.arange(n_inputs + 1)[None, :, None]
    walk = start[:, None, :] + DELTA * (moved == up[:, None, :])
    return walk, np.diff(walk, axis=1)


def elementary_effects(
    func: Callable[[Floats], Floats], n_inputs: int, *, trajectories: int, rng: np.random.Generator
) -> Screening:
    """mu* and sigma of a function of the unit cube: d_i = (f(u + e_i Delta) - f(u)) / Delta along random walks.

    func : (P, N) -> (..., N), called once

    >>> found = elementary_effects(lambda u: 3 * u[0] - u[1], 2, trajectories=4, rng=np.random.default_rng(1))
    >>> found.mu_star.round(9).tolist(), found.sigma.round(9).tolist()
    ([3.0, 1.0], [0.0, 0.0])
    """
    walk, moves = paths(n_inputs, trajectories, rng)
    values = np.asarray(func(walk.reshape(-1, n_inputs).T))
    steps = np.diff(values.reshape(*values.shape[:-1], trajectories, n_inputs + 1), axis=-1)
    effects = np.einsum("...tk,tki->...ti", steps, moves) / DELTA**2
    return Screening(np.abs(effects).mean(axis=-2), effects.std(axis=-2, ddof=1))


def sobol(
    func: Callable[[Floats], Floats], n_inputs: int, *, points: int, rng: np.random.Generator
) -> list[tuple[list[Index], list[Index]]]:
    """First and total Sobol indices of each input, one pair of lists for each output of a function.

    S1 = Var(E[y | x_i]) / Var(y), ST = 1 - Var(E[y | all but x_i]) / Var(y), by Saltelli's estimators (2010) on a
    Sobol sequence (scipy). func : independent standard normal inputs (P, N) -> (K, N); points : a power of 2, for
    points * (P + 2) evaluations.
    """
    from scipy.stats import DegenerateDataWarning, norm, sobol_indices

    normal: Any = norm()
    found = sobol_indices(func=func, n=points, dists=[normal] * n_inputs, rng=rng)
    with np.errstate(invalid="ignore"), catch_warnings():
        simplefilter("ignore", DegenerateDataWarning)
        spans = found.bootstrap(confidence_level=0.95, n_resamples=RESAMPLES)
    both = ((found.first_order, spans.first_order), (found.total_order, spans.total_order))
    first, total = (_with_ends(values, span.confidence_interval) for values, span in both)
    return list(zip(first, total, strict=True))


def _with_ends(values: Floats, ends: Any) -> list[list[Index]]:
    """Indices (K, P) with the ends of their intervals, which are no numbers where an input does nothing at all."""
    spans = (np.where(np.isnan(end), values, end) for end in (ends.low, ends.high))
    table = np.stack([np.atleast_2d(v) for v in (values, *spans)], axis=-1)
    return [[Index(*(float(x) for x in cell)) for cell in row] for row in table]
