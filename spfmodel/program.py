"""Lays a workload's cycle out as a program of priced steps: from three nouns to a `Network`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Phase, Workload
from .network import TIMES, Network, Op
from .placement import slowdown
from .pricing import fault_kind, faults_per_cycle, phases, prices, threads_per_page_table, times, turns
from .primitives.reader_writer import ERAS, OTHER_LOCKS, RwsemRules, era_of
from .protocols.vocabulary import Action, Protocol, Resource, Step

Floats = NDArray[np.float64]
SEQUENCE: Mapping[str, int] = {Resource.VMA_SEQ: 0, Resource.MM_SEQ: 1, Resource.VMA_LOCK: 2}
HITS = (Action.SEQ_ODD, Action.VMA_WRITE_LOCK)
"""Steps of an update that concern the VMA in which threads fault with some chance."""
TIMED = (Action.WORK, Action.CHANCE, Action.LINE, Action.FLUSH)
"""Steps that are left out where they cost nothing."""
SHARED = (Resource.MEMORY_LINE, None)
"""What processes share, too."""


@dataclass
class _Writer:
    """Collects steps while a program is laid out."""

    priced: Mapping[str, Floats]
    size: int
    """draws"""
    private: bool = False
    """each thread is a process: its mm is its own"""
    lines: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    rows: list[tuple[int, int, int, int, Floats, float, str]] = field(default_factory=list)
    loop_start: int = 0
    """first step of the phase: nothing before it is merged with what follows"""
    medians: dict[str, float] = field(default_factory=dict)
    """over the draws, of what has one value for all"""

    def add(self, op: Op, label: str, arg: int = 0, value: Floats | float = 0.0, cause: int = -1) -> int:
        """Append a step; consecutive WORK steps become one. Returns its place."""
        scv = self.scv(op)
        amount = np.asarray(value, float)
        if op == Op.WORK and len(self.rows) > self.loop_start and self.rows[-1][0] == Op.WORK:
            last = self.rows.pop()
            amount, label = amount + last[4], f"{last[6]} + {label}"
        self.rows.append((int(op), arg, -1, cause, amount, scv, label))
        return len(self.rows) - 1

    def scv(self, op: Op) -> float:
        """Of a step's time: one value for all draws, their median."""
        name = {Op.WORK: "work_scv", Op.FLUSH: "work_scv", Op.LINE: "line_scv"}.get(op)
        if name and name not in self.medians:
            self.medians[name] = float(np.median(self.priced[name]))
        return self.medians[name] if name else 0.0

    def line(self, name: str) -> int:
        """Index of a line, new or known."""
        if name not in self.lines:
            self.lines.append(name)
        return self.lines.index(name)

    def step(self, step: Step, op_name: str = "") -> int | None:
        """Price one step of a table; None if it can never matter."""
        cost, cause = step.cost.format(op=op_name), self.cause(step)
        value: Floats = self.priced[cost] if cost else np.zeros(1)
        if step.action in TIMED and not np.any(value > 0):
            return None
        label = step.note or cost or f"{step.action} {step.resource}"
        own = self.own(step)
        if own and step.action != Action.LINE:
            return None
        if own:
            return self.add(Op.WORK, label, value=np.minimum(self.priced["line_local_ns"], value))
        arg = (
            self.line(str(step.resource))
            if step.action == Action.LINE
            else SEQUENCE.get(step.resource or Resource.VMA_SEQ, 0)
        )
        if step.action in HITS:
            value = self.priced[f"{op_name}_same_vma"] if arg != 1 else np.ones(1)
        elif step.action in (Action.TRYLOCK, Action.SPIN_LOCK):
            value = 1 - self.priced["page_table_overlap"]
        return self.add(Op[step.action.name], label, arg, value, cause)

    def own(self, step: Step) -> bool:
        """Nobody else ever uses this step's resource."""
        lone = step.resource == Resource.VMA_LINE and not np.any(self.priced["one_vma"] > 0)
        return lone or (self.private and (step.resource not in SHARED or step.action == Action.FLUSH))

    def cause(self, step: Step) -> int:
        """Index of the cause that a step counts; -1: none."""
        if step.abort is None:
            return -1
        if step.abort.value not in self.causes:
            self.causes.append(step.abort.value)
        return self.causes.index(step.abort.value)


def _fault(w: _Writer, protocol: Protocol, tries: bool) -> None:
    """One fault: entry, the attempt, and the classic path that it may fall back to."""
    w.add(Op.FAULT_BEGIN, "")
    w.add(Op.WORK, "fault entry", value=w.priced["fault_entry_ns"])
    if tries:
        w.add(Op.ATTEMPT, "")
        first = len(w.rows)
        for step in protocol.attempt:
            w.step(step)
        leave = w.add(Op.JUMP, "")
        for place in range(first, leave):
            if w.rows[place][3] >= 0:
                row = w.rows[place]
                w.rows[place] = (*row[:2], leave + 1, *row[3:])
    for step in (protocol.fallback or protocol.classic) if tries else protocol.classic:
        w.step(step)
    end = w.add(Op.FAULT_END, "")
    if tries:
        row = w.rows[leave]
        w.rows[leave] = (row[0], end, *row[2:])


def _update(w: _Writer, protocol: Protocol, op: str) -> None:
    """One update."""
    w.add(Op.UPDATE_BEGIN, "")
    for step in protocol.update:
        if not step.ops or ("madvise" if op == "recycle" else op) in step.ops:
            w.step(step, op)
    w.add(Op.UPDATE_END, "")


