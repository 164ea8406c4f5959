"""Lays a workload's cycle out as a program of priced steps: from three nouns to a `Network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .network import TIMES, Network, Op
from .pricing import faults_per_cycle, prices, threads_per_page_table, times
from .primitives.reader_writer import ERAS, RwsemRules, era_of
from .protocols.vocabulary import Action, Protocol, Resource, Step

Floats = NDArray[np.float64]
SEQUENCE = {Resource.VMA_SEQ: 0, Resource.MM_SEQ: 1}


@dataclass
class _Writer:
    """Collects steps while a program is laid out."""

    priced: Mapping[str, Floats]
    lines: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    rows: list[tuple[int, int, int, int, Floats, float, str]] = field(default_factory=list)
    loop_start: int = 0
    """first step of the phase: nothing before it is merged with what follows"""

    def add(self, op: Op, label: str, arg: int = 0, value: Floats | float = 0.0, cause: int = -1) -> int:
        """Append a step; consecutive WORK steps become one. Returns its place."""
        size = len(next(iter(self.priced.values())))
        scv = self.scv(op)
        amount = np.broadcast_to(np.asarray(value, float), (size,))
        if op == Op.WORK and len(self.rows) > self.loop_start and self.rows[-1][0] == Op.WORK:
            last = self.rows.pop()
            amount, label = amount + last[4], f"{last[6]} + {label}"
        self.rows.append((int(op), arg, -1, cause, amount, scv, label))
        return len(self.rows) - 1

    def scv(self, op: Op) -> float:
        """Of a step's time: one value for all draws, their median."""
        name = {Op.WORK: "work_scv", Op.LINE: "line_scv"}.get(op)
        return float(np.median(self.priced[name])) if name else 0.0

    def line(self, name: str) -> int:
        """Index of a line, new or known."""
        if name not in self.lines:
            self.lines.append(name)
        return self.lines.index(name)

    def step(self, step: Step, op_name: str = "") -> int | None:
        """Price one step of a table; None if it can never matter."""
        cost = step.cost.format(op=op_name)
        value = self.priced[cost] if cost else np.zeros(1)
        cause = -1
        if step.abort is not None:
            if step.abort.value not in self.causes:
                self.causes.append(step.abort.value)
            cause = self.causes.index(step.abort.value)
        if step.action in (Action.WORK, Action.CHANCE) and not np.any(value > 0):
            return None
        op = Op[step.action.name]
        label = step.note or cost or f"{step.action} {step.resource}"
        arg = 0
        if op == Op.LINE:
            arg = self.line(str(step.resource))
        elif step.resource in SEQUENCE:
            arg = SEQUENCE[step.resource]
            value = np.ones(1) if arg == 1 else self.priced.get(f"{op_name}_same_vma", self.priced["same_vma"])
        return self.add(op, label, arg, value, cause)


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
        if not step.ops or op in step.ops:
            w.step(step, op)
    w.add(Op.UPDATE_END, "")


def _cycle(w: _Writer, machine: Machine, workload: Workload, protocol: Protocol, tries: bool) -> None:
    """The whole cycle; each fault and each update is preceded by the user's think time."""
    for phase in workload.program:
        w.loop_start = len(w.rows)
        if np.any(w.priced["think_ns"] > 0):
            w.add(Op.WORK, "think", value=w.priced["think_ns"])
        if phase.do == "update":
            _update(w, protocol, phase.op)
        elif phase.do == "fault":
            _fault(w, protocol, tries)
        repeats = times(machine, workload, phase)
        if repeats > 1:
            w.add(Op.LOOP, "", w.loop_start, float(repeats))
    w.add(Op.CYCLE_END, "", 0)


def rules_for(machine: Machine, kernel: str | None = None) -> RwsemRules:
    """The rwsem's rules on this machine, or on another kernel."""
    rules = ERAS[era_of(kernel or machine.kernel)]
    return rules if machine.spin_on_owner else rules._replace(write_spin=0, spin_on_reader=0)


CROWD = 6.0
"""CPUs: a crowd's slowdown is reached as 1 - exp(-(r - 1) / CROWD) when r CPUs run."""


def _slowdown(machine: Machine, sibling_gain: Floats, crowding: Floats) -> Floats:
    """(D, cpus + 1) factor on work when r CPUs run.

    A busy sibling adds only `sibling_gain` of a core; and work slows by up to `crowding` as turbo
    bins, shared cache and memory bandwidth are used up.
    """
    running = np.arange(machine.cpus + 1, dtype=float)
    extra = np.maximum(0, running - machine.cores)
    capacity = np.minimum(running, machine.cores) + sibling_gain[:, None] * extra
    alone = np.where(running > 0, running / np.maximum(capacity, 1e-9), 1.0)
    slower: Floats = alone * (1 + crowding[:, None] * -np.expm1(-np.maximum(0, running - 1) / CROWD))
    return slower


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
    w = _Writer(priced=prices(machine, workload, draws or {}, n_threads))
    faults = faults_per_cycle(machine, workload)
    updates = float(sum(times(machine, workload, phase) for phase in workload.program if phase.do == "update"))
    tries = bool(protocol.attempt) and not (protocol.skips_single_threaded and n_threads == 1)
    _cycle(w, machine, workload, protocol, tries)
    columns = list(zip(*w.rows, strict=True))
    op, arg, fail, cause = (np.array(c, np.int32) for c in columns[:4])
    p = w.priced
    return Network(
        op=op, arg=arg, fail=fail, cause=cause, value_ns=np.ascontiguousarray(np.stack(columns[4], axis=1)),
        scv=np.array(columns[5]), line_local_ns=p["line_local_ns"], entry=np.zeros(n_threads, np.int32),
        n_threads=n_threads, cpus=machine.cpus, slowdown=_slowdown(machine, p["sibling_gain"], p["crowding"]),
        threads_per_page_table=threads_per_page_table(machine, p, n_threads),
        lines=tuple(w.lines), causes=tuple(w.causes), rules=rules_for(machine, kernel),
        rwsem_ns=np.stack([p[t] for t in (*TIMES, "steal_probability")], axis=1),
        units_per_cycle=workload.units_per_cycle * (faults if workload.unit in ("faults", "pages touched") else 1),
        faults_per_cycle=float(faults), updates_per_cycle=updates,
        labels=tuple(columns[6]),
    )  # fmt: skip
