"""Predicted against published: every cell that the shipped tables can speak to, one vote each.

A prediction may use the baseline rows of its machine and the priors, never the candidate's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import catalog, published
from .asks import CELLS, CORE, Ask
from .machine import Machine, Workload
from .prediction import Interval, Prediction, Question, predict
from .pricing import faults_per_cycle
from .protocols import PROTOCOLS

__all__ = ["CELLS", "CORE", "Ask", "Cell", "as_json", "cells", "classes", "kind_of", "table"]

KNOWN_MISSES = {
    ("x86-vm-16", "ebizzy-mTt", "speedup"): "the wake-up latency that explains the baseline is five times that of the "
    "same machine under -mTRp: it stands for something else, such as vCPUs that the host has descheduled",
    ("power8-80", "ebizzy-mTt", "speedup"): "waiting for the page-table lock (v11) costs too little here; with the "
    "abort of v10 the same machine would be predicted at 2.2: how the waiters disturb the holder is not modelled",
}
"""Misses beyond the 95 % interval, each with its mechanism."""

HEAD = "| machine | workload | protocol | threads | quantity | predicted (80 %) | measured | ln(p/m) | covered |"
"""Of the table that `validate` prints."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One published quantity beside its prediction."""

    machine: str
    workload: str
    protocol: str
    n_threads: int
    quantity: str
    """speedup or fallback_share"""
    kind: str
    """readers, writers (at most one fault a cycle), mixed, unsupported or processes: the class of the aggregate"""
    mode: str = "threads"
    """threads, or processes"""
    predicted: Interval
    """80 % interval"""
    predicted95: Interval
    measured: float
    """median over the versions"""
    measured_low: float
    measured_high: float
    throughput_per_s: Interval
    """80 % interval of the candidate's predicted throughput"""
    baseline_throughput_per_s: Interval
    """80 % interval of the fitted baseline's"""
    error: float
    """ln(predicted / measured)"""
    covered: bool
    """measured lies in the 80 % interval"""
    covered95: bool
    range_only: bool
    calibrated_on: tuple[str, ...]
    """baseline rows that the machine was fitted to"""
    candidate_rows: tuple[str, ...]
    """rows that were predicted, and never read before"""
    known_miss: str


