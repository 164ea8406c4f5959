"""Our controlled runs: what was counted, and what uncontended costs of the same kernel say about it.

The guests were emulated, so that their times mean nothing; but their instruction counts are exact, and a
chance of an abort is a ratio of times. One unit, the instruction, is all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import datasets
from .pricing import OWN_HITS
from .primitives import first_touch, neighbours, seqcount, spin_trylock
from .primitives.sequence_replay import Habits, Setting, replay

if TYPE_CHECKING:
    import pandas as pd

PAGES = 512
"""pages of a region of 2 MiB, touched one by one and then given back by one MADV_DONTNEED"""
SEQUENCE = ("ODD", "VMA_COPY", "PTE_MAP_LOCK_SEQ1", "PTE_MAP_LOCK_SEQ2")
"""causes that mean: the sequence was odd or has moved"""
SPREAD = 0.05
"""scv of a replayed time: the same code each time, but not in step"""
UPDATES = {
    "mmap": ("mmap_munmap_4k_notouch_mt_med", 2),
    "brk": ("brk_grow_shrink_pair_mt_med", 2),
    "mprot_other": ("mprotect_4pg_1resident_mt_med", 1),
    "mprot_own": ("mprotect_4pg_1resident_mt_med", 1),
}
"""update -> its cost in host_primitives.csv, and how often it takes the lock for writing"""
TOGGLED = OWN_HITS["mprot_own"]
"""two threads that set one VMA's protection to and fro, each on its own, find it as they want it every other
time, and the kernel then changes nothing (inferred: with a dedicated updater each mprotect aborts one fault)"""


class Guest(NamedTuple):
    """One kernel of the controlled runs."""

    kernel: str
    classic: str
    """the same tree without speculation"""
    vma_lock: bool


SPF = Guest("5.17-spf-on", "5.17-spf-off", vma_lock=False)
VMA_LOCK = Guest("6.12-pervma-on", "6.12-pervma-off", vma_lock=True)


@cache
def instructions(kernel: str) -> dict[str, float]:
    """Instructions per call of each primitive of an emulated kernel, exact."""
    table = datasets.host_primitives()
    mine = table[(table["kernel"] == kernel) & table["environment"].str.startswith("instruction counts")]
    return {str(name): float(value) for name, value in zip(mine["primitive"], mine["median"], strict=True)}


def counted(kernel: str, quantity: str = "median") -> pd.DataFrame:
    """Counts of an emulated kernel, one row a setting (text, as printed), one column an event, its prefix left out."""
    table = datasets.host_counters()
    mine = table[(table["kernel"] == kernel) & (table["where"] == "emulated")].copy()
    mine["event"] = mine["quantity"].str.replace(r"^(pfbench:|vmstat:)(SPF_ABORT_)?", "", regex=True)
    setting = [
        "threads", "mode", "dedicated_updaters", "extra_vmas", "faults_per_update", "one_vma", "region_kib",
        "touch", "update_op", "updater_think_ns",
    ]  # fmt: skip
    return mine.pivot_table(index=setting, columns="event", values=quantity, aggfunc="first").reset_index()


def habits(guest: Guest, update_op: str, faults_per_update: int) -> Habits:
    """What a thread repeats, in instructions.

    The window of a sequence is what a write fault does beyond a zero-page fault (allocate, clear, charge): a
    lower bound. That of a VMA lock is the fault without entry and exit, for which getppid stands.
    """
    cost, call = instructions(guest.kernel), instructions(guest.kernel)["getppid_med"]
    fault = cost["fault_anon_write_user_mt_med"]
    whole = fault + cost["anon_V=10_madvise_or_munmap_p50"] / PAGES
    window = fault - (call if guest.vma_lock else cost["fault_anon_read_zeropage_user_mt_med"])
    name, sections = UPDATES[update_op]
    return Habits(
        faults=faults_per_update,
        sections=sections,
        between=whole - window,
        window=window,
        outside=call,
        section=cost[name] / sections - call,
        classic=instructions(guest.classic)["fault_anon_write_user_mt_med"],
    )


def covered(guest: Guest, update_op: str, one_vma: bool) -> float:
    """Share of sections that concern the VMA (or the mm) of the other thread's fault."""
    if not guest.vma_lock:
        return 1.0
    return TOGGLED if update_op == "mprot_own" and one_vma else 0.0


def by_formula(guest: Guest, mine: Habits, hits: float) -> float:
    """Aborts / attempts by `seqcount.abort_share_per_update`, two threads."""
    ended = seqcount.ended_by_vma_lock if guest.vma_lock else seqcount.ended_by_section
    chance = ended(mine.section, mine.window, mine.between)
    whole, update = mine.between + mine.window, mine.sections * (mine.outside + mine.section)
    return float(seqcount.abort_share_per_update(mine.faults, mine.sections * hits, chance, whole, update))


@cache
def by_replay(guest: Guest, mine: Habits, hits: float, events: int, seed: int) -> float:
    """Aborts / attempts by replaying two threads event by event."""
    setting = Setting(hits=hits, scv=SPREAD, vma_lock=guest.vma_lock)
    return replay([mine, mine], events, seed, setting).share


def measured(guest: Guest, row: Mapping[Any, Any]) -> tuple[float, float]:
    """(aborts that the sequence or VMA lock caused, attempts) of one row of `counted`."""
    if guest.vma_lock:
        lost = row["vma_lock_abort"] + row["vma_lock_retry"]
        return float(lost), float(lost + row["vma_lock_success"])
    return float(sum(row[cause] for cause in SEQUENCE)), float(row["spf_attempt"])


