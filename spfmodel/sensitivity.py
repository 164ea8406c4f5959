"""Sensitivity: on which of a machine's and a workload's numbers a predicted gain hangs, and so which to measure.

Numbers vary over the ranges that they carry, lognormal and independent of each other. The closed solver answers for
all points at once: ranks are right, and sizes as good as that solver (docs/agreement.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .indices import Index, Screening, elementary_effects, sobol
from .prediction import Question, draws_for
from .response import Study, believed, draws_at, elasticities, in_cells, outcomes, swings
from .sources import Quantity
from .structural import sd_of

Floats = NDArray[np.float64]
TAIL = 1.6449
"""standard deviations at the ends of a 90 % range"""
TRAJECTORIES = 12
"""of the screening"""
POINTS = 512
"""of each matrix of the Sobol indices; a power of 2"""
SMALL = 0.03
"""of the largest effect: what moves an outcome less gets no Sobol index"""
MOST = 16
"""numbers that get Sobol indices"""
SPREAD_DRAWS = 1024
NONE = 1e-6
"""of ln(outcome): an outcome that moves less does not depend on any number"""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one number does to the logarithm of an outcome."""

    name: str
    quantity: Quantity
    """as believed now: the calibration's range where there is one"""
    elasticity: float
    """d ln(outcome) / d ln(number), at the medians"""
    at_low: float
    """ln of the outcome at the lower end of the number's 90 % range over the outcome at the medians"""
    at_high: float
    """the same at the upper end"""
    mu_star: float
    """mean |elementary effect| over the 90 % range, in ln(outcome)"""
    sigma: float
    """standard deviation of the elementary effects: curvature and interaction"""
    first: Index | None
    """S1: share of the variance of ln(outcome) that knowing this number takes away; None: too small to ask"""
    total: Index | None
    """ST: share of the variance that stays if all others are known"""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The numbers that matter for one outcome, the most important first."""

    outcome: str
    n_threads: int
    median: float
    """the outcome with every number at its median"""
    spread: float
    """standard deviation of ln(outcome) over the ranges, each number for itself"""
    joint_spread: float
    """the same over the draws of a prediction: a calibration's numbers hang together"""
    structural: float
    """standard deviation of ln(outcome) that no cost explains, so that measuring one does not take it away"""
    covered: float
    """variance while only the numbers with Sobol indices move, over that while all do"""
    effects: tuple[Effect, ...]


def sensitivity(study: Study, *, seed: int = 1, points: int = POINTS) -> list[Sensitivity]:
    """What each outcome of a study hangs on: one `Sensitivity` for each outcome that moves at all.

    points : of each Sobol matrix, a power of 2
    """
    known = believed(study.machine, study.workload)
    slopes, ends = elasticities(study, known), swings(study, known)
    seen = screened(study, known, list(slopes), seed)
    moving = {name: k for k, name in enumerate(slopes) if seen.mu_star[k].max() > NONE}
    chosen = {name: known[name] for name in _chosen(list(known), seen.mu_star[list(moving.values())])}
    sobol = indices(study, chosen, list(moving), seed, points)
    widths = spreads(study, known, list(chosen), seed)
    out = []
    for name, k in moving.items():
        columns = (slopes[name], *ends[name].T, seen.mu_star[k], seen.sigma[k])
        effects = _effects(known, columns, dict(zip(chosen, sobol[name], strict=True)))
        out.append(Sensitivity(outcome=name, n_threads=study.n_threads, effects=effects, **widths[name]))
    return out


def _chosen(names: list[str], mu_star: Floats) -> list[str]:
    """At most MOST numbers that move some outcome, (K, P), by more than SMALL of what the strongest does."""
    strength = (mu_star / mu_star.max(axis=1, keepdims=True)).max(axis=0)
    strongest = np.argsort(-strength)[:MOST]
    return [names[i] for i in sorted(strongest) if strength[i] > SMALL]


def _effects(
    known: Mapping[str, Quantity], columns: Sequence[Floats], sobol: Mapping[str, tuple[Index, Index]]
) -> tuple[Effect, ...]:
    """One outcome's effects, the largest total index first. columns : as the numbers of an `Effect`, (P,) each."""
    out = []
    for name, quantity, *row in zip(known, known.values(), *columns, strict=True):
        slope, low, high, mu_star, sigma = (float(x) for x in row)
        first, total = sobol.get(name, (None, None))
        out.append(Effect(
            name=name, quantity=quantity, elasticity=slope, at_low=low, at_high=high, mu_star=mu_star, sigma=sigma,
            first=first, total=total,
        ))  # fmt: skip
    return tuple(sorted(out, key=lambda e: (-e.total.value if e.total else 0.0, -e.mu_star)))


def screened(study: Study, known: Mapping[str, Quantity], names: Sequence[str], seed: int = 1) -> Screening:
    """Elementary effects of each number (P,) on the named outcomes (K,): mu* and sigma, (K, P) each.

    The grid from 0 to 1 is a number's 90 % range on a log scale.
    """

    def at(u: Floats) -> Floats:
        found = outcomes(study, draws_at(known, TAIL * (2 * u - 1)))
        return np.stack([found[name] for name in names])

    return elementary_effects(at, len(known), trajectories=TRAJECTORIES, rng=_stream(seed, 0))


def indices(
    study: Study, known: Mapping[str, Quantity], names: Sequence[str], seed: int = 1, points: int = POINTS
) -> dict[str, list[tuple[Index, Index]]]:
    """Sobol indices S1 and ST of each number, (P,), by outcome: `points` * (P + 2) solutions."""

    def at(scores: Floats) -> Floats:
        found = outcomes(study, draws_at(known, scores))
        return np.stack([found[name] for name in names])

    found = sobol(at, len(known), points=points, rng=_stream(seed, 1))
    return {name: list(zip(*both, strict=True)) for name, both in zip(names, found, strict=True)}


def spreads(
    study: Study, known: Mapping[str, Quantity], chosen: Sequence[str], seed: int = 1
) -> dict[str, dict[str, float]]:
    """Median and spreads of each outcome, by the names of `Sensitivity`. chosen : numbers with Sobol indices."""
    scores = _stream(seed, 2).standard_normal((len(known), SPREAD_DRAWS))
    some = scores * np.array([[name in chosen] for name in known])
    everything, part = (outcomes(study, draws_at(known, z)) for z in (scores, some))
    middle = outcomes(study, {name: np.array([q.value]) for name, q in known.items()})
    question = Question(
        machine=study.machine, workload=study.workload, baseline=study.baseline, n_draws=SPREAD_DRAWS, seed=seed
    )
    together = outcomes(study, in_cells(draws_for(question)))
    costs = study.machine.costs
    unexplained = sd_of(study.machine, study.workload, study.n_threads)
    left = {"fallback_share": costs["structural_sd_fallback"].value}
    return {
        name: {
            "median": float(np.exp(middle[name][0])), "spread": float(values.std()),
            "joint_spread": float(together[name].std()), "structural": left.get(name, unexplained),
            "covered": float(part[name].var() / max(values.var(), 1e-300)),
        }
        for name, values in everything.items()
    }  # fmt: skip


def _stream(seed: int, place: int) -> np.random.Generator:
    """One of the random streams of a study."""
    return np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[place])
