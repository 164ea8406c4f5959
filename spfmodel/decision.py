"""Decision maps: over two axes of a design question, what each protocol does, and what was measured there.

An axis is the number of threads, the faults per update, or the multiple of a cost; a map is a table with one row for
each point and protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .prediction import Question, draws_for
from .program import build
from .protocols import PROTOCOLS
from .solvers import solve
from .sources import BadInput
from .structural import sd_of

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
NONE: Mapping[str, float] = MappingProxyType({})
EVENTS = 60_000
PER_FAULT = 100
"""events for each thread and each fault of its cycle: fewer see only the start, in which few updates have come"""
MOST_EVENTS = 2_000_000
"""of a point: a few per cent for up to 32 threads"""
SPREAD_DRAWS = 16
POINT = ["n_threads", "faults_per_update", "amount"]
"""columns that name a point"""
Z80 = 1.2816
"""standard deviations at the ends of an 80 % interval"""


@dataclass(frozen=True, kw_only=True)
class Map:
    """A question with two axes; whatever is no axis has one value."""

    machine: Machine
    workload: Workload
    protocols: tuple[str, ...]
    """the first one is what the others are compared with"""
    threads: tuple[int, ...]
    faults_per_update: tuple[int, ...] = ()
    """0: no updates; empty: as the workload has it"""
    cost: str = ""
    """a cost, or a parameter of the workload, that is an axis"""
    amounts: tuple[float, ...] = ()
    """of it, in its unit"""
    kernel: str = ""
    """whose rwsem it is; empty: the machine's"""
    solver: str = "des"
    """des, or closed where nobody sleeps (docs/agreement.md)"""
    events: int = EVENTS
    """of a simulated point, at least"""
    most_events: int = MOST_EVENTS
    seed: int = 1
    fixed: Mapping[str, float] = field(default_factory=lambda: NONE)
    """costs or parameters that differ from the machine's and the workload's"""


def with_rate(workload: Workload, faults_per_update: int) -> Workload:
    """The workload with so many faults before each update; 0: no updates."""
    if "faults_per_update" not in workload.parameters:
        raise BadInput(f"{workload.name} has no faults_per_update; use the workload fault-update")
    known, value = workload.parameters["faults_per_update"], float(faults_per_update)
    fixed = replace(known, value=value, low=value, high=value)
    return replace(workload, parameters={**workload.parameters, "faults_per_update": fixed})


def points(question: Map) -> pd.DataFrame:
    """One row for each point and protocol, from medians of the costs.

    n_threads, faults_per_update, amount (of the cost), protocol, throughput_per_s, faults_per_s, updates_per_s,
    fallback_share, lock_used (share of time in which mmap_sem is held for writing), speedup (over the first protocol)
    """
    import pandas as pd

    rows = []
    for n in question.threads:
        for k in question.faults_per_update or (None,):
            workload = question.workload if k is None else with_rate(question.workload, k)
            for protocol in question.protocols:
                rows += _rows(question, workload, protocol, n, k)
    table = pd.DataFrame(rows)
    first = table["protocol"] == question.protocols[0]
    base = table[first].set_index(POINT)["throughput_per_s"]
    return table.assign(speedup=table["throughput_per_s"] / table.join(base.rename("base"), on=POINT)["base"])


def _rows(question: Map, workload: Workload, protocol: str, n: int, k: int | None) -> list[dict[str, Any]]:
    """One protocol at one number of threads and one rate, over the values of the cost: they are its draws."""
    draws = {name: np.full(max(1, len(question.amounts)), value) for name, value in question.fixed.items()}
    if question.cost:
        draws[question.cost] = np.array(question.amounts, float)
    network = build(question.machine, workload, PROTOCOLS[protocol], n, draws=draws, kernel=question.kernel or None)
    events = min(max(question.events, round(PER_FAULT * n * network.faults_per_cycle)), question.most_events)
    found = solve(network, solver=question.solver, seed=question.seed, events=events)
    if network.updates_per_cycle and not np.all(found.updates_per_s > 0):
        raise BadInput(f"{protocol} on {n} threads: no update in {events:,} events; give most_events more")
    writing = found.utilisation["mmap_sem (write)" if question.solver == "des" else "mmap_sem"]
    columns = {
        "throughput_per_s": found.throughput_per_s, "faults_per_s": found.faults_per_s,
        "updates_per_s": found.updates_per_s, "fallback_share": found.fallback_share, "lock_used": writing,
    }  # fmt: skip
    rate = np.nan if k is None else float(k)
    amounts = question.amounts if question.cost else (0.0,)
    return [
        {"n_threads": n, "faults_per_update": rate, "amount": amount, "protocol": protocol}
        | {name: float(column[i]) for name, column in columns.items()}
        for i, amount in enumerate(amounts)
    ]


def spread(question: Map) -> pd.DataFrame:
    """Standard deviation of ln(speed-up) at each point, by the closed solver over draws of the costs, and beyond them.

    Columns POINT, protocol, sd: what the ranges of the costs make, and the structural term of this class of workload,
    root of the sum of squares.
    """
    import pandas as pd

    ask = Question(
        machine=question.machine, workload=question.workload, baseline=PROTOCOLS[question.protocols[0]],
        n_draws=SPREAD_DRAWS, seed=question.seed, overrides=question.fixed,
    )  # fmt: skip
    drawn = draws_for(ask)
    rows = []
    for n in question.threads:
        for k in question.faults_per_update or (None,):
            workload = question.workload if k is None else with_rate(question.workload, k)
            for amount in question.amounts or (0.0,):
                draws = drawn | ({question.cost: np.full(len(drawn["line_ns"]), amount)} if question.cost else {})
                found = [_log_rate(question, workload, p, n, draws) for p in question.protocols]
                beyond = sd_of(question.machine, workload, n)
                rows += [
                    {"n_threads": n, "faults_per_update": np.nan if k is None else float(k), "amount": amount,
                     "protocol": p, "sd": float(np.hypot((rate - found[0]).std(), beyond))}
                    for p, rate in zip(question.protocols[1:], found[1:], strict=True)
                ]  # fmt: skip
    return pd.DataFrame(rows)


def _log_rate(question: Map, workload: Workload, protocol: str, n: int, draws: Mapping[str, Floats]) -> Floats:
    """Ln of the throughput by the closed solver, (D,)."""
    m, kernel = question.machine, question.kernel or None
    network = build(m, workload, PROTOCOLS[protocol], n, draws=draws, kernel=kernel)
    return np.asarray(np.log(solve(network, solver="closed").throughput_per_s))
