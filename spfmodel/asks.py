"""What `validate` asks: every published speed-up that the model can speak to, read from the tables.

A pair is a base and a candidate of one run, or a ratio that a source states; an ask is what one prediction answers: a
machine, a workload, a protocol and a mode. Rows that are in no pair are accounted for in accounts.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import catalog, published
from .datasets import PER_TASK, measurements, ratio_cells

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from .machine import Machine, Workload
    from .prediction import Prediction


class Ask(NamedTuple):
    """What has published candidate rows, and a table here."""

    machine: str
    workload: str
    protocol: str
    mode: str = "threads"


CORE = (
    Ask("x86-vm-16", "ebizzy-mTRp", "spf_rwlock"),
    Ask("power8-80", "ebizzy-mTRp", "spf_rwlock"),
    Ask("x86-vm-16", "ebizzy-mTt", "spf_rwlock_v11"),
    Ask("power8-80", "ebizzy-mTt", "spf_rwlock_v11"),
    Ask("skylake-112", "pft", "spf_mmseq"),
)
"""The cells of the series itself, with short cycles: the report shows these."""
SWEEP = (0.25, 0.5, 0.75, 1.0)
"""Threads per CPU of an average over a sweep, besides one thread. No source states the sweep. Contended brk1 leaves
threads .15 (192 CPUs) and .20 (112) of what processes do on average, nearly all of it from the run with one thread:
that run is one of five to nine."""
AVERAGED = "average over a sweep of tasks, taken for 1 and 25, 50, 75 and 100 % of the CPUs"
STATED: Mapping[str, Callable[[float], float]] = {
    r".*SPF / baseline": lambda value: value,
    r"improvement": lambda percent: 1 + percent / 100,
    r".*launch.time improvement": lambda percent: 1 / (1 - percent / 100),
}
"""Metrics that are a gain themselves, and the speed-up that they state; the last is time saved."""
METRICS = "|".join([published.RATES, published.TIMES, *STATED])
INVALID = {("Dufour2017e", "x86-vm-16", "kernbench"): "base and candidate kernels were configured differently"}
"""Pairs that compare something else: by source, machine and workload."""
ASSUMED = {
    ("JishengZhang2023a", "ebizzy-mTRp"): "flags not stated: taken for -mTRp",
    ("Jitta2021a", "ebizzy-mTt"): "-mRTt taken for -mTt: 30 us of user time a record (m0099) copy 256 KiB, not 8 bytes",
    ("Dufour2017b", "multi-fault"): "threads not stated: one a CPU",
    ("Dufour2017h", "kernbench"): "jobs not stated: one a CPU",
}
"""What a source does not say and a pair needs: by source and workload."""
COLUMNS = ["machine", "workload", "protocol", "mode", "threads", "source", "speedup", "base_ids", "id", "mark"]


def every(root: Path | None = None) -> tuple[Ask, ...]:
    """Every ask that the tables can answer, in the tables' order."""
    found = pairs(root)[["machine", "workload", "protocol", "mode"]].drop_duplicates()
    return tuple(Ask(*row) for row in found.itertuples(index=False))


def measured(ask: Ask, root: Path | None = None) -> pd.DataFrame:
    """The pairs of one ask, see `pairs`."""
    table = pairs(root)
    same = (table["machine"] == ask.machine) & (table["workload"] == ask.workload)
    return table[same & (table["protocol"] == ask.protocol) & (table["mode"] == ask.mode)]


def pairs(root: Path | None = None) -> pd.DataFrame:
    """Every measured speed-up that the model can speak to, one candidate row each.

    machine, workload, protocol, mode : what to ask
    threads : numbers of threads (or processes), a tuple: several where the source averages over a sweep
    source, speedup : candidate over base in throughput, base over candidate in time
    base_ids, id : rows of measurements.csv; no base rows where the source states the ratio
    mark : what was assumed; empty if all is printed
    """
    return _shipped().copy() if root is None else _pairs(root)


@cache
def _shipped() -> pd.DataFrame:
    return _pairs(None)


def _pairs(root: Path | None) -> pd.DataFrame:
    import pandas as pd

    table = measurements(root)
    parts = [_stated(table)]
    for base in ("mmap_sem", *sorted(set(published.BASELINES.values()))):
        found = ratio_cells(table, base=base)
        expected = found["machine_key"].map(published.BASELINES).fillna("mmap_sem")
        parts.append(found[expected == base])
    found = pd.concat(parts, ignore_index=True)
    found = found.assign(
        machine=published.machines(found), workload=published.workloads(found), protocol=published.told(found)
    )
    found = found[found["metric"].str.fullmatch(METRICS) & found["workload"].ne("")]
    wrong = [key in INVALID for key in zip(found["source"], found["machine"], found["workload"], strict=True)]
    found = found[found["machine"].isin(catalog.machine_names(root)) & ~np.array(wrong, dtype=bool)]
    found = found.assign(mode=published.modes(found))
    machines = {name: catalog.uncalibrated(name, root) for name in found["machine"].unique()}
    workloads = {name: catalog.workload(name, root) for name in found["workload"].unique()}
    settings = [_setting(row, machines[row["machine"]], workloads[row["workload"]]) for row in found.to_dict("records")]
    found["threads"], found["mark"] = [s[0] for s in settings], [s[1] for s in settings]
    return found[COLUMNS].reset_index(drop=True)


def _stated(table: pd.DataFrame) -> pd.DataFrame:
    """Rows whose value is a gain itself, as `ratio_cells` would return them."""
    import pandas as pd

    rows = table[table["metric"].str.fullmatch("|".join(STATED))]
    turn = [next(f for pattern, f in STATED.items() if re.fullmatch(pattern, metric)) for metric in rows["metric"]]
    gains = [f(value) for f, value in zip(turn, rows["number"], strict=True)]
    return rows.assign(speedup=gains, base_ids=pd.Series([[] for _ in gains], index=rows.index, dtype=object))


def _setting(row: Mapping[Any, Any], machine: Machine, workload: Workload) -> tuple[tuple[int, ...], str]:
    """Numbers of threads of a pair, and what was assumed about them."""
    marks = [text for key, text in ASSUMED.items() if key == (row["source"], row["workload"])]
    jobs, n = published.jobs_of(row["benchmark"], machine.cpus), row["n_threads"]
    if jobs is None and np.isnan(n) and row["metric"] in PER_TASK:
        sweep = (1, *(round(share * machine.cpus) for share in SWEEP))
        return (machine.cpus // 2,) if row["mode"] == "processes" else sweep, "; ".join([*marks, AVERAGED])
    one = jobs or (published.default_threads(machine, workload) if np.isnan(n) else int(n))
    return (one,), "; ".join(marks)


def averaged(found: Sequence[Prediction]) -> NDArray[np.float64]:
    """Draws (D,) of a speed-up over a sweep: mean rate per thread of the candidate over that of the baseline.

    found : one prediction of the same protocol at each number of threads of the sweep
    """
    candidate, base = (
        np.mean([p.draws[kind] / p.n_threads for p in found], axis=0)
        for kind in ("throughput_per_s", "baseline_throughput_per_s")
    )
    ratio: NDArray[np.float64] = candidate / base
    return ratio
