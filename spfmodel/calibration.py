"""Calibration: which costs explain a table of measurements, and how sure that makes us.

Gauss-Newton on the logarithms of the costs, with the machine's ranges as a prior, over the
simulation with common random numbers; then draws from the posterior's normal approximation,
each corrected once for what the approximation misses.

The few costs to which the rows are most sensitive are free: their prior is widened threefold.
The others keep their prior and are listed as such. One row frees one cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from .fit_model import EVENTS, Model
from .machine import Calibration, Draws, FittedParameter, Machine, Workload
from .observations import Observation, merged
from .sources import Kind, Quantity

Floats = NDArray[np.float64]
WIDER = 3.0
"""factor on the prior's standard deviation of a free cost"""
MOST_FREE = 3
STEP = 0.4
"""finite-difference step, in prior standard deviations"""
STARTS = (0.0, -1.5, 1.5)
N_DRAWS = 64
FAR = 3.0
"""prior standard deviations"""
SHARPER = 0.7
"""a posterior this narrow, in prior standard deviations, was told by the rows"""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A calibration with what it rests on and what it could not tell."""

    calibration: Calibration
    observations: tuple[Observation, ...]
    fitted: Floats
    """model's value of each observation at the best parameters, (R,)"""
    identified: tuple[str, ...]
    prior_only: tuple[str, ...]
    sensitivity: dict[str, float]
    """how far one prior standard deviation moves the rows, in ln, root mean square"""
    warnings: tuple[str, ...]


def _jacobian(model: Model, z: Floats, at: Floats, columns: Sequence[int]) -> Floats:
    """Derivatives d ln(row) / d z of the named columns, (R, len(columns)); `at` is the model there, (R,)."""
    steps = np.zeros((len(columns), z.size))
    for k, column in enumerate(columns):
        steps[k, column] = STEP
    return ((model.logs(z + steps) - at) / STEP).T


def choose_free(jacobian: Floats, sd: Floats) -> list[int]:
    """The costs that the rows can tell apart: pivoted QR of the sensitivities in units of noise.

    jacobian : (R, P) per prior standard deviation; sd : (R,) noise of ln(row) -> column indices
    """
    scaled = jacobian / sd[:, None]
    _, r, order = qr(scaled, mode="economic", pivoting=True)
    strength = np.abs(np.diag(r))
    count = int(np.sum(strength > 2.0))
    return [int(c) for c in order[: max(1, min(count, MOST_FREE, len(sd)))]]


def _objective(y: Floats, f: Floats, sd: Floats, z: Floats, width: Floats) -> float:
    return float(np.sum(((y - f) / sd) ** 2) + np.sum((z / width) ** 2))


def _descend(model: Model, y: Floats, sd: Floats, z: Floats, free: list[int], width: Floats) -> tuple[Floats, float]:
    """Damped Gauss-Newton on the free columns from z; returns z and the objective."""
    at = model.logs(z[None])[0]
    best = _objective(y, at, sd, z, width)
    for _ in range(6):
        j = _jacobian(model, z, at, free) / sd[:, None]
        normal = j.T @ j + np.diag(width[free] ** -2.0)
        step = np.linalg.solve(normal, j.T @ ((y - at) / sd) - z[free] / width[free] ** 2)
        trials = np.repeat(z[None], 3, axis=0)
        for row, damping in enumerate((1.0, 0.5, 0.2)):
            trials[row, free] = np.clip(z[free] + damping * step, -8, 8)
        values = model.logs(trials)
        scores = [_objective(y, f, sd, t, width) for f, t in zip(values, trials, strict=True)]
        winner = int(np.argmin(scores))
        if scores[winner] >= best - 0.01:
            break
        z, at, best = trials[winner], values[winner], scores[winner]
    return z, best


def _best(model: Model, y: Floats, sd: Floats, free: list[int], width: Floats) -> Floats:
    """The best end of several descents, which start apart in the strongest free column."""
    ends = []
    for shift in STARTS:
        z = np.zeros(len(model.parameters))
        z[free[0]] = shift
        ends.append(_descend(model, y, sd, z, free, width))
    return min(ends, key=lambda end: end[1])[0]


def _posterior_draws(
    model: Model, z: Floats, at: Floats, jacobian: Floats, sd: Floats, free: list[int], width: Floats, n: int
) -> tuple[Floats, Floats]:
    """Draws (n, P) of the normal approximation, the free costs corrected once for its error; its spread (P,)."""
    scaled = jacobian / sd[:, None]
    precision = scaled.T @ scaled + np.diag(width**-2.0)
    rng = np.random.default_rng(np.random.SeedSequence(model.seed).spawn(1)[0])
    covariance = np.linalg.inv(precision)
    root = np.linalg.cholesky(covariance)
    draws = z + rng.standard_normal((n, z.size)) @ root.T
    draws = np.clip(draws, -3 * width, 3 * width)
    linear = at + (draws - z) @ jacobian.T
    missing = (linear - model.logs(draws)) / sd
    draws[:, free] += np.clip(missing @ np.linalg.pinv(scaled[:, free]).T, -2, 2)
    return draws, np.sqrt(np.diag(covariance))