def _phase(w: _Writer, phase: Phase, protocol: Protocol, tries: bool, think: str) -> None:
    """One fault or update, preceded by the user's think time."""
    w.loop_start = len(w.rows)
    if np.any(w.priced[think] > 0):
        w.add(Op.WORK, "think", value=w.priced[think])
    if phase.do == "update":
        _update(w, protocol, phase.op)
    elif phase.do == "fault":
        _fault(w, protocol, tries)


def _cycle(
    w: _Writer, machine: Machine, workload: Workload, program: tuple[Phase, ...], protocol: Protocol, tries: bool,
    think: str = "think_ns",
) -> int:  # fmt: skip
    """A whole cycle; returns its first step."""
    start = w.loop_start = len(w.rows)
    for phase in phases(program, workload):
        skip = turns(machine, workload, phase)
        gate = w.add(Op.EVERY, "", value=float(skip)) if skip > 1 else -1
        _phase(w, phase, protocol, tries, think)
        repeats = times(machine, workload, phase)
        if repeats > 1:
            w.add(Op.LOOP, "", w.loop_start, float(repeats))
        if gate >= 0:
            row = w.rows[gate]
            w.rows[gate] = (row[0], len(w.rows), *row[2:])
            w.loop_start = len(w.rows)
    w.add(Op.CYCLE_END, "", start)
    return start


def rules_for(machine: Machine, kernel: str | None = None, lock: str = "") -> RwsemRules:
    """The rwsem's rules on this machine, or on another kernel; or those of the lock that a protocol has instead."""
    rules = OTHER_LOCKS[lock] if lock else ERAS[era_of(kernel or machine.kernel)]
    return rules if machine.spin_on_owner else rules._replace(write_spin=0, spin_on_reader=0)


def build(
    machine: Machine,
    workload: Workload,
    protocol: Protocol,
    n_threads: int,
    *,
    draws: Mapping[str, Floats] | None = None,
    kernel: str | None = None,
) -> Network:
    """A network of `n_threads` threads.

    draws : costs or workload parameters by name, each (D,); the rest takes its median
    kernel : version that decides the rwsem era, if not the machine's own
    """
    priced = prices(machine, workload, draws or {}, n_threads)
    if fault_kind(workload) in protocol.refuses:
        ones = np.ones_like(priced["line_ns"])
        priced |= {"notsup_share": ones, "refused_ns": priced["failed_attempt_ratio"] * priced["line_ns"]}
    size = max(map(len, priced.values()))
    w = _Writer(priced=priced, size=size, private=workload.choice("mode") == "processes")
    tries = tries_at_all(protocol, workload, n_threads)
    first = [_cycle(w, machine, workload, workload.program, protocol, tries)] * n_threads
    extra = dedicated_updaters(workload)
    if extra:
        first += [_cycle(w, machine, workload, workload.updater, protocol, tries, "updater_think_ns")] * extra
    return _network(w, machine, workload, n_threads, first, rules_for(machine, kernel, protocol.lock))


def dedicated_updaters(workload: Workload) -> int:
    """Threads that only update, beside those that are asked for."""
    known = workload.parameters.get("dedicated_updaters")
    return round(known.value) if known and workload.updater else 0


def tries_at_all(protocol: Protocol, workload: Workload, n_threads: int) -> bool:
    """Whether a fault attempts to do without mmap_sem."""
    lone = n_threads + dedicated_updaters(workload) == 1 or workload.choice("mode") == "processes"
    skips = protocol.skips_single_threaded and lone
    kernel_mode = workload.choice("touch") == "kern" and not protocol.tries_kernel_mode
    return bool(protocol.attempt) and not skips and not kernel_mode


def _by_draw(columns: Sequence[Floats], size: int) -> Floats:
    """(D, S) of S columns, (D,) or (1,) each; every column is contiguous, as solvers of all draws at once want it."""
    out = np.empty((len(columns), size))
    for row, column in zip(out, columns, strict=True):
        row[:] = column
    return out.T


def _network(
    w: _Writer, machine: Machine, workload: Workload, n_threads: int, entry: list[int], rules: RwsemRules
) -> Network:
    """The program as arrays."""
    faults = faults_per_cycle(machine, workload)
    updates = sum(
        times(machine, workload, phase) / turns(machine, workload, phase)
        for phase in phases(workload.program, workload)
        if phase.do == "update"
    )
    columns = list(zip(*w.rows, strict=True))
    op, arg, fail, cause = (np.array(c, np.int32) for c in columns[:4])
    p = w.priced
    return Network(
        op=op, arg=arg, fail=fail, cause=cause, value_ns=_by_draw(columns[4], w.size),
        scv=np.array(columns[5]), line_local_ns=np.array(np.broadcast_to(p["line_local_ns"], w.size)),
        entry=np.array(entry, np.int32), n_threads=len(entry), cpus=machine.cpus,
        slowdown=np.broadcast_to(slowdown(machine, p["sibling_gain"], p["crowding"]), (w.size, machine.cpus + 1)),
        threads_per_page_table=threads_per_page_table(machine, p, n_threads),
        lines=tuple(w.lines), causes=tuple(w.causes), rules=rules,
        rwsem_ns=_by_draw([p[t] for t in (*TIMES, "steal_probability")], w.size),
        units_per_cycle=workload.units_per_cycle * (faults if workload.unit in ("faults", "pages touched") else 1),
        faults_per_cycle=float(faults), updates_per_cycle=float(updates),
        labels=tuple(columns[6]),
    )  # fmt: skip
