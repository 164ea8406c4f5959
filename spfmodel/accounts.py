"""Where every published row goes: into a cell of `validate`, into a calibration alone, or nowhere, and why.

A row that no rule knows has no account: a test fails, and whoever added the row says what it is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import asks, catalog
from .datasets import counters, measurements

if TYPE_CHECKING:
    import pandas as pd

CELL, CALIBRATION = "cell", "calibration"


LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "metric": {
        "(User|System) Time|Percent CPU|Context Switches|Sleeps|Avg_(real|user|sys)_time|Amean (elapsed|system)"
        "|minor faults|(user|system) CPU": "how a run spent its time, not how fast it was",
        "cache-misses in 60 s|perf event count.*|handle_mm_fault share.*": "a profile of a run whose speed is a cell",
        "records/s (min|max)": "an extreme of runs whose mean is a cell",
        "mean records/s as stated": "mean of ten runs that are cells; the candidate's is misprinted by 1000",
        "Hmean faults/cpu|faults/s per CPU.*": "per second of CPU time; the same runs print faults per second",
        "48-thread pft throughput (relative|change).*": "the candidate against itself",
    },
    "benchmark": {
        r".*\(LKP job.*": "process and thread phases of a job in one number",
        "kernel locking microbenchmark.*|rwsem fairness.*": "the lock alone, which bare_lock.py predicts",
        "MongoDB.*": "the rwsem is what changed, not the fault path",
        "will-it-scale (context_switch1|futex1|read[12]|signal1|sched_yield|write1|writeseek3)[ _]"
        ".*": "neither faults nor updates: shows what any change of kernel does",
        "will-it-scale malloc2 .*": "allocates from a heap that it has: neither faults nor updates",
        "will-it-scale tlb_flush[12].*": "kernels that differ in TLB shootdowns, not in the protocol",
        "will-it-scale mmap2 threads": "kernels that differ in the layout of mm_struct; a change without its base",
        "munmap of .*": "one thread unmaps alone: a cost of a page was read from it",
        "mmap-[px]read-seq(-mt)?|stress-ng --mmap.*": "gives mmap_sem back while it unmaps: no protocol of ours",
        r"(vm-scalability|will-it-scale)\..*": "kernels that differ in the page-table lock, not in the protocol",
        "freqmine|gitcheckout|reaim": "whole applications: how often they fault and update is not known",
        "Douyin warm start|500 threads mmap/read.*": "file faults that wait for a disk: retries under VMA locks",
        "5 MADV_PAGEOUT.*": "reclaim and swap, which are not modelled",
        "ART GC.*": "userfaultfd, which is not modelled",
        "lmbench lat_sig.*": "bad accesses, which end in a signal and not in a page",
        "TCP zerocopy.*": "share of cycles of a path other than faults",
        r"benchmarks \(unspecified\)|lkp \(report not in store\)": "no benchmark is named",
        "Android app launch": 'an upper bound ("up to"), on no machine that is named',
    },
    "variant": {
        r".*\+maple_tree": "a tree of another kernel: the same protocol with other updates",
    },
    "source": {
        "Baghdasaryan202(4a|5b)": "two layouts of one protocol, without its baseline",
        "Howlett202[01]a|Gorman2022b": "a baseline alone: no candidate was run",
        "Dufour2017e": "base and candidate kernels were configured differently (kernbench on x86)",
    },
}
"""Rows that are left out: by column, patterns that match it in full, and why. The first that matches speaks."""


def accounts(root: Path | None = None) -> pd.DataFrame:
    """Every row of measurements.csv: id, source, benchmark, account (cell, calibration, or why it is left out; empty if
    nothing is known).
    """
    table = measurements(root)
    used = asks.pairs(root)
    scored = {*used["id"], *(row for rows in used["base_ids"] for row in rows)}
    fitted = {row for name in catalog.machine_names(root) for row in _fitted(name, root)}
    out = table["id"].map(dict.fromkeys(fitted, CALIBRATION) | dict.fromkeys(scored, CELL)).fillna("")
    rules = [(column, *rule) for column, some in LEFT_OUT.items() for rule in some.items()]
    for column, pattern, reason in rules:
        out = out.mask((out == "") & table[column].str.fullmatch(pattern), reason)
    return table[["id", "source", "benchmark"]].assign(account=out)


def _fitted(machine: str, root: Path | None) -> set[str]:
    return {row for c in catalog.machine(machine, root).calibrations.values() for row in c.rows}


def counted(root: Path | None = None) -> pd.DataFrame:
    """Every run of counters.csv: id, account as in `accounts`."""
    table = counters(root)
    told = table["spf"].notna() & table["faults"].notna()
    return table[["id"]].assign(account=told.map({True: CELL, False: "no counts are printed"}))
