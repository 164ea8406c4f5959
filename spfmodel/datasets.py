"""The published tables: CSV in, checked pandas tables out. A number without unit or source is refused.

Every reader takes `root`, a data folder like the shipped one; its default is the shipped one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tables import (
    COUNTERS,
    MEASUREMENTS,
    PRIMITIVES,
    RUNS,
    SETTING,
    data_root,
    made_once,
    owned_table,
    read_table,
    refuse_blanks,
    refuse_unknown,
    runs_table,
    to_number,
    with_numbers,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = [
    "counters",
    "data_root",
    "host_counters",
    "host_primitives",
    "host_throughput",
    "measurements",
    "not_numeric",
    "primitives",
    "ratio_cells",
    "sources",
    "totals",
]

SAME_RUN = ["source", "machine_key", "machine", "benchmark", "command", "threads", "metric", "unit", "thp"]
"""What a base row and a candidate row must share to be compared."""
PER_SECOND = {
    "ops/s (all tasks)": 1.0,
    "ops/s": 1.0,
    "faults/s": 1.0,
    "records/s": 1.0,
    "rounds/s": 1.0,
    "kops/s": 1e3,
    "k loops/s": 1e3,
    "K faults/s": 1e3,
    "ops per 5 s": 1 / 5,
}
"""Units that count all threads together, and their factor to one per second."""
IN_SIXTY_SECONDS = ("page-faults in 60 s", "page faults in 60 s")
"""Metrics in the unit count whose run took 60 s."""
PER_TASK = ("per_thread_ops", "per_process_ops")
"""LKP's metrics per task and second: the total is that times the number of tasks."""
DURATIONS = ("Elapsed Time", "elapsed", "Amean elapsed", "launch time", "launch latency")
"""Metrics of a whole run or start: speed-up is base over candidate."""


@made_once("measurements.csv", "sources.csv")
def measurements(root: Path | None = None) -> pd.DataFrame:
    """Published values, text as printed, plus

    number : the value as a float, NaN where it is not one number
    n_threads : threads as a float, NaN where not one number or not stated
    total_per_s : throughput of all threads per second, see `totals`
    caution : why the value should not be used as it stands; empty if nothing is known against it
    """
    table = owned_table("measurements.csv", MEASUREMENTS, root)
    refuse_unknown(table, "measurements.csv", root)
    table = with_numbers(table)
    table["n_threads"] = to_number(table["threads"])
    table["total_per_s"] = totals(table)
    return table


@made_once("primitives.csv")
def primitives(root: Path | None = None) -> pd.DataFrame:
    """Costs of hardware and kernel actions; `source` is the citation itself. Adds `number` and `caution`."""
    table = with_numbers(owned_table("primitives.csv", PRIMITIVES, root))
    several = table["single"] != "yes"
    table.loc[several, "number"] = float("nan")
    table.loc[several & (table["caution"] == ""), "caution"] = "not one number (single = no)"
    return table


@made_once("counters.csv", "sources.csv")
def counters(root: Path | None = None) -> pd.DataFrame:
    """Perf and trace events of published runs; events are Int64, missing where not printed."""
    table = read_table("counters.csv", COUNTERS, root)
    refuse_blanks(table, "counters.csv", ["source"])
    refuse_unknown(table, "counters.csv", root)
    text = {*COUNTERS, "derived_spf_share_pct"} - {"faults", "spf"}
    for column in (c for c in table if c not in text):
        table[column] = to_number(table[column]).astype("Int64")
    return table


@made_once("sources.csv")
def sources(root: Path | None = None) -> pd.DataFrame:
    """Citation of each source key."""
    table = read_table("sources.csv", ["source", "citation"], root)
    refuse_blanks(table, "sources.csv", ["source", "citation"])
    return table


@made_once("host_throughput.csv")
def host_throughput(root: Path | None = None) -> pd.DataFrame:
    """Throughput and latency of our controlled runs: median and quartiles over n runs of a setting."""
    return runs_table("host_throughput.csv", [*SETTING, "quantity", *RUNS], root)


@made_once("host_counters.csv")
def host_counters(root: Path | None = None) -> pd.DataFrame:
    """Event counts of our controlled runs, zeros included."""
    return runs_table("host_counters.csv", [*SETTING, "quantity", *RUNS], root)


@made_once("host_primitives.csv")
def host_primitives(root: Path | None = None) -> pd.DataFrame:
    """Costs in ns, measured natively, and instructions per call, counted under emulation."""
    return runs_table("host_primitives.csv", ["kernel", "environment", "primitive", *RUNS], root)


def totals(table: pd.DataFrame) -> pd.Series[float]:
    """Throughput of all threads, per second; NaN where the row does not say it.

    Rates of all tasks : times 1, 1000 (kops/s) or 1/5 (ops per 5 s)
    Faults in 60 s     : over 60
    LKP's per_thread_ops, per_process_ops (per task and second) : times `threads`; averages over a sweep
                         print no number of threads and have no total
    faults/cpu (per second of CPU time) and `faults/s per CPU` : no total; the same runs print faults/s
    """
    factor = table["unit"].map(PER_SECOND).astype(float)
    factor = factor.mask(table["metric"].str.contains("per CPU"))
    factor = factor.mask(table["metric"].isin(IN_SIXTY_SECONDS) & (table["unit"] == "count"), 1 / 60)
    tasks = to_number(table["threads"])
    return table["number"] * factor.mask(table["metric"].isin(PER_TASK), tasks)


def ratio_cells(table: pd.DataFrame | None = None, *, base: str = "mmap_sem") -> pd.DataFrame:
    """Speed-ups: each candidate row against the base rows of the same run (`SAME_RUN`).

    table : rows of `measurements` (default: all). Repeated base rows of a run count by their median.
    -> id, protocol, variant, the columns of SAME_RUN, n_threads, base_ids, base, candidate, speedup.
    Rates compare candidate / base (per task, too), durations base / candidate; other metrics, and
    misprints, are left out.
    """
    table = measurements() if table is None else table
    table = table[
        table["number"].gt(0)
        & ~table["caution"].str.contains("sic")
        & (_is_rate(table) | table["metric"].isin(DURATIONS))
    ]
    bases = table[table["protocol"] == base].groupby(SAME_RUN, sort=False)
    known = bases["number"].median().to_frame("base").join(bases["id"].agg(list).rename("base_ids")).reset_index()
    cells = table[table["protocol"] != base].merge(known, on=SAME_RUN).rename(columns={"number": "candidate"})
    rate = cells["candidate"] / cells["base"]
    cells["speedup"] = rate.mask(cells["metric"].isin(DURATIONS), 1 / rate)
    columns = [
        "id",
        "protocol",
        "variant",
        *SAME_RUN,
        "n_threads",
        "base_ids",
        "base",
        "candidate",
        "speedup",
    ]
    return cells[columns]


def not_numeric(table: pd.DataFrame) -> list[str]:
    """Rows of `measurements` or `primitives` that are kept out of arithmetic, each with its reason."""
    out = table[table["number"].isna()]
    return [f"{i}: {why}" for i, why in zip(out["id"], out["caution"], strict=True)]


def _is_rate(table: pd.DataFrame) -> pd.Series[bool]:
    """Rows that print a rate, of all tasks or of each."""
    return table["total_per_s"].notna() | table["metric"].isin(PER_TASK)
