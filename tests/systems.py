"""Small systems in which two simulations, or a simulation and an exact chain, can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from study_rules import Row, network_of

from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import ERAS, FCFS, RwsemRules
from spfmodel.solvers.spf_chain import SpfParameters

US = 1000.0
OLD = RwsemRules()
NEW = ERAS["from-5.11"]._replace(handoff_after_ns=60 * US)
"""the hand-off comes soon enough to matter"""
SPINNING_READERS = ERAS["5.3-5.10"]._replace(handoff_after_ns=60 * US)
IN_TIME: dict[str, Any] = {"transfer_ns": 100.0, "idle_depth": 0.05}
"""lock operations take time, and idle CPUs sink deeper"""
STOPPED: dict[str, Any] = {"stop_every_ns": 50 * US, "stop_for_ns": 20 * US}
"""virtual CPUs that stop"""
FLAGS = (*(name for name in RwsemRules._fields[1:] if name not in STOPPED), "stop_every_ns")
"""every rule that can be the other way round"""
COSTS = (5 * US, 2 * US, 300.0, 200.0, 500.0, 15 * US, 0.6)
"""waking, hot, sending, spin hand-off, switch, slice; chance to steal"""
FREE = (0.0, 0.0, 0.0, 0.0, 0.0, 1e18, 0.0)
"""nothing costs anything, and a slice never ends"""


def work(us: float) -> Row:
    """Work for so many microseconds."""
    return Row(op=Op.WORK, value=us * US)


def ops(*names: str) -> list[Row]:
    """Steps without a parameter."""
    return [Row(op=Op[name]) for name in names]


def mapping(faults: int = 2) -> list[Row]:
    """An update whose last third may be downgraded, then faults."""
    steps = [work(3), *ops("UPDATE_BEGIN", "WRITE_LOCK"), work(2), *ops("DOWNGRADE"), work(1)]
    steps += ops("WRITE_UNLOCK", "UPDATE_END")
    again = len(steps)
    steps += [work(2), *ops("FAULT_BEGIN", "READ_LOCK"), work(1), *ops("READ_UNLOCK", "FAULT_END")]
    return [*steps, Row(op=Op.LOOP, arg=again, value=float(faults)), *ops("CYCLE_END")]


def mmap_sem(
    rules: RwsemRules, *, cpus: int = 8, costs: Sequence[float] = COSTS, scv: float = 0.25, faults: int = 2
) -> Network:
    """Eight threads that map and fault, on CPUs whose siblings slow each other down."""
    network = network_of(
        mapping(faults), n_threads=8, cpus=cpus, rules=rules, rwsem_ns=costs, scv=scv, per_cycle=(1.0, faults, 1.0)
    )
    return replace(network, slowdown=1 + 0.05 * np.arange(cpus + 1)[None, :])


def toggled(rules: RwsemRules, flag: str) -> RwsemRules:
    """The other value of one rule."""
    if flag in IN_TIME:
        return rules._replace(**{flag: IN_TIME[flag]})
    if flag in STOPPED:
        return rules._replace(**STOPPED)
    other = {"handoff_after_ns": 40 * US, "reader_spin_each_ns": 8 * US}
    if flag in other:
        return rules._replace(**{flag: 0.0 if getattr(rules, flag) else other[flag]}, spin_on_reader=1)
    return rules._replace(**{flag: 1 - getattr(rules, flag)})


def rule_systems() -> dict[str, Network]:
    """Every rule, the other way round, in an old and a new kernel, with and without a CPU for everybody."""
    systems = {"fcfs": mmap_sem(FCFS), "fcfs, sleeping": mmap_sem(FCFS._replace(sleep=1), cpus=4)}
    for era, rules in (("old", OLD), ("new", NEW)):
        for cpus in (8, 4):
            systems[f"{era}, {cpus} CPUs"] = mmap_sem(rules, cpus=cpus)
            for flag in FLAGS:
                systems[f"{era}, {cpus} CPUs, other {flag}"] = mmap_sem(toggled(rules, flag), cpus=cpus)
    for cpus in (8, 4):
        systems[f"spinning readers, {cpus} CPUs"] = mmap_sem(SPINNING_READERS, cpus=cpus)
        in_time = SPINNING_READERS._replace(**IN_TIME, **STOPPED)
        systems[f"spinning readers, {cpus} CPUs, in time"] = mmap_sem(in_time, cpus=cpus)
        systems[f"old, {cpus} CPUs, in time"] = mmap_sem(OLD._replace(**IN_TIME), cpus=cpus)
    return systems


def speculative_fault(first: int) -> list[Row]:
    """An attempt by both sequences and the PTE lock, then the classic path; `first`: index of its first step."""
    classic, end = first + 12, first + 18
    attempt = [
        Row(op=Op.SEQ_READ, arg=0, fail=classic, cause=0),
        Row(op=Op.SEQ_READ, arg=1, fail=classic, cause=1),
        work(1),
        Row(op=Op.TRYLOCK, fail=classic, cause=2),
        Row(op=Op.CHANCE, value=0.03, fail=classic, cause=3),
        Row(op=Op.SEQ_CHECK, arg=0, fail=classic, cause=0),
        Row(op=Op.SEQ_CHECK, arg=1, fail=classic, cause=1),
        work(0.3),
        *ops("SPIN_UNLOCK"),
        Row(op=Op.JUMP, arg=end),
    ]
    fallback = [*ops("READ_LOCK"), work(1), *ops("SPIN_LOCK"), work(0.3), *ops("SPIN_UNLOCK", "READ_UNLOCK")]
    return [*ops("FAULT_BEGIN", "ATTEMPT"), *attempt, *fallback, *ops("FAULT_END")]


def every_op(*, scv: float = 1.0, cpus: int = 6, rules: RwsemRules = OLD) -> Network:
    """A program in which every op occurs: speculative faults, updates that move sequences, lines, PTE locks."""
    steps = [work(20), *ops("UPDATE_BEGIN"), Row(op=Op.LINE, arg=0, value=400.0), *ops("WRITE_LOCK")]
    steps += [Row(op=Op.SEQ_ODD, arg=0, value=0.4), Row(op=Op.SEQ_ODD, arg=1, value=0.7), work(1)]
    steps += [Row(op=Op.SEQ_EVEN, arg=1), Row(op=Op.SEQ_EVEN, arg=0), *ops("DOWNGRADE", "WRITE_UNLOCK", "UPDATE_END")]
    again = len(steps)
    steps += [work(2), Row(op=Op.LINE, arg=1, value=200.0)]
    steps += speculative_fault(len(steps))
    steps += [Row(op=Op.LOOP, arg=again, value=3.0), *ops("CYCLE_END")]
    network = network_of(
        steps, n_threads=6, cpus=cpus, rules=rules, rwsem_ns=COSTS, scv=scv, lines=("first", "second"),
        causes=("vma", "mm", "busy", "chance"), threads_per_page_table=3, per_cycle=(1.0, 3.0, 1.0),
    )  # fmt: skip
    slowdown = 1 + 0.1 * np.arange(cpus + 1)[None, :]
    return replace(network, line_local_ns=np.array([50.0]), slowdown=slowdown)


def op_systems() -> dict[str, Network]:
    """Every op, under each kind of law, with and without a CPU for everybody."""
    systems = {f"every op, scv {scv}": every_op(scv=scv) for scv in (0.0, 0.04, 0.25, 1.0, 4.0)}
    return systems | {"every op, 3 CPUs": every_op(cpus=3), "every op, new": every_op(cpus=4, rules=NEW)}


def textbook(n_threads: int, p_write: float, think_ns: float, read_ns: float, write_ns: float) -> Network:
    """Think, then a write hold with probability p_write, else a read hold, of a first-come-first-served lock."""
    hold = {name: Row(op=Op.WORK, value=ns) for name, ns in (("think", think_ns), ("r", read_ns), ("w", write_ns))}
    steps = [hold["think"], Row(op=Op.CHANCE, value=p_write, fail=8, cause=0)]
    steps += [*ops("FAULT_BEGIN", "READ_LOCK"), hold["r"], *ops("READ_UNLOCK", "FAULT_END"), Row(op=Op.JUMP, arg=13)]
    steps += [*ops("UPDATE_BEGIN", "WRITE_LOCK"), hold["w"], *ops("WRITE_UNLOCK", "UPDATE_END", "CYCLE_END")]
    counted = (1.0, 0.0, 0.0)  # by cycles: some have a fault, the others an update
    return network_of(steps, n_threads=n_threads, cpus=n_threads, rules=FCFS, rwsem_ns=FREE, per_cycle=counted)


def textbook_grid() -> list[tuple[int, float, float, float, float]]:
    """(N, p_write, think, read hold, write hold) of 72 locks, from nearly idle to saturated."""
    pairs = ((1e3, 1e3), (2e4, 3e3))
    return [
        (n, p, think, 1e3, write)
        for n in (2, 4, 8, 16, 32, 64)
        for p in (0.02, 0.1, 0.3, 0.8)
        for think, write in (*pairs, (500.0 * n, 1e3))
    ]


def speculating(p: SpfParameters) -> Network:
    """The small speculative system of `solvers.spf_chain`, times in its unit taken as microseconds."""
    steps = [
        work(p.think), Row(op=Op.CHANCE, value=p.p_write, fail=11, cause=0),
        *ops("ATTEMPT"), Row(op=Op.SEQ_READ, fail=7, cause=1), work(p.speculation),
        Row(op=Op.SEQ_CHECK, fail=7, cause=2), Row(op=Op.JUMP, arg=16),
        *ops("READ_LOCK"), work(p.read), *ops("READ_UNLOCK"), Row(op=Op.JUMP, arg=16),
        *ops("WRITE_LOCK"), Row(op=Op.SEQ_ODD, value=p.same_vma), work(p.write), *ops("SEQ_EVEN", "WRITE_UNLOCK"),
        *ops("CYCLE_END"),
    ]  # fmt: skip
    causes = ("is_update", "at_once", "at_the_end")
    return network_of(
        steps, n_threads=p.n_threads, cpus=p.n_threads, rules=FCFS, rwsem_ns=FREE, causes=causes,
        per_cycle=(1.0, 0.0, 0.0),
    )  # fmt: skip
