"""The simplified rwsem rules of an earlier study, as a `Network`, for comparison with its results.

`oracles/rwsem_reference.csv` holds records per second that the study's own quick simulation found.
From 5.11 each of the study's spinners watches readers for 25 us by itself, and no spinner's expiry
concerns the others (`reader_spin_each_ns`; here `StudyRwsem`). The kernel's rule, in
docs/semantics.md, is another one: one clock for all, 10 + r/2 us, then nobody spins on these readers.

Program: {mmap hold, F x (think, fault), think, munmap hold, think}. A fault is a read hold, or a speculative
section of the same length that fails with a stated probability and is then followed by a read hold.

With one fault a record the rules "up to 5.1" remember how the threads were started: readers that
queued together stay together for tens of thousands of records, and throughput depends on how many
such groups there are (rows 3, 6 and 15: by 20 %, which is more than the study's 1 % of noise).
`network_from_row(row, start=seed)` starts the threads at random places and times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

import numpy as np
from reference_machine import Thread, World
from reference_rwsem import Rwsem

from spfmodel.network import Network, Op
from spfmodel.primitives.reader_writer import RwsemRules

UP_TO_5_1 = RwsemRules(write_barge=0, wake_on_release=0)
READER_SPIN_NS = 25_000.0
FROM_5_11 = UP_TO_5_1._replace(spin_on_reader=1, read_steal=1, wake_all_readers=1, reader_spin_each_ns=READER_SPIN_NS)
RULES = {"up to 5.1": UP_TO_5_1, "from 5.11": FROM_5_11}

THINK_NS = 500.0
WAKE_SEND_NS = 500.0
SPIN_HANDOFF_NS = 200.0
STEAL_PROBABILITY = 0.8
SWITCH_NS = 2_000.0
SLICE_NS = 3_000_000.0
SCV = 0.25
"""Erlang-4 laws"""
LATEST_START_NS = 100_000.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One step of a program under construction."""

    op: Op
    value: float = 0.0
    """ns, a chance, or a count"""
    arg: int = 0
    fail: int = -1
    cause: int = -1
    label: str = ""


def update(name: str, hold_ns: float) -> list[Row]:
    """One mmap or munmap: a write hold."""
    return [
        Row(op=Op.UPDATE_BEGIN, label=name),
        Row(op=Op.WRITE_LOCK),
        Row(op=Op.WORK, value=hold_ns),
        Row(op=Op.WRITE_UNLOCK),
        Row(op=Op.UPDATE_END),
    ]


def fault(first: int, hold_ns: float, speculative: bool, fallback_share: float) -> list[Row]:
    """One fault whose first step has index `first`."""
    classic = [
        Row(op=Op.READ_LOCK),
        Row(op=Op.WORK, value=hold_ns),
        Row(op=Op.READ_UNLOCK),
        Row(op=Op.FAULT_END),
    ]
    attempt = [
        Row(op=Op.ATTEMPT),
        Row(op=Op.WORK, value=hold_ns, label="speculative section"),
        Row(op=Op.CHANCE, value=fallback_share, fail=first + 5, cause=0),
        Row(op=Op.JUMP, arg=first + 8),
    ]
    return [Row(op=Op.FAULT_BEGIN, label="fault"), *(attempt if speculative else []), *classic]


def program(row: Mapping[str, str]) -> list[Row]:
    """The cycle of one record."""
    us = {k: 1000.0 * float(row[f"{k}_us"]) for k in ("mmap_hold", "munmap_hold", "fault_hold")}
    think = Row(op=Op.WORK, value=THINK_NS, label="think")
    steps = update("mmap", us["mmap_hold"])
    begin = len(steps)
    steps.append(think)
    speculative = bool(int(row["speculative"]))
    steps += fault(begin + 1, us["fault_hold"], speculative, float(row["fallback_share"]))
    steps.append(Row(op=Op.LOOP, arg=begin, value=float(row["faults_per_record"])))
    return [*steps, think, *update("munmap", us["munmap_hold"]), think, Row(op=Op.CYCLE_END)]


