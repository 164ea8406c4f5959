"""Posterior draws of standardised parameters, where the measured rows are quadratics of them.

Prior: independent normals. Likelihood: normal in ln(value), with the row's own spread, what its quadratic misses, and
a misfit that all rows share and that is itself unknown: what no cost explains, one kernel's build against the next.
Draws by importance sampling from a normal around the peak, on Sobol points; of three ways that were measured the
nearest to a long reference run (docs/calibration.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtri

from .emulator import Quadratic

Floats = NDArray[np.float64]
MISFIT_LOG_SD = 0.7
"""of the unknown misfit, in ln"""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
CANDIDATES = 4096
ROUNDS = 3
"""of candidates, each around the mean and spread of the one before"""
NEAR, WIDE = (0.75, 1.2), (0.25, 2.5)
"""share of the candidates, and factor on their spread where rows say something: the tails are heavier than normal"""
TOLD = 0.02
"""a direction of which the rows say less, in precision of the prior, is drawn from the prior"""


def logsumexp(logs: Floats) -> Floats:
    """ln(sum(exp)) along the last axis."""
    top = logs.max(axis=-1, keepdims=True)
    total: Floats = np.log(np.exp(logs - top).sum(axis=-1)) + top[..., 0]
    return total


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the draws shall obey; P parameters in prior standard deviations, R rows in ln(value)."""

    y: Floats
    """(R,) measured"""
    sd: Floats
    """(R,) of the measured value and of the row's quadratic"""
    misfit: Floats
    """(R,) median of the misfit; 0 where there is none, as for a cost that was itself measured"""
    rows: Sequence[Quadratic]
    width: Floats
    """(P,) standard deviation of the prior"""

    def values(self, z: Floats) -> Floats:
        """The rows at z (D, P), (D, R)."""
        return np.stack([row(z) for row in self.rows], axis=1)

    def slopes(self, z: Floats) -> Floats:
        """Their gradients at z (P,), (R, P)."""
        return np.stack([row.slopes(z) for row in self.rows])

    def _variances(self) -> Floats:
        """Of each row by node of the misfit, (K, R)."""
        misfit = self.misfit * np.exp(MISFIT_LOG_SD * NODES)[:, None]
        total: Floats = self.sd**2 + misfit**2
        return total

    def _by_node(self, z: Floats) -> tuple[Floats, Floats]:
        """What is missed (D, R), and the log likelihood with each misfit (D, K)."""
        missed, variance = self.y - self.values(z), self._variances()
        fit = -0.5 * (missed**2 @ (1 / variance).T + np.log(variance).sum(axis=1))
        return missed, fit + np.log(WEIGHTS / WEIGHTS.sum())

    def log_density(self, z: Floats) -> Floats:
        """Log posterior at z (D, P) but for a constant, (D,)."""
        total: Floats = logsumexp(self._by_node(z)[1]) - 0.5 * np.sum((z / self.width) ** 2, axis=1)
        return total

    def precision(self, z: Floats) -> tuple[Floats, Floats]:
        """What is missed at z (P,), and the weight 1 / variance of each row, the misfit averaged out; (R,) each."""
        missed, fit = self._by_node(z[None])
        share = np.exp(fit[0] - logsumexp(fit[0]))
        return missed[0], share @ (1 / self._variances())

    def unlikely(self, z: Floats) -> tuple[float, Floats]:
        """Minus the log posterior at z (P,), and its gradient (P,)."""
        missed, fit = self._by_node(z[None])
        total = logsumexp(fit[0])
        weight = np.exp(fit[0] - total) @ (1 / self._variances())
        pull = z / self.width**2
        return float(0.5 * z @ pull - total), pull - self.slopes(z).T @ (weight * missed[0])


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Equally likely draws, with the moments of all candidates."""

    z: Floats
    """(n, P)"""
    mean: Floats
    """(P,)"""
    sd: Floats
    """(P,)"""
    effective: float
    """effective number of candidates: (sum w)^2 / sum w^2"""


def peak(target: Target, starts: Sequence[Floats]) -> Floats:
    """Where the posterior is highest, from several starts, (P,)."""
    ends = [minimize(target.unlikely, z, jac=True, method="L-BFGS-B", options={"maxiter": 200}) for z in starts]
    best: Floats = min(ends, key=lambda end: float(end.fun)).x
    return best


def sample(target: Target, starts: Sequence[Floats], n: int, seed: int) -> Sample:
    """Draw n times. starts : where to look for the peak, (P,) each; the same seed gives the same draws.

    Only the directions of which the rows say something are weighted: at most as many as there are rows.
    """
    top = peak(target, starts)
    axes, told = _told(target, top)
    middle, spread = axes.T @ (top / target.width), np.diag((1 + told) ** -0.5)
    points = _normal_points(len(top) + len(told), seed)
    rest = points[:, : len(top)] - (points[:, : len(top)] @ axes) @ axes.T
    far = np.where(np.arange(CANDIDATES) < NEAR[0] * CANDIDATES, NEAR[1], WIDE[1])[:, None] * points[:, len(top) :]
    for _ in range(ROUNDS):
        along = middle + far @ spread.T
        z = (rest + along @ axes.T) * target.width
        logs = target.log_density(z) + 0.5 * np.sum(rest**2, axis=1) - _mixture(far)
        share = np.exp(logs - logsumexp(logs))
        middle = share @ along
        apart = along - middle
        spread = np.linalg.cholesky((apart * share[:, None]).T @ apart + 1e-6 * np.eye(len(told)))
    return _drawn(z, share, n)


def _told(target: Target, top: Floats) -> tuple[Floats, Floats]:
    """Directions of which the rows say something, the most first, (P, K), and how much, in precision of the prior."""
    _, weight = target.precision(top)
    left, size, right = np.linalg.svd(target.slopes(top) * target.width * np.sqrt(weight)[:, None], full_matrices=False)
    few = size**2 > TOLD
    axes = right[few].T
    return axes * np.where(left[:, few].sum(axis=0) < 0, -1.0, 1.0), size[few] ** 2


def _mixture(far: Floats) -> Floats:
    """Log density of the candidates (D, k), in spreads from their middle, but for a constant, (D,)."""
    square, size = np.sum(far**2, axis=1), far.shape[1]
    parts = [np.log(share) - size * np.log(wide) - 0.5 * square / wide**2 for share, wide in (NEAR, WIDE)]
    return logsumexp(np.stack(parts, axis=1))


def _normal_points(size: int, seed: int) -> Floats:
    """Standard normal points that fill the space evenly, (CANDIDATES, size)."""
    from scipy.stats import qmc

    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    points: Floats = ndtri(np.clip(qmc.Sobol(size, rng=generator).random(CANDIDATES), 1e-12, 1 - 1e-12))
    return points


def _drawn(z: Floats, share: Floats, n: int) -> Sample:
    """Systematic resampling along the parameter that was told most: even quantiles, few repeats."""
    mean = share @ z
    sd = np.sqrt(share @ (z - mean) ** 2)
    order = np.argsort(z[:, np.argmin(sd)], kind="stable")
    place = np.searchsorted(np.cumsum(share[order]), (np.arange(n) + 0.5) / n)
    return Sample(
        z=z[order[np.minimum(place, len(order) - 1)]], mean=mean, sd=sd, effective=float(1 / np.sum(share**2))
    )  # fmt: skip
