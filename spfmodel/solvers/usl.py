"""The universal scalability law, a baseline that knows nothing of locks (Gunther 2007)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Usl(NamedTuple):
    """X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1))."""

    alpha: float
    """contention"""
    beta: float
    """coherency"""
    gamma: float
    """throughput of one thread"""


def usl(n_threads: Floats | float, alpha: float, beta: float, gamma: float) -> Floats:
    """Throughput at N threads, in gamma's unit, (...).

    >>> float(usl(1.0, 0.1, 0.01, 50.0))
    50.0
    """
    n = np.asarray(n_threads, float)
    return np.asarray(gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1)))


def _jacobian(n: Floats, fit: Usl) -> Floats:
    load = 1 + fit.alpha * (n - 1) + fit.beta * n * (n - 1)
    x = fit.gamma * n / load
    return np.stack([-x * (n - 1) / load, -x * n * (n - 1) / load, n / load], axis=-1)


def usl_fit(n_threads: Floats, throughput: Floats) -> Usl:
    """Least-squares fit of (alpha, beta, gamma), all >= 0, to throughput at n_threads, (n,) each."""
    from scipy.optimize import least_squares

    n, x = np.asarray(n_threads, float), np.asarray(throughput, float)
    if n.size < 3 or n.size != x.size:
        raise ValueError(f"usl_fit needs at least 3 pairs, got {n.size} loads and {x.size} throughputs")
    scale = float((x / n).max())
    start = [0.01, 1e-4, 1.0]

    def misfit(v: Floats) -> Floats:
        return usl(n, *v) - x / scale

    def slope(v: Floats) -> Floats:
        return _jacobian(n, Usl(*v))

    found = least_squares(
        misfit, start, jac=slope, bounds=(0, np.inf), x_scale=start, xtol=1e-14, ftol=1e-14, gtol=1e-14
    )
    return Usl(float(found.x[0]), float(found.x[1]), float(found.x[2]) * scale)


def usl_errors(n_threads: Floats, throughput: Floats, fit: Usl) -> tuple[Usl, float]:
    """Standard errors of the three parameters, and the residual standard deviation (n - 3 free)."""
    n, x = np.asarray(n_threads, float), np.asarray(throughput, float)
    sigma = float(np.sqrt(((usl(n, *fit) - x) ** 2).sum() / (n.size - 3)))
    slope = _jacobian(n, fit)
    scale = np.abs(slope).max(axis=0)
    inverse = np.linalg.inv((slope / scale).T @ (slope / scale))
    errors = sigma * np.sqrt(np.diag(inverse)) / scale
    return Usl(*(float(e) for e in errors)), sigma


def usl_peak(fit: Usl) -> float:
    """Number of threads at which the fitted throughput peaks, sqrt((1 - alpha) / beta)."""
    return float(np.sqrt((1 - fit.alpha) / fit.beta)) if fit.beta > 0 else float("inf")
