"""What the costs do not explain: a term on ln(speed-up), another on the log odds of falling back.

Its spread is learnt, class by class, from the misses of *other* machines' predictions: never from
the machine that is predicted. data/structural.toml holds what was learnt for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .pricing import faults_per_cycle

Floats = NDArray[np.float64]

SCALES: Mapping[str, float] = {
    "readers": 0.25, "writers": 0.25, "mixed": 0.25, "unsupported": 0.25, "alone": 0.05, "fallback": 0.7,
}  # fmt: skip
"""Terms by class, each with the scale of its half-normal prior: the spread believed where no machine says anything.

alone: nothing is shared by one thread, or by processes; fallback: of the log odds"""
VERSIONS_SCALE = 0.1
"""half-normal scale of the spread between versions of one patch series on one machine"""
GRID = np.geomspace(0.002, 3.0, 400)


class Residual(NamedTuple):
    """One prediction beside its measurement, before any structural term. All in ln (fallback: log odds)."""

    machine: str
    vote: str
    """cells of one vote share its weight: workload and mode"""
    term: str
    """a name of `SCALES`"""
    versions: tuple[float, ...]
    """measured, one value for each version"""
    median: float
    """of the draws"""
    sd: float
    """of the draws"""


class Spread(NamedTuple):
    """A structural term."""

    sd: float
    """of the next measurement: model and versions together"""
    low: float
    """5 % quantile of what the misses allow"""
    high: float
    """95 %"""
    model_sd: float
    versions_sd: float
    machines: tuple[str, ...]
    """whose misses taught it"""


def kind_of(machine: Machine, workload: Workload) -> str:
    """The class of a prediction: readers, writers (at most one fault a cycle), mixed, unsupported or processes."""
    if workload.choice("mode") == "processes":
        return "processes"
    if workload.choice("fault_kind") in ("file", "shared"):
        return "unsupported"
    if not any(phase.do == "update" for phase in workload.program):
        return "readers"
    return "writers" if faults_per_cycle(machine, workload) <= 1 else "mixed"


def term_of(machine: Machine, workload: Workload, n_threads: int) -> str:
    """The structural term of its speed-up: its class, but `alone` for one thread and for processes."""
    kind = kind_of(machine, workload)
    return "alone" if n_threads == 1 or kind == "processes" else kind


def sd_of(machine: Machine, workload: Workload, n_threads: int) -> float:
    """Spread of ln(speed-up) beyond the costs', as it was learnt for this machine."""
    return machine.costs[f"structural_sd_{term_of(machine, workload, n_threads)}"].value


def noise(seed: int, n_threads: int, size: int) -> tuple[Floats, Floats]:
    """Standard normal noise of the speed-up and of the fallback share, (D,) each, the same for all candidates."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, n_threads)).spawn(3)[2])
    return stratified(rng, size), stratified(rng, size)


def stratified(rng: np.random.Generator, size: int) -> Floats:
    """Standard normal quantiles in random order: few draws, yet no bias of their median."""
    quantiles = [NormalDist().inv_cdf((k + 0.5) / size) for k in range(size)]  # importing scipy takes 0.2 s
    return rng.permutation(np.array(quantiles))


def with_odds(share: Floats, factor: Floats) -> Floats:
    """Shares whose odds are multiplied; 0 stays 0.

    >>> with_odds(np.array([0.0, 0.5]), np.array([3.0, 3.0])).tolist()
    [0.0, 0.75]
    """
    odds = factor * share / np.maximum(1 - share, 1e-300)
    return np.where(share > 0, odds / (1 + odds), 0.0)


def posterior_sd(residuals: Floats, variances: Floats, weights: Floats, scale: float) -> tuple[float, float, float]:
    """Spread sigma of residuals that have known variances, too: sqrt(E[sigma^2]), 5 % and 95 % quantile.

    p(sigma | r) ~ exp(-sigma^2 / (2 scale^2)) prod_i N(r_i; 0, v_i + sigma^2)^(w_i)

    residuals, variances, weights : (K,), K may be 0; by quadrature on a grid of ln sigma. The half-normal prior is
    Gelman's for a spread that few groups inform (2006, Bayesian Analysis 1, 515); the mean of sigma^2, rather than
    the most likely sigma, never says that the model is exact because few residuals are small.
    """
    total = variances[:, None] + GRID**2
    logs = -0.5 * (weights[:, None] * (np.log(total) + residuals[:, None] ** 2 / total)).sum(axis=0)
    logs += np.log(GRID) - 0.5 * (GRID / scale) ** 2
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    low, high = (float(GRID[np.searchsorted(np.cumsum(mass), q)]) for q in (0.05, 0.95))
    return float(np.sqrt((mass * GRID**2).sum())), low, high


def learn(found: Sequence[Residual], without: str = "") -> dict[str, Spread]:
    """Every term, from the residuals of all machines but one. without : the machine that is to be predicted."""
    others = [r for r in found if r.machine != without]
    return {term: _learn([r for r in others if r.term == term], scale) for term, scale in SCALES.items()}


def _learn(found: Sequence[Residual], scale: float) -> Spread:
    """One term: the spread between versions first, then what is left to the model."""
    from scipy.linalg import helmert

    share = np.array([1 / sum(o[:2] == r[:2] for o in found) for r in found])
    repeated = [(r, w) for r, w in zip(found, share, strict=True) if len(r.versions) > 1]
    contrasts = [helmert(len(r.versions)) @ np.array(r.versions) for r, _ in repeated]
    each = np.repeat([w for _, w in repeated], [len(c) for c in contrasts])
    flat = np.concatenate([*contrasts, np.empty(0)])
    versions, _, _ = posterior_sd(flat, np.zeros_like(flat), each, VERSIONS_SCALE * scale / SCALES["readers"])
    misses = np.array([float(np.median(r.versions)) - r.median for r in found])
    known = np.array([r.sd**2 + versions**2 / len(r.versions) for r in found])
    model, low, high = posterior_sd(misses, known, share, scale)
    sd, low, high = (float(np.hypot(value, versions)) for value in (model, low, high))
    return Spread(sd, low, high, model, versions, tuple(sorted({r.machine for r in found})))
