"""Prediction: draws through baseline and candidate, to a speed-up with its interval.

Both sides see the same draws and the same random streams. What the costs do not explain is added
as one structural term per draw: a factor on the speed-up, another on the abort shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .network import Network, Solution
from .pricing import faults_per_cycle
from .program import build
from .protocols.vocabulary import Protocol
from .solvers import solve

Floats = NDArray[np.float64]
N_DRAWS = 64


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
    overrides: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """costs or workload parameters fixed by the user: no draw touches them"""


@dataclass(frozen=True, kw_only=True)
class Prediction:
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
    verdict: str
    draws: Mapping[str, Floats]
    """speedup, throughput_per_s, baseline_throughput_per_s, fallback_share by draw"""


def draws_for(question: Question) -> dict[str, Floats]:
    """Costs and parameters by name, (D,): the calibration's joint draws, the prior for the rest.

    A calibration of the same workload comes first; else the machine's first one, for its costs.
    """
    machine, workload = question.machine, question.workload
    rng = np.random.default_rng(np.random.SeedSequence(question.seed).spawn(2)[1])
    found = machine.calibrations.get(workload.name) or next(iter(machine.calibrations.values()), None)
    known = {**machine.costs, **workload.parameters}
    ranged = sorted(n for n, q in known.items() if q.log_sd > 0)
    size = question.n_draws if found is None else len(found.draws.values)
    noise = {name: rng.standard_normal(size) for name in ranged}
    out = {n: known[n].value * np.exp(known[n].log_sd * noise[n]) for n in ranged}
    if found is not None:
        joint = dict(zip(found.draws.names, found.draws.values.T, strict=True))
        own = workload.parameters if found.workload != workload.name else {}
        out.update({n: v for n, v in joint.items() if n in known and n not in own})
    shares = {n for n in out if known[n].unit == "share"}
    out = {n: np.minimum(v, 1.0) if n in shares else v for n, v in out.items()}
    out.update({n: np.full(size, value) for n, value in question.overrides.items()})
    return out


def events_for(network: Network) -> int:
    """Calendar pops per draw: enough cycles for a few per cent, however long a cycle is."""
    per_cycle = len(network.op) * 0.7 * max(1.0, network.faults_per_cycle)
    return int(np.clip(500 * per_cycle, 80_000, 400_000))


def predict(
    question: Question,
    candidates: Sequence[Protocol],
    threads: Sequence[int],
    *,
    tick: Callable[[], None] = lambda: None,
) -> list[Prediction]:
    """Every candidate at every number of threads. tick : called after each run of a draw."""
    draws = draws_for(question)
    out = []
    for n in threads:
        base = _solved(question, question.baseline, n, draws, question.baseline_kernel, tick)
        for protocol in candidates:
            same = protocol.name == question.baseline.name
            kernel = question.candidate_kernel
            if same and kernel == question.baseline_kernel:
                found = base
            else:
                found = _solved(question, protocol, n, draws, kernel, tick)
            out.append(_compare(question, protocol, n, base, found, same))
    return out


def _solved(
    q: Question, protocol: Protocol, n: int, draws: Mapping[str, Floats], kernel: str | None, tick: Callable[[], None]
) -> Solution:
    network = build(q.machine, q.workload, protocol, n, draws=draws, kernel=kernel)
    return solve(network, solver=q.solver, seed=q.seed, events=events_for(network), tick=tick)


def _structural(q: Question, base: Solution, found: Solution, same: bool, n: int) -> tuple[Floats, Solution]:
    """Speed-up and candidate with what the costs do not explain added, draw by draw."""
    ratio = found.throughput_per_s / base.throughput_per_s
    sd = structural_sd(q.machine, q.workload)
    rng = np.random.default_rng(np.random.SeedSequence((q.seed, n)).spawn(3)[2])
    noise = rng.standard_normal((2, len(ratio)))
    if same:
        return ratio, found
    spread = q.machine.costs["structural_sd_fallback"].value
    factor = np.exp(spread * noise[1])
    total = np.maximum(found.fallback_share, 1e-300)
    odds = factor * total / np.maximum(1 - total, 1e-300)
    scale = np.where(found.fallback_share > 0, odds / (1 + odds) / total, 0.0)
    shares = {cause: share * scale for cause, share in found.abort_share.items()}
    return ratio * np.exp(sd * noise[0]), replace(found, abort_share=shares)


def structural_sd(machine: Machine, workload: Workload) -> float:
    """Spread of ln(speed-up) beyond the costs', by class of workload."""
    updates = any(p.do == "update" for p in workload.program)
    return machine.costs["structural_sd_writers" if updates else "structural_sd_readers"].value