def cells(
    only: Sequence[Sequence[str]] = CELLS,
    *,
    seed: int = 1,
    root: Path | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> list[Cell]:
    """Predict every cell. root : folder of the tables; tick : told each machine and workload."""
    out = []
    for ask in (Ask(*some) for some in only):
        tick(f"{ask.machine}, {ask.workload}")
        machine, workload = catalog.machine(ask.machine, root), catalog.workload(ask.workload, root)
        workload = replace(workload, choices={**workload.choices, "mode": ask.mode})
        out.extend(_speedups(machine, workload, ask.protocol, seed, root))
    return out


def classes(found: Sequence[Cell]) -> dict[str, dict[str, float]]:
    """Aggregates of the speed-up cells by class and pooled, one vote per machine and workload."""
    votes = [c for c in found if c.quantity == "speedup"]
    kinds = sorted({c.kind for c in votes})
    return {k: _aggregate([c for c in votes if k in (c.kind, "pooled")]) for k in [*kinds, "pooled"]}


def _aggregate(found: Sequence[Cell]) -> dict[str, float]:
    """Median of the votes; a vote is the median over a machine's numbers of threads."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for c in found:
        groups.setdefault((c.machine, c.workload, c.mode), []).append(c)
    errors = [float(np.median([abs(c.error) for c in g])) for g in groups.values()]
    bias = [float(np.median([c.error for c in g])) for g in groups.values()]
    no_gain = [float(np.median([abs(np.log(c.measured)) for c in g])) for g in groups.values()]
    clear = [c for c in found if abs(np.log(c.measured)) > 0.05]
    return {
        "votes": len(groups), "median_abs_error": float(np.median(errors)), "worst_abs_error": max(errors),
        "bias": float(np.median(bias)), "no_gain_abs_error": float(np.median(no_gain)),
        "covered_80": float(np.mean([c.covered for c in found])),
        "covered_95": float(np.mean([c.covered95 for c in found])),
        "sign_right": float(np.mean([np.log(c.predicted.median) * np.log(c.measured) > 0 for c in clear] or [1.0])),
    }  # fmt: skip


def as_json(found: Sequence[Cell]) -> dict[str, Any]:
    """The object of `validate --json`, without provenance."""
    return {"cells": [asdict(c) for c in found], "classes": classes(found)}


def _speedups(machine: Machine, workload: Workload, protocol: str, seed: int, root: Path | None) -> list[Cell]:
    """The cells of one machine and workload: a speed-up per number of threads, and fallback shares."""
    baseline = published.BASELINES.get(machine.name, "mmap_sem")
    base = published.rows(machine, workload, baseline, root)
    candidate = published.rows(machine, workload, protocol, root)
    out = []
    threads = sorted(candidate["n"].unique())
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS[baseline], level=0.8, seed=seed)
    for p in predict(question, [PROTOCOLS[protocol]], [int(n) for n in threads]):
        mine = candidate[candidate["n"] == p.n_threads]
        same = base[base["n"] == p.n_threads].groupby("source")["total_per_s"].median()
        mine = mine[mine["source"].isin(same.index)]
        ratio = mine["total_per_s"].to_numpy() / same.loc[mine["source"]].to_numpy()
        out.append(_cell(machine, workload, p, "speedup", p.speedup, ratio, tuple(mine["id"])))
    shares = published.fallback_shares(machine, workload, root)
    if len(shares) and p.attempt_share.high > 0:
        ids = tuple(shares["id"])
        out.append(_cell(machine, workload, p, "fallback_share", p.fallback_share, shares["fallback"].to_numpy(), ids))
    return out


def _cell(
    machine: Machine,
    workload: Workload,
    p: Prediction,
    quantity: str,
    interval: Interval,
    measured: Any,
    ids: tuple[str, ...],
) -> Cell:
    middle = float(np.median(measured))
    low, high = (float(x) for x in np.quantile(p.draws[quantity], (0.025, 0.975)))
    wide = Interval(median=interval.median, low=low, high=high)
    calibration = machine.calibrations.get(workload.name)
    inside95 = wide.low <= middle <= wide.high
    return Cell(
        machine=machine.name, workload=workload.name, protocol=p.protocol, n_threads=p.n_threads, quantity=quantity,
        kind=kind_of(machine, workload), mode=workload.choice("mode"), predicted=interval, predicted95=wide,
        measured=middle, measured_low=float(np.min(measured)),
        measured_high=float(np.max(measured)), throughput_per_s=p.throughput_per_s,
        baseline_throughput_per_s=p.baseline_throughput_per_s, error=float(np.log(interval.median / middle)),
        covered=interval.low <= middle <= interval.high, covered95=inside95, range_only=p.range_only,
        calibrated_on=calibration.rows if calibration else (), candidate_rows=ids,
        known_miss="" if inside95 else KNOWN_MISSES.get((machine.name, workload.name, quantity), "not explained"),
    )  # fmt: skip


def kind_of(machine: Machine, workload: Workload) -> str:
    """The class of a cell, see `Cell.kind`."""
    if workload.choice("mode") == "processes":
        return "processes"
    if workload.choice("fault_kind") in ("file", "shared"):
        return "unsupported"
    if not any(phase.do == "update" for phase in workload.program):
        return "readers"
    return "writers" if faults_per_cycle(machine, workload) <= 1 else "mixed"


def table(found: Sequence[Cell]) -> list[str]:
    """The cells and the aggregates as a markdown table, the one that the README shows."""
    out = [HEAD, "---".join("|" * HEAD.count("|"))]
    out += [f"| {' | '.join(_row(c))} |" for c in found]
    for kind, a in classes(found).items():
        out.append(
            f"{kind}: median error {a['median_abs_error']:.2f} over {a['votes']:.0f} machines and workloads "
            f"(no gain assumed: {a['no_gain_abs_error']:.2f}); 80 % intervals cover {a['covered_80']:.0%}"
        )
    misses = [c for c in found if c.known_miss]
    return out + [f"miss: {c.machine}, {c.workload}, {c.quantity}: {c.known_miss}" for c in misses]


def _row(c: Cell) -> list[str]:
    """One line of the table; shares in per cent."""
    percent = c.quantity == "fallback_share"

    def shown(value: float) -> str:
        return f"{100 * value:.1f} %" if percent else f"{value:.2f}"

    covered = "yes" if c.covered else ("95 % only" if c.covered95 else "no")
    interval = f"{shown(c.predicted.median)} ({shown(c.predicted.low)} to {shown(c.predicted.high)})"
    return [
        c.machine, c.workload, c.protocol, str(c.n_threads), c.quantity.replace("_", " "), interval,
        shown(c.measured), f"{c.error:+.2f}", covered + (", range only" if c.range_only else ""),
    ]  # fmt: skip
