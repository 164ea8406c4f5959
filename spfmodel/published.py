"""Published rows as observations: which benchmark row is which of our workloads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from . import catalog
from .datasets import counters, measurements
from .machine import Machine, Workload
from .observations import LEAST_SD, Observation
from .protocols import PROTOCOLS

if TYPE_CHECKING:
    import pandas as pd

RATES = (
    r"records/s|records/s mean|Avg_records_count|average total ops|faults/s \(mean\)|Hmean faults/sec|"
    r"page-?.?faults in 60 s|Hmean (?:page_fault|brk|malloc).*|per_thread_ops|per_process_ops"
)
"""Metrics that give the throughput of all threads, or of each."""
TIMES = r"Elapsed Time|elapsed|launch time|launch latency"
"""Metrics of a whole run or start."""
COMMANDS = (
    (r"^ebizzy -m(TRp|RTp)$", "ebizzy-mTRp"),
    (r"^ebizzy -mTt \d+$", "ebizzy-mTt"),
    (r"^ebizzy_64 -mRTt \d+$", "ebizzy-mTt"),
    (r"^brk1 -t \d+ ", "brk1"),
    (r"^PFT_.*PFT_USE_PROCESSES=no", "pft"),
    (r"^kernbench", "kernbench"),
)
"""What a row's command says about the workload."""
BENCHMARKS = (
    (r"^will-it-scale (brk1|malloc1|mmap[12]|page_fault[123])([ _-]|$)(?!.*(job|THP))", ""),
    (r"^pft(-threads)?( \(|$)", "pft"),
    (r"^multi-fault", "multi-fault"),
    (r"^ebizzy \(LTP", "ebizzy-mTRp"),
    (r"^kernel build$", "kernbench"),
    (r"^(app|cold) launch ", "app-launch"),
)
"""The same from the name of the benchmark, where no command is printed; empty: the name in the brackets."""

V11 = ("Dufour2018e", "Dufour2018f", "Song2018b", "Song2018c", "Chang2020a")
"""Sources whose `spf_rwlock` is v11, which waits for the page-table lock; msm845-8 had an earlier one."""
FIRST = "spf_2010"
"""Variant of 2010: lookup under RCU and a count in each VMA, which is what faults do under `per_vma_refcnt`."""
OTHER_TREE = r"\+maple_tree"
"""Variants whose base is another kernel's, whatever protocol they have."""
BASELINES = {"broadwell-56": "per_vma_lock"}
"""The protocol of a machine's unpatched kernel, where it is not mmap_sem."""
UNNAMED = {"Jitta2021a": "qualcomm-8", "Chang2020a": "mediatek-8", "Lespinasse2021a": "android-8"}
"""Our names for machines that a source does not name."""
UNTRACED = {("Wang2017a", "lkp-skl-192"): "lkp-skl-192-4.14"}
"""A machine as it was in another year: by source and key."""
LOADS = ((r"\(half", 0.5), (r"\(optimal", 1.0), (r"\(maximal", 2.0))
"""Jobs per CPU of kernbench -M; of its unlimited run, enough to keep each CPU busy."""

CAUSES = ["spf_pte_lock", "spf_vma_changed", "spf_vma_noanon", "spf_vma_notsup", "spf_vma_access", "spf_pmd_changed"]
"""Columns of counters.csv with failed attempts."""


def workload_of(command: str) -> str:
    """Name of the workload that a published command runs; empty if none of ours.

    >>> workload_of("ebizzy -mTt 80"), workload_of("lat_sig -P 1")
    ('ebizzy-mTt', '')
    """
    return next((name for pattern, name in COMMANDS if re.search(pattern, command)), "")


def workload_of_benchmark(benchmark: str) -> str:
    """The same from a benchmark's name.

    >>> workload_of_benchmark("will-it-scale page_fault3 (threads)"), workload_of_benchmark("hackbench")
    ('page_fault3', '')
    """
    found = ((re.search(pattern, benchmark), name) for pattern, name in BENCHMARKS)
    return next((name or match[1] for match, name in found if match), "")


def mode_of(benchmark: str) -> str:
    """`processes` where a benchmark says so."""
    return "processes" if "process" in benchmark else "threads"


def default_threads(machine: Machine, workload: Workload) -> int:
    """The benchmark's own number of threads on this machine."""
    return max(1, round(workload.threads_per_cpu * machine.cpus))


def told(table: pd.DataFrame) -> pd.Series[str]:
    """Protocol of each row, by our names."""
    found = table["protocol"].mask((table["protocol"] == "spf_rwlock") & _of_v11(table), "spf_rwlock_v11")
    return found.mask(table["variant"].str.startswith(FIRST), "per_vma_refcnt")


def _of_v11(table: pd.DataFrame) -> pd.Series[bool]:
    return table["source"].isin(V11) & table["machine_key"].ne("msm845-8")


