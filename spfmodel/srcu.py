"""What SRCU costs an operation: read from LKP's 4-socket machine, carried to the 2-socket one.

Source Wang2017a: will-it-scale on 4.14-rc with and without the SRCU series, averaged over a sweep of tasks that is not
stated. Extra time per operation comes from processes, which share no mm, on one machine; losses are predicted on
another, for processes and for threads. Nothing of the predicted machine's candidate rows is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .datasets import measurements
from .primitives.grace_period import extra_ns, kept_throughput

if TYPE_CHECKING:
    import pandas as pd

SOURCE, FITTED, PREDICTED = "Wang2017a", "lkp-skl-192", "lkp-skl-112"
TOUCHING = ("brk1", "malloc1", "malloc2", "mmap1", "mmap2", "page_fault1", "page_fault2", "page_fault3")
"""benchmarks that map, unmap or fault; malloc2 allocates from the heap and seldom does"""


class Extra(NamedTuple):
    """What one operation of a benchmark takes longer, ns: geometric mean and extremes of its repetitions."""

    ns: float
    low: float
    high: float
    repetitions: int


class Loss(NamedTuple):
    """A benchmark's throughput with SRCU over that without."""

    benchmark: str
    mode: str
    """processes or threads"""
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """ln(predicted / measured)."""
        return float(np.log(self.predicted / self.measured))


def pairs(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rates of one task without and with SRCU, one row a run: machine_key, benchmark, mode, thp, base, candidate."""
    table = measurements() if table is None else table
    rows = table[table["source"] == SOURCE]
    name = rows["benchmark"].str.extract(r"will-it-scale (?P<benchmark>\w+) \((?P<mode>\w+)\)")
    rows = rows[["machine_key", "thp", "protocol", "number"]].join(name)
    keys = ["machine_key", "benchmark", "mode", "thp"]
    wide = rows.pivot_table("number", keys, "protocol").dropna().reset_index()
    return wide.rename(columns={"mmap_sem": "base", "spf_srcu": "candidate"}).rename_axis(columns=None)


def fitted(found: pd.DataFrame, machine: str = FITTED) -> dict[str, Extra]:
    """Extra time per operation by benchmark, from this machine's processes. `found` as `pairs` returns it."""
    rows = found[(found["machine_key"] == machine) & (found["mode"] == "processes")]
    rows = rows[rows["benchmark"].isin(TOUCHING)]
    return {str(name): _extra(some) for name, some in rows.groupby("benchmark")}


def _extra(rows: pd.DataFrame) -> Extra:
    each = extra_ns(rows["base"].to_numpy(), rows["candidate"].to_numpy())
    return Extra(float(np.exp(np.log(each).mean())), float(each.min()), float(each.max()), len(each))


def predicted(found: pd.DataFrame, extras: dict[str, Extra], machine: str = PREDICTED) -> list[Loss]:
    """Losses on another machine: its own time of an operation that runs by itself, and the extra time.

    Threads lose as much as processes, T / (T + e): their updates and faults queue for mmap_sem, and the extra lies
    inside the hold like the rest of the operation. Benchmarks without an extra or a process row are left out.
    """
    rows = found[found["machine_key"] == machine]
    alone = rows[rows["mode"] == "processes"].groupby("benchmark")["base"].mean()
    known = rows[rows["benchmark"].isin(list(extras)) & rows["benchmark"].isin(alone.index)]
    kept = [float(kept_throughput(1e9 / alone[name], extras[name].ns)) for name in known["benchmark"]]
    seen = (known["candidate"] / known["base"]).tolist()
    names = zip(known["benchmark"].tolist(), known["mode"].tolist(), kept, seen, strict=True)
    return [Loss(*row) for row in names]


def added_to_threads(found: pd.DataFrame, extras: dict[str, Extra], machine: str = PREDICTED) -> list[Loss]:
    """The same for threads if the extra were simply added to a thread's own time per operation: for comparison."""
    rows = found[(found["machine_key"] == machine) & (found["mode"] == "threads")]
    rows = rows[rows["benchmark"].isin(list(extras))]
    columns = (rows[name].tolist() for name in ("benchmark", "base", "candidate"))
    return [
        Loss(name, "threads", float(kept_throughput(1e9 / base, extras[name].ns)), candidate / base)
        for name, base, candidate in zip(*columns, strict=True)
    ]


def median_error(losses: list[Loss]) -> float:
    """Median of |ln(predicted / measured)|."""
    return float(np.median([abs(loss.error) for loss in losses]))


def noise_floor(found: pd.DataFrame) -> float:
    """Median |ln(candidate / base)| of the benchmarks that neither map nor fault: what a change of kernel does."""
    rows = found[~found["benchmark"].isin(TOUCHING)]
    return float(np.median(np.abs(np.log(rows["candidate"] / rows["base"]))))


class Switches(NamedTuple):
    """Involuntary context switches of one kernel build at two loads; each without and with SRCU."""

    machine_key: str
    source: str
    half: tuple[float, float]
    """one job for every two CPUs"""
    full: tuple[float, float]
    """one job for each CPU"""
    pooled_spread: float
    """standard deviation printed for the full load over what pooling both loads would give"""


def kernbench(table: pd.DataFrame | None = None, protocol: str = "spf_srcu") -> list[Switches]:
    """Context switches of kernbench -M on the machines with both loads.

    They pile up from load to load: the mean printed for the full load is over the runs at half load, too, which
    `pooled_spread` near 1 shows, and which is undone here.
    """
    table = measurements() if table is None else table
    rows = table[(table["metric"] == "Context Switches") & table["source"].str.startswith("Dufour")]
    rows = rows[rows["benchmark"].str.startswith("kernbench (half") | rows["benchmark"].str.contains("optimal")]
    rows = rows.assign(load=rows["benchmark"].str.extract(r"\((half|optimal)")[0], sd=rows["stddev"].astype(float))
    wide = rows.pivot_table(["number", "sd"], ["machine_key", "source"], ["load", "protocol"])
    needed = [("number", load, p) for load in ("half", "optimal") for p in ("mmap_sem", protocol)]
    if not set(needed) <= set(wide.columns):
        return []
    both = wide.dropna(subset=needed)
    keys = both.index.to_frame(index=False).astype(str).itertuples(index=False)
    return [_switches(key[0], key[1], row, protocol) for key, (_, row) in zip(keys, both.iterrows(), strict=True)]


def _switches(machine: str, source: str, row: pd.Series[float], protocol: str) -> Switches:
    names = ("mmap_sem", protocol)
    half = [float(row["number", "half", name]) for name in names]
    full = [2 * float(row["number", "optimal", name]) - h for name, h in zip(names, half, strict=True)]
    pooled = abs(full[0] - half[0]) / 2 * np.sqrt(10 / 9)
    return Switches(
        machine, source, (half[0], half[1]), (full[0], full[1]), float(row["sd", "optimal", "mmap_sem"] / pooled)
    )
