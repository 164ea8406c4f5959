"""Hand-made networks with few steps, for comparing solvers with exact chains."""

from __future__ import annotations

import numpy as np

from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import FCFS, RwsemRules

Rows = list[tuple[Op, float, int, int, int]]
"""(op, value_ns, arg, fail, cause)"""
CAUSES = ("changed", "busy", "chance")


def network_of(
    rows: Rows,
    n_threads: int,
    *,
    faults: float,
    updates: float,
    rules: RwsemRules = FCFS,
    scv: float = 1.0,
    cpus: int = 0,
    lines: tuple[str, ...] = (),
    rwsem_ns: tuple[float, ...] = (0.0,) * 7,
) -> Network:
    """One draw of a network with these rows as its program; throughput counts operations."""
    op, value, arg, fail, cause = (np.array(column) for column in zip(*rows, strict=True))
    cpus = cpus or n_threads
    return Network(
        op=op.astype(np.int32), arg=arg.astype(np.int32), fail=fail.astype(np.int32),
        cause=cause.astype(np.int32), value_ns=value[None, :].astype(float),
        scv=np.where((op == Op.WORK) | (op == Op.LINE), scv, 0.0), line_local_ns=np.full(1, 10.0),
        entry=np.zeros(n_threads, np.int32), n_threads=n_threads, cpus=cpus, slowdown=np.ones((1, cpus + 1)),
        threads_per_page_table=1, lines=lines, causes=CAUSES, rules=rules, rwsem_ns=np.array([rwsem_ns]),
        units_per_cycle=faults + updates, faults_per_cycle=faults, updates_per_cycle=updates,
        labels=("",) * len(rows),
    )  # fmt: skip


Row = tuple[Op, float, int, int, int]


def step(op: Op, value: float = 0.0, arg: int = 0, fail: int = -1, cause: int = -1) -> Row:
    """One row."""
    return op, value, arg, fail, cause


def update_rows(think: float, write: float, psi: float = 0.0) -> Rows:
    """Think, then a write hold during which sequence 0 is odd with chance psi."""
    odd = [step(Op.SEQ_ODD, psi)] if psi else []
    even = [step(Op.SEQ_EVEN)] if psi else []
    return [
        step(Op.WORK, think), step(Op.UPDATE_BEGIN), step(Op.WRITE_LOCK), *odd, step(Op.WORK, write), *even,
        step(Op.WRITE_UNLOCK), step(Op.UPDATE_END),
    ]  # fmt: skip


def reader_writer(
    n: int,
    faults: int,
    think: float,
    read: float,
    write: float,
    *,
    line: float = 0.0,
    scv: float = 1.0,
    **more: object,
) -> Network:
    """One update and `faults` reads a cycle, each after a think time; a line before each read if given."""
    rows = update_rows(think, write)
    begin = len(rows)
    rows += [step(Op.WORK, think), step(Op.FAULT_BEGIN)]
    rows += [step(Op.LINE, line)] if line else []
    rows += [step(Op.READ_LOCK), step(Op.WORK, read), step(Op.READ_UNLOCK), step(Op.FAULT_END)]
    rows += [step(Op.LOOP, faults, begin), step(Op.CYCLE_END)]
    lines = ("mmap_line",) if line else ()
    return network_of(rows, n, faults=faults, updates=1, scv=scv, lines=lines, **more)  # type: ignore[arg-type]


def speculative(
    n: int,
    faults: int,
    think: float,
    read: float,
    write: float,
    window: float,
    psi: float,
    *,
    chance: float = 0.0,
    scv: float = 1.0,
    **more: object,
) -> Network:
    """One update and `faults` speculative faults a cycle; the whole write hold keeps the sequence odd."""
    rows = update_rows(think, write, psi)
    begin = len(rows)
    fallback = begin + (7 if chance else 6) + 1
    rows += [step(Op.WORK, think), step(Op.FAULT_BEGIN), step(Op.ATTEMPT)]
    rows += [step(Op.SEQ_READ, 0.0, 0, fallback, 0), step(Op.WORK, window)]
    rows += [step(Op.SEQ_CHECK, 0.0, 0, fallback, 0)]
    rows += [step(Op.CHANCE, chance, 0, fallback, 2)] if chance else []
    rows += [step(Op.JUMP, 0.0, fallback + 3), step(Op.READ_LOCK), step(Op.WORK, read), step(Op.READ_UNLOCK)]
    rows += [step(Op.FAULT_END), step(Op.LOOP, faults, begin), step(Op.CYCLE_END)]
    return network_of(rows, n, faults=faults, updates=1, scv=scv, **more)  # type: ignore[arg-type]
