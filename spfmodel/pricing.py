"""What every step costs: a machine's and a workload's numbers, by the names that tables use.

All prices are arrays over draws, (D,), or (1,) where all draws agree; in ns, or shares where the name says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Phase, Workload
from .placement import cross_share, node_crowding

Floats = NDArray[np.float64]

OPS = ("mmap", "munmap", "brk_up", "brk_down", "mprotect", "madvise", "recycle")
"""The updates that a workload's program may name."""
UPDATE_OPS: Mapping[str, tuple[str, ...]] = {
    "mmap": ("mmap", "munmap"),
    "brk": ("brk_up", "brk_down"),
    "mprot_other": ("mprotect",),
    "mprot_own": ("mprotect",),
    "madv": ("madvise",),
    "mmapt": ("mmap", "fault", "munmap"),
}
"""What the choice `update_op` stands for."""
OWN_HITS = {"mprot_own": 0.5, "madv": 1.0}
"""Of the updates of one's own VMA, those that change it: of threads that toggle one VMA's permissions, every other one
finds them as it wants them. All others concern VMAs in which nobody faults."""
KINDS = {"anonymous": "", "zero": "zero_page_ratio", "cow": "cow_ratio", "file": "file_ratio",
         "shared": "shared_ratio", "swap": "swap_ratio"}  # fmt: skip
"""The cost by which a fault's work differs from an anonymous one's, by kind."""
NO_PAGE = ("zero", "shared")
"""Kinds that map a page which is there already: zone and LRU are not asked. (LKP's 4-socket machine, processes, a task:
913,000 shared faults/s, 226,000 anonymous ones; measurements.csv, Wang2017a.)"""
SHARES = ("notsup_share", "new_pmd_share", "new_vma_share", "collapse_share", "retry_share")
"""Chances of an attempt that are 0 unless a workload says otherwise."""
ENTRIES_PER_LOCK = {"ppc64": 256, "x86_64": 512, "arm64": 512}
"""PTEs under one split lock: a last-level table has 2^9 with 4 KiB pages, 2^8 with 64 KiB pages on POWER's hash MMU.
(There 16 tables may share a 64 KiB page and so one lock, pte_fragment_alloc; four times as many pte_lock aborts as were
counted would follow, so it is left out.)"""


def values(machine: Machine, workload: Workload, draws: Mapping[str, Floats]) -> dict[str, Floats]:
    """Costs of the machine and parameters of the workload by name: (D,) where draws are given, else (1,)."""
    known = {name: q.value for name, q in {**machine.costs, **workload.parameters}.items()}
    out = {name: np.full(1, value) for name, value in known.items()}
    size = max([1, *(len(v) for v in draws.values())])
    out.update({name: np.broadcast_to(np.asarray(v, float), (size,)) for name, v in draws.items()})
    return out


LONGEST = 2048
"""Faults in a cycle of the model. Longer ones are cut, and the fixed cost of their updates in proportion: holds stay
far longer than wake-ups, and the simulation sees enough of them. Against uncut cycles: within 10 %."""

ONCE_AN_UPDATE = ("wake_ns", "wake_hot_ns", "wake_send_ns", "switch_ns", "spin_handoff_ns")
"""What a cut cycle would pay more often than a whole one: who waits for an update sleeps, and is woken once."""


def times(machine: Machine, workload: Workload, phase: Phase) -> int:
    """How often a phase runs in one cycle: by touched_kib and the page size, or by the KiB after which it comes."""
    if phase.every and phase.do == "update":
        pages = workload.parameters[phase.every].value / machine.page_kib
        return max(1, round(faults_per_cycle(machine, workload) / pages))
    touched = workload.parameters.get("touched_kib")
    if phase.repeat == "faults" and touched is not None:
        return min(max(1, round(touched.value / machine.page_kib)), LONGEST)
    return min(max(1, round(workload.parameters[phase.repeat].value)), LONGEST) if phase.repeat else 1


def cut(machine: Machine, workload: Workload) -> float:
    """Length of the model's cycle over that of the workload's, at most 1."""
    touched = workload.parameters.get("touched_kib")
    return 1.0 if touched is None else min(1.0, LONGEST * machine.page_kib / max(touched.value, 1e-9))


def phases(program: tuple[Phase, ...], workload: Workload) -> list[Phase]:
    """A program with the choice of `update_op` put in; with `faults_per_update` 0 only dedicated updaters update."""
    out = []
    known = workload.parameters.get("faults_per_update")
    never = known is not None and known.value == 0 and program == workload.program
    for phase in program:
        if phase.op == "update_op" and never:
            continue
        ops = UPDATE_OPS[workload.choice("update_op")] if phase.op == "update_op" else (phase.op,)
        out += [replace(phase, do="fault", op="") if op == "fault" else replace(phase, op=op) for op in ops]
    return out


