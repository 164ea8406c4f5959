"""Waiman Long's lock microbenchmark of 2019: threads that take a rwsem, hold it for a moment, and come back.

Each operation is a write with probability p (one half in his "equal readers and writers", one in "wlock"). His
tables are in measurements.csv (Long2019a to Long2019d); here are his two machines, and the network that the
simulation plays. Slices never end, as every thread has a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from .network import TIMES, Network, Op
from .primitives import idle_depth
from .primitives.lock_line import SECTION
from .primitives.reader_writer import RwsemRules
from .solvers import des
from .sources import Kind, Quantity

LOCAL_NS = 8.0
"""an atomic on a line in this core's own cache: some 20 cycles"""
INTERRUPT_NS = 50_000.0
"""long enough that writers give up a reader-owned lock (25 us at most)"""
SHARES = 8
"""equal parts of a run; its rate is that of the second half"""


@dataclass(frozen=True, kw_only=True)
class LockMachine:
    """One of Long's machines."""

    title: str
    costs: Mapping[str, Quantity]
    """`TIMES` but slice_ns, steal_probability, alone_ns, transfer_ns, idle_depth"""

    def __getitem__(self, name: str) -> float:
        return self.costs[name].value

    @property
    def hold_ns(self) -> float:
        """What a lone thread's lock, hold and unlock take beside two local atomics."""
        return self["alone_ns"] - 2 * LOCAL_NS

    @property
    def rwsem_ns(self) -> tuple[float, ...]:
        """As `Network.rwsem_ns`."""
        return tuple(1e18 if name == "slice_ns" else self[name] for name in (*TIMES, "steal_probability"))


def _costs(table: str) -> dict[str, Quantity]:
    """Lines of: name, value, low, high, kind, source, where it was looked at."""
    units = {"idle_depth": "ns/ns", "steal_probability": "1"}
    rows = (line.split(maxsplit=5) for line in table.splitlines() if line)
    return {
        name: Quantity(
            value=float(value), low=float(low), high=float(high), unit=units.get(name, "ns"), kind=Kind(kind),
            source=source.partition(";")[0].strip(), note=source.partition(";")[2].strip(),
        )
        for name, value, low, high, kind, source in rows
    }  # fmt: skip


SHARED = """
wake_send_ns        500   300    1000 prior judgement; an IPI and the run queue's lock on bare metal
switch_ns          2000  1000    3000 prior judgement; schedule() to idle and back
steal_probability    .8    .7     .95 prior judgement; races that a running spinner wins against a woken sleeper
alone_ns           32.5    32      33 measured RWSEM-1T-wlock; and RWSEM-1T-mixed
"""
IVB_EX = """
spin_handoff_ns      50    45      60 fitted Long2019a; rwsem_reader_owned_spin at 2 to 8 threads, 3 accesses each
transfer_ns         160   120     300 fitted Long2019a; rwsem_pre at 2 and 4 threads; 118 to 128 ns a hop on Broadwell
wake_hot_ns        1000   700    2000 source-code drivers/idle/intel_idle.c; C1 exits in 1 us
idle_depth          .05   .02      .2 fitted Long2019a; rwsem_pre at 32; C-states: exit over residency .02 to .13
wake_ns           30000 20000   90000 fitted Long2019a; rwsem_pre at 64 threads; C1E exits in 10 us, C6 in 88 us
"""
SKYLAKE = """
spin_handoff_ns      90    80     100 fitted Long2019d; the new lock at 2 to 8 threads, 3 accesses each
transfer_ns         100    50     140 measured C2C-D-Xeon_Gold_6242-cross; mean of its own socket and the other
wake_hot_ns        2000  1500    3000 source-code drivers/idle/intel_idle.c; C1 exits in 2 us
idle_depth          .03   .02      .5 fitted Long2019d; rwsem_v5.1 at 32; C-states: exit over residency .2 to .5
wake_ns           20000 10000  140000 fitted Long2019d; rwsem_v5.1 at 64 threads; C1E exits in 10 us, C6 in 133 us
"""
MACHINES = {
    "ivb-ex": LockMachine(title="8-socket Ivy Bridge-EX", costs=_costs(SHARED + IVB_EX)),
    "skylake-2s": LockMachine(title="2-socket Skylake", costs=_costs(SHARED + SKYLAKE)),
}