def machines(table: pd.DataFrame) -> pd.Series[str]:
    """Machine of each row, by our names; empty if it is nobody's."""
    keys = table["machine_key"].mask(table["machine_key"] == "", table["source"].map(UNNAMED).fillna(""))
    for (source, key), name in UNTRACED.items():
        keys = keys.mask((table["source"] == source) & (keys == key), name)
    return keys


def workloads(table: pd.DataFrame) -> pd.Series[str]:
    """Workload of each row, by our names; empty if none of ours."""
    named = table["command"].map(workload_of)
    return named.mask(named == "", table["benchmark"].map(workload_of_benchmark))


def modes(table: pd.DataFrame) -> pd.Series[str]:
    """`threads` or `processes` of each row; a build is always processes."""
    return table["benchmark"].map(mode_of).mask(workloads(table) == "kernbench", "processes")


def jobs_of(benchmark: str, cpus: int) -> int | None:
    """Processes that kernbench keeps running: as printed, unless misprinted, else by its kind of load.

    >>> jobs_of("kernbench (-j40)", 80), jobs_of("kernbench (half (-j8 sic))", 80), jobs_of("pft", 80)
    (40, 40, None)
    """
    if not benchmark.startswith("kernbench"):
        return None
    share = next((s for pattern, s in LOADS if re.search(pattern, benchmark)), None)
    printed = re.search(r"-j(\d+)", benchmark)
    return int(printed[1]) if share is None and printed else round((share or 1.0) * cpus)


def rows(machine: Machine, workload: Workload, protocol: str, root: Path | None = None) -> pd.DataFrame:
    """Throughput rows of one machine, workload, mode and protocol, with `n` threads and `log_sd`; a maple tree is
    another kernel's.
    """
    table = measurements(root)
    mine = table[(machines(table) == machine.name) & (told(table) == protocol)]
    mine = mine[
        mine["metric"].str.fullmatch(RATES) & mine["total_per_s"].gt(0) & ~mine["variant"].str.contains(OTHER_TREE)
    ]
    mine = mine[(workloads(mine) == workload.name) & (modes(mine) == workload.choice("mode"))].copy()
    mine["n"] = mine["n_threads"].fillna(default_threads(machine, workload)).astype(int)
    mine["log_sd"] = [_log_sd(s, v) for s, v in zip(mine["stddev"], mine["number"], strict=True)]
    return mine


def _log_sd(stddev: str, value: float) -> float:
    """Relative standard deviation of the mean as printed, at least the default."""
    match = re.match(r"([\d.eE+-]+)(%?)", str(stddev))
    if match is None:
        return LEAST_SD
    relative = float(match[1]) / 100 if match[2] else float(match[1]) / value
    return max(relative, LEAST_SD)


def observations(
    machine: Machine, workload_name: str, protocol: str = "mmap_sem", root: Path | None = None
) -> list[Observation]:
    """The rows of one machine, workload and protocol, as a fit wants them."""
    workload = catalog.workload(workload_name, root)
    table = rows(machine, workload, protocol, root)
    return [
        Observation(
            workload=workload, protocol=PROTOCOLS[protocol], n_threads=n, quantity="throughput_per_s",
            value=value, log_sd=log_sd, rows=(name,),
        )
        for n, value, log_sd, name in zip(
            *(table[c].tolist() for c in ("n", "total_per_s", "log_sd", "id")), strict=True
        )
    ]  # fmt: skip


def fallback_shares(machine: Machine, workload: Workload, root: Path | None = None) -> pd.DataFrame:
    """Counted SPF runs of one machine and workload, one a row: id, source, kernel, protocol, faults, attempts, and

    attempted : attempts over faults; 0 where a process has one thread, and so does not try
    fallback : failures over attempts, in all, and a column for each cause; NaN without attempts
    pte_lock : NaN in v11, which waits for the lock and has lost the event
    pte_per_vma : pte_lock over vma_changed
    """
    table = counters(root)
    here = (table["arch"] == machine.arch) & (table["cpus"] == str(machine.cpus))
    mine = table[here & (table["command"].map(workload_of) == workload.name)]
    failed = mine[CAUSES].astype(float)
    attempts = mine["spf"].astype(float) + failed.fillna(0).sum(axis=1)
    tried = attempts.where(attempts > 0)
    out = mine[["id", "source", "kernel"]].assign(
        protocol=mine["protocol"].mask(mine["source"].isin(V11), "spf_rwlock_v11"),
        faults=mine["faults"].astype(float), attempts=attempts, attempted=attempts / mine["faults"].astype(float),
        fallback=failed.fillna(0).sum(axis=1) / tried,
    )  # fmt: skip
    for cause in CAUSES:
        gone = (cause == "spf_pte_lock") & (out["protocol"] == "spf_rwlock_v11")
        out[cause.removeprefix("spf_")] = (failed[cause].fillna(0) / tried).mask(gone)
    return out.assign(pte_per_vma=out["pte_lock"] / out["vma_changed"].where(out["vma_changed"] > 0))
