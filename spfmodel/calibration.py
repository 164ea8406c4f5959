"""Calibration: which costs explain a table of measurements, and how sure that makes us.

The rows as a function of the costs are simulated at a few dozen points, first of the prior, then of what is believed
so far; a quadratic stands for each row (emulator.py), and the posterior is drawn from prior and quadratics
(posterior.py).

The few costs to which the rows are most sensitive are free: their prior is widened threefold.
The others keep their prior and are listed as such. One row frees one cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from .emulator import Quadratic, fit_quadratic
from .fit_model import EVENTS, Model, is_cost
from .introduced import Introduced
from .machine import Calibration, Draws, FittedParameter, Machine, Workload
from .observations import Observation, merged
from .posterior import Sample, Target, sample
from .sources import Kind, Quantity

Floats = NDArray[np.float64]
WIDER = 3.0
"""factor on the prior's standard deviation of a free cost"""
MOST_FREE = 3
STARTS = (0.0, -1.5, 1.5)
"""of the search for the best costs, along the strongest free one, in its standard deviations"""
N_DRAWS = 64
BELIEVED = 512
FAR = 3.0
"""prior standard deviations"""
SHARPER = 0.7
"""a posterior this narrow, in prior standard deviations, was told by the rows"""
ROUNDS = 3
"""of points drawn from what is believed so far"""
MISFIT = 0.06
"""median of what no cost explains, in ln(throughput): runs of one benchmark on one machine under successive kernels
differ by .01 to .22 (measurements.csv, rows of the unpatched kernel: seven machines and benchmarks, geometric mean
.066)"""
SHARE_MISFIT = 0.3
"""the same of fallback shares; versions v8 and v10 differ by a factor 3 on one machine"""


@dataclass(frozen=True, kw_only=True)
class Fit(Introduced):
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
    believed: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """(BELIEVED, P) draws in standardised parameters, in the order of `Model.parameters`: more than are kept"""


def choose_free(jacobian: Floats, sd: Floats) -> list[int]:
    """The costs that the rows can tell apart: pivoted QR of the sensitivities in units of noise.

    jacobian : (R, P) per prior standard deviation; sd : (R,) noise of ln(row) -> column indices
    """
    scaled = jacobian / sd[:, None]
    _, r, order = qr(scaled, mode="economic", pivoting=True)
    strength = np.abs(np.diag(r))
    count = int(np.sum(strength > 2.0))
    return [int(c) for c in order[: max(1, min(count, MOST_FREE, len(sd)))]]


