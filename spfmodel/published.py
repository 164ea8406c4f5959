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
    "records/s mean", "average total ops", "faults/s (mean)", "Hmean faults/sec", "page-faults in 60 s",
    "per_thread_ops", "per_process_ops",
)  # fmt: skip
"""Metrics that give the throughput of all threads, or of each."""
COMMANDS = (
    (r"^ebizzy -m(TRp|RTp)$", "ebizzy-mTRp"),
    (r"^ebizzy -mTt \d+$", "ebizzy-mTt"),
    (r"^brk1 -t \d+ ", "brk1"),
    (r"^PFT_.*PFT_USE_PROCESSES=no", "pft"),
)
"""What a row's command says about the workload."""
BENCHMARKS = (
    (r"^will-it-scale (brk1|malloc1|mmap1|page_fault[123])([ _-]|$)(?!.*(job|THP))", ""),
    (r"^pft-threads \(single", "pft"),
    (r"^multi-fault \(Kamezawa\)", "multi-fault"),
)
"""The same from the name of the benchmark, where no command is printed; empty: the name in the brackets."""

V11 = ("Dufour2018e", "Dufour2018f", "Song2018b", "Song2018c")
"""Sources whose `spf_rwlock` is v11, which waits for the page-table lock."""
BASELINES = {"broadwell-56": "per_vma_lock"}
"""The protocol of a machine's unpatched kernel, where it is not mmap_sem."""

CAUSES = ["spf_pte_lock", "spf_vma_changed", "spf_vma_noanon", "spf_vma_notsup", "spf_vma_access", "spf_pmd_changed"]
"""Columns of counters.csv with failed attempts."""


def workload_of(command: str) -> str:
    """Name of the workload that a published command runs; empty if none of ours.

    >>> workload_of("ebizzy -mTt 80"), workload_of("kernbench -M")
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


def rows(machine: Machine, workload: Workload, protocol: str, root: Path | None = None) -> pd.DataFrame:
    """Throughput rows of one machine, workload, mode and protocol, with `n` threads and `log_sd`; a maple tree is
    another kernel's.
    """
    table = measurements(root)
    told = table["protocol"].mask((table["protocol"] == "spf_rwlock") & table["source"].isin(V11), "spf_rwlock_v11")
    mine = table[(table["machine_key"] == machine.name) & (told == protocol)]
    mine = mine[
        mine["metric"].str.startswith((*RATES, "Hmean page_fault", "Hmean brk", "Hmean malloc"))
        & mine["total_per_s"].gt(0)
    ]
    named = mine["command"].map(workload_of)
    named = named.mask(named == "", mine["benchmark"].map(workload_of_benchmark))
    mine = mine[(named == workload.name) & (mine["benchmark"].map(mode_of) == workload.choice("mode"))].copy()
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
    """Measured shares of SPF runs: failures over attempts, total and by cause, one run a row."""
    table = counters(root)
    here = (table["arch"] == machine.arch) & (table["cpus"] == str(machine.cpus))
    mine = table[here & (table["command"].map(workload_of) == workload.name)]
    failed = mine[CAUSES].fillna(0).astype(float)
    attempts = mine["spf"].astype(float) + failed.sum(axis=1)
    out = mine[["id", "source", "kernel"]].assign(fallback=failed.sum(axis=1) / attempts)
    for cause in CAUSES:
        out[cause.removeprefix("spf_")] = failed[cause] / attempts
    return out