def turns(machine: Machine, workload: Workload, phase: Phase) -> int:
    """A phase comes in one of so many cycles."""
    if not phase.every:
        return 1
    pages = workload.parameters[phase.every].value / machine.page_kib
    return max(1, round(pages / max(1, faults_per_cycle(machine, workload))))


def fault_kind(workload: Workload) -> str:
    """What its faults are; a page that is only read is the zero page."""
    return "zero" if workload.choice("touch") == "read" else workload.choice("fault_kind")


def faults_per_cycle(machine: Machine, workload: Workload) -> int:
    """Pages that one cycle touches."""
    return sum(times(machine, workload, p) for p in phases(workload.program, workload) if p.do == "fault")


def recycles(machine: Machine, workload: Workload) -> bool:
    """Whether every fault gets the page that its thread has just unmapped: one page a cycle."""
    return faults_per_cycle(machine, workload) == 1 and any(phase.op == "munmap" for phase in workload.program)


def threads_per_page_table(machine: Machine, v: Mapping[str, Floats], n_threads: int) -> int:
    """Threads whose active pages share one page-table page, hence one PTE lock.

    v : priced costs; `page_table_sharing_kib` is the address space between two threads' pages
    """
    if "page_table_sharing_kib" not in v:
        return 1
    span_kib = machine.page_kib * ENTRIES_PER_LOCK.get(machine.arch, 512)
    each = max(float(np.median(v["page_table_sharing_kib"])), float(machine.page_kib))
    return int(min(n_threads, max(1.0, span_kib / each)))


def _update_prices(v: Mapping[str, Floats], op: str, pages: int) -> dict[str, Floats]:
    """The parts of one update's hold, and what flushing one other CPU takes. pages : that it zaps."""
    family = {"brk_up": "brk", "brk_down": "brk", "recycle": "madvise"}.get(op, op)
    hold = v["update_hold_ns"] * v.get(f"{family}_ratio", np.ones(1)) + v["level_ns"]
    hold = v["madvise_ns"] if family == "madvise" else hold * v["cut"]
    adjust = hold * v[f"adjust_share_{family}"] if family != "madvise" else np.zeros_like(hold)
    zap = np.zeros_like(hold)
    grows, first = op in ("mmap", "brk_up"), op in ("mmap", "brk_up", "mprotect")
    rest = hold - adjust
    after = np.zeros_like(hold) if first else rest
    if family in ("munmap", "madvise") or op == "brk_down":
        touched = v["zap_page_ns"] * pages
        zap = rest * v["zap_share"] + touched * v["zap_locked_share"]
        after = rest * (1 - v["zap_share"]) + touched * (1 - v["zap_locked_share"])
    flushes = not grows and pages > 0
    return {
        f"{op}_before_ns": rest if first else np.zeros_like(hold),
        f"{op}_adjust_ns": adjust,
        f"{op}_zap_ns": zap,
        f"{op}_after_ns": after + v["tlb_flush_ns"] * v["cut"] * (flushes and family != "mprotect"),
        f"{op}_flush_ns": v["ipi_target_ns"] * v["cut"] * flushes,
        f"{op}_srcu_ns": hold * v["srcu_brk_ratio" if family == "brk" else "srcu_map_ratio"],
    }


def _pages_zapped(machine: Machine, workload: Workload, op: str) -> int:
    """Pages that an update finds present: those that the cycle touched, or the one that mprotect changes."""
    if op == "recycle":
        return max(1, round(workload.parameters["recycle_kib"].value / machine.page_kib))
    if "update_op" not in {phase.op for phase in workload.program}:
        return faults_per_cycle(machine, workload)
    chosen = workload.choice("update_op")
    return 1 if chosen in ("mmapt", "mprot_own", "mprot_other") and op != "brk_down" else 0


def mapped_runs(n_threads: int, faults: int) -> float:
    """Expected number of VMAs that the threads' adjacent mappings form.

    runs = 1 + N q (1 - q), q = 1 / (F + 2): the share of a thread's lock operations, and so of its
    waits, that come before it has mapped anything. Mappings that touch merge into one VMA.
    >>> mapped_runs(160, 1) > mapped_runs(16, 128)
    True
    """
    q = 1.0 / (faults + 2)
    return 1.0 + n_threads * q * (1.0 - q)


