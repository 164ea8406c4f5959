"""Small systems of every protocol, for the exact chain: a made-up machine with round costs, and few steps a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from spfmodel import catalog
from spfmodel.machine import Machine, Phase, Workload
from spfmodel.network import Network
from spfmodel.program import build
from spfmodel.protocols import Protocol
from spfmodel.solvers import textbook
from spfmodel.solvers.table_program import exponential

FAULT = Phase(do="fault", repeat="faults")
PROGRAMS: Mapping[str, tuple[Phase, ...]] = {
    "map, touch, unmap": (Phase(do="update", op="mmap"), FAULT, Phase(do="update", op="munmap")),
    "grow, touch, shrink": (Phase(do="update", op="brk_up"), FAULT, Phase(do="update", op="brk_down")),
    "touch": (FAULT,),
    "protect, touch": (Phase(do="update", op="mprotect"), FAULT),
    "drop, touch": (Phase(do="update", op="madvise"), FAULT),
}
COSTS = {
    "syscall_ns": 0.0, "fault_entry_ns": 0.0, "update_hold_ns": 1500.0, "level_ns": 0.0, "fault_work_ns": 700.0,
    "vma_walk_ns": 0.0, "pte_commit_ns": 150.0, "spec_extra_ns": 0.0, "line_ns": 0.0, "memory_ratio": 0.0,
    "zap_page_ns": 0.0, "tlb_flush_ns": 0.0, "ipi_target_ns": 40.0, "madvise_ns": 900.0, "line_cross_ratio": 1.0,
    "crowding": 0.0, "sibling_gain": 1.0, "think_ns": 800.0, "same_vma": 0.6, "new_pmd_share": 0.02,
    "failed_attempt_ratio": 1.0, "srcu_read_ns": 0.0, "srcu_brk_ratio": 1e-09, "srcu_map_ratio": 1e-09,
    "range_lock_ns": 0.0, "mm_rb_write_ns": 0.0, "adjust_share_mmap": 0.3, "adjust_share_munmap": 0.3,
    "adjust_share_brk": 0.3, "adjust_share_mprotect": 0.6, "zap_share": 0.1, "zap_locked_share": 0.5,
    "mprotect_ratio": 1.0, "mmap_ratio": 1.0, "munmap_ratio": 1.0, "brk_ratio": 1.0,
}  # fmt: skip
"""As few steps as the program can have; what a test is about is added."""


def tiny_workload(program: str, faults: int, page_table_sharing: bool) -> Workload:
    """A workload of this program, with so many faults where it says touch; threads share a page table or not."""
    known = catalog.workload("ebizzy-mTt")
    names = ("think_ns", "same_vma", "new_pmd_share", "page_table_sharing_kib")
    kept = {name: known.parameters[name] for name in names}
    kib = kept["page_table_sharing_kib"]
    kept["page_table_sharing_kib"] = replace(kib, value=1.0 if page_table_sharing else 1e9)
    kept["faults"] = replace(kib, value=float(faults))
    return replace(known, name=program, program=PROGRAMS[program], parameters=kept)


def tiny_machine(n_threads: int) -> Machine:
    """A CPU per thread, each a core of its own."""
    return replace(catalog.prior("x86-vm-16"), cpus=n_threads, cores=n_threads)


def tiny(
    protocol: Protocol,
    program: str,
    n_threads: int,
    *,
    faults: int = 1,
    page_table_sharing: bool = True,
    **costs: float,
) -> Network:
    """A network of this protocol with exponential times, textbook lock, and a CPU per thread."""
    draws = {name: np.array([value]) for name, value in {**COSTS, **costs}.items()}
    workload = tiny_workload(program, faults, page_table_sharing)
    return textbook(exponential(build(tiny_machine(n_threads), workload, protocol, n_threads, draws=draws)))