def _two_threads(guest: Guest) -> Iterator[dict[str, Any]]:
    table = counted(guest.kernel)
    mine = (table["mode"] == "anon") & (table["threads"] == "2") & table["update_op"].isin(list(UPDATES))
    for row in table[mine & (table["dedicated_updaters"] == "")].to_dict("records"):
        yield {str(name): value for name, value in row.items()}


def aborts(guest: Guest, events: int = 20_000, seed: int = 1) -> list[dict[str, object]]:
    """Abort shares of two threads that fault and update: counted, by formula, by replay; a row a setting.

    events: of a replay at 8 faults per update; more where updates are rarer
    """
    rows = []
    for row in _two_threads(guest):
        op, faults, one_vma = str(row["update_op"]), int(str(row["faults_per_update"])), row["one_vma"] == "1"
        mine, hits = habits(guest, op, faults), covered(guest, op, one_vma)
        lost, tries = measured(guest, row)
        long = int(events * max(1.0, faults / 128))
        rows.append({
            "kernel": guest.kernel, "update": op, "faults_per_update": faults, "one_vma": one_vma,
            "aborts": lost, "attempts": tries, "measured": lost / tries, "formula": by_formula(guest, mine, hits),
            "replay": by_replay(guest, mine, hits, long, seed) if hits else 0.0,
        })  # fmt: skip
    return rows


def per_section(guest: Guest) -> list[dict[str, object]]:
    """Aborts per write-locked section where one thread faults and another only updates; a row a setting."""
    table = counted(guest.kernel)
    mine = (table["threads"] == "1") & (table["dedicated_updaters"] == "1") & table["update_op"].isin(list(UPDATES))
    rows = []
    for row in table[mine].to_dict("records"):
        op = str(row["update_op"])
        if covered(guest, op, one_vma=op == "mprot_own"):
            lost = measured(guest, row)[0]
            each = lost / row["dwops"] / UPDATES[op][1]
            rows.append({"update": op, "updater_think_ns": row["updater_think_ns"], "aborts_per_section": each})
    return rows


TOUCHED = {"anon": (2048, 0.0), "ebizzy": (256, 1.0), "pf1": (1024, 1.0)}
"""mode -> KiB of a thread's region, mappings per round through it"""


def first_touches() -> list[dict[str, Any]]:
    """Faults of 5.17 that met a VMA without anon_vma or a missing table: counted and predicted; a row a setting."""
    table = counted(SPF.kernel)

    def row(mode: str, threads: str, extra: str = "") -> pd.Series[Any]:
        mine = (table["mode"] == mode) & (table["threads"] == threads) & (table["extra_vmas"] == extra)
        return table[mine].iloc[0]

    cost = instructions(SPF.kernel)
    gap = cost["mmap_munmap_4k_notouch_mt_med"]
    round_ = gap + 64 * (cost["fault_anon_write_user_mt_med"] + cost["anon_V=10_madvise_or_munmap_p50"] / PAGES)
    alone = 1 - float(neighbours.merges(2, 1 - gap / round_))
    mapped = [("ebizzy", "1", 64, 1.0, 0.0), ("pf1", "1", 256, 1.0, 1.0), ("ebizzy", "2", 64, alone, 0.0)]
    rows = []
    for mode, threads, pages, new_vma, missing in mapped:
        found = row(mode, threads)
        most = [float(first_touch.classic_per_mapping(n, new_vma, missing)) / pages for n in (1, 2)]
        share = float(first_touch.classic_share(pages, 512, new_vma, missing))
        rows.append({"mode": mode, "threads": threads, "extra_vmas": "", "found": found, "low": most[0],
                     "high": most[1], "predicted": share})  # fmt: skip
    for extra in ("100", "10000"):
        found = row("scatter", "1", extra)
        share = float(first_touch.touched_once(float(extra), found["touches"])) / found["touches"]
        rows.append({"mode": "scatter", "threads": "1", "extra_vmas": extra, "found": found, "low": share,
                     "high": share, "predicted": share})  # fmt: skip
    for each in rows:
        found = each.pop("found")  # type: ignore[assignment]
        each |= {"anon_vma": float(found["ANON_VMA"]), "pmd": float(found["PMD"])}
        each["measured"] = float(found["ANON_VMA"] + found["PMD"]) / float(found["spf_attempt"])
    return rows


def busy_locks() -> list[dict[str, Any]]:
    """Tries of the PTE lock that found it busy, two threads without other updates; a row a mode.

    cycle: instructions from one fault to the next; same_table: mean over placements, and the middle 80 %
    """
    cost, table = instructions(SPF.kernel), counted(SPF.kernel)
    quiet = (table["threads"] == "2") & (table["update_op"] == "") & (table["touch"] == "")
    rows = []
    for mode, (kib, mappings) in TOUCHED.items():
        row = table[quiet & (table["mode"] == mode)].iloc[0]
        cycle = cost["fault_anon_write_user_mt_med"] + cost["anon_V=10_madvise_or_munmap_p50"] / PAGES
        cycle += mappings * cost["mmap_munmap_4k_notouch_mt_med"] / (kib / 4)
        at = spin_trylock.same_table_at(kib * 1024.0, np.linspace(0, spin_trylock.PAGE_TABLE_BYTES, 1001))
        low, high = (float(x) for x in np.quantile(at, (0.1, 0.9)))
        rows.append({
            "mode": mode, "region_kib": kib, "cycle": cycle, "tries": float(row["spf_attempt"]),
            "busy": float(row["PTE_MAP_LOCK_PTL"] / row["spf_attempt"]),
            "same_table": float(spin_trylock.same_table(kib * 1024.0)), "low": low, "high": high,
        })  # fmt: skip
    return rows