def prices(machine: Machine, workload: Workload, draws: Mapping[str, Floats], n_threads: int) -> dict[str, Floats]:
    """Every cost that a protocol's table or a program may name: (D,), or (1,) where all draws agree.

    line_ns here includes the transfers that cross sockets: line_ns * (1 + (line_cross_ratio - 1) *
    cross_share)
    memory_ns = memory_ratio * 2 * line_ns * node_crowding : what stays shared, as a share of the
    mm-wide atomics when every core faults
    speculative_work_ns = fault_work_ns + spec_extra_ns
    update_hold_ns here is update_hold_ns * (a + (1 - a) (N - 1) / N), a = update_alone_ratio: lines that another
    thread's update has touched since must be fetched
    extra_vmas add vma_level_ns to a walk, update_level_ns to an update, per doubling beyond 8 VMAs
    A fault of another kind than anonymous has its own fault_work_ns. With a process each, nothing mm-wide is shared.
    page_table_overlap concerns threads with a VMA each, side by side; in one VMA their regions lie apart
    mprotect's own TLB flush is part of its hold (mprotect_ratio)
    An update's hold is update_hold_ns times the operation's ratio; its parts are named by where
    the sequence is odd (adjust), where the page-table lock is held (zap), before and after.
    A new mapping fills the highest hole and merges with the VMA in which others fault; munmap hits
    any of the VMAs that holes leave: same_vma / mapped_runs.
    """
    v = values(machine, workload, draws)
    zero = np.zeros_like(v["line_ns"])
    for name in (*SHARES, "think_ns", "updater_think_ns", "extra_vmas"):
        v.setdefault(name, zero)
    for name in ("one_vma", "page_table_overlap"):
        v.setdefault(name, zero + 1)
    private = workload.choice("mode") == "processes"
    mm_share = zero if private else v["memory_mm_share"]
    v["line_ns"] = v["line_ns"] * (1 + (v["line_cross_ratio"] - 1) * cross_share(machine, n_threads))
    v["memory_ns"] = v["memory_ratio"] * 2 * v["line_ns"] * node_crowding(machine, n_threads, mm_share)
    v["memory_ns"] = v["memory_ns"] * (fault_kind(workload) not in NO_PAGE)
    v["memory_ns"] = v["memory_ns"] * ((1 - v["memory_mm_share"]) if private else 1)
    others = 0.0 if private else 1 - 1 / n_threads
    v["update_hold_ns"] = v["update_hold_ns"] * (v["update_alone_ratio"] + (1 - v["update_alone_ratio"]) * others)
    doublings = np.log2(1 + v["extra_vmas"] / FEW_VMAS)
    v["vma_walk_ns"] = v["vma_walk_ns"] + v["vma_level_ns"] * doublings
    v["cut"] = zero + cut(machine, workload)
    for name in ONCE_AN_UPDATE:
        v[name] = v[name] * v["cut"]
    v["level_ns"] = v["update_level_ns"] * doublings
    v["fault_work_ns"] = v["fault_work_ns"] * (v["recycled_ratio"] if recycles(machine, workload) else 1.0)
    ratio = KINDS[fault_kind(workload)]
    v["fault_work_ns"] = v["fault_work_ns"] * (v[ratio] if ratio else 1.0)
    v["speculative_work_ns"] = v["fault_work_ns"] + v["spec_extra_ns"]
    v["refused_ns"] = zero
    if "page_table_overlap" in workload.parameters:
        v["page_table_overlap"] = v["page_table_overlap"] * (v["one_vma"] == 0)
    return v | _updates(machine, workload, v, n_threads)


FEW_VMAS = 8.0
"""VMAs that a small program has anyway."""


def _updates(machine: Machine, workload: Workload, v: dict[str, Floats], n_threads: int) -> dict[str, Floats]:
    """Prices of the updates that a workload does, and the chance that each hits the VMA in which threads fault."""
    out: dict[str, Floats] = {}
    same = v.setdefault("same_vma", np.zeros_like(v["line_ns"]))
    both = (*workload.program, *workload.updater)
    if "update_op" in {phase.op for phase in both}:
        same = v["one_vma"] * OWN_HITS.get(workload.choice("update_op"), 0.0)
    runs = mapped_runs(n_threads, faults_per_cycle(machine, workload))
    for op in {phase.op for phase in phases(both, workload) if phase.do == "update"}:
        out |= _update_prices(v, op, _pages_zapped(machine, workload, op))
        out[f"{op}_same_vma"] = same / runs if op == "munmap" else same
    return out
