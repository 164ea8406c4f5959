"""Published gains as dots on a map: where in threads and updates each was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import asks, catalog
from .datasets import host_throughput
from .program import build
from .protocols import PROTOCOLS

if TYPE_CHECKING:
    import pandas as pd

VMA_LOCKS = ("per_vma_lock", "per_vma_refcnt")
SYNTHETIC = ("ebizzy-mTRp", "ebizzy-mTt", "malloc1", "multi-fault", "page_fault1", "pft")
"""workloads that do nothing but fault anonymous memory, map and unmap"""


def measured(protocols: Sequence[str], root: Path | None = None) -> pd.DataFrame:
    """Published speed-ups of these protocols over mmap_sem, where the number of threads and the rate are known.

    machine, workload, protocol, n_threads, faults_per_update (faults for each mmap and munmap, or two brk calls; inf
    if nothing updates), speedup: the median over the versions of a patch series
    """
    import pandas as pd

    found = asks.pairs(root)
    single = found["threads"].map(len) == 1
    some = found["protocol"].isin(list(protocols)) & found["workload"].isin(SYNTHETIC)
    mine = found[some & (found["mode"] == "threads") & single]
    mine = mine.assign(n_threads=[n[0] for n in mine["threads"]])
    keys = ["machine", "workload", "protocol", "n_threads"]
    out = mine.groupby(keys, sort=False)["speedup"].median().reset_index()
    out["faults_per_update"] = [_rate(m, w, root) for m, w in zip(out["machine"], out["workload"], strict=True)]
    return pd.concat([out, controlled()], ignore_index=True) if "per_vma_lock" in protocols else out


def _rate(machine: str, workload: str, root: Path | None) -> float:
    """Faults for each pair of updates."""
    m, w = catalog.machine(machine, root), catalog.workload(workload, root)
    cycle = build(m, w, PROTOCOLS["mmap_sem"], 1)
    return 2 * cycle.faults_per_cycle / cycle.updates_per_cycle if cycle.updates_per_cycle else float("inf")


def controlled() -> pd.DataFrame:
    """Our runs on Linux 6.18, two threads, mmap and munmap of another page: VMA lock over mmap_lock."""
    table = host_throughput()
    quiet = (table[["dedicated_updaters", "extra_vmas"]].isin(["", "0"])).all(axis=1) & (table["one_vma"] == "0")
    same = (table["kernel"] == "6.18") & (table["mode"] == "anon") & (table["threads"] == "2")
    rows = table[quiet & same & (table["update_op"] == "mmap") & (table["quantity"] == "touches_per_s")]
    rate = rows.pivot_table("median", "faults_per_update", "protocol").reset_index()
    return rate.assign(
        machine="host-6.18", workload="fault-update", protocol="per_vma_lock", n_threads=2,
        faults_per_update=rate["faults_per_update"].astype(float), speedup=rate["per_vma_lock"] / rate["mmap_sem"],
    )[["machine", "workload", "protocol", "n_threads", "speedup", "faults_per_update"]]  # fmt: skip


def on_map(protocols: Sequence[str], most_threads: int) -> pd.DataFrame:
    """As `measured`, with a `label`, for a map of up to so many threads: a few dots where many would hide each other.

    Who has more threads says how many; of runs without updates, each machine shows its largest on the map.
    """
    seen = measured(protocols)
    quiet = seen["faults_per_update"] == float("inf")
    some = seen[quiet & seen["n_threads"].between(2, most_threads)]
    largest = some.sort_values("n_threads").groupby("machine").tail(1)
    out = seen[~quiet | seen.index.isin(largest.index)]
    beyond = out["n_threads"] > most_threads
    more = (" (" + out["n_threads"].astype(str) + " threads)").where(beyond, "")
    return out.assign(label=out["machine"] + more)
