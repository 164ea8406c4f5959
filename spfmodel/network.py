"""Network: a machine, a workload and a protocol as one closed queueing network, in plain arrays.

This is the only room that knows all three nouns. `build` prices the protocol's table and lays
the workload's cycle out as a program that every thread repeats; the solvers read nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from .primitives.reader_writer import RwsemRules

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class Op(IntEnum):
    """What a program step does. Times are `value_ns`, resources and targets are `arg`."""

    WORK = 0
    LINE = 1
    READ_LOCK = 2
    READ_UNLOCK = 3
    WRITE_LOCK = 4
    WRITE_UNLOCK = 5
    DOWNGRADE = 6
    SEQ_READ = 7
    SEQ_CHECK = 8
    SEQ_ODD = 9
    SEQ_EVEN = 10
    TRYLOCK = 11
    SPIN_LOCK = 12
    SPIN_UNLOCK = 13
    CHANCE = 14
    FAULT_BEGIN = 15
    ATTEMPT = 16
    FAULT_END = 17
    UPDATE_BEGIN = 18
    UPDATE_END = 19
    LOOP = 20
    """jump back to `arg` until the steps since then ran `value_ns` times in all"""
    JUMP = 21
    CYCLE_END = 22
    """one cycle of the workload is done; go on at `arg`"""
    FLUSH = 23
    """`value_ns` for each other busy CPU"""
    VMA_READ_TRY = 24
    VMA_READ_UNLOCK = 25
    VMA_WRITE_LOCK = 26
    """with the chance `value_ns` it is the VMA in which threads fault"""
    VMA_WRITE_UNLOCK = 27
    EVERY = 28
    """jump ahead to `arg`, but for each `value_ns`-th time"""


TIMES = ("wake_ns", "wake_hot_ns", "wake_send_ns", "spin_handoff_ns", "switch_ns", "slice_ns")
"""Columns of `Network.rwsem_ns`, followed by `steal_probability`."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A closed network of `n_threads` customers that run one program. D draws, S steps, N threads."""

    op: Ints
    """(S,) codes of `Op`"""
    arg: Ints
    """(S,) line, sequence or jump target; 0 elsewhere"""
    fail: Ints
    """(S,) where an aborted attempt goes on; -1 elsewhere"""
    cause: Ints
    """(S,) index into `causes`; -1 elsewhere"""
    value_ns: Floats
    """(D, S) mean time of WORK, LINE and FLUSH; chance of CHANCE; chance that SEQ_ODD or VMA_WRITE_LOCK
    hits the VMA that faults; chance that TRYLOCK or SPIN_LOCK meets a shared page table; count of LOOP
    and EVERY"""
    scv: Floats
    """(S,) squared coefficient of variation of WORK and LINE (0 constant, 1 exponential)"""
    line_local_ns: Floats
    """(D,) an atomic on a line that this CPU touched last"""
    entry: Ints
    """(N,) first step of each thread's cycle"""
    n_threads: int
    cpus: int
    slowdown: Floats
    """(D, cpus + 1) factor on WORK when so many CPUs run and do not spin: siblings share cores"""
    threads_per_page_table: int
    """threads whose active pages share one page-table page, hence one PTE lock"""
    lines: tuple[str, ...]
    causes: tuple[str, ...]
    rules: RwsemRules
    rwsem_ns: Floats
    """(D, 7) by `TIMES`, then the chance that a spinner takes a freed lock before the woken head"""
    units_per_cycle: float
    faults_per_cycle: float
    updates_per_cycle: float
    labels: tuple[str, ...]
    """(S,) what each step is, for people"""


def repeats(network: Network) -> Floats:
    """(S,) how often each step runs in one cycle, on average: loops unrolled, jumps not taken."""
    times = np.ones(len(network.op))
    for s in np.flatnonzero(network.op == Op.LOOP):
        times[network.arg[s] : s + 1] *= network.value_ns[0, s]
    for s in np.flatnonzero(network.op == Op.EVERY):
        times[s + 1 : network.arg[s]] /= network.value_ns[0, s]
    return times


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What a solver finds. Arrays have the draws as their leading axis (D,)."""

    solver: str
    throughput_per_s: Floats
    """(D,) units of work per second, all threads together"""
    throughput_half_width: Floats
    """(D,) half of the 95 % confidence interval of the simulation; 0 where exact"""
    faults_per_s: Floats
    updates_per_s: Floats
    attempt_share: Floats
    """attempts / faults"""
    abort_share: Mapping[str, Floats]
    """by cause: aborts / attempts; sums to the fallback share"""
    fault_mean_ns: Floats
    fault_p99_ns: Floats
    update_mean_ns: Floats
    utilisation: Mapping[str, Floats]
    """by station: share of time in use (mmap_sem: owned by a writer, or by readers)"""
    busy_cpus: Floats
    """mean number of CPUs that run, spin included"""
    error_band: float | None = None
    """relative error of the throughput that 95 % of such systems stay within; None: not known"""
    fallback_half_width: Floats | None = None
    """(D,) half of the 95 % confidence interval of the simulation's fallback share; None where there is none"""

    @property
    def fallback_share(self) -> Floats:
        """Fallbacks / attempts, (D,)."""
        total: Floats = np.sum([*self.abort_share.values(), np.zeros_like(self.attempt_share)], axis=0)
        return total
