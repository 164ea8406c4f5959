"""Response: how the prediction of one gain answers to the numbers that go into it, by the closed solver.

Points are draws: costs and parameters by name, an array each, solved all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from .machine import Machine, Workload
from .program import build
from .protocols.vocabulary import Protocol
from .solvers import solve
from .sources import Kind, Quantity

Floats = NDArray[np.float64]
OUTCOMES = ("speedup", "throughput_per_s", "fallback_share")
"""each as its natural logarithm; the last one only of protocols that attempt"""
ONLY_SIMULATED = ("work_scv", "line_scv")
"""spreads of single steps, which the closed solver hardly sees"""
LAID_OUT = "page_table_sharing_kib"
"""what `program.build` takes one value of for all draws"""
CELLS = 6
"""so many values of it stand for its range"""
STEP = 0.02
"""of ln(cost), for derivatives"""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is asked: a candidate's gain over a baseline at one number of threads."""

    machine: Machine
    workload: Workload
    candidate: Protocol
    baseline: Protocol
    n_threads: int


def believed(machine: Machine, workload: Workload) -> dict[str, Quantity]:
    """Costs and parameters with a range, as known now: after the calibration that a prediction would use.

    What the user has set (`Kind.FACT`) stays as it is.
    """
    known = {**machine.costs, **workload.parameters}
    found = machine.calibrations.get(workload.name) or next(iter(machine.calibrations.values()), None)
    own = workload.parameters if found and found.workload != workload.name else {}
    for name, p in (found.parameters if found else {}).items():
        if name in known and name not in own and known[name].kind is not Kind.FACT:
            known[name] = replace(known[name], value=p.median, low=p.low, high=p.high)
    silent = {*ONLY_SIMULATED, *(name for name in known if name.startswith("structural_sd"))}
    return {name: q for name, q in sorted(known.items()) if q.log_sd > 0 and name not in silent}


def draws_at(known: Mapping[str, Quantity], scores: Floats) -> dict[str, Floats]:
    """Values (N,) by name at standard normal scores (P, N): median * exp(log_sd * score), shares cut at 1.

    LAID_OUT takes the middle of one of CELLS cells of equal chance.
    """
    out = {}
    for (name, q), z in zip(known.items(), scores, strict=True):
        cell = np.clip(np.floor(CELLS * ndtr(z)), 0, CELLS - 1)
        value = q.value * np.exp(q.log_sd * (ndtri((cell + 0.5) / CELLS) if name == LAID_OUT else z))
        out[name] = np.minimum(value, 1.0) if q.unit == "share" else value
    return out


def in_cells(draws: Mapping[str, Floats]) -> dict[str, Floats]:
    """The same draws, (N,) each, but for LAID_OUT, which takes the geometric mean of its cell: so many systems less."""
    if LAID_OUT not in draws:
        return dict(draws)
    logs = np.log(draws[LAID_OUT])
    cell = np.argsort(np.argsort(logs)) * CELLS // len(logs)
    means = np.array([logs[cell == c].mean() for c in np.unique(cell)])
    return {**draws, LAID_OUT: np.exp(means[np.unique(cell, return_inverse=True)[1]])}


def outcomes(study: Study, draws: Mapping[str, Floats]) -> dict[str, Floats]:
    """Logarithm of each of OUTCOMES, (N,), by the closed solver. draws : costs or parameters by name, (N,) each."""
    size = len(next(iter(draws.values())))
    _, group = np.unique(draws.get(LAID_OUT, np.zeros(size)), return_inverse=True)
    out: dict[str, Floats] = {}
    for number in range(int(group.max()) + 1):
        mine = np.flatnonzero(group == number)
        for name, values in _solved(study, {n: v[mine] for n, v in draws.items()}).items():
            out.setdefault(name, np.empty(size))[mine] = values
    return out


def _solved(study: Study, draws: Mapping[str, Floats]) -> dict[str, Floats]:
    """As `outcomes`, where the draws share what is laid out once."""
    m, w, n = study.machine, study.workload, study.n_threads
    base, found = (
        solve(build(m, w, protocol, n, draws=draws), solver="closed") for protocol in (study.baseline, study.candidate)
    )
    gain = found.throughput_per_s / base.throughput_per_s
    out = {"speedup": np.log(gain), "throughput_per_s": np.log(found.throughput_per_s)}
    if study.candidate.attempt:
        out["fallback_share"] = np.log(np.maximum(found.fallback_share, 1e-12))
    return out


def elasticities(study: Study, known: Mapping[str, Quantity]) -> dict[str, Floats]:
    """Derivatives d ln(outcome) / d ln(number) by outcome, (P,): central differences at the medians."""
    steps = np.kron(np.eye(len(known)), [1.0, -1.0]) * STEP
    draws = {name: q.value * np.exp(step) for (name, q), step in zip(known.items(), steps, strict=True)}
    return {name: (y[0::2] - y[1::2]) / (2 * STEP) for name, y in outcomes(study, draws).items()}


def swings(study: Study, known: Mapping[str, Quantity]) -> dict[str, Floats]:
    """How far ln(outcome) moves if one number takes the low or the high end of its 90 % range, (P, 2)."""
    size = 2 * len(known) + 1
    draws = {name: np.full(size, q.value) for name, q in known.items()}
    for row, (name, q) in enumerate(known.items()):
        draws[name][2 * row : 2 * row + 2] = q.low, q.high
    return {name: (y[:-1] - y[-1]).reshape(-1, 2) for name, y in outcomes(study, draws).items()}