def fit(
    machine: Machine,
    observations: Sequence[Observation],
    *,
    workload: Workload | None = None,
    seed: int = 1,
    n_draws: int = N_DRAWS,
    events: int = EVENTS,
    tick: Callable[[], None] = lambda: None,
) -> Fit:
    """Calibrate a machine on measurements.

    workload : whose parameters may move, and which names the calibration; default: the first observation's
    seed : of the simulation and of the draws; events : calendar pops of each simulated row and draw;
    tick : called after each row that was computed
    """
    rows = merged(list(observations))
    model = Model(machine, workload or rows[0].workload, rows, seed=seed, events=events, tick=tick)
    y, sd = np.log([o.value for o in rows]), np.array([o.log_sd for o in rows])
    origin = np.zeros(len(model.parameters))
    at = model.logs(origin[None])[0]
    sensitivity = _jacobian(model, origin, at, range(origin.size))
    free = choose_free(sensitivity, np.maximum(sd, 0.05))
    width = np.ones(origin.size)
    width[free] = WIDER
    z = _best(model, y, sd, free, width)
    at = model.logs(z[None])[0]
    misfit = float(np.sqrt(np.mean((y - at) ** 2)))
    noise = np.maximum(sd, misfit)
    jacobian = _jacobian(model, z, at, range(z.size))
    draws, spread = _posterior_draws(model, z, at, jacobian, noise, free, width, n_draws)
    told = spread < SHARPER
    told[free] = True
    found = _calibration(model, rows, draws, told)
    strength = np.sqrt(np.mean(sensitivity**2, axis=0))
    return Fit(
        calibration=found, observations=tuple(rows), fitted=np.exp(at),
        identified=tuple(n for n, p in found.parameters.items() if p.origin == "data"),
        prior_only=tuple(n for n, p in found.parameters.items() if p.origin == "prior"),
        sensitivity={p.name: float(s) for p, s in zip(model.parameters, strength, strict=True)},
        warnings=_warnings(model, draws, spread, free, misfit),
    )  # fmt: skip


def _calibration(model: Model, rows: list[Observation], draws: Floats, told: NDArray[np.bool_]) -> Calibration:
    """Draws as a calibration, what the user fixed beside them.

    draws : (D, P) in prior standard deviations; told : (P,) whether the rows moved or sharpened a parameter
    """
    values = _rounded(np.stack(list(model.costs(draws).values()), axis=1))
    facts = {n: q for n, q in model.known.items() if q.kind is Kind.FACT}
    table = {
        p.name: _verdict(p.quantity, values[:, j], "data" if told[j] else "prior")
        for j, p in enumerate(model.parameters)
    }
    table |= {n: _verdict(q, np.array([q.value]), "fact") for n, q in facts.items()}
    fixed = np.broadcast_to([q.value for q in facts.values()], (len(values), len(facts)))
    used = sorted({o.protocol.name for o in rows if not o.quantity.startswith("ns:")})
    return Calibration(
        workload=model.workload.name, rows=tuple(row for o in rows for row in o.rows),
        baseline=used[0] if len(used) == 1 else "mmap_sem", protocols_used=tuple(used), parameters=table,
        draws=Draws(names=tuple(table), values=np.hstack([values, fixed])),
    )  # fmt: skip


def _verdict(q: Quantity, values: Floats, origin: str) -> FittedParameter:
    low, median, high = (float(x) for x in np.quantile(values, (0.05, 0.5, 0.95)))
    return FittedParameter(median=median, low=low, high=high, unit=q.unit, origin=origin)


def _warnings(model: Model, draws: Floats, spread: Floats, free: list[int], misfit: float) -> tuple[str, ...]:
    """What a reader should know before believing the fit."""
    out = [f"the best curve still misses the rows by {misfit:.0%}"] if misfit > 0.1 else []
    for j in free:
        name, q = model.parameters[j].name, model.parameters[j].quantity
        if spread[j] > 1.0:
            out.append(f"{name} was moved to meet the rows, but they leave it wider than the prior: others act alike")
        if abs(np.median(draws[:, j])) > FAR:
            out.append(
                f"{name} moved far out of its prior's {q.low:g} to {q.high:g} {q.unit}: check the rows, the facts "
                "(--set cpus, kernel, page_kib) and the prior"
            )
    return tuple(out)


def _rounded(values: Floats) -> Floats:
    """Five significant digits: more would be noise, and would have to be stored."""
    return np.array([[float(f"{v:.5g}") for v in row] for row in values])
