"""Missing: what a user has not said about a workload, what it would buy, and what it says once it is given.

Draws of costs and parameters stand for what is believed. A measured value moves them by the ensemble Kalman update
(Evensen 1994) in logarithms, linear and Gaussian; `fit` does it in full. A measurement that is not there is priced as
in identify.py, by what it would leave of the variance. All by the closed solver: seconds, and as good as that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .calibration import misfit_of
from .fit_model import COMMON, measured
from .identify import PINGPONG_SD, Extra, variance_left
from .machine import Calibration, Draws, Machine, Workload
from .observations import LEAST_SD, Observation
from .prediction import Question, draws_for
from .primitives.reader_writer import era_of
from .program import build, tries_at_all
from .protocols.vocabulary import Protocol
from .response import Study
from .solvers import solve
from .sources import BadInput
from .structural import sd_of

Floats = NDArray[np.float64]
N_DRAWS = 400
LEVEL = 0.8
SURE = 4.0
"""over the number of draws: a squared correlation below it is chance, and moves nothing"""
KERNELS = ("4.14", "5.4", "6.6")
"""of different rwsems"""
PAGES_KIB = (4, 64)


@dataclass(frozen=True, kw_only=True)
class Priced:
    """One thing that is asked for."""

    name: str
    words: str
    without: tuple[float, float]
    """80 % interval of the speed-up while it is not known"""
    known: tuple[float, float]
    """as it is expected to be once it is"""

    @property
    def costs(self) -> float:
        """Share of the interval's width, in ln, that not knowing it costs; 0 where it makes nothing narrower."""
        wide, narrow = (float(np.log(high / low)) for low, high in (self.without, self.known))
        return max(0.0, 1 - narrow / wide)


def believed_draws(study: Study, seed: int = 1) -> dict[str, Floats]:
    """What is believed before anything is said: costs and parameters by name, (D,) each, as a prediction draws them."""
    q = Question(
        machine=study.machine, workload=study.workload, baseline=study.baseline, n_draws=N_DRAWS, seed=seed
    )  # fmt: skip
    return draws_for(q)


def runs(study: Study, brk: Workload) -> dict[str, Extra]:
    """Measurements that a user is asked for, by name. brk : a workload of updates alone.

    curve : one thread; processes : as many processes as threads; updates : brk on all CPUs; aborts : the candidate's
    """
    w, m, n = study.workload, study.machine, study.n_threads
    base = _row(w, study.baseline, n)
    apart = replace(w, choices={**w.choices, "mode": "processes"})
    out = {
        "curve": _extra("the base curve: one thread, unpatched", replace(base, n_threads=1)),
        "curve_all": _extra(f"the base curve: {n} threads, unpatched", base),
        "updates_per_s": _extra(
            f"a contended write-only run: {brk.name}, {m.cpus} threads (how long an update holds the lock)",
            replace(base, workload=brk, n_threads=m.cpus),
        ),
        "processes_per_s": _extra(f"{n} processes, not threads (what stays shared)", replace(base, workload=apart)),
    }
    if w.choice("mode") == "processes":
        del out["processes_per_s"]
    if tries_at_all(study.candidate, w, n):
        words = f"the abort counters of one run of {study.candidate.name}, {n} threads"
        out["fallback_share"] = _extra(words, replace(base, protocol=study.candidate, quantity="fallback_share"))
    ping = replace(base, quantity="ns:line_ns")
    out["line_ns"] = Extra(words="a two-thread ping-pong (how long a cache line travels)", row=ping, noise=PINGPONG_SD)
    return out


def _row(workload: Workload, protocol: Protocol, n: int) -> Observation:
    """A run whose value nobody knows yet."""
    return Observation(
        workload=workload, protocol=protocol, n_threads=n, quantity="throughput_per_s", value=1.0, log_sd=LEAST_SD
    )


def _extra(words: str, row: Observation) -> Extra:
    return Extra(words=words, row=row, noise=float(np.hypot(LEAST_SD, misfit_of(row))))


def would_read(study: Study, row: Observation, draws: Mapping[str, Floats]) -> Floats:
    """ln(value) of a measurement, (D,), if the draws are right. A workload of its own keeps its parameters."""
    if row.quantity.startswith("ns:"):
        name = row.quantity[3:]
        size = len(next(iter(draws.values())))
        return np.log(draws.get(name, np.full(size, study.machine.costs[name].value)))
    own = row.workload.parameters if row.workload.name != study.workload.name else {}
    moving = {name: v for name, v in draws.items() if name not in own and name not in COMMON}
    network = build(study.machine, row.workload, row.protocol, row.n_threads, draws=moving)
    return np.log(measured(row.quantity, solve(network, solver="closed")))


def gains(study: Study, draws: Mapping[str, Floats]) -> Floats:
    """ln(speed-up) of the candidate over the baseline, (D,), without what no cost explains."""
    sides = (_row(study.workload, protocol, study.n_threads) for protocol in (study.candidate, study.baseline))
    found, base = (would_read(study, row, draws) for row in sides)
    return found - base