def network_of(
    steps: Sequence[Row],
    *,
    n_threads: int,
    cpus: int,
    rules: RwsemRules,
    rwsem_ns: Sequence[float],
    scv: float = 1.0,
    lines: tuple[str, ...] = (),
    causes: tuple[str, ...] = ("fails",),
    threads_per_page_table: int = 1,
    per_cycle: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Network:
    """A network of one draw from a list of steps; `per_cycle`: units, faults, updates."""
    timed = (Op.WORK, Op.LINE)
    return Network(
        op=np.array([s.op for s in steps], dtype=np.int32),
        arg=np.array([s.arg for s in steps], dtype=np.int32),
        fail=np.array([s.fail for s in steps], dtype=np.int32),
        cause=np.array([s.cause for s in steps], dtype=np.int32),
        value_ns=np.array([[s.value for s in steps]]),
        scv=np.array([scv if s.op in timed else 0.0 for s in steps]),
        line_local_ns=np.zeros(1),
        entry=np.zeros(n_threads, dtype=np.int32),
        n_threads=n_threads,
        cpus=cpus,
        slowdown=np.ones((1, cpus + 1)),
        threads_per_page_table=threads_per_page_table,
        lines=lines,
        causes=causes,
        rules=rules,
        rwsem_ns=np.array([rwsem_ns]),
        units_per_cycle=per_cycle[0],
        faults_per_cycle=per_cycle[1],
        updates_per_cycle=per_cycle[2],
        labels=tuple(s.label or s.op.name.lower() for s in steps),
    )


def network_from_row(row: Mapping[str, str], *, start: int | None = None) -> Network:
    """The study's system of one row of rwsem_reference.csv; throughput is records per second.

    `start`: None, all threads begin with mmap at time 0; else the seed of random beginnings.
    """
    wake_ns = 1000.0 * float(row["tau_us"]) + WAKE_SEND_NS  # the study counts the places from 1
    costs = [wake_ns, wake_ns, WAKE_SEND_NS, SPIN_HANDOFF_NS, SWITCH_NS, SLICE_NS]
    steps, threads = program(row), int(row["threads"])
    late = [] if start is None else beginnings(steps, threads, Random(start))
    network = network_of(
        [*steps, *late],
        n_threads=threads,
        cpus=int(row["cpus"]),
        rules=RULES[row["rules"]],
        rwsem_ns=[*costs, STEAL_PROBABILITY],
        scv=SCV,
        per_cycle=(1.0, float(row["faults_per_record"]), 2.0),
    )
    entry = len(steps) + 2 * np.arange(threads, dtype=np.int32)
    return network if start is None else replace(network, entry=entry)


def beginnings(steps: Sequence[Row], threads: int, rng: Random) -> list[Row]:
    """Two steps per thread: wait for up to LATEST_START_NS, then jump to mmap, a fault or munmap."""
    marks = (Op.FAULT_BEGIN, Op.UPDATE_BEGIN)
    places = [i for i, step in enumerate(steps) if step.op in marks]
    rows = []
    for _ in range(threads):
        rows.append(Row(op=Op.WORK, value=rng.random() * LATEST_START_NS, label="late start"))
        rows.append(Row(op=Op.JUMP, arg=rng.choice(places)))
    return rows


class StudyRwsem(Rwsem):
    """Each spinner watches readers for 25 us by itself, then sleeps; a writer's turn resets all."""

    def __init__(self, world: World, go_on: Callable[[Thread], None]) -> None:
        super().__init__(world, go_on)
        self.limits: dict[Thread, float] = {}

    def spinners_meet_readers(self) -> None:
        """Start the clock of each spinner that has none."""
        if not self.rules.spin_on_reader:
            return super().spinners_meet_readers()
        for thread in self.spinners if self.readers else ():
            if thread not in self.limits:
                self.limits[thread] = until = self.calendar.now + self.rules.reader_spin_each_ns
                self.calendar.at(until, partial(self.limit_expires, thread, until))
        return None

    def limit_expires(self, thread: Thread, until: float) -> None:
        """This one sleeps, unless a writer has owned the lock meanwhile."""
        if self.limits.get(thread) == until:
            self.gives_up_spinning(thread)

    def gives_up_spinning(self, thread: Thread) -> None:
        """Its clock stops."""
        self.limits.pop(thread, None)
        super().gives_up_spinning(thread)

    def take_for_writing(self, thread: Thread) -> bool:
        """All clocks stop."""
        self.limits.clear()
        return super().take_for_writing(thread)
