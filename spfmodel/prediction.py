"""Prediction: draws through baseline and candidate, to a speed-up with its interval.

Both sides see the same draws and the same random streams. What the costs do not explain is added
as one structural term per draw: a factor on the speed-up, another on the abort shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .introduced import Introduced
from .machine import Machine, Workload
from .network import Network, Solution
from .program import build
from .protocols.vocabulary import Protocol
from .solvers import solve
from .solvers.regime import equilibria
from .structural import noise, sd_of, with_odds
from .verdict import bottleneck, range_reason, verdict

Floats = NDArray[np.float64]
N_DRAWS = 64
CHAIN_DRAWS = 16
"""draws of an exact chain, which takes up to a second each"""
EVENTS_PER_THREAD = 500
EVENTS_PER_FAULT, MOST_EVENTS = 100, 3_000_000
"""for each thread and fault of its cycle; with fewer, updates have not queued yet (112 threads, 256 faults: 4.2 M/s
for 1.2)"""
LONG_CYCLE = 1000
"""faults in a cycle from which a run needs more events to see its updates"""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Median and central interval over the draws."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, but for protocol and number of threads."""

    machine: Machine
    workload: Workload
    baseline: Protocol
    solver: str = "auto"
    level: float = 0.9
    """of all intervals"""
    seed: int = 1
    baseline_kernel: str | None = None
    candidate_kernel: str | None = None
    n_draws: int = N_DRAWS
    """of a calibration the first so many"""
    precision: float = 0.0
    """if positive, simulations go on until half of each throughput's 95 % interval is at most this share of it"""
    overrides: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """costs or workload parameters fixed by the user: no draw touches them"""


@dataclass(frozen=True, kw_only=True)
class Prediction(Introduced):
    """One protocol at one number of threads against the baseline. Times in ns, shares 0 to 1."""

    protocol: str
    n_threads: int
    status: str
    """`fitted` if the protocol's rows calibrated the machine, else `predicted`"""
    unit: str
    throughput_per_s: Interval
    baseline_throughput_per_s: Interval
    speedup: Interval
    range_only: bool
    reason: str
    attempt_share: Interval
    fallback_share: Interval
    baseline_fallback_share: Interval
    abort_share: Mapping[str, Interval]
    fault_ns: Mapping[str, Interval]
    """`mean` and `p99`"""
    update_ns: Mapping[str, Interval]
    bottleneck: str
    method: str
    error_band: float | None
    """of the throughputs, relative, by the solver: see `Solution`"""
    verdict: str
    draws: Mapping[str, Floats]
    """speedup, throughput_per_s, baseline_throughput_per_s, fallback_share by draw"""


def balanced(rng: np.random.Generator, size: int) -> Floats:
    """Standard normal numbers (size,), of whose first 2^k each of 2^k equal parts of the law has one: medians of few.

    A Latin hypercube that is doubled (Stein 1987), in random order within each doubling.
    """
    even = rng.random(1)
    while len(even) < size:
        parts = 2 * len(even)
        free = np.setdiff1d(np.arange(parts), (even * parts).astype(int))
        even = np.concatenate([even, (rng.permutation(free) + rng.random(len(free))) / parts])
    return np.array([NormalDist().inv_cdf(u) for u in even[:size]])


def draws_for(question: Question) -> dict[str, Floats]:
    """Costs and parameters by name, (D,): the calibration's joint draws, the prior for the rest.

    A calibration of the same workload comes first; else the machine's first one, for its costs.
    """
    machine, workload = question.machine, question.workload
    rng = np.random.default_rng(np.random.SeedSequence(question.seed).spawn(2)[1])
    found = machine.calibrations.get(workload.name) or next(iter(machine.calibrations.values()), None)
    known = {**machine.costs, **workload.parameters}
    ranged = sorted(n for n, q in known.items() if q.log_sd > 0 and not n.startswith("structural"))
    size = question.n_draws if found is None else len(found.draws.values)
    noise = {name: balanced(rng, size) for name in ranged}
    out = {n: known[n].value * np.exp(known[n].log_sd * noise[n]) for n in ranged}
    if found is not None:
        joint = found.draws.by_name()
        own = workload.parameters if found.workload != workload.name else {}
        out.update({n: v for n, v in joint.items() if n in known and n not in own})
    shares = {n for n in out if known[n].unit == "share"}
    out = {n: np.minimum(v, 1.0) if n in shares else v for n, v in out.items()}
    out.update({n: np.full(size, value) for n, value in question.overrides.items()})
    most = CHAIN_DRAWS if question.solver == "ctmc" else question.n_draws
    return {n: v[:most] for n, v in out.items()}


def events_for(network: Network) -> int:
    """Calendar pops per draw: enough cycles for a few per cent, however long a cycle is and however many threads.

    Fewer than EVENTS_PER_THREAD see only the start, in which nobody has waited yet.
    """
    per_cycle = len(network.op) * 0.7 * max(1.0, network.faults_per_cycle)
    most = 400_000 if network.faults_per_cycle < LONG_CYCLE else 600_000
    usual = np.clip(500 * per_cycle, 80_000, most)
    turns = EVENTS_PER_FAULT * network.n_threads * network.faults_per_cycle
    queued = min(turns, MOST_EVENTS) if 1 < network.faults_per_cycle < LONG_CYCLE else 0
    return int(max(usual, queued, EVENTS_PER_THREAD * network.n_threads))