def learnt(study: Study, extra: Extra, value: float, draws: Mapping[str, Floats], seed: int = 1) -> dict[str, Floats]:
    """The draws after a measurement read `value`, in its unit. Raises BadInput unless it is above 0."""
    if not value > 0:
        raise BadInput(f"{extra.words}: {value:g} was given; give a number above 0, or leave it out")
    h = would_read(study, extra.row, draws)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(4)[3])
    missed = np.log(value) - h - extra.noise * rng.standard_normal(len(h))
    shares = {n for n, q in {**study.machine.costs, **study.workload.parameters}.items() if q.unit == "share"}
    out = {}
    for name, v in draws.items():
        moved = v * np.exp(_slope(v, h, extra.noise) * missed)
        out[name] = np.minimum(moved, 1.0) if name in shares else moved
    return out


def told(study: Study, extra: Extra, value: float, draws: Mapping[str, Floats]) -> dict[str, object]:
    """One given value beside what was believed of it: median and 80 % range, as a row of a table."""
    h = would_read(study, extra.row, draws)
    low, high = _ends(h)
    return {
        "what": extra.words,
        "given": value,
        "believed before": float(np.exp(np.median(h))),
        "low": low,
        "high": high,
    }


def line(found: Priced) -> dict[str, object]:
    """One thing that is missing, as a row of a table."""
    ends = (f"{low:.2f} to {high:.2f}" for low, high in (found.without, found.known))
    return {
        "not known": found.words,
        "parameter": found.name,
        **dict(zip(("without", "known"), ends, strict=True)),
        "costs": found.costs,
    }


def _slope(v: Floats, h: Floats, noise: float) -> float:
    """D ln(v) for each d of what was measured; 0 where the two hang together by chance only."""
    if v.min() <= 0 or np.ptp(v) <= 1e-9 * v.max() or np.ptp(h) <= 1e-9:
        return 0.0
    x = np.log(v)
    if np.corrcoef(x, h)[0, 1] ** 2 < SURE / len(h):
        return 0.0
    return float(np.mean((x - x.mean()) * (h - h.mean())) / (h.var() + noise**2))


def with_learnt(study: Study, draws: Mapping[str, Floats], given: Sequence[str]) -> Machine:
    """The machine with these draws as its calibration for the workload, so that `predict` uses them."""
    values = np.stack(list(draws.values()), axis=1)
    found = Calibration(
        workload=study.workload.name, rows=tuple(given), baseline=study.baseline.name,
        protocols_used=(study.candidate.name,) if "fallback_share" in given else (study.baseline.name,),
        parameters={}, draws=Draws(names=tuple(draws), values=values),
    )  # fmt: skip
    return replace(study.machine, calibrations={study.workload.name: found})


def priced(
    study: Study, draws: Mapping[str, Floats], wanted: Mapping[str, Extra], facts: Sequence[str], seed: int = 1
) -> list[Priced]:
    """What is not given, the dearest first. wanted : measurements, by name; facts : of the machine, as its fields."""
    g, spread = gains(study, draws), sd_of(study.machine, study.workload, study.n_threads)
    noise = np.random.default_rng(np.random.SeedSequence(seed).spawn(5)[4]).standard_normal(len(g))
    now = _ends(g + spread * noise)
    out = []
    for name, extra in wanted.items():
        left = variance_left(g, would_read(study, extra.row, draws), extra.noise)
        narrower = g.mean() + (g - g.mean()) * np.sqrt(left / max(float(g.var()), 1e-300)) + spread * noise
        out.append(Priced(name=name, words=extra.words, without=now, known=_ends(narrower)))
    for name in facts:
        others = [replace(study, machine=m) for m in _otherwise(study.machine, name)]
        pooled = np.concatenate([g, *(gains(s, draws) for s in others)])
        words = f"{FACTS[name]} (taken: {getattr(study.machine, name)})"
        wide = _ends(pooled + spread * np.tile(noise, 1 + len(others)))
        out.append(Priced(name=name, words=words, without=wide, known=now))
    return sorted(out, key=lambda p: -p.costs)


FACTS = {
    "kernel": "kernel version (which rwsem)",
    "spin_on_owner": "CONFIG_RWSEM_SPIN_ON_OWNER",
    "page_kib": "page size, KiB",
    "virtual": "virtual machine or bare metal",
}
"""Facts of a machine that are asked for, by field."""


def _otherwise(machine: Machine, fact: str) -> list[Machine]:
    """The machine, had the fact another value."""
    now = getattr(machine, fact)
    values: tuple[object, ...] = PAGES_KIB if fact == "page_kib" else (True, False)
    if fact == "kernel":
        values = tuple(kernel for kernel in KERNELS if era_of(kernel) != era_of(str(now)))
    return [replace(machine, **{fact: value}) for value in values if value != now]  # type: ignore[arg-type]


def _ends(logs: Floats) -> tuple[float, float]:
    """The central interval of exp(logs)."""
    low, high = np.exp(np.quantile(logs, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)))
    return float(low), float(high)