def operation(request: Op, release: Op, machine: LockMachine) -> list[tuple[Op, float]]:
    """Lock, hold, unlock; each lock operation begins with an access to its line."""
    line = (Op.LINE, machine["spin_handoff_ns"])
    return [line, (request, 0.0), (Op.WORK, machine.hold_ns), line, (release, 0.0)]


def network(
    machine: LockMachine, rules: RwsemRules, n_threads: int, p_write: float = 0.5, interrupted_every_ns: float = 0.0
) -> Network:
    """The benchmark. interrupted_every_ns : CPU time of holds between two interrupts of INTERRUPT_NS; 0: none."""
    read = operation(Op.READ_LOCK, Op.READ_UNLOCK, machine)
    write = operation(Op.WRITE_LOCK, Op.WRITE_UNLOCK, machine)
    steps = [(Op.CHANCE, p_write), *read, (Op.JUMP, 0.0), *write, (Op.CYCLE_END, 0.0)]
    op = np.array([step[0] for step in steps], np.int32)
    fail, cause, arg = (np.full(op.size, value, np.int32) for value in (-1, -1, 0))
    fail[0], cause[0], arg[1 + len(read)] = 2 + len(read), 0, op.size - 1
    rules = rules._replace(
        transfer_ns=machine["transfer_ns"], idle_depth=machine["idle_depth"],
        stop_every_ns=interrupted_every_ns, stop_for_ns=INTERRUPT_NS,
    )  # fmt: skip
    return Network(
        op=op, arg=arg, fail=fail, cause=cause, value_ns=np.array([[step[1] for step in steps]]),
        scv=np.where(op == Op.WORK, 1.0, 0.0), line_local_ns=np.full(1, LOCAL_NS),
        entry=np.zeros(n_threads, np.int32), n_threads=n_threads, cpus=n_threads,
        slowdown=np.ones((1, n_threads + 1)), threads_per_page_table=1, lines=("rwsem",), causes=("write",),
        rules=rules, rwsem_ns=np.array([machine.rwsem_ns]), units_per_cycle=1.0, faults_per_cycle=0.0,
        updates_per_cycle=0.0, labels=tuple(Op(code).name for code in op),
    )  # fmt: skip


def course(made: Network, seed: int = 1, events: int = 300_000) -> NDArray[np.float64]:
    """Operations per second, in thousands, in each of SHARES equal shares of the events of one run, (SHARES,)."""
    tally, _ = des.simulate(made, 0, seed, events)
    done = np.diff(tally[:: des.SLICES // SHARES], axis=0)
    return np.asarray(done[:, 0] / done[:, -1] * 1e6)


def rate(
    machine: LockMachine, rules: RwsemRules, n_threads: int, p_write: float = 0.5, *,
    interrupted_every_ns: float = 0.0, seed: int = 1, events: int = 300_000, runs: int = 1,
) -> float:  # fmt: skip
    """Simulated operations per second, in thousands, in the second half of a run; the median of so many runs.

    A new lock has two regimes, and chance decides when a run changes over.
    """
    made = network(machine, rules, n_threads, p_write, interrupted_every_ns)
    late = [course(made, seed + run, events)[SHARES // 2 :] for run in range(runs)]
    return median(SHARES / 2 / float(np.sum(1 / shares)) for shares in late)


def by_formula(machine: LockMachine, n_threads: int, p_write: float = 0.5) -> float:
    """Operations per second, in thousands, of a rwsem up to 5.2 that is never idle, by `idle_depth.op_ns`.

    Beside its wake-ups an operation takes two accesses to the line and its hold; a wake-up, two sections: the
    waker's and the woken thread's own.
    """
    wakes = float(idle_depth.wakes_per_op(p_write))
    sections = 2 * wakes * SECTION * machine["transfer_ns"]
    lock_ns = machine.hold_ns + 2 * machine["spin_handoff_ns"] + sections
    names = ("wake_hot_ns", "idle_depth", "wake_ns")
    return float(1e6 / idle_depth.op_ns(n_threads, p_write, lock_ns, *(machine[name] for name in names)))
