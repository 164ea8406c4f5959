"""Machine: what each hardware and kernel action costs, and which rwsem its kernel has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .introduced import Introduced
from .sources import Quantity


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Joint posterior draws of some of a machine's costs."""

    names: tuple[str, ...]
    """cost names, the columns"""
    values: NDArray[np.float64]
    """shape (n_draws, n_names), in each cost's unit"""

    def by_name(self) -> dict[str, NDArray[np.float64]]:
        """Columns (n_draws,) by cost name."""
        return dict(zip(self.names, self.values.T, strict=True))


@dataclass(frozen=True, kw_only=True)
class FittedParameter:
    """One parameter after a calibration: median and 90 % range of its draws."""

    median: float
    """in `unit`"""
    low: float
    """in `unit`"""
    high: float
    """in `unit`"""
    unit: str
    origin: str
    """`data`: the rows identify it; `prior`: they do not; `fact`: it was set"""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What one workload's measurements say about a machine's costs."""

    workload: str
    """name of the workload that was fitted"""
    rows: tuple[str, ...]
    """measurements it rests on: row ids of measurements.csv, or `file:row`"""
    baseline: str
    """protocol that a prediction compares with unless told otherwise"""
    protocols_used: tuple[str, ...]
    """protocols of the rows: predictions of these are `fitted`, of others `predicted`"""
    parameters: Mapping[str, FittedParameter]
    draws: Draws
    """joint posterior of the fitted costs"""


@dataclass(frozen=True, kw_only=True)
class Machine(Introduced):
    """A computer with its kernel. Times in ns."""

    name: str
    title: str
    arch: str
    """x86_64, ppc64 or arm64"""
    cpus: int
    """logical CPUs"""
    cores: int
    """physical cores"""
    sockets: int
    numa_nodes: int
    page_kib: int
    """base page, KiB"""
    kernel: str
    """kernel version of the baseline; decides the rwsem era"""
    virtual: bool
    """runs in a virtual machine"""
    thp: str
    """always, madvise or never"""
    spin_on_owner: bool
    """CONFIG_RWSEM_SPIN_ON_OWNER"""
    source: str
    """where the description was read"""
    costs: Mapping[str, Quantity]
    """by name: see data/README.md for the list"""
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    """by workload: what was fitted, on which rows; empty when everything is a prior"""


CHOICES: Mapping[str, tuple[str, ...]] = {
    "touch": ("user", "kern", "read"),
    "fault_kind": ("anonymous", "zero", "cow", "file", "shared", "swap"),
    "update_op": ("mmap", "brk", "mprot_other", "mprot_own", "madv", "mmapt"),
    "mode": ("threads", "processes"),
}
"""Parameters of a workload that are words. touch: who touches the page (kern: a system call writes to it; read: a
load, which gets the zero page); fault_kind: what the page is; update_op: what an update is, as the controlled runs
name it (mmap, brk: a pair; mmapt: map, touch, unmap); mode: threads of one process, or a process each."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One thing that a thread does in a cycle of its benchmark."""

    do: str
    """`think`, `update` or `fault`"""
    op: str = ""
    """for an update: mmap, munmap, brk_up, brk_down, mprotect, madvise; `update_op`: by that choice; `recycle`: the
    pages touched go back by MADV_DONTNEED"""
    repeat: str = ""
    """name of the workload parameter that says how often; empty: once"""
    every: str = ""
    """name of the parameter that says after how many KiB touched; empty: in each cycle"""


@dataclass(frozen=True, kw_only=True)
class Workload(Introduced):
    """What the threads do, read from the benchmark's source where it has one."""

    name: str
    title: str
    unit: str
    """unit of work: records, faults, brk calls, ..."""
    command: str
    source: str
    units_per_cycle: float
    """units of work in one pass through `program` (per fault if unit is faults)"""
    threads_per_cpu: float
    """the benchmark's default number of threads, per logical CPU"""
    program: tuple[Phase, ...]
    """the cycle that every thread repeats"""
    parameters: Mapping[str, Quantity]
    """by name: touched_kib, think_ns, same_vma, page_table_sharing_kib, ..."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """by name: one of `CHOICES`; what is not named takes the first"""
    updater: tuple[Phase, ...] = ()
    """the cycle of threads that only update (`dedicated_updaters` of them), if there are any"""

    def choice(self, name: str) -> str:
        """What the workload says, or the first of `CHOICES`."""
        return self.choices.get(name, CHOICES[name][0])
