"""What to measure next: which one more measurement would narrow the predicted speed-up most.

Preposterior analysis, linear and Gaussian: a measurement h with noise s leaves of a prediction g the variance
var(g) - cov(g, h)^2 / (var(h) + s^2), whatever it will say. g and h are ln(speed-up) and ln(value) over draws of what
is believed after the fit, through quadratics of a few dozen simulated draws. Raiffa and Schlaifer 1961.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .calibration import Fit, misfit_of, quadratics
from .fit_model import Model, is_cost
from .machine import Machine, Workload
from .observations import LEAST_SD, Observation
from .program import tries_at_all
from .protocols import PROTOCOLS
from .protocols.vocabulary import Protocol
from .structural import sd_of

Floats = NDArray[np.float64]
CANDIDATES = ("spf_rwlock", "spf_mmseq", "per_vma_lock")
"""protocols whose speed-up is to be known better, unless others are asked for"""
POINTS = 40
"""draws that are simulated"""
EVENTS = 30_000
SEED = 1
NORMAL_80 = 1.2816
"""half of the central 80 % of a standard normal"""
PINGPONG_SD = 0.1
"""of ln(line_ns) as a ping-pong tells it: pairs of CPUs differ"""
LEAST_WORTH = 0.01
"""share of the interval's width; what narrows it less is not worth a line"""


@dataclass(frozen=True, kw_only=True)
class Extra:
    """A measurement that could be made."""

    words: str
    row: Observation
    """its value is not read"""
    noise: float
    """standard deviation of ln(value), the model's own misfit included"""


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What a measurement would do to the prediction for which it does most."""

    words: str
    protocol: str
    n_threads: int
    before: tuple[float, float]
    """80 % interval of the speed-up as it is"""
    after: tuple[float, float]
    """as it is expected to be"""

    @property
    def narrowing(self) -> float:
        """Share of the width, in ln, that goes."""
        old, new = (np.log(high / low) for low, high in (self.before, self.after))
        return float(1 - new / old) if old > 0 else 0.0

    def __str__(self) -> str:
        """One line for people."""
        (a, b), (c, d) = self.before, self.after
        where = f"{self.protocol}'s speed-up at {self.n_threads} threads"
        return f"{self.words}: narrows the 80 % interval of {where} from {a:.2f}-{b:.2f} to {c:.2f}-{d:.2f}"


def variance_left(g: Floats, h: Floats, noise: float) -> float:
    """Variance of g once h was measured, over joint draws g, h (D,); noise : standard deviation of the measurement.

    >>> g = np.array([-1.0, 1.0, -1.0, 1.0])
    >>> variance_left(g, g, 1.0), variance_left(g, np.array([1.0, 1.0, -1.0, -1.0]), 0.1)
    (0.5, 1.0)
    """
    together = float(np.mean((g - g.mean()) * (h - h.mean())))
    return float(g.var() - together**2 / (h.var() + noise**2))


def extras(machine: Machine, known: Sequence[Observation], tried: Sequence[Observation], brk: Workload) -> list[Extra]:
    """Measurements that could be made, but for those that the table has.

    known : rows of the fit; tried : throughput rows of baseline and candidates at the number of threads that is
    predicted; brk : a workload of updates alone
    """
    base, workload = tried[0], tried[0].workload
    counts = sorted({1, 2, max(2, machine.cpus // 4), machine.cpus})
    out = [_run(f"{base.protocol.name} at {n} thread{'s' * (n > 1)}", base, n_threads=n) for n in counts]
    if workload.choice("mode") == "threads":
        each = replace(workload, choices={**workload.choices, "mode": "processes"})
        out.append(_run(f"the same benchmark with a process each, {base.n_threads} of them", base, workload=each))
    if any(phase.do == "update" for phase in workload.program):
        words = f"a contended write-only run: {brk.name} with {machine.cpus} threads, for the hold of an update"
        out.append(_run(words, base, workload=brk, n_threads=machine.cpus))
    for row in tried[1:]:
        if tries_at_all(row.protocol, workload, row.n_threads):
            words = f"the abort counters of one run of {row.protocol.name} at {row.n_threads} threads"
            out.append(_run(words, row, quantity="fallback_share"))
    ping = replace(base, quantity="ns:line_ns")
    out.append(Extra(words="a two-thread atomic ping-pong between sockets, for line_ns", row=ping, noise=PINGPONG_SD))
    seen = {(*o.setting, o.quantity) if not is_cost(o) else o.quantity for o in known}
    return [e for e in out if e.row.quantity not in seen and (*e.row.setting, e.row.quantity) not in seen]


def _run(words: str, like: Observation, **changed: object) -> Extra:
    """A run that could be made, with the spread of a table's row and the model's own misfit."""
    row = replace(like, **changed)  # type: ignore[arg-type]
    return Extra(words=words, row=row, noise=float(np.hypot(LEAST_SD, misfit_of(row))))


def worth(
    machine: Machine, workload: Workload, found: Fit, brk: Workload, n_threads: int,
    *, candidates: Sequence[str] = CANDIDATES, events: int | None = None, tick: Callable[[], None] = lambda: None,
) -> list[Worth]:  # fmt: skip
    """Extra measurements in the order of what they buy: how far each narrows the candidates' speed-ups.

    machine, workload : as fitted; brk : a workload of updates alone; n_threads : at which is predicted
    """
    base = found.calibration.baseline
    names = (base, *(name for name in candidates if name != base))
    tried = [_row(workload, PROTOCOLS[name], n_threads) for name in names]
    could = extras(machine, found.observations, tried, brk)
    model = Model(machine, workload, [*tried, *(e.row for e in could)], seed=SEED, events=events or EVENTS, tick=tick)
    z = found.believed[:: max(1, len(found.believed) // POINTS)][:POINTS]
    logs = model.logs(z)
    logs[:, 1 : len(tried)] -= logs[:, :1]
    values = np.stack([q(found.believed) for q in quadratics(z, logs, model.matters())], axis=1)
    spread = sd_of(machine, workload, n_threads)
    out = [_best(e, tried[1:], values[:, 1:], h, spread) for e, h in zip(could, values[:, len(tried) :].T, strict=True)]
    return sorted((w for w in out if w.narrowing > LEAST_WORTH), key=lambda w: -w.narrowing)


def _row(workload: Workload, protocol: Protocol, n: int) -> Observation:
    """A run whose value nobody knows."""
    return Observation(
        workload=workload, protocol=protocol, n_threads=n, quantity="throughput_per_s", value=1.0, log_sd=LEAST_SD
    )


def _best(extra: Extra, tried: Sequence[Observation], gains: Floats, h: Floats, structural: float) -> Worth:
    """For the candidate whose interval it narrows most. gains : ln(speed-up) of each candidate, (D, at least C)."""
    out = []
    for row, g in zip(tried, gains.T, strict=False):
        spreads = (float(np.hypot(np.sqrt(v), structural)) for v in (g.var(), variance_left(g, h, extra.noise)))
        before, after = (_interval(float(g.mean()), sd) for sd in spreads)
        out.append(
            Worth(words=extra.words, protocol=row.protocol.name, n_threads=row.n_threads, before=before, after=after)
        )
    return max(out, key=lambda w: w.narrowing)


def _interval(mean: float, sd: float) -> tuple[float, float]:
    """80 % interval of exp(a normal)."""
    return float(np.exp(mean - NORMAL_80 * sd)), float(np.exp(mean + NORMAL_80 * sd))
