"""Our controlled runs, each setting measured both ways: what a change of kernel, or of the kind of touch, did.

An emulated guest's times mean nothing, but its shares and its ratios do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from . import datasets

if TYPE_CHECKING:
    import pandas as pd

WORKLOADS: Mapping[str, str] = {
    "anon": "fault-update", "pf1": "page_fault1", "pf2": "page_fault2", "pf3": "page_fault3", "mmap1": "mmap1",
}  # fmt: skip
"""Mode of the program -> the workload that describes it."""
LEFT_OUT: Mapping[str, str] = {
    "null": "neither faults nor updates: it shows what a system call costs",
    "mprot": "mprotect without faults: nothing that a protocol changes",
    "scatter": "VMAs touched for the first time: by formula and counters in the notebook first_touch",
    "ebizzy": "how its mappings merge is judged from others' counters: first_touch and seqcount_aborts speak of it",
    "pop": "MADV_POPULATE_WRITE: no protocol has a table for it",
    "one way": "run with one kernel or one kind of touch only: nothing to compare with",
}
"""Modes (and kinds of touch) that are no cell, and why."""
SETTING = [
    "threads", "mode", "dedicated_updaters", "extra_vmas", "faults_per_update", "one_vma", "region_kib", "think_ns",
    "touch", "update_op", "updater_think_ns",
]  # fmt: skip
ATTEMPTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "spf_mmseq": (("vmstat:spf_abort",), ("vmstat:spf_attempt",)),
    "per_vma_lock": (
        ("vmstat:vma_lock_abort", "vmstat:vma_lock_retry"),
        ("vmstat:vma_lock_abort", "vmstat:vma_lock_retry", "vmstat:vma_lock_success"),
    ),
}
"""Protocol -> counters that make up fallbacks, and attempts."""


class Pair(NamedTuple):
    """Two ways of running one program on one machine."""

    machine: str
    protocol: str
    candidate: str
    """kernel of the candidate's rows"""
    base: str
    touches: tuple[tuple[str, str], ...]
    """(of the candidate's row, of the base row) for each comparison"""


PAIRS = (
    Pair("guest-5.17", "spf_mmseq", "5.17-spf-on", "5.17-spf-off", (("", ""), ("kern", "kern"))),
    Pair("guest-6.12", "per_vma_lock", "6.12-pervma-on", "6.12-pervma-off", (("", ""), ("kern", "kern"))),
    Pair("host-6.18", "per_vma_lock", "6.18", "6.18", (("user", "kern"),)),
)
"""On 6.18 a touch in kernel mode takes mmap_lock where one in user mode takes the VMA's: one kernel, both ways."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One setting, measured both ways."""

    pair: Pair
    setting: Mapping[str, str]
    speedup: tuple[float, float, float]
    """lower quartile of the one over the upper of the other, ratio of the medians, upper over lower"""
    fallback: float | None
    """share of attempts; None: not counted, or nothing tried"""

    @property
    def name(self) -> str:
        """The setting in words, blanks left out."""
        told = {k: v for k, v in self.setting.items() if v and k != "mode"}
        return f"{self.pair.candidate} {self.setting['mode']} " + " ".join(f"{k}={v}" for k, v in told.items())


@cache
def _throughput() -> pd.DataFrame:
    """host_throughput.csv, read once."""
    return datasets.host_throughput()


def runs() -> list[Run]:
    """Every setting that was measured both ways and that a workload speaks to."""
    return [run for pair in PAIRS for touches in pair.touches for run in _pair_runs(pair, *touches)]


def left_out() -> dict[str, int]:
    """Settings of the three kernels that are no cell, by reason."""
    table = _throughput()
    mine = table[table["kernel"].isin([pair.candidate for pair in PAIRS]) & (table["quantity"] == "touches_per_s")]
    known = {(run.pair.candidate, *run.setting.values()) for run in runs()}
    out: dict[str, int] = {}
    for row in mine[["kernel", *SETTING]].itertuples(index=False, name=None):
        other_way = row[0] == "6.18" and row[9] == "kern" and (*row[:9], "user", *row[10:]) in known
        if row in known or other_way:
            continue
        mode, touch = row[2], row[9]
        reason = LEFT_OUT.get(mode) or LEFT_OUT.get(touch) or LEFT_OUT["one way"]
        out[reason] = out.get(reason, 0) + 1
    return out


def _pair_runs(pair: Pair, touch: str, base_touch: str) -> Iterator[Run]:
    ours, theirs = _rates(pair.candidate, touch), _rates(pair.base, base_touch)
    counts = _counts(pair)
    for key in ours.index.intersection(theirs.index):
        setting = dict(zip(SETTING, (*key[:8], touch, *key[8:]), strict=True))
        counted = counts.get(tuple(setting.values())) if setting["mode"] != "mmap1" else None
        (low, middle, high), (base_low, base, base_high) = (side.loc[key].astype(float) for side in (ours, theirs))
        speedup = (float(low / base_high), float(middle / base), float(high / base_low))
        yield Run(pair=pair, setting=setting, speedup=speedup, fallback=counted)


def _rates(kernel: str, touch: str) -> pd.DataFrame:
    """Quartiles of faults (or updates, where nothing is touched) per second by setting, of one kernel and touch."""
    table = _throughput()
    mine = table[(table["kernel"] == kernel) & (table["touch"] == touch) & table["mode"].isin(list(WORKLOADS))]
    counted = mine["mode"].map({"mmap1": "wops_per_s"}).fillna("touches_per_s")
    mine = mine[mine["quantity"] == counted]
    keys = [name for name in SETTING if name != "touch"]
    return mine.set_index(keys)[["q25", "median", "q75"]]


@cache
def _counts(pair: Pair) -> dict[tuple[str, ...], float]:
    """Fallbacks over attempts by setting; settings without attempts are left out."""
    failed, tried = ATTEMPTS[pair.protocol]
    table = datasets.host_counters()
    mine = table[(table["kernel"] == pair.candidate) & table["quantity"].isin(tried + failed)]
    wide = mine.pivot_table(index=SETTING, columns="quantity", values="median", aggfunc="first")
    if wide.empty:
        return {}
    wide = wide.astype(float)
    share = wide[list(failed)].sum(axis=1) / wide[list(tried)].sum(axis=1)
    return {tuple(key): float(value) for key, value in share.dropna().items()}  # type: ignore[arg-type]
