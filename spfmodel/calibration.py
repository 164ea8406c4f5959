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

from .machine import Calibration, Draws, FittedParameter, Machine
from .observations import Observation, merged
from .program import build
from .solvers import des
from .sources import Kind, Quantity

Floats = NDArray[np.float64]
WIDER = 3.0
"""factor on the prior's standard deviation of a free cost"""
MOST_FREE = 3
STEP = 0.4
"""finite-difference step, in prior standard deviations"""
STARTS = (0.0, -1.5, 1.5)
EVENTS = 100_000
N_DRAWS = 64


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A cost or workload parameter that may move, on a log scale."""

    name: str
    quantity: Quantity

    @property
    def centre(self) -> float:
        """Middle of the prior, ln(value)."""
        return float(np.log(self.quantity.value))


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


def parameters(machine: Machine, observations: Sequence[Observation]) -> list[Parameter]:
    """Everything with a range, of the machine and of the workloads."""
    known = dict(machine.costs)
    for o in observations:
        known.update(o.workload.parameters)
    ranged = {n: q for n, q in known.items() if q.log_sd > 0 and q.kind is not Kind.FACT}
    return [
        Parameter(name=n, quantity=q) for n, q in sorted(ranged.items()) if not n.startswith("structural")
    ]


class Model:
    """The rows' values as a function of standardised parameters: 0 is the prior's middle."""

    def __init__(self, machine: Machine, observations: Sequence[Observation], seed: int, tick: Callable[[], None]):
        self.machine, self.observations, self.seed, self.tick = machine, observations, seed, tick
        self.parameters = parameters(machine, observations)
        self.centre = np.array([p.centre for p in self.parameters])
        self.sd = np.array([p.quantity.log_sd for p in self.parameters])

    def costs(self, z: Floats) -> dict[str, Floats]:
        """Costs by name, (D,), of standardised parameters (D, P); shares stay at most 1."""
        values = np.exp(self.centre + z * self.sd)
        shares = np.array([p.quantity.unit == "share" for p in self.parameters])
        values = np.where(shares, np.minimum(values, 1.0), values)
        return {p.name: values[:, j] for j, p in enumerate(self.parameters)}

    def logs(self, z: Floats) -> Floats:
        """ln of each row's value, (D, R)."""
        costs = self.costs(z)
        return np.stack([self._one(o, costs) for o in self.observations], axis=1)

    def _one(self, o: Observation, costs: dict[str, Floats]) -> Floats:
        self.tick()
        if o.quantity.startswith("ns:"):
            name = o.quantity[3:]
            fixed = np.full(len(next(iter(costs.values()))), self.machine.costs[name].value)
            return np.log(costs.get(name, fixed))
        network = build(self.machine, o.workload, o.protocol, o.n_threads, draws=costs)
        found = des.solve(network, seed=self.seed, events=EVENTS)
        if o.quantity == "throughput_per_s":
            return np.log(found.throughput_per_s)
        cause = o.quantity.partition(":")[2]
        share = found.abort_share.get(cause, np.zeros(1)) if cause else found.fallback_share
        return np.log(np.maximum(share, 1e-6))


def _jacobian(model: Model, z: Floats, at: Floats, columns: Sequence[int]) -> Floats:
    """d ln(row) / d z of the named columns, (R, len(columns)); `at` is the model there, (R,)."""
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


def _posterior_draws(
    model: Model, z: Floats, at: Floats, jacobian: Floats, sd: Floats, free: list[int], width: Floats, n: int
) -> Floats:
    """Draws (n, P) of the normal approximation, the free costs corrected once for its error."""
    scaled = jacobian / sd[:, None]
    precision = scaled.T @ scaled + np.diag(width**-2.0)
    rng = np.random.default_rng(np.random.SeedSequence(model.seed).spawn(1)[0])
    root = np.linalg.cholesky(np.linalg.inv(precision))
    draws = z + rng.standard_normal((n, z.size)) @ root.T
    draws = np.clip(draws, -3 * width, 3 * width)
    linear = at + (draws - z) @ jacobian.T
    missing = (linear - model.logs(draws)) / sd
    draws[:, free] += np.clip(missing @ np.linalg.pinv(scaled[:, free]).T, -2, 2)
    return draws


def fit(
    machine: Machine,
    observations: Sequence[Observation],
    *,
    seed: int = 1,
    n_draws: int = N_DRAWS,
    tick: Callable[[], None] = lambda: None,
) -> Fit:
    """Calibrate a machine on measurements; the first observation's workload names the calibration.

    seed : of the simulation and of the draws; tick : called after each row that was computed
    """
    rows = merged(list(observations))
    model = Model(machine, rows, seed, tick)
    y, sd = np.log([o.value for o in rows]), np.array([o.log_sd for o in rows])
    origin = np.zeros(len(model.parameters))
    at = model.logs(origin[None])[0]
    sensitivity = _jacobian(model, origin, at, range(origin.size))
    free = choose_free(sensitivity, np.maximum(sd, 0.05))
    width = np.ones(origin.size)
    width[free] = WIDER
    starts = []
    for shift in STARTS:
        z0 = origin.copy()
        z0[free[0]] = shift
        starts.append(_descend(model, y, sd, z0, free, width))
    z = min(starts, key=lambda found: found[1])[0]
    at = model.logs(z[None])[0]
    misfit = float(np.sqrt(np.mean((y - at) ** 2)))
    noise = np.maximum(sd, misfit)
    jacobian = _jacobian(model, z, at, range(z.size))
    draws = _posterior_draws(model, z, at, jacobian, noise, free, width, n_draws)
    return _report(model, rows, draws, np.exp(at), sensitivity, misfit)


def _report(
    model: Model, rows: list[Observation], draws: Floats, fitted: Floats, sensitivity: Floats, misfit: float
) -> Fit:
    """Draws as a calibration, with a verdict on each parameter."""
    values = _rounded(np.stack(list(model.costs(draws).values()), axis=1))
    table: dict[str, FittedParameter] = {}
    for j, p in enumerate(model.parameters):
        low, median, high = np.quantile(values[:, j], (0.05, 0.5, 0.95))
        spread = draws[:, j].std()
        table[p.name] = FittedParameter(
            median=float(median), low=float(low), high=float(high), unit=p.quantity.unit,
            origin="data" if spread < 0.7 or abs(draws[:, j].mean()) > 1.0 else "prior",
        )  # fmt: skip
    first = rows[0]
    calibration = Calibration(
        workload=first.workload.name,
        rows=tuple(row for o in rows for row in o.rows),
        baseline=first.protocol.name,
        protocols_used=tuple(sorted({o.protocol.name for o in rows})),
        parameters=table,
        draws=Draws(names=tuple(table), values=values),
    )
    strength = np.sqrt(np.mean(sensitivity**2, axis=0))
    warnings = (f"the best curve still misses the rows by {misfit:.0%}",) if misfit > 0.1 else ()
    return Fit(
        calibration=calibration, observations=tuple(rows), fitted=fitted,
        identified=tuple(n for n, p in table.items() if p.origin == "data"),
        prior_only=tuple(n for n, p in table.items() if p.origin == "prior"),
        sensitivity={p.name: float(s) for p, s in zip(model.parameters, strength, strict=True)},
        warnings=warnings,
    )  # fmt: skip


def _rounded(values: Floats) -> Floats:
    """Five significant digits: more would be noise, and would have to be stored."""
    return np.vectorize(lambda v: float(f"{v:.5g}"))(values)
