"""Emulator: a quadratic that stands for a slow function of many parameters of which few matter.

A Gaussian process with the kernel c0 + c1 <u, v> + c2 <u, v>^2, whose posterior mean is a quadratic; each parameter
counts in the inner product by its own slope, found by fitting again (automatic relevance). From 64 runs it meets the
simulation's ln(throughput) of ebizzy within .03 to .05 where 26 parameters move by their prior (docs/calibration.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
PASSES = 3
"""fits, each with the slopes of the one before as weights"""
LEAST_SLOPE = 0.02
"""weight of a parameter without any slope, relative to the root mean square"""
LEVEL = 100.0
"""prior variance of the constant, in variances of the data"""
BOUNDS = ((-7.0, 5.0), (-12.0, 3.0), (-9.0, 1.0))
"""of ln c1, ln c2 and ln of the noise's variance, in variances of the data"""


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """f(z) = constant + linear . z + z' curved z, with what it misses."""

    constant: float
    linear: Floats
    """(P,)"""
    curved: Floats
    """(P, P), symmetric"""
    error: float
    """root mean square of what it misses at a point that it was not fitted to (leave one out)"""

    def __call__(self, z: Floats) -> Floats:
        """Values at z (D, P), (D,)."""
        value: Floats = self.constant + ((self.linear + z @ self.curved) * z).sum(axis=-1)
        return value

    def slopes(self, z: Floats) -> Floats:
        """Gradient at one point z (P,), (P,)."""
        gradient: Floats = self.linear + 2 * self.curved @ z
        return gradient


def fit_quadratic(z: Floats, y: Floats, last: int = 0) -> Quadratic:
    """The quadratic that explains y (n,) at the points z (n, P), as curved as the marginal likelihood says.

    n may be smaller than P: parameters without a visible slope are held near 0. last : the error is that at so many of
    the points, from the end; 0: at all
    >>> points = np.random.default_rng(1).standard_normal((40, 3))
    >>> found = fit_quadratic(points, 2 + points[:, 0] + 0.8 * points[:, 1] - 0.5 * points[:, 1] ** 2)
    >>> [round(float(v), 2) for v in (found.constant, found.linear[0], found.curved[1, 1])]
    [2.0, 1.0, -0.5]
    """
    size = z.shape[1]
    middle, spread = float(y.mean()), float(y.std())
    if spread < 1e-12:
        return Quadratic(constant=middle, linear=np.zeros(size), curved=np.zeros((size, size)), error=0.0)
    weight, start = np.full(size, size**-0.5), np.array([0.0, -2.0, -3.0])
    for _ in range(PASSES):
        found, start = _fit(z * weight, (y - middle) / spread, start, last)
        slopes = found.linear * weight
        weight = _unit(np.sqrt(slopes**2 + LEAST_SLOPE**2 * max(float(slopes @ slopes), 1e-12)))
    final, _ = _fit(z * weight, (y - middle) / spread, start, last)
    return Quadratic(
        constant=middle + spread * final.constant, linear=spread * final.linear * weight,
        curved=spread * final.curved * np.outer(weight, weight), error=spread * final.error,
    )  # fmt: skip


def _unit(weight: Floats) -> Floats:
    unit: Floats = weight / np.sqrt(weight @ weight)
    return unit


def _fit(u: Floats, y: Floats, start: Floats, last: int) -> tuple[Quadratic, Floats]:
    """The quadratic in weighted coordinates u (n, P) of standardised y (n,), and the logs of the kernel's constants."""
    inner = u @ u.T
    parts = np.stack([inner, inner**2, np.eye(len(y))])

    def inverse_at(theta: Floats) -> tuple[Floats, float]:
        factor = np.linalg.cholesky(LEVEL + np.tensordot(np.exp(theta), parts, axes=1))
        half = np.linalg.inv(factor)
        return half.T @ half, float(np.log(np.diag(factor)).sum())

    def unlikely(theta: Floats) -> tuple[float, Floats]:
        """Minus the log marginal likelihood, and its gradient."""
        inverse, log_root = inverse_at(theta)
        alpha = inverse @ y
        slope = np.exp(theta) * np.einsum("kij,ij->k", parts, inverse - np.outer(alpha, alpha)) / 2
        return float(0.5 * y @ alpha) + log_root, slope

    found = minimize(unlikely, start, jac=True, method="L-BFGS-B", bounds=BOUNDS, options={"maxiter": 30})
    theta = np.asarray(found.x)
    inverse, _ = inverse_at(theta)
    alpha = inverse @ y
    c1, c2, _ = np.exp(theta)
    left_out = (alpha / np.diag(inverse))[-last:]
    quadratic = Quadratic(
        constant=LEVEL * float(alpha.sum()), linear=c1 * (u.T @ alpha), curved=c2 * (u.T * alpha) @ u,
        error=float(np.sqrt(np.mean(left_out**2))),
    )  # fmt: skip
    return quadratic, theta