def predict(
    question: Question,
    candidates: Sequence[Protocol],
    threads: Sequence[int],
    *,
    tick: Callable[[], None] = lambda: None,
) -> list[Prediction]:
    """Every candidate at every number of threads. tick : called after each run of a draw."""
    draws, kernel = draws_for(question), question.candidate_kernel
    out = []
    for n in threads:
        base, _ = _solved(question, question.baseline, n, draws, question.baseline_kernel, tick)
        for protocol in candidates:
            same = _same(question, protocol)
            found, note = (base, "") if same else _solved(question, protocol, n, draws, kernel, tick)
            out.append(_compare(question, protocol, n, base, found, note))
    return out


def _same(q: Question, protocol: Protocol) -> bool:
    """Whether the candidate is the baseline itself, on the same kernel."""
    kernels = {kernel or q.machine.kernel for kernel in (q.baseline_kernel, q.candidate_kernel)}
    return protocol.name == q.baseline.name and len(kernels) == 1


def _solved(
    q: Question, protocol: Protocol, n: int, draws: Mapping[str, Floats], kernel: str | None, tick: Callable[[], None]
) -> tuple[Solution, str]:
    """The solution, and a sentence where the formulas see two equilibria."""
    network = build(q.machine, q.workload, protocol, n, draws=draws, kernel=kernel)
    ends = equilibria(network) if protocol.attempt else None
    found = solve(network, solver=q.solver, seed=q.seed, events=events_for(network), until=q.precision, tick=tick)
    return found, ends.note if ends else ""


def _structural(q: Question, base: Solution, found: Solution, n: int) -> tuple[Floats, Solution]:
    """Speed-up and candidate with what the costs do not explain added, draw by draw."""
    ratio = found.throughput_per_s / base.throughput_per_s
    if found is base:
        return ratio, found
    gain, odds = noise(q.seed, n, len(ratio))
    total = found.fallback_share
    shown = with_odds(total, np.exp(q.machine.costs["structural_sd_fallback"].value * odds))
    scale = shown / np.maximum(total, 1e-300)
    shares = {cause: share * scale for cause, share in found.abort_share.items()}
    return ratio * np.exp(sd_of(q.machine, q.workload, n) * gain), replace(found, abort_share=shares)


def interval(values: Floats, level: float) -> Interval:
    """Median and central interval of draws (D,)."""
    tail = (1 - level) / 2
    low, median, high = (float(x) for x in np.quantile(values, (tail, 0.5, 1 - tail)))
    return Interval(median=median, low=low, high=high)


def _middled(i: Interval) -> Interval:
    """A range alone: its geometric middle stands for the median."""
    return replace(i, median=float(np.sqrt(i.low * i.high)))


def _compare(q: Question, protocol: Protocol, n: int, base: Solution, found: Solution, note: str) -> Prediction:
    """One prediction. Attempts are counted at a fault's start, faults at its end: their ratio is cut at 1."""
    speedup, shown = _structural(q, base, found, n)
    reason = "" if found is base else range_reason(q.machine, q.workload, n)
    draws = {
        "speedup": speedup, "throughput_per_s": base.throughput_per_s * speedup,
        "baseline_throughput_per_s": base.throughput_per_s, "attempt_share": np.minimum(shown.attempt_share, 1.0),
        "fallback_share": shown.fallback_share, "baseline_fallback_share": base.fallback_share,
        "fault_mean_ns": found.fault_mean_ns, "fault_p99_ns": found.fault_p99_ns,
        "update_mean_ns": found.update_mean_ns,
    }  # fmt: skip
    attempts = bool(shown.attempt_share.max() > 0)
    causes = {f"abort_share:{cause}": share for cause, share in shown.abort_share.items() if attempts}
    told = {name: interval(values, q.level) for name, values in {**draws, **causes}.items()}
    for name in ("speedup", "throughput_per_s") if reason else ():
        told[name] = _middled(told[name])
    where = bottleneck(min(n, q.machine.cpus), found)
    plain = ("speedup", "throughput_per_s", "baseline_throughput_per_s", "attempt_share", "fallback_share")
    return Prediction(
        protocol=protocol.name, n_threads=n, status=_status(q, protocol), unit=q.workload.unit,
        **{name: told[name] for name in plain}, baseline_fallback_share=told["baseline_fallback_share"],
        range_only=bool(reason), reason=reason,
        abort_share={cause: told[f"abort_share:{cause}"] for cause in shown.abort_share if attempts},
        fault_ns={"mean": told["fault_mean_ns"], "p99": told["fault_p99_ns"]},
        update_ns={"mean": told["update_mean_ns"]}, bottleneck=where, method=found.solver,
        error_band=found.error_band,
        verdict=verdict(protocol.name, q.baseline.name, told, reason, where, note), draws={**draws, **causes},
    )  # fmt: skip


def _status(q: Question, protocol: Protocol) -> str:
    """`fitted` where rows of the protocol, on the machine's own kernel, calibrated it for this workload."""
    elsewhere = q.candidate_kernel not in (None, q.machine.kernel)
    calibration = q.machine.calibrations.get(q.workload.name)
    used = calibration.protocols_used if calibration else ()
    return "fitted" if protocol.name in used and not elsewhere else "predicted"
