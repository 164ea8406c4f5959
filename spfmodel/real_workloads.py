"""Real workloads: what published runs gained, what a first look at them says, and what the model predicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import catalog, published
from .asks import pairs
from .datasets import counters, measurements
from .first_look import Look
from .prediction import Prediction, Question, predict
from .protocols import PROTOCOLS

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("kernbench", "app-launch")
UNMEASURED = {
    "in-memory-db": "named in cover letters; no table was printed",
    "hackbench": "reviewers spoke of aborts and small losses; no table was printed",
}
"""workloads that ship without a row to be compared with, and why"""
BUILDS = 11
"""builds in one run of kernbench -M that was counted: ten, and one to warm up"""


def changes(root: Path | None = None) -> pd.DataFrame:
    """Measured speed-ups of real workloads, a row for each machine and workload.

    machine, workload, mode, protocol (the one with most rows), n, median, low, high, threads (the most), sources
    """
    table = pairs(root)
    table = table[table["workload"].isin(MEASURED) & (table["protocol"] != "range_lock")]
    groups = table.groupby(["machine", "workload", "mode"], sort=False)
    out = groups["speedup"].agg(n="size", median="median", low="min", high="max").reset_index()
    out["protocol"] = groups["protocol"].agg(lambda names: names.mode()[0]).to_numpy()
    out["threads"] = groups["threads"].agg(lambda some: max(max(n) for n in some)).to_numpy()
    out["sources"] = groups["source"].agg(lambda names: ", ".join(dict.fromkeys(names))).to_numpy()
    return out


def repetition_sd(root: Path | None = None) -> float:
    """Median spread of ln(elapsed) between kernbench's repetitions: what a difference between two kernels may be."""
    table = measurements(root)
    mine = table[table["benchmark"].str.startswith("kernbench") & (table["metric"] == "Elapsed Time")]
    return float((mine["stddev"].astype(float) / mine["number"]).median())


def build_look(machine: str, source: str, root: Path | None = None) -> Look:
    """First look at kernbench's half load on a machine, as `time` and perf printed it for the unpatched kernel.

    faults/s : counted faults of a run over its builds, per elapsed second (counters of the patched kernel count alike)
    """
    table = measurements(root)
    mine = table[(table["machine_key"] == machine) & (table["source"] == source) & (table["protocol"] == "mmap_sem")]
    mine = mine[mine["benchmark"].str.startswith("kernbench (half")]
    value = mine.set_index("metric")["number"]
    runs = counters(root)
    known = catalog.machine(machine, root)
    runs = runs[(runs["source"] == source) & (runs["arch"] == known.arch) & runs["command"].str.startswith("kernbench")]
    seconds = float(value["Elapsed Time"])
    return Look(
        name=f"kernbench on {machine}", threads=1, cpus=known.cpus,
        faults_per_s=float(runs["faults"].iloc[0]) / BUILDS / seconds, user_cpus=float(value["User Time"]) / seconds,
        system_cpus=float(value["System Time"]) / seconds,
    )  # fmt: skip


def speculative(root: Path | None = None) -> tuple[int, int]:
    """Speculative faults and all faults of every counted build."""
    runs = counters(root)
    runs = runs[runs["command"].str.startswith("kernbench")]
    return int(runs["spf"].sum()), int(runs["faults"].sum())


def predicted(machine: str, workload: str, protocol: str, threads: int = 0, seed: int = 1) -> Prediction:
    """Prediction by formula, 80 % interval. threads : 0 for the workload's own number of them."""
    m, w = catalog.machine(machine), catalog.workload(workload)
    baseline = PROTOCOLS[published.BASELINES.get(machine, "mmap_sem")]
    question = Question(machine=m, workload=w, baseline=baseline, solver="closed", level=0.8, seed=seed)
    (found,) = predict(question, [PROTOCOLS[protocol]], [threads or published.default_threads(m, w)])
    return found


def compared(seed: int = 1, root: Path | None = None) -> pd.DataFrame:
    """`changes` beside predictions: name, n, measured, measured_low, measured_high; predicted median, low, high of
    the speed-up (80 % interval) and `attempts`, the upper end of attempts / faults.
    """
    table = changes(root).rename(columns={"median": "measured", "low": "measured_low", "high": "measured_high"})
    asked = zip(table["machine"], table["workload"], table["protocol"], strict=True)
    found = [predicted(machine, workload, protocol, seed=seed) for machine, workload, protocol in asked]
    names = table["workload"].map({"kernbench": "kernel build", "app-launch": "launch"})
    return table.assign(
        name=names + ", " + table["machine"] + " (" + table["n"].astype(str) + ")",
        median=[p.speedup.median for p in found], low=[p.speedup.low for p in found],
        high=[p.speedup.high for p in found], attempts=[p.attempt_share.high for p in found],
    )  # fmt: skip


def long_waits(root: Path | None = None) -> tuple[float, float]:
    """A phone's read waits for mmap_lock at a warm start (Douyin): share that took 1 ms or more, and their least share
    of all time waited.

    Of the rest no wait is longer than its class's upper edge: 1 - sum(count x upper edge) / total.
    """
    value = measurements(root).set_index("id")["number"]
    total_us = float(value["DOUYIN-Read_Total_Wait-base"])
    short = {"[0,1)": 1.0, "[1,10)": 10.0, "[10,100)": 100.0, "[100,1000)": 1000.0}
    long = ("[1000,10000)", "[10000,100000)")
    count = {name: float(value[f"DOUYIN-histRead-{name}-base"]) for name in (*short, *long)}
    most = sum(count[name] * upper for name, upper in short.items())
    share = sum(count[name] for name in long) / np.sum(list(count.values()))
    return float(share), 1 - most / total_us