def points(runs: int) -> tuple[int, int]:
    """Points of the prior and of each later round: fewer, the more settings must be simulated; formulas are cheap."""
    return (int(np.clip(200 // runs, 24, 40)), int(np.clip(80 // runs, 8, 20))) if runs else (64, 40)


def misfit_of(o: Observation) -> float:
    """Median of what no cost explains of a row; a cost that was measured explains itself."""
    return 0.0 if is_cost(o) else MISFIT if o.quantity == "throughput_per_s" else SHARE_MISFIT


@dataclass
class _Search:
    """Points that were simulated, and the quadratics through them."""

    model: Model
    y: Floats
    sd: Floats
    z: Floats
    f: Floats
    """(n, R) the rows at the points z (n, P)"""
    width: Floats
    starts: list[Floats]
    near: int = 0
    """points, the last ones, that were drawn from what was believed: the error there is what counts"""

    def target(self) -> Target:
        """What is believed so far."""
        rows = quadratics(self.z, self.f, self.model.matters(), self.near)
        error = np.array([row.error for row in rows])
        misfit = np.array([misfit_of(o) for o in self.model.observations])
        return Target(y=self.y, sd=np.hypot(self.sd, error), misfit=misfit, rows=rows, width=self.width)

    def add(self, z: Floats) -> None:
        """Simulate more points."""
        self.z, self.f = np.vstack([self.z, z]), np.vstack([self.f, self.model.logs(z)])
        self.near += len(z)


def quadratics(z: Floats, f: Floats, some: NDArray[np.bool_], last: int = 0) -> list[Quadratic]:
    """One for each row of f (n, R) at the points z (n, P), in those parameters that matter (P,).

    last : the error is that at so many of the points, from the end; 0: at all
    """
    return [_spread(fit_quadratic(z[:, some], column, last), some) for column in f.T]


def _spread(q: Quadratic, some: NDArray[np.bool_]) -> Quadratic:
    """A quadratic of some parameters as one of all."""
    linear, curved = np.zeros(some.size), np.zeros((some.size, some.size))
    linear[some], curved[np.ix_(some, some)] = q.linear, q.curved
    return Quadratic(constant=q.constant, linear=linear, curved=curved, error=q.error)


def _search(model: Model, y: Floats, sd: Floats) -> tuple[_Search, list[int], Floats]:
    """Simulate, look, and simulate nearer; the free columns, and the rows' slopes at the prior's middle."""
    first, later = points(model.runs())
    size = len(model.parameters)
    z = _prior_points(size, first, model.seed)
    found = _Search(model, y, sd, z, model.logs(z), np.ones(size), [])
    slopes = np.stack([q.linear for q in quadratics(z, found.f, model.matters())])
    free = choose_free(slopes, np.maximum(sd, 0.05))
    found.width[free] = WIDER
    found.starts = [shift * WIDER * np.eye(size)[free[0]] for shift in STARTS]
    for turn in range(ROUNDS):
        found.add(sample(found.target(), found.starts, later, model.seed + turn + 1).z)
    return found, free, slopes


def _prior_points(size: int, n: int, seed: int) -> Floats:
    """Standard normal points, the middle first, (n, size)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
    out = np.zeros((n, size))
    out[1:] = ndtri(qmc.LatinHypercube(size, rng=generator).random(n - 1))
    return out


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
    found, free, slopes = _search(model, y, sd)
    target = found.target()
    drawn = sample(target, found.starts, n_draws, seed)
    told = drawn.sd < SHARPER
    told[free] = True
    believed = sample(target, found.starts, BELIEVED, seed).z
    fitted = target.values(believed).mean(axis=0)
    calibration = _calibration(model, rows, drawn.z, told)
    strength = np.sqrt(np.mean(slopes**2, axis=0))
    return Fit(
        calibration=calibration, observations=tuple(rows), fitted=np.exp(fitted),
        identified=tuple(n for n, p in calibration.parameters.items() if p.origin == "data"),
        prior_only=tuple(n for n, p in calibration.parameters.items() if p.origin == "prior"),
        sensitivity={p.name: float(s) for p, s in zip(model.parameters, strength, strict=True)},
        warnings=_warnings(model, drawn, free, float(np.sqrt(np.mean((y - fitted) ** 2)))),
        believed=believed,
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


def _warnings(model: Model, drawn: Sample, free: list[int], misfit: float) -> tuple[str, ...]:
    """What a reader should know before believing the fit."""
    out = [f"the best curve still misses the rows by a factor of {np.exp(misfit):.3g}"] if misfit > 0.1 else []
    for j in free:
        name, q = model.parameters[j].name, model.parameters[j].quantity
        if drawn.sd[j] > 1.0:
            out.append(f"{name} was moved to meet the rows, but they leave it wider than the prior: others act alike")
        if abs(drawn.mean[j]) > FAR:
            out.append(
                f"{name} moved far out of its prior's {q.low:g} to {q.high:g} {q.unit}: check the rows, the facts "
                "(--set cpus, kernel, page_kib) and the prior"
            )
    return tuple(out)


def _rounded(values: Floats) -> Floats:
    """Five significant digits: more would be noise, and would have to be stored."""
    return np.array([[float(f"{v:.5g}") for v in row] for row in values])