def range_reason(machine: Machine, workload: Workload, n_threads: int) -> str:
    """Why only a range is meant, or nothing."""
    mixed = any(p.do == "update" for p in workload.program) and faults_per_cycle(machine, workload) > 1
    if machine.virtual and mixed:
        return "many faults among updates in a virtual machine: the wake-up latency absorbs the host's scheduling"
    if mixed and n_threads > 1000:
        return "faults among updates on more than a thousand threads: outside of what was ever checked"
    return ""


def bottleneck(network_cpus: int, found: Solution) -> str:
    """The station that limits: the busiest line, the held lock, the CPUs, or wake-ups."""
    lines = {k: float(np.median(v)) for k, v in found.utilisation.items() if "mmap_sem" not in k}
    busiest = max(lines, key=lambda k: lines[k], default="")
    if busiest and lines[busiest] > 0.8:
        return busiest
    held = float(np.median(found.utilisation.get("mmap_sem (write)", np.zeros(1))))
    if held > 0.6:
        return "mmap_sem, held for write"
    if float(np.median(found.busy_cpus)) > 0.8 * network_cpus:
        return "CPUs"
    return "mmap_sem, sleeping and waking" if held > 0.02 else "CPUs and memory"


def _compare(q: Question, protocol: Protocol, n: int, base: Solution, found: Solution, same: bool) -> Prediction:
    speedup, shown = _structural(q, base, found, same, n)
    reason = range_reason(q.machine, q.workload, n)
    used = {p for c in q.machine.calibrations.values() for p in c.protocols_used if c.workload == q.workload.name}

    def interval(values: Floats) -> Interval:
        tail = (1 - q.level) / 2
        low, median, high = (float(x) for x in np.quantile(values, (tail, 0.5, 1 - tail)))
        return Interval(median=median, low=low, high=high)

    gain = interval(speedup)
    if reason:
        gain = replace(gain, median=float(np.sqrt(gain.low * gain.high)))
    where = bottleneck(min(n, q.machine.cpus), found)
    attempts = bool(shown.attempt_share.max() > 0)
    return Prediction(
        protocol=protocol.name, n_threads=n, status="fitted" if protocol.name in used else "predicted",
        unit=q.workload.unit, throughput_per_s=interval(base.throughput_per_s * speedup),
        baseline_throughput_per_s=interval(base.throughput_per_s), speedup=gain,
        range_only=bool(reason), reason=reason, attempt_share=interval(shown.attempt_share),
        fallback_share=interval(shown.fallback_share), baseline_fallback_share=interval(base.fallback_share),
        abort_share={c: interval(v) for c, v in shown.abort_share.items()} if attempts else {},
        fault_ns={"mean": interval(found.fault_mean_ns), "p99": interval(found.fault_p99_ns)},
        update_ns={"mean": interval(found.update_mean_ns)}, bottleneck=where, method=found.solver,
        verdict=_verdict(protocol.name, q, gain, interval(shown.fallback_share), where, attempts),
        draws={
            "speedup": speedup, "throughput_per_s": base.throughput_per_s * speedup,
            "baseline_throughput_per_s": base.throughput_per_s, "fallback_share": shown.fallback_share,
        },
    )  # fmt: skip


def _verdict(name: str, q: Question, gain: Interval, fallback: Interval, where: str, attempts: bool) -> str:
    """One sentence for a reviewer."""
    if gain.low > 1.05:
        claim = f"{name} gains: {gain.median:.2f} times {q.baseline.name} ({gain.low:.2f} to {gain.high:.2f})"
    elif gain.high < 0.95:
        claim = f"{name} loses: {gain.median:.2f} times {q.baseline.name} ({gain.low:.2f} to {gain.high:.2f})"
    else:
        claim = f"no clear difference to {q.baseline.name}: {gain.median:.2f} times ({gain.low:.2f} to {gain.high:.2f})"
    back = (
        f"; {fallback.median:.1%} of attempts fall back ({fallback.low:.1%} to {fallback.high:.1%})" if attempts else ""
    )
    return f"{claim}{back}; now limited by {where}."
