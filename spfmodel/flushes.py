"""Measured TLB flushes: published loops of threads that flush all the time, and one interrupt on our host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import datasets

if TYPE_CHECKING:
    import pandas as pd


def interrupted() -> list[dict[str, Any]]:
    """What one flush costs that interrupts one other running CPU, native (a virtual machine), ns; a row a pace.

    A thread that only updates beside one that only faults under VMA locks: mprotect of another VMA must flush,
    mmap+munmap of an untouched page need not. flush_ns: their difference, less that of the same two calls alone.
    """
    pace = datasets.host_throughput()
    pace = pace[(pace["where"] == "native") & (pace["protocol"] == "per_vma_lock") & (pace["threads"] == "1")]
    pace = pace[(pace["dedicated_updaters"] == "1") & (pace["quantity"] == "dedicated_wops_per_s")]
    rates = pace.pivot_table(index="updater_think_ns", columns="update_op", values="median")
    costs = datasets.host_primitives()
    alone = costs[costs["environment"] == "native"].set_index("primitive")["median"]
    less = alone["mprotect_4pg_1resident_mt_med"] - alone["mmap_munmap_4k_notouch_mt_med"]
    return [
        {"think_ns": float(str(think)), "mprotect_ns": 1e9 / row["mprot_other"], "mmap_ns": 1e9 / row["mmap"],
         "flush_ns": float(1e9 / row["mprot_other"] - 1e9 / row["mmap"] - less)}
        for think, row in rates.iterrows()
    ]  # fmt: skip


def loops() -> pd.DataFrame:
    """Published loops that flush all the time: machine, way, n_threads, loop_ns (time of one loop of one thread)."""
    table = datasets.measurements()
    mine = table[table["benchmark"].str.contains("tlb_flush") & (table["threads"].fillna("") != "")].copy()
    mine["n_threads"] = mine["threads"].astype(int)
    mine["loop_ns"] = mine["n_threads"] / mine["total_per_s"].astype(float) * 1e9
    named = mine.drop(columns="machine").rename(columns={"machine_key": "machine", "variant": "way"})
    return named[["machine", "way", "n_threads", "loop_ns"]].sort_values(["machine", "way", "n_threads"])
